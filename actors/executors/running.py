"""One executor while it runs: its orders as facts, and what they add up to.

Everything here follows from the rows of the orders that name the executor, so that a restart knows what was known.
"""

from collections import deque
from decimal import Decimal
from typing import Any, Final

import msgspec

from actors.executors.places import slot_of
from actors.executors.plan import Ended, Living, SlotName, SlotView, View, Wanted, opposite
from actors.executors.policies import policy_of
from actors.executors.settings import parse_settings
from engine.domain.identifiers import AccountId, ExecutorId, OrderId, Venue
from engine.domain.instrument import Instrument
from engine.domain.kinds import DoneReason, OrderStatus, OrderType, Side, TimeInForce
from engine.domain.order_facts import REFUSALS
from engine.domain.ports import Marks
from engine.domain.values import ZERO, add, divide, multiply, round_money, subtract, text_of
from engine.messages.load import ExecutorState
from engine.messages.orders import Fill, OrderChanged
from engine.messages.rows import OrderRow
from engine.messages.rows_executors import ExecutorRow

OVER_MAX: Final = 1_000
"""Orders that are over and still known by id; a later fill of an older one counts after the next start."""

WITHDRAWN: Final = "withdrawn"
"""In an executor's state: slot -> generation of the last order that the executor itself has cancelled."""

PENDING: Final = frozenset({"active", "paused", "stopping", "error"})
"""Statuses of executors that may still have orders."""

_REASON_OF = {
    OrderStatus.FILLED: DoneReason.FILLED,
    OrderStatus.CANCELLED: DoneReason.CANCELLED,
    OrderStatus.EXPIRED: DoneReason.EXPIRED,
    OrderStatus.REJECTED: DoneReason.REJECTED,
}


class SlotOrder:
    """An order of a slot, as far as its fills are in the books."""

    __slots__ = ("booked", "expected", "is_cancelling", "is_done", "is_working", "order_id", "slot", "terms")

    def __init__(self, slot: SlotName, order_id: OrderId, terms: Wanted) -> None:
        """Expect all of it to fill."""
        self.slot = slot
        self.order_id = order_id
        self.terms = terms
        self.booked = ZERO
        self.expected = terms.quantity
        """What will be booked when nothing more comes."""
        self.is_done = False
        self.is_working = False
        self.is_cancelling = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come of it: its end and its fills come on two ways, in any order."""
        return self.is_done and self.booked >= self.expected

    def living(self) -> Living:
        """Return it as the policy sees it."""
        return Living(
            order_id=self.order_id,
            order=self.terms,
            filled=self.booked,
            is_working=self.is_working,
            is_cancelling=self.is_cancelling,
        )


class Slot:
    """A place for one order at a time, and what all that have been in it have filled."""

    __slots__ = ("ended", "filled", "first_price", "generation", "order", "refusals", "retry_at_ns", "side", "value")

    def __init__(self, side: Side) -> None:
        """Begin empty."""
        self.side = side
        self.generation = 0
        self.order: SlotOrder | None = None
        self.filled = ZERO
        self.value = ZERO
        self.first_price: Decimal | None = None
        self.ended: Ended | None = None
        self.refusals = 0
        """Orders refused in a row."""
        self.retry_at_ns = 0

    def view(self) -> SlotView:
        """Return the facts for the policy."""
        return SlotView(
            generation=self.generation,
            filled=self.filled,
            value=self.value,
            first_price=self.first_price,
            living=None if self.order is None else self.order.living(),
            ended=self.ended,
        )


class Running:
    """An executor with its policy and its slots."""

    def __init__(self, row: ExecutorRow, venue: Venue, instrument: Instrument) -> None:
        """Begin with no orders.

        Raises:
            BadInput: Its configuration cannot be read.
        """
        self.row = row
        self.id = ExecutorId(row.id)
        self.account_id = AccountId(row.account_id)
        self.venue = venue
        self.instrument = instrument
        self.settings = parse_settings(row.kind, row.configuration)
        self.policy = policy_of(self.settings)
        self.slots: dict[SlotName, Slot] = {}
        self.by_order: dict[OrderId, SlotOrder] = {}
        """Its living orders, and the newest of those that are over: a fill may come late."""
        self._over: deque[OrderId] = deque()
        self.state: dict[str, Any] = dict(row.state or {})

    @classmethod
    def restored(cls, load: ExecutorState, venue: Venue, instrument: Instrument) -> "Running":
        """Rebuild one from its row, the sums of its slots, and the orders that live or were the last of their slot."""
        running = cls(load.row, venue, instrument)
        for total in load.slots:
            slot = running.slots[total.name] = Slot(total.side)
            slot.generation, slot.first_price = total.generation, total.first_price
            slot.filled, slot.value = total.filled, total.value
        for order in load.orders:
            running._restore(order)
        return running

    # --- Facts --------------------------------------------------------------------------------------------------------

    def slot(self, name: SlotName) -> Slot:
        """Return a slot that has had an order."""
        return self.slots[name]

    def placed(self, name: SlotName, order_id: OrderId, terms: Wanted) -> int:
        """Note that a slot gets a new order; return its generation."""
        slot = self.slots.get(name)
        if slot is None:
            slot = self.slots[name] = Slot(terms.side)
            slot.first_price = terms.price
        slot.generation += 1
        slot.order = self.by_order[order_id] = SlotOrder(name, order_id, terms)
        return slot.generation

    def retry_now(self) -> None:
        """Let no slot wait any longer: what has refused it may be over."""
        for slot in self.slots.values():
            slot.retry_at_ns = 0

    def withdrawing(self, order: SlotOrder) -> None:
        """Note that we ask for the end of an order; the row keeps it, since no order tells who cancelled it."""
        order.is_cancelling = True
        self.state.setdefault(WITHDRAWN, {})[order.slot] = self.slot(order.slot).generation

    def changed(self, message: OrderChanged, now_ns: int) -> bool:
        """Learn how an order stands; tell whether that is a refusal."""
        order = self.by_order.get(message.order_id)
        if order is None:
            return False
        order.is_done = message.is_done
        order.is_working = message.status in (OrderStatus.OPEN, OrderStatus.PARTIAL)
        order.expected = message.expected_quantity
        order.terms = msgspec.structs.replace(order.terms, quantity=message.quantity)
        slot = self.slot(order.slot)
        is_refusal = message.status is OrderStatus.REJECTED and slot.order is order
        if is_refusal:
            slot.refusals += 1
        elif order.is_working:
            slot.refusals = 0
        self._settle(order, _REASON_OF.get(message.status, DoneReason.CANCELLED), now_ns)
        return is_refusal

    def filled(self, fill: Fill, now_ns: int) -> None:
        """Count a fill, or its reversal, also of an order that is long over."""
        order = self.by_order.get(fill.order_id)
        if order is None:
            return
        slot = self.slot(order.slot)
        slot.filled = add(slot.filled, fill.net_quantity)
        slot.value = add(slot.value, multiply(fill.net_quantity, fill.price))
        order.booked = add(order.booked, fill.net_quantity)
        self._settle(order, DoneReason.FILLED, now_ns)

    def _settle(self, order: SlotOrder, reason: DoneReason, now_ns: int) -> None:
        """Free the slot of an order of which nothing more can come."""
        slot = self.slot(order.slot)
        if slot.order is not order or not order.is_over:
            return
        slot.order = None
        self._over.append(order.order_id)
        while len(self._over) > OVER_MAX:
            self.by_order.pop(self._over.popleft(), None)
        is_ours = order.is_cancelling or self._has_withdrawn(order.slot) == slot.generation
        is_foreign = reason is DoneReason.CANCELLED and not is_ours
        if order.booked >= order.terms.quantity:
            reason = DoneReason.FILLED
        elif order.booked and reason in REFUSALS:
            reason = DoneReason.CANCELLED  # What has filled was not refused.
        slot.ended = Ended(reason=reason, at_ns=now_ns, is_foreign=is_foreign)

    def _has_withdrawn(self, name: SlotName) -> int | None:
        """Return the generation of the last order of a slot that the executor itself has cancelled."""
        generation: int | None = self.state.get(WITHDRAWN, {}).get(name)
        return generation

    def _restore(self, row: OrderRow) -> None:
        """Take up one of the last orders of a slot, whose sums are known."""
        _, name, generation = slot_of(row.intent_key)
        slot = self.slot(name)
        order = SlotOrder(name, OrderId(row.id), _terms(row))
        self.by_order[order.order_id] = order
        order.booked = row.filled_quantity
        order.is_done, order.is_working = row.lifecycle == "done", row.lifecycle == "working"
        if order.is_done:
            order.expected = add(row.filled_quantity, row.missing_quantity)
        if not order.is_over and generation == slot.generation:
            slot.order = order
            return
        self._over.append(order.order_id)
        if generation == slot.generation and row.done_reason is not None:
            reason = DoneReason(row.done_reason)
            is_foreign = reason is DoneReason.CANCELLED and self._has_withdrawn(name) != generation
            slot.ended = Ended(reason=reason, at_ns=row.updated_at, is_foreign=is_foreign)

    # --- What they add up to ------------------------------------------------------------------------------------------

    def view(self, now_ns: int, marks: Marks) -> View:
        """Return everything that the policy may know; no prices while they are stale."""
        quote = None if marks.is_stale(self.venue, self.row.symbol) else marks.quote(self.venue, self.row.symbol)
        return View(
            now_ns=now_ns,
            started_ns=self.row.created_at,
            instrument=self.instrument,
            slots={name: slot.view() for name, slot in self.slots.items()},
            bid=None if quote is None else quote[0],
            ask=None if quote is None else quote[1],
            is_spot=not self.instrument.is_perpetual,
        )

    @property
    def net_quantity(self) -> Decimal:
        """Signed units that its fills have left it with."""
        bought, _ = self._sum(Side.BUY)
        sold, _ = self._sum(Side.SELL)
        return subtract(bought, sold)

    @property
    def realized_pnl(self) -> Decimal:
        """Quote units that its closed part has made, by average price, before fees."""
        side = self.settings.side
        (entered, cost), (left, proceeds) = self._sum(side), self._sum(opposite(side))
        if not entered or not left:
            return ZERO
        gain = round_money(subtract(proceeds, multiply(left, divide(cost, entered))))
        signed = gain if side is Side.BUY else gain.copy_negate()
        return multiply(signed, self.instrument.contract_size)

    def _sum(self, side: Side) -> tuple[Decimal, Decimal]:
        quantity = value = ZERO
        for slot in self.slots.values():
            if slot.side is side:
                quantity, value = add(quantity, slot.filled), add(value, slot.value)
        return quantity, value

    @property
    def is_quiet(self) -> bool:
        """Whether none of its orders can do anything any more."""
        return all(slot.order is None for slot in self.slots.values())

    def describe_slots(self) -> dict[str, Any]:
        """Return slots for people."""
        return {
            name: {
                "generation": slot.generation,
                "order_id": None if slot.order is None else str(slot.order.order_id),
                "filled": text_of(slot.filled),
            }
            for name, slot in self.slots.items()
        }


def _terms(row: OrderRow) -> Wanted:
    return Wanted(
        side=Side(row.side),
        type=OrderType(row.type),
        quantity=row.quantity,
        price=row.price,
        stop_price=row.stop_price,
        time_in_force=TimeInForce(row.time_in_force),
        post_only=row.post_only,
        reduce_only=row.reduce_only,
        is_protective=row.type in (OrderType.STOP.value, OrderType.STOP_LIMIT.value),
    )
