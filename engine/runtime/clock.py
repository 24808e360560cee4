"""Time as an input: the wall clock of a live engine, and a clock that is turned by hand.

All times are integer nanoseconds; `now_ns` counts from 1970 UTC, `monotonic_ns` from anywhere.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

NS_PER_S = 1_000_000_000

Callback = Callable[[], object]


def elapsed_ns() -> int:
    """Return nanoseconds that never go back and also count while the machine sleeps, where the system can say them.

    `time.monotonic_ns` stands still while Linux is suspended: a lease would seem to live that expired long ago.
    """
    return time.clock_gettime_ns(_ELAPSED)


_ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Timer(Protocol):
    """A call that has been arranged."""

    def cancel(self) -> None:
        """Make sure that the call does not happen; harmless after it has."""


class Clock(Protocol):
    """What deciding code and the runtime know of time."""

    def now_ns(self) -> int:
        """Return the time, in nanoseconds since 1970 UTC."""

    def monotonic_ns(self) -> int:
        """Return nanoseconds that never go back, for durations and deadlines."""

    def call_at(self, when_ns: int, callback: Callback) -> Timer:
        """Call once `now_ns` has reached `when_ns`; at the next chance if it has passed."""

    def call_after(self, delay_ns: int, callback: Callback) -> Timer:
        """Call once `delay_ns` nanoseconds have passed, 0 or more."""

    async def sleep(self, delay_ns: int) -> None:
        """Return when `delay_ns` nanoseconds have passed."""


class _WallTimer:
    """A timer on the running loop that looks at the wall clock again before it calls."""

    __slots__ = ("_callback", "_clock", "_handle", "_loop", "_when_ns")

    def __init__(self, clock: "WallClock", when_ns: int, callback: Callback) -> None:
        self._clock = clock
        self._when_ns = when_ns
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._arm()

    def cancel(self) -> None:
        self._handle.cancel()

    def _arm(self) -> None:
        rest_ns = self._when_ns - self._clock.now_ns()
        self._handle = self._loop.call_later(max(rest_ns, 0) / NS_PER_S, self._fire)

    def _fire(self) -> None:
        # The wall clock may have been set back meanwhile, and loops round their timers to a millisecond.
        if self._clock.now_ns() < self._when_ns:
            self._arm()
        else:
            self._callback()


class WallClock:
    """The time of the world. Timers need a running loop.

    A simulator passes its own sources of time; both return nanoseconds.
    """

    def __init__(
        self, now_ns: Callable[[], int] = time.time_ns, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        # The sources take the place of the methods: one call less in what is asked for every message.
        self.now_ns = now_ns  # type: ignore[method-assign]
        self.monotonic_ns = monotonic_ns  # type: ignore[method-assign]

    def now_ns(self) -> int:
        """Return the time, in nanoseconds since 1970 UTC."""
        raise AssertionError("replaced by the constructor")

    def monotonic_ns(self) -> int:
        """Return nanoseconds that never go back."""
        raise AssertionError("replaced by the constructor")

    def call_at(self, when_ns: int, callback: Callback) -> Timer:
        """Call once the wall clock has reached `when_ns`, also if it was set meanwhile."""
        return _WallTimer(self, when_ns, callback)

    def call_after(self, delay_ns: int, callback: Callback) -> Timer:
        """Call after `delay_ns` of the loop's monotonic time."""
        return asyncio.get_running_loop().call_later(delay_ns / NS_PER_S, callback)

    async def sleep(self, delay_ns: int) -> None:
        """Return after `delay_ns` of the loop's monotonic time."""
        await asyncio.sleep(delay_ns / NS_PER_S)


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


class _VirtualTimer:
    """An entry of the virtual clock's heap."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callback) -> None:
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    """Time that moves only when it is told to: tests, backtests, and the market clock of a replay.

    Timers run inside `advance_to`, ordered by (when, order in which they were made), each at its own time.
    """

    def __init__(self, start_ns: int = 0) -> None:
        """Stand at `start_ns`, nanoseconds since 1970 UTC."""
        self._now_ns = start_ns
        self._timers: list[tuple[int, int, _VirtualTimer]] = []
        self._sequence = count()

    def now_ns(self) -> int:
        """Return the time it was last moved to."""
        return self._now_ns

    def monotonic_ns(self) -> int:
        """Return the same as `now_ns`: this clock never goes back."""
        return self._now_ns

    def call_at(self, when_ns: int, callback: Callback) -> Timer:
        """Call when the clock is moved to `when_ns` or past it; a time that has passed runs at the next move."""
        timer = _VirtualTimer(callback)
        heappush(self._timers, (when_ns, next(self._sequence), timer))
        return timer

    def call_after(self, delay_ns: int, callback: Callback) -> Timer:
        """Call when the clock has moved `delay_ns` further."""
        return self.call_at(self._now_ns + delay_ns, callback)

    async def sleep(self, delay_ns: int) -> None:
        """Return when the clock has been moved `delay_ns` further by someone else."""
        waiter = asyncio.get_running_loop().create_future()
        timer = self.call_after(delay_ns, partial(_wake, waiter))
        try:
            await waiter
        finally:
            timer.cancel()

    def next_timer_ns(self) -> int | None:
        """Return the time of the earliest pending timer, None if there is none."""
        while self._timers and self._timers[0][2].callback is None:
            heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def advance_to(self, when_ns: int) -> None:
        """Move to `when_ns` and run every timer on the way, also those that a timer adds.

        An error raised by a timer leaves the clock at that timer's time; the rest stays pending.
        """
        assert when_ns >= self._now_ns, f"advance_to: expected {self._now_ns} or later, was {when_ns}"
        timers = self._timers
        if not timers or timers[0][0] > when_ns:  # Nearly every frame of a replay.
            self._now_ns = when_ns
            return
        while (due_ns := self.next_timer_ns()) is not None and due_ns <= when_ns:
            timer = heappop(self._timers)[2]
            callback, timer.callback = timer.callback, None
            self._now_ns = max(self._now_ns, due_ns)
            assert callback is not None, "next_timer_ns left a cancelled timer at the top"
            callback()
        self._now_ns = when_ns

    def advance(self, delay_ns: int) -> None:
        """Move `delay_ns` further, 0 or more."""
        self.advance_to(self._now_ns + delay_ns)
