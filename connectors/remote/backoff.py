"""How long to wait before a venue is dialled again: twice as long after each failure, with jitter, for ever."""

from typing import Final

from engine.runtime.entropy import Rng

FIRST_NS: Final = 200_000_000
MAX_NS: Final = 30_000_000_000


class Backoff:
    """The waits of one connection."""

    __slots__ = ("_failures", "_rng")

    def __init__(self, rng: Rng) -> None:
        """Draw jitter from `rng`: engines that lose a venue together must not come back together."""
        self._rng = rng
        self._failures = 0

    def next_ns(self) -> int:
        """Return the next wait: from half of 200 ms, 400 ms, ... 30 s up to the whole."""
        longest_ns = min(FIRST_NS << min(self._failures, 16), MAX_NS)
        self._failures += 1
        return longest_ns // 2 + self._rng.randrange(longest_ns // 2 + 1)

    def reset(self) -> None:
        """Begin anew: the venue was there."""
        self._failures = 0
