"""Coinbase's times: RFC 3339 text with up to nine decimals, to and from integer nanoseconds."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

NS_PER_S: Final = 1_000_000_000

_SECONDS_AT: Final = 19
"""Length of `2024-10-04T07:13:31`."""


def time_ns(text: str) -> int:
    """Read `2024-10-04T07:13:31.158696693Z` exactly; times before 1970 are 0, which is how Coinbase says "none".

    Raises:
        ValueError: It is no such time.
    """
    seconds = _seconds(text[:_SECONDS_AT])
    rest = text[_SECONDS_AT:]
    if rest[:1] == "." and rest[-1] == "Z" and (digits := rest[1:-1]).isdecimal() and len(digits) <= 9:
        # Nearly all times look like this.
        return max(0, seconds * NS_PER_S + int(digits.ljust(9, "0")))
    if rest != "Z":
        fraction, offset_s = _rest(rest)
        return max(0, (seconds - offset_s) * NS_PER_S + fraction)
    return max(0, seconds * NS_PER_S)


@lru_cache(maxsize=256)
def _seconds(text: str) -> int:
    # Thousands of frames a second share their first nineteen characters.
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def _rest(text: str) -> tuple[int, int]:
    """Read `.158696693Z` or `-07:00` as (nanoseconds, offset in seconds)."""
    fraction = 0
    if text.startswith("."):
        end = next((at for at in range(1, len(text)) if not text[at].isdigit()), len(text))
        digits, text = text[1:end], text[end:]
        if not 1 <= len(digits) <= 9:
            msg = f"expected one to nine decimals of a second, was {digits!r}"
            raise ValueError(msg)
        fraction = int(digits.ljust(9, "0"))
    if text == "Z":
        return fraction, 0
    if len(text) == 6 and text[0] in "+-" and text[3] == ":":
        offset_s = int(text[1:3]) * 3600 + int(text[4:6]) * 60
        return fraction, offset_s if text[0] == "+" else -offset_s
    msg = f"expected Z or an offset such as -07:00, was {text!r}"
    raise ValueError(msg)


def rfc3339(at_ns: int) -> str:
    """Write a time with all nine decimals, in UTC."""
    seconds, fraction = divmod(at_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"
