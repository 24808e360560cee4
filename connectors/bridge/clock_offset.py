"""The venue's time, as far as it can be known: our wall clock and a measured offset.

A venue reads the time that we sign; between two measurements both clocks drift apart. Of several answers the one that
travelled the shortest tells the most.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from engine.runtime.clock import NS_PER_S, Clock

SAMPLES: Final = 3
FRESH_NS: Final = 600 * NS_PER_S
"""How long a measurement counts."""
NS_PER_MS: Final = 1_000_000


class VenueClock:
    """Our wall clock as the venue reads it."""

    def __init__(self, wall: Clock) -> None:
        """Begin with no offset."""
        self._wall = wall
        self._measured_ns: int | None = None
        self.offset_ns = 0
        """Venue minus ours."""
        self.error_ns = 0
        """At most so wrong was the offset when it was measured: half of the fastest answer's way there and back."""

    def now_ns(self) -> int:
        """Return the venue's time."""
        return self._wall.now_ns() + self.offset_ns

    def now_ms(self) -> int:
        """Return the venue's time in milliseconds."""
        return (self._wall.now_ns() + self.offset_ns) // NS_PER_MS

    def to_venue_ms(self, wall_ns: int) -> int:
        """Return what the venue's clock shows at a time of ours."""
        return (wall_ns + self.offset_ns) // NS_PER_MS

    @property
    def is_fresh(self) -> bool:
        """Whether the offset has been measured lately."""
        return self._measured_ns is not None and self._wall.monotonic_ns() - self._measured_ns < FRESH_NS

    def doubt(self) -> None:
        """Let the next look find the offset stale: the venue has refused our time."""
        self._measured_ns = None

    async def measure(self, venue_time_ns: Callable[[], Awaitable[int]]) -> int:
        """Ask the venue for its time a few times and keep the best answer; return the offset.

        Args:
            venue_time_ns: Asks once.

        Raises:
            BridgeError: The venue does not answer.
        """
        best: tuple[int, int] | None = None
        for _ in range(SAMPLES):
            wall_ns, before_ns = self._wall.now_ns(), self._wall.monotonic_ns()
            venue_ns = await venue_time_ns()
            way_ns = self._wall.monotonic_ns() - before_ns
            # By the time that passed, not by a second look at the wall clock: it may be set meanwhile.
            sample = (way_ns, venue_ns - (wall_ns + way_ns // 2))
            best = sample if best is None else min(best, sample)
        assert best is not None, "at least one sample"
        self.error_ns, self.offset_ns = best[0] // 2, best[1]
        self._measured_ns = self._wall.monotonic_ns()
        return self.offset_ns
