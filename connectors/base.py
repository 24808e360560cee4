"""What market sources share: keeping pace with a clock, and telling how far they have come."""

from typing import Final

import msgspec

from engine.domain.errors import BadInput
from engine.runtime.clock import Clock

TURN_NS: Final = 5_000_000
"""Longest time that a source works before others on the loop get a chance."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a replay has come."""

    session: str
    """Name of the session, as in `replay_positions`."""
    frame: int
    """Number of the last frame given; 0 before the first."""
    frames: int
    """Frames of the whole session."""
    errors: int
    """Lines that could not be parsed so far."""
    ignored: int
    """Frames that say nothing which the engine uses: acknowledgements, candles of the venue."""
    at_ns: int
    """Market time."""
    is_finished: bool

    @property
    def percent(self) -> float:
        """Share of the frames given, 0 to 100."""
        return 100.0 if self.frames == 0 else 100.0 * self.frame / self.frames


class Turns:
    """Tells a source that works in one go when to let others on the loop work too."""

    __slots__ = ("_clock", "_until_ns")

    def __init__(self, clock: Clock) -> None:
        """Measure on `clock`, a wall clock."""
        self._clock = clock
        self._until_ns = clock.monotonic_ns() + TURN_NS

    async def share(self) -> None:
        """Let the loop turn if this turn has lasted long enough; costs a look at the clock otherwise."""
        if self._clock.monotonic_ns() >= self._until_ns:
            await self._clock.sleep(0)
            self._until_ns = self._clock.monotonic_ns() + TURN_NS


class Pace:
    """Maps market time to wall time: after `begin`, market time runs `speed` times as fast as the wall."""

    __slots__ = ("_clock", "_market_ns", "_speed", "_wall_ns")

    def __init__(self, clock: Clock, speed: float) -> None:
        """Take the wall clock and the factor, above zero."""
        self._clock = clock
        self._speed = speed
        self._market_ns = 0
        self._wall_ns = 0

    def begin(self, market_ns: int) -> None:
        """Let market time `market_ns` be now."""
        self._market_ns = market_ns
        self._wall_ns = self._clock.monotonic_ns()

    def now_ns(self) -> int:
        """Return the market time that should be now."""
        return self._market_ns + int((self._clock.monotonic_ns() - self._wall_ns) * self._speed)

    async def wait_for(self, market_ns: int) -> None:
        """Return when market time `market_ns` is due; at once when it has passed, so that lateness is caught up."""
        wait_ns = self._wall_ns + int((market_ns - self._market_ns) / self._speed) - self._clock.monotonic_ns()
        if wait_ns > 0:
            await self._clock.sleep(wait_ns)


def parse_speed(text: str) -> float | None:
    """Read the speed of a replay: a factor such as `1`, `20` or `0.5`, with or without `x`, or `max` (None).

    Raises:
        BadInput: Neither.
    """
    if text == "max":
        return None
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0.001 <= speed <= 1_000_000:
        raise BadInput("speed", expected="a factor from 0.001 to 1000000, or max", was=text)
    return speed
