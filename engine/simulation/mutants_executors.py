"""Mutants of executors, and of what holds when a venue breaks its word."""

from typing import Any

import msgspec

from actors.executors.bracket import Bracket
from actors.executors.desk import ExecutorDesk
from actors.executors.guard import Guard
from actors.executors.running import Running
from actors.inferring import Inferring
from actors.resolving import Resolving
from engine.domain.order import OrderState
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
def order_that_lives_after_its_refusal_left_alone(swaps: Swaps) -> None:
    """An order that was refused and that the venue has all the same is neither counted nor cancelled."""
    swaps.swap(Resolving, "watch_phantom", answers(None))


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
