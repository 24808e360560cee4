"""How many requests may leave: the venue's limits, shared by everybody who talks to it from here.

A limit is a *window*: so many units per period, counted by the venue per address or per key. Requests cost units of one
or more windows. What we have used is counted as a sliding window, which never lets more through than the venue's own
windows whatever their phase; what the venue's headers report beyond that (other programs, other processes) counts too.

When little is left, cancels go before reductions, reductions before queries, queries before what opens risk: each
priority may only use its share of a window, so that a flood of the lower ones always leaves room for the higher ones.
Who has to wait stands in one queue, at most `WAITING_MAX` long. When it is full, the last of the lowest priority is
turned away (`NotSent("busy")`); whoever waits longer than it may is turned away too (`NotSent("rate_limited")`).
"""

import asyncio
from bisect import insort
from collections import deque
from collections.abc import Mapping
from functools import partial
from itertools import count
from typing import Final

import msgspec

from connectors.bridge.departure import Priority
from connectors.bridge.errors import NotSent
from engine.runtime.clock import NS_PER_S, Clock, Timer

WAITING_MAX: Final = 1_000
SHARES: Final[Mapping[Priority, float]] = {
    Priority.CANCEL: 1.0,
    Priority.REDUCE: 0.95,
    Priority.QUERY: 0.85,
    Priority.OPEN: 0.7,
}
"""Up to which part of a window each priority may fill it."""


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A window as the venue declares it."""

    name: str
    """`weight`, `orders`: what costs and headers refer to."""
    units: int
    period_ns: int
    is_per_key: bool = False
    """Counted per key or account, not per address."""


class Window:
    """One limit, counted."""

    def __init__(self, limit: Limit, clock: Clock, share: float = 1.0) -> None:
        """Count against `share` of the limit: the rest is for others behind the same address."""
        self.limit = limit
        self._clock = clock
        self._units = limit.units * share
        self._room = max(1, int(self._units))
        self._entries: deque[tuple[int, int]] = deque()
        self._own = 0
        self._foreign = 0
        self._foreign_until_ns = 0

    @property
    def used(self) -> int:
        """Units used in the period that ends now, by us and, as far as the venue told, by others."""
        now_ns = self._clock.monotonic_ns()
        while self._entries and self._entries[0][0] <= now_ns - self.limit.period_ns:
            self._own -= self._entries.popleft()[1]
        if self._foreign and now_ns >= self._foreign_until_ns:
            self._foreign = 0
        return self._own + self._foreign

    def divide(self, by: int) -> None:
        """Keep one of `by` equal parts; a sharer that asks for little leaves nothing to the others."""
        self._room = max(1, int(self._units / by))

    def has_room(self, units: int, priority: Priority) -> bool:
        """Whether a request of this priority may take so many units now."""
        # What the others use of their parts takes nothing from ours; what is used beyond does.
        used = self.used - min(self._foreign, max(0, int(self._units) - self._room))
        # One that costs more than its priority's whole share would wait for ever.
        return used == 0 or used + units <= int(self._room * SHARES[priority])

    def take(self, units: int) -> None:
        """Count units as used."""
        self._entries.append((self._clock.monotonic_ns(), units))
        self._own += units

    def observe(self, reported: int) -> None:
        """The venue says how much of its present window is used, by everybody."""
        beyond = reported - self.used + self._foreign
        if beyond > self._foreign:
            self._foreign = beyond
            self._foreign_until_ns = self._clock.monotonic_ns() + self.limit.period_ns

    def room_in_ns(self) -> int | None:
        """How long until something becomes free again; None if nothing is used."""
        if not self.used:
            return None
        ends = [self._entries[0][0] + self.limit.period_ns] if self._entries else []
        if self._foreign:
            ends.append(self._foreign_until_ns)
        return max(1, min(ends) - self._clock.monotonic_ns())


class _Waiter:
    __slots__ = ("costs", "future", "key")

    def __init__(self, key: tuple[int, int], costs: Mapping[Window, int], future: "asyncio.Future[None]") -> None:
        self.key = key
        self.costs = costs
        self.future = future

    def __lt__(self, other: "_Waiter") -> bool:
        return self.key < other.key


class RateQueue:
    """Who waits for one venue from one address; its budgets share it."""

    def __init__(self, clock: Clock, *, waiting_max: int = WAITING_MAX) -> None:
        """Begin empty."""
        self._clock = clock
        self._waiting: list[_Waiter] = []
        self._waiting_max = waiting_max
        self._order = count()
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    async def take(self, costs: Mapping[Window, int], priority: Priority, wait_max_ns: int) -> None:
        """Return when the units are taken.

        Raises:
            NotSent: `busy` or `rate_limited`; nothing was taken.
        """
        if not self._waiting and _fits(costs, priority):
            _take(costs)
            return
        waiter = _Waiter((priority, next(self._order)), costs, asyncio.get_running_loop().create_future())
        insort(self._waiting, waiter)
        self._turn_away_the_last()
        timer = self._clock.call_after(wait_max_ns, partial(_refuse, waiter.future, "rate_limited"))
        self._serve()
        try:
            await waiter.future
        finally:
            timer.cancel()
            if waiter in self._waiting:
                self._waiting.remove(waiter)
                self._serve()

    def _turn_away_the_last(self) -> None:
        if len(self._waiting) > self._waiting_max:
            _refuse(self._waiting.pop().future, "busy")

    def _serve(self) -> None:
        """Let go whoever can; nobody overtakes one who waits for the same window with more right."""
        claimed: set[Window] = set()
        left: list[_Waiter] = []
        for waiter in self._waiting:
            if waiter.future.done():
                continue
            if claimed.isdisjoint(waiter.costs) and _fits(waiter.costs, Priority(waiter.key[0])):
                _take(waiter.costs)
                waiter.future.set_result(None)
            else:
                claimed.update(waiter.costs)
                left.append(waiter)
        self._waiting = left
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # Who waits only behind others is served together with them.
        rests_ns = [rest_ns for window in claimed if (rest_ns := window.room_in_ns()) is not None]
        if rests_ns:
            self._timer = self._clock.call_after(min(rests_ns), self._serve)


class RateBudget:
    """What one key may spend at one venue from one address."""

    def __init__(self, queue: RateQueue, windows: Mapping[str, tuple[Window, ...]]) -> None:
        """`windows`: those that a cost of this name fills; more than one where the venue has several periods."""
        self._queue = queue
        self._windows = windows

    async def take(self, costs: Mapping[str, int], priority: Priority, wait_max_ns: int = 10 * NS_PER_S) -> None:
        """Return when a request of these costs may leave; a name without a window costs nothing.

        Raises:
            NotSent: `busy` (too many wait) or `rate_limited` (waited `wait_max_ns`).
        """
        taken = {window: units for name, units in costs.items() if units for window in self._windows.get(name, ())}
        if taken:
            await self._queue.take(taken, priority, wait_max_ns)

    def observe(self, name: str, period_ns: int, used: int) -> None:
        """Follow what the venue reports about a window."""
        for window in self._windows.get(name, ()):
            if window.limit.period_ns == period_ns:
                window.observe(used)

    def used(self, name: str) -> dict[int, int]:
        """Return period in ns -> units used now, for status and metrics."""
        return {window.limit.period_ns: window.used for window in self._windows.get(name, ())}


class Budgets:
    """All budgets of one venue seen from one address."""

    def __init__(self, limits: tuple[Limit, ...], clock: Clock, *, share: float = 1.0) -> None:
        """Make the windows that are counted per address; `share` of each limit is ours."""
        self._limits = limits
        self._clock = clock
        self._share = share
        self._queue = RateQueue(clock)
        self._shared = {limit: Window(limit, clock, share) for limit in limits if not limit.is_per_key}
        self._of_key: dict[str, RateBudget] = {}

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._queue)

    @property
    def usage(self) -> tuple[int, int] | None:
        """Return (used, units) of the fullest limit that everybody shares; None where there is none."""
        fullest = max(self._shared.values(), key=lambda each: each.used / each.limit.units, default=None)
        return None if fullest is None else (fullest.used, fullest.limit.units)

    def divide(self, by: int) -> None:
        """Share what is counted per address with other engines: each of `by` has an equal part from now on."""
        for window in self._shared.values():
            window.divide(by)

    def of(self, key: str = "") -> RateBudget:
        """Return the budget of a key (any text that names it, never the secret); empty for public requests."""
        budget = self._of_key.get(key)
        if budget is None:
            windows: dict[str, tuple[Window, ...]] = {}
            for limit in self._limits:
                window = Window(limit, self._clock, self._share) if limit.is_per_key else self._shared[limit]
                windows[limit.name] = (*windows.get(limit.name, ()), window)
            budget = self._of_key[key] = RateBudget(self._queue, windows)
        return budget


def _fits(costs: Mapping[Window, int], priority: Priority) -> bool:
    return all(window.has_room(units, priority) for window, units in costs.items())


def _take(costs: Mapping[Window, int]) -> None:
    for window, units in costs.items():
        window.take(units)


def _refuse(future: "asyncio.Future[None]", code: str) -> None:
    if not future.done():
        future.set_exception(NotSent(code))
