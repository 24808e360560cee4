"""Mutants of executors, and of what holds when a venue breaks its word."""

from typing import Any

import msgspec

from actors.executors.bracket import Bracket
from actors.executors.desk import ExecutorDesk
from actors.executors.guard import Guard
from actors.executors.running import Running
from actors.fact_batch import FactBatch
from actors.inferring import Inferring
from actors.marks import MarkTable
from engine.domain.kinds import DoneReason
from engine.domain.order import OrderState
from engine.domain.order_facts import UNCHANGED
from engine.domain.values import ZERO, subtract
from engine.simulation.mutants import Swaps, answers, mutant


@mutant
def executor_forgets_its_living_orders(swaps: Swaps) -> None:
    """After a restart an executor knows what its slots have filled, and not which orders still live in them."""
    swaps.swap(Running, "_restore", answers(None))


@mutant
def executor_repeats_its_slots_after_a_crash(swaps: Swaps) -> None:
    """After a restart an executor does not know what its slots have filled, and fills them again."""

    def make(original: Any) -> Any:
        def restored(cls: type[Running], load: Any, *where: Any) -> Running:
            running: Running = original(cls, load, *where)
            for slot in running.slots.values():
                slot.filled = slot.value = ZERO
            return running

        return restored

    swaps.swap(Running, "restored", make)


@mutant
def slot_free_before_its_fills(swaps: Swaps) -> None:
    """A slot counts as free as soon as its order has ended, also where fills of it are still on their way."""

    def make(original: Any) -> Any:
        def settle(self: Running, order: Any, *how: Any) -> None:
            if order.is_done:
                order.expected = order.booked
            original(self, order, *how)

        return settle

    swaps.swap(Running, "_settle", make)


@mutant
def executor_over_before_its_orders(swaps: Swaps) -> None:
    """An executor that is stopped is over at once, whatever its orders still do."""

    def make(original: Any) -> Any:
        def on_stop_executor(self: ExecutorDesk, message: Any) -> Any:
            reply = original(self, message)
            running = self._running.get(message.executor_id)
            if running is not None:
                self._finish(running, "stopped by hand")
            return reply

        return on_stop_executor

    swaps.swap(ExecutorDesk, "on_stop_executor", make)


@mutant
def bracket_drops_its_stop(swaps: Swaps) -> None:
    """A bracket places no stop, and believes that it has one."""

    def make(original: Any) -> Any:
        def plan(self: Bracket, view: Any) -> Any:
            found = original(self, view)
            wanted = {name: each for name, each in found.wanted.items() if name != "stop"}
            return msgspec.structs.replace(found, wanted=wanted, unprotected=ZERO)

        return plan

    swaps.swap(Bracket, "plan", make)


@mutant
def alarm_that_never_rings(swaps: Swaps) -> None:
    """Nobody is told of a position whose stop is missing."""
    swaps.swap(Guard, "look", answers(None))


@mutant
def old_prices_trusted(swaps: Swaps) -> None:
    """A price is good for ever, however long nobody has shown a newer one."""
    swaps.swap(MarkTable, "is_stale", answers(value=False))


@mutant
def end_without_an_event(swaps: Swaps) -> None:
    """That an order has expired is written, and no event tells of it."""

    def make(original: Any) -> Any:
        def event(self: FactBatch, channel: str, kind: str, *about: Any, **named: Any) -> None:
            if kind != "OrderExpired":
                original(self, channel, kind, *about, **named)

        return event

    swaps.swap(FactBatch, "event", make)


@mutant
def overfill_ignored(swaps: Swaps) -> None:
    """Of a trade that goes beyond its order only as much is booked as was ordered."""

    def make(original: Any) -> Any:
        def apply_fill(self: OrderState, fill: Any) -> Any:
            rest = subtract(self.quantity, self.traded_quantity)
            if fill.trade_id not in self.trades and ZERO < rest < fill.quantity:
                fill = msgspec.structs.replace(fill, quantity=rest)
            return original(self, fill)

        return apply_fill

    swaps.swap(OrderState, "apply_fill", make)


@mutant
def a_rejection_is_final(swaps: Swaps) -> None:
    """What a venue says of an order that it has rejected before is not believed."""

    def make(original: Any) -> Any:
        def apply_status(self: OrderState, status: Any) -> Any:
            return UNCHANGED if self.claimed_reason is DoneReason.REJECTED else original(self, status)

        return apply_status

    swaps.swap(OrderState, "apply_status", make)


@mutant
def missing_fills_never_inferred(swaps: Swaps) -> None:
    """What a venue counts and never shows is waited for, for ever."""
    swaps.swap(Inferring, "_infer", answers(None))


@mutant
def inferred_fill_stays(swaps: Swaps) -> None:
    """A trade that comes after all is booked beside the fill that was inferred for it."""

    def make(original: Any) -> Any:
        def infer(self: OrderState) -> Any:
            return ((), ()) if self.inferred is not None else original(self)

        return infer

    swaps.swap(OrderState, "_infer", make)
