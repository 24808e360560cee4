"""What an answer that is not a yes means. Pure.

The rule that keeps money: an answer is a refusal only if the venue itself says so, in a body with a code of its own.
Everything else that comes back after a request has left leaves its outcome open.

A venue's table (`rules`) decides by the venue's code first, so that it holds whatever URL the request went to; ccxt's
own map of errors depends on the host name of the URL and is not asked.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import NamedTuple

from connectors.bridge.ban import retry_after_ns
from connectors.bridge.errors import (
    AuthRefused,
    BridgeError,
    ClockOff,
    Duplicate,
    Limited,
    Maintenance,
    Refused,
    Unknown,
)


class Verdict(Enum):
    """What a code of a venue proves."""

    REFUSED = auto()
    AUTH = auto()
    LIMITED = auto()
    CLOCK = auto()
    MAINTENANCE = auto()
    """Nothing is proven."""
    CLOSED = auto()
    """Maintenance, and the venue promises that it did nothing."""
    DUPLICATE = auto()
    UNKNOWN = auto()


class Rule(NamedTuple):
    """The meaning of one code."""

    verdict: Verdict
    word: str = ""
    """Our word for it (`errors.REASONS`, codes of `AuthRefused`); empty: the venue's own code."""


class VenueError(NamedTuple):
    """What a venue says in the body of an error."""

    code: str
    message: str = ""


class Seen(NamedTuple):
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def judged(said: VenueError | None, seen: Seen, rules: Mapping[str, Rule]) -> BridgeError:
    """Return what an answer that is not a yes comes to.

    Args:
        said: What the body says, None if it is no error body of the venue.
        seen: The answer.
        rules: Code of the venue -> its meaning.
    """
    if said is not None and (rule := rules.get(said.code)) is not None:
        return _by_rule(rule, said, seen)
    if seen.status in (418, 429):
        # A limiter stands before what executes: such a request was not looked at, whoever wrote the body.
        return _limited(seen, said.message if said else "")
    if said is None:
        return Unknown(f"http_{seen.status}", _excerpt(seen.body))
    if seen.status in (401, 403):
        return AuthRefused("bad_key" if seen.status == 401 else "no_permission", f"{said.code} {said.message}".strip())
    if seen.status < 500:
        return Refused(said.code, said.message)
    return Unknown(f"http_{seen.status}", f"{said.code} {said.message}".strip())


def _by_rule(rule: Rule, said: VenueError, seen: Seen) -> BridgeError:  # noqa: PLR0911 - one line per verdict
    word, message = rule.word or said.code, said.message
    match rule.verdict:
        case Verdict.REFUSED:
            return Refused(word, message, venue_code=said.code)
        case Verdict.AUTH:
            return AuthRefused(word, f"{said.code} {message}".strip())
        case Verdict.LIMITED:
            return _limited(seen, message)
        case Verdict.CLOCK:
            return ClockOff(word, message)
        case Verdict.MAINTENANCE | Verdict.CLOSED:
            return Maintenance(message, is_definite=rule.verdict is Verdict.CLOSED)
        case Verdict.DUPLICATE:
            return Duplicate(word, message)
        case Verdict.UNKNOWN:
            return Unknown(word, message)


def _limited(seen: Seen, message: str) -> Limited:
    is_ban = seen.status == 418
    return Limited(retry_after_ns(seen.headers, is_ban=is_ban), is_ban=is_ban, message=message)


def is_json(body: bytes) -> bool:
    """Whether a body begins as JSON does; a page of HTML does not."""
    return body[:1] in (b"{", b"[", b'"', b"n", b"t", b"f", b"-") or body[:1].isdigit()


def _excerpt(body: bytes) -> str:
    return body[:80].decode(errors="replace")
