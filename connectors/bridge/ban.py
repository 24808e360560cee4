"""The gate that shuts when a venue has had enough of this address: until it opens nothing leaves, cancels neither.

Requests during a ban make it longer; Binance bans for up to three days.
"""

from collections.abc import Mapping
from typing import Final

from connectors.bridge.errors import Limited
from engine.runtime.clock import NS_PER_S, Clock

LIMITED_NS: Final = 10 * NS_PER_S
"""How long to wait after a 429 that does not say it."""
BANNED_NS: Final = 120 * NS_PER_S
"""How long to wait after a 418 that does not say it."""
WAIT_MAX_NS: Final = 3 * 24 * 3600 * NS_PER_S


class BanGate:
    """One venue as seen from one address; shared by everybody who talks to it from there."""

    def __init__(self, clock: Clock) -> None:
        """Stand open."""
        self._clock = clock
        self._until_ns = 0
        self._is_ban = False
        self.closings = 0

    @property
    def rest_ns(self) -> int:
        """How long it stays shut; 0 if it is open."""
        return max(0, self._until_ns - self._clock.monotonic_ns())

    def shut(self, for_ns: int, *, is_ban: bool) -> None:
        """Let nothing out for a while; a shorter time than what is left changes nothing."""
        until_ns = self._clock.monotonic_ns() + min(for_ns, WAIT_MAX_NS)
        if until_ns > self._until_ns:
            self._until_ns = until_ns
            self._is_ban = is_ban
            self.closings += 1

    def check(self) -> None:
        """Pass the gate.

        Raises:
            Limited: It is shut.
        """
        if rest_ns := self.rest_ns:
            raise Limited(rest_ns, is_ban=self._is_ban, message="the venue's gate is shut")


def retry_after_ns(headers: Mapping[str, str], *, is_ban: bool) -> int:
    """Read `Retry-After` in seconds; a sensible wait where it is absent or says something else."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if text.isascii() and text.isdigit() and len(text) < 12:
        return max(1, int(text)) * NS_PER_S
    return BANNED_NS if is_ban else LIMITED_NS
