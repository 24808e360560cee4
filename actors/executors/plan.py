"""What an executor's policy sees and what it answers: facts in, wanted orders out.

An executor is a set of named slots, each with at most one living order at a time. A policy is a pure function of facts:
it says which order each slot should have now. Whoever carries the plan out places what is missing, cancels what is not
wanted, and replaces what differs, so that a plan that was interrupted anywhere goes on by itself.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Protocol

import msgspec

from engine.domain.identifiers import OrderId
from engine.domain.instrument import Instrument
from engine.domain.kinds import DoneReason, OrderType, Side, TimeInForce
from engine.domain.order_facts import REFUSALS
from engine.domain.values import ZERO, add, divide, subtract

SlotName = str
NS_PER_S: Final = 1_000_000_000


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """An order that a slot should have."""

    side: Side
    type: OrderType
    quantity: Decimal
    """What is still to be filled, base units (contracts of a perpetual)."""
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    is_protective: bool = False
    """It guards a position: it is tried again for ever, and its absence is an alarm."""


class Living(msgspec.Struct, frozen=True, kw_only=True):
    """The order that a slot has."""

    order_id: OrderId
    order: Wanted
    """As it was placed or last amended; `quantity` is the whole."""
    filled: Decimal = ZERO
    is_working: bool = False
    """The venue has confirmed it."""
    is_cancelling: bool = False
    """We have asked for its end."""

    @property
    def remaining(self) -> Decimal:
        """What may still fill."""
        return max(subtract(self.order.quantity, self.filled), ZERO)

    def keep(self) -> Wanted:
        """Want exactly what is there."""
        return msgspec.structs.replace(self.order, quantity=self.remaining)


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How the last order of a slot ended."""

    reason: DoneReason
    at_ns: int
    """Market time at which we knew."""
    is_foreign: bool = False
    """Cancelled, and not by this executor."""


class SlotView(msgspec.Struct, frozen=True, kw_only=True):
    """All facts about one slot."""

    generation: int = 0
    """Orders that it has had."""
    filled: Decimal = ZERO
    """Over all generations, base units."""
    value: Decimal = ZERO
    """Sum of price times quantity of these fills."""
    first_price: Decimal | None = None
    """Limit price of its first order."""
    living: Living | None = None
    ended: Ended | None = None

    @property
    def average_price(self) -> Decimal | None:
        """Mean price of the fills; None before the first."""
        return divide(self.value, self.filled) if self.filled else None

    @property
    def is_over(self) -> bool:
        """Its last order has run its course: it was neither refused nor withdrawn by the executor itself."""
        return self.generation > 0 and self.living is None and not (self.is_refused or self.is_withdrawn)

    @property
    def is_refused(self) -> bool:
        """Its last order was refused, by us or by the venue."""
        return self.ended is not None and self.ended.reason in REFUSALS

    @property
    def is_withdrawn(self) -> bool:
        """The executor itself has cancelled its last order; what that left may be wanted again."""
        return self.ended is not None and self.ended.reason is DoneReason.CANCELLED and not self.ended.is_foreign


EMPTY: Final = SlotView()


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a policy may know."""

    now_ns: int
    """Market time."""
    started_ns: int
    instrument: Instrument
    slots: Mapping[SlotName, SlotView]
    bid: Decimal | None = None
    ask: Decimal | None = None
    is_spot: bool = True
    """Orders lock the balance that they would deliver, so two exits cannot rest for the same units."""

    def slot(self, name: SlotName) -> SlotView:
        """Return a slot, an empty one if it has never had an order."""
        return self.slots.get(name, EMPTY)

    def touch(self, side: Side) -> Decimal | None:
        """Best price of one's own side of the book: the bid for a buyer."""
        return self.bid if side is Side.BUY else self.ask

    def cross(self, side: Side) -> Decimal | None:
        """Best price of the other side: what a buyer pays at once."""
        return self.ask if side is Side.BUY else self.bid


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What should be true of the slots now. A slot that is not named wants no order."""

    wanted: Mapping[SlotName, Wanted]
    needs_market: bool = False
    """Look again at every quote."""
    wake_at_ns: int | None = None
    """Look again at this market time."""
    unprotected: Decimal = ZERO
    """Units that a stop should guard and none at the venue does."""
    finished: str | None = None
    """Why the executor is done; None while it works. Nothing may live then."""


class Policy(Protocol):
    """Decides for one kind of executor; made from its settings."""

    @property
    def needs_market(self) -> bool:
        """Whether quotes can ever change the plan."""

    def plan(self, view: View) -> Plan:
        """Say what is wanted now."""


def opposite(side: Side) -> Side:
    """Return the side that closes."""
    return Side.SELL if side is Side.BUY else Side.BUY


def tradable(instrument: Instrument, quantity: Decimal, price: Decimal | None) -> Decimal:
    """Round an amount down to what may be ordered; zero if that is too little for the venue.

    Args:
        instrument: Its rules.
        quantity: Base units wanted.
        price: Values the order against the smallest notional; None if unknown.
    """
    rounded = min(instrument.round_quantity(quantity), instrument.max_quantity)
    if rounded < instrument.min_quantity:
        return ZERO
    if price is not None and instrument.notional(price, rounded) < instrument.min_notional:
        return ZERO
    return rounded


def total(view: View, prefix: str) -> Decimal:
    """Sum what all slots of one family (`level:`) have filled."""
    amount = ZERO
    for name, slot in view.slots.items():
        if name.startswith(prefix):
            amount = add(amount, slot.filled)
    return amount
