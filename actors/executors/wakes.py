"""When a desk looks at a plan again: at a time, or at the next quote of its market."""

from typing import Any

import msgspec

from actors.cell import Cell
from actors.executors.plan import Plan
from actors.executors.running import Running
from engine.domain.identifiers import ExecutorId, Symbol, Venue
from engine.messages.market import QuoteTick
from engine.runtime.actor import AsyncioActor
from engine.runtime.bus import Subscription
from engine.runtime.clock import Timer


class Wake(msgspec.Struct, frozen=True):
    """To the desk: the time that an executor waits for has come."""

    executor_id: ExecutorId


Market = tuple[Venue, Symbol]


class Look(msgspec.Struct, frozen=True):
    """To the desk, from itself: look at a plan once all that was told together is known."""

    executor_id: ExecutorId


class Wakes:
    """Timers and market subscriptions of one desk; one timer per executor, one subscription per market."""

    __slots__ = ("_cell", "_desk", "_timers", "_watched", "_watchers")

    def __init__(self, desk: AsyncioActor, cell: Cell) -> None:
        """Tell `desk`; times are market time."""
        self._desk = desk
        self._cell = cell
        self._timers: dict[ExecutorId, tuple[int, Timer]] = {}
        self._watched: dict[Market, Subscription] = {}
        self._watchers: dict[ExecutorId, Market] = {}

    def close(self) -> None:
        """Wake nobody any more."""
        for _, timer in self._timers.values():
            timer.cancel()
        for subscription in self._watched.values():
            subscription.cancel()
        self._timers.clear()
        self._watched.clear()

    def arrange(self, running: Running, plan: Plan, guard_ns: int | None, now_ns: int) -> None:
        """Come back at the earliest of what the plan, a retry and the guard wait for."""
        self._watch(running.id, (running.venue, running.row.symbol) if plan.needs_market else None)
        retries = [slot.retry_at_ns for slot in running.slots.values()]
        times = [each for each in (plan.wake_at_ns, guard_ns, *retries) if each is not None and each > now_ns]
        self._wake_at(running.id, min(times, default=None), now_ns)

    def is_watching(self, running: Running, quote: QuoteTick) -> bool:
        """Tell whether an executor waits for this quote."""
        return self._watchers.get(running.id) == (quote.venue, quote.symbol)

    def rang(self, executor_id: ExecutorId) -> None:
        """Note that a timer has done its work."""
        self._timers.pop(executor_id, None)

    def forget(self, executor_id: ExecutorId) -> None:
        """Wake an executor no more."""
        self._wake_at(executor_id, None, 0)
        self._watch(executor_id, None)

    def _wake_at(self, executor_id: ExecutorId, when_ns: int | None, now_ns: int) -> None:
        known: Any = self._timers.get(executor_id)
        if known is not None:
            if known[0] == when_ns:
                return
            known[1].cancel()
            del self._timers[executor_id]
        if when_ns is not None:
            timer = self._desk.after(when_ns - now_ns, Wake(executor_id), clock=self._cell.clock)
            self._timers[executor_id] = (when_ns, timer)

    def _watch(self, executor_id: ExecutorId, market: Market | None) -> None:
        old = self._watchers.pop(executor_id, None)
        if market is not None:
            self._watchers[executor_id] = market
            if market not in self._watched:
                tell = self._desk.actor_ref.tell
                self._watched[market] = self._cell.bus.subscribe(QuoteTick, tell, key=market)
        if old is not None and old not in self._watchers.values():
            self._watched.pop(old).cancel()
