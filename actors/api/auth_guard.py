"""Slows down whoever guesses passwords: per address and per name, free at first, then twice as long each time."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from engine.domain.ports import Clock

NS_PER_S: Final = 1_000_000_000
FREE_FAILURES: Final = 5
"""Within `MEMORY_NS`."""
WAIT_MAX_NS: Final = 900 * NS_PER_S
MEMORY_NS: Final = 900 * NS_PER_S
"""A key without a failure for so long is forgotten."""
KEYS_MAX: Final = 10_000


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last_ns: int = 0


class LoginGuard:
    """Counts failed logins."""

    def __init__(self, clock: Clock) -> None:
        """Start with no failures."""
        self._clock = clock
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait_s(self, *keys: str) -> int:
        """Return how many seconds a login with these keys has to wait; 0: none."""
        now_ns = self._clock.monotonic_ns()
        waits = [self._wait_ns(found, now_ns) for key in keys if (found := self._failures.get(key)) is not None]
        return -(-max(waits, default=0) // NS_PER_S)

    def failed(self, *keys: str) -> None:
        """Note a failure."""
        now_ns = self._clock.monotonic_ns()
        for key in keys:
            found = self._failures.setdefault(key, _Failures())
            found.count = 1 if now_ns - found.last_ns > MEMORY_NS else found.count + 1
            found.last_ns = now_ns
            self._failures.move_to_end(key)
        while len(self._failures) > KEYS_MAX:
            self._failures.popitem(last=False)

    def succeeded(self, *keys: str) -> None:
        """Forget the failures of whoever logged in."""
        for key in keys:
            self._failures.pop(key, None)

    @staticmethod
    def _wait_ns(found: _Failures, now_ns: int) -> int:
        excess = found.count - FREE_FAILURES
        if excess < 0:
            return 0
        wait_ns = min(NS_PER_S << min(excess, 20), WAIT_MAX_NS)
        return max(0, found.last_ns + wait_ns - now_ns)
