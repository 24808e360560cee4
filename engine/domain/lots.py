"""Tax lots, first in first out: which buy a sale has sold, when it was bought and what it gained.

Lots are a second view on the same fills as `Position`. In between, one sells the oldest lot and the other the average,
so that they realise other profits; but both move by the same cash, so this holds exactly after any fills::

    sum of the lots' gains - cost of the open lots == realised profit of the position - its cost
    sum of the open lots   == size of the position

A fill can be undone, the newest first (`PositionHistory` winds a position back by it). Nothing has to be remembered for
that: what it opened is the newest lot, and what it closed are the parts that have left the front last.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid5

import msgspec

from engine.domain.instrument import Instrument
from engine.domain.kinds import Side
from engine.domain.values import ZERO, add, subtract

CLOSED_MAX: Final = 1_000
"""Closed lots that are kept so that what closed them can be undone."""

_BUY: Final = Side.BUY


class Lot(msgspec.Struct, kw_only=True, gc=False):
    """What one fill has opened; changed in place by its `Lots` only."""

    id: UUID
    """Of the row: that of the trade, where there is one."""
    trade_id: UUID | None
    """Row of the trade that opened it; None for what no trade has opened."""
    opened_at_ns: int
    side: Side
    """`BUY` for a long lot, `SELL` for a short one."""
    quantity: Decimal
    """What it was opened with; 0 when its fill has opened nothing after all."""
    remaining: Decimal
    """Open rest."""
    price: Decimal
    gain: Decimal = ZERO
    """Realised by the closed part, quote units, without fees."""
    closed_at_ns: int | None = None


class Lots:
    """The lots of one position, oldest first; the open ones are all on one side."""

    __slots__ = ("_changed", "_closed", "_instrument", "_open", "size")

    def __init__(self, instrument: Instrument, lots: Iterable[Lot] = ()) -> None:
        """Continue with stored lots.

        Args:
            instrument: Values the gains.
            lots: Oldest first: all that are open, and of the closed ones those that may still be needed.
        """
        self._instrument = instrument
        self._open: deque[Lot] = deque()
        self._closed: deque[Lot] = deque(maxlen=CLOSED_MAX)
        self._changed: dict[UUID, Lot] = {}
        self.size = ZERO
        """Signed sum of the open lots; equal to the position's size."""
        for lot in lots:
            if lot.quantity:
                (self._open if lot.remaining else self._closed).append(lot)
            self.size = self._sized(lot.side, lot.remaining)

    def __iter__(self) -> Iterator[Lot]:
        return iter(self._open)

    def __len__(self) -> int:
        return len(self._open)

    @property
    def cost(self) -> Decimal:
        """What the open lots were bought (+) or sold (-) for, quote units."""
        total = ZERO
        for lot in self._open:
            worth = self._instrument.notional(lot.price, lot.remaining)
            total = add(total, worth if lot.side is _BUY else worth.copy_negate())
        return total

    def take_changed(self) -> list[Lot]:
        """Return the lots that are not what they were at the last call, each once."""
        if not self._changed:
            return []
        changed, self._changed = self._changed, {}
        return list(changed.values())

    def apply(
        self, lot_id: UUID, side: Side, price: Decimal, quantity: Decimal, at_ns: int, trade_id: UUID | None = None
    ) -> None:
        """Close the oldest opposite lots, then open a lot with what is left.

        Args:
            lot_id: Of the lot that it may open.
            side: Of the fill.
            price: Above zero.
            quantity: Above zero.
            at_ns: Time of the execution.
            trade_id: Row of the trade, None for what is no trade.
        """
        self.size = add(self.size, quantity) if side is _BUY else subtract(self.size, quantity)
        self._trade(lot_id, side, price, quantity, at_ns, trade_id)

    def undo(self, lot_id: UUID, side: Side, price: Decimal, quantity: Decimal, at_ns: int) -> None:
        """Undo the newest fill that is not undone, exactly; the arguments are those of `apply`."""
        lots, opposite = self._open, side.opposite
        self.size = self._sized(opposite, quantity)
        if lots and lots[-1].id == lot_id:
            quantity = self._shut(lots.pop(), quantity, at_ns)
        if quantity and lots and lots[0].side is side:
            # What it has opened is not known by its name: these lots are younger than the fill.
            self._trade(_derived(lot_id), opposite, price, quantity, at_ns, None)
            return
        while quantity:
            lot = self._last_closed(lot_id, opposite, price, quantity, at_ns)
            part = min(subtract(lot.quantity, lot.remaining), quantity)
            quantity = subtract(quantity, part)
            lot.remaining = add(lot.remaining, part)
            lot.gain = subtract(lot.gain, self._gain(lot, part, price))
            lot.closed_at_ns = None
            self._changed[lot.id] = lot

    def take_out(self, lot_id: UUID, side: Side, price: Decimal, quantity: Decimal, at_ns: int) -> None:
        """Take out a fill that can no more be undone: what is left of its lot, else what is open by now."""
        self.size = self._sized(side.opposite, quantity)
        lot = next((each for each in self._open if each.id == lot_id), None)
        if lot is not None:
            self._open.remove(lot)
            quantity = self._shut(lot, quantity, at_ns)
        if quantity:
            self._trade(_derived(lot_id), side.opposite, price, quantity, at_ns, None)

    def write_off(self, lot_id: UUID, amount: Decimal, price: Decimal, at_ns: int) -> None:
        """Change the size without realising anything: the oldest lots shrink, or one is opened at `price`."""
        side, quantity = (_BUY if amount > ZERO else Side.SELL), amount.copy_abs()
        self.size = self._sized(side, quantity)
        while quantity and self._open and self._open[0].side is not side:
            quantity = self._close(quantity, self._open[0].price, at_ns)
        if quantity:
            self._trade(lot_id, side, price, quantity, at_ns, None)

    # --- Inside -------------------------------------------------------------------------------------------------------

    def _sized(self, side: Side, quantity: Decimal) -> Decimal:
        return add(self.size, quantity) if side is _BUY else subtract(self.size, quantity)

    def _trade(
        self, lot_id: UUID, side: Side, price: Decimal, quantity: Decimal, at_ns: int, trade_id: UUID | None
    ) -> None:
        lots = self._open
        while quantity and lots and lots[0].side is not side:
            quantity = self._close(quantity, price, at_ns)
        if quantity:
            lot = Lot(
                id=lot_id,
                trade_id=trade_id,
                opened_at_ns=at_ns,
                side=side,
                quantity=quantity,
                remaining=quantity,
                price=price,
            )
            lots.append(lot)
            self._changed[lot_id] = lot

    def _close(self, quantity: Decimal, price: Decimal, at_ns: int) -> Decimal:
        """Close so much of the oldest lot, or all of it; return what is left to close."""
        lot = self._open[0]
        left = subtract(quantity, lot.remaining)
        part = quantity if left.is_signed() else lot.remaining
        lot.gain = add(lot.gain, self._gain(lot, part, price))
        self._changed[lot.id] = lot
        if left.is_signed():
            lot.remaining = left.copy_negate()
            return ZERO
        lot.remaining, lot.closed_at_ns = ZERO, at_ns
        self._closed.append(self._open.popleft())
        return left

    def _shut(self, lot: Lot, quantity: Decimal, at_ns: int) -> Decimal:
        """Let a lot have opened nothing but what is closed of it; return what that leaves of a quantity."""
        left = subtract(quantity, lot.remaining)
        lot.quantity = subtract(lot.quantity, lot.remaining)
        lot.remaining, lot.closed_at_ns = ZERO, at_ns
        self._changed[lot.id] = lot
        return left

    def _gain(self, lot: Lot, part: Decimal, price: Decimal) -> Decimal:
        worth = self._instrument.notional(price, part)
        paid = self._instrument.notional(lot.price, part)
        return subtract(worth, paid) if lot.side is _BUY else subtract(paid, worth)

    def _last_closed(self, lot_id: UUID, side: Side, price: Decimal, quantity: Decimal, at_ns: int) -> Lot:
        """Return the lot of which a part was closed last; where none is known, one of that price takes its place."""
        lots = self._open
        if lots and lots[0].side is side and lots[0].remaining != lots[0].quantity:
            return lots[0]
        if self._closed and self._closed[-1].side is side:
            lot = self._closed.pop()
        else:
            rest = _derived(lot_id)
            lot = Lot(
                id=rest, trade_id=None, opened_at_ns=at_ns, side=side, quantity=quantity, remaining=ZERO, price=price
            )
        lots.appendleft(lot)
        return lot


def _derived(lot_id: UUID) -> UUID:
    """Name a lot that stands for what is not known any more; the same for the same fill."""
    return uuid5(lot_id, "lot")
