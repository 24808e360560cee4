"""Tax lots, first in first out: which buy a sale has sold, when it was bought and what it gained.

Lots are a second view on the same fills as `Position`; their sizes always sum to the position's. Over a whole round
trip both views realise the same profit; in between one sells the oldest lot and the other the average.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from decimal import Decimal

import msgspec

from engine.domain.instrument import Instrument
from engine.domain.kinds import Side
from engine.domain.values import ZERO, add, subtract


class Lot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is left of one opening fill."""

    trade_id: str
    """The venue's id of the opening fill."""
    opened_at_ns: int
    side: Side
    """`BUY` for a long lot, `SELL` for a short one."""
    quantity: Decimal
    """Open rest, above zero."""
    price: Decimal


class ClosedLot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One lot, or a part of it, closed by one fill."""

    opening_trade_id: str
    closing_trade_id: str
    opened_at_ns: int
    closed_at_ns: int
    side: Side
    """Of the opening fill."""
    quantity: Decimal
    open_price: Decimal
    close_price: Decimal
    gain: Decimal
    """Quote units, without fees."""


class Lots:
    """The open lots of one account in one instrument, oldest first; all on one side."""

    __slots__ = ("_instrument", "_open", "_size")

    def __init__(self, instrument: Instrument, lots: Iterable[Lot] = ()) -> None:
        """Start with stored lots.

        Args:
            instrument: Values the gains.
            lots: Oldest first.
        """
        self._instrument = instrument
        self._open = deque(lots)
        self._size = ZERO
        for lot in self._open:
            self._size = add(self._size, _signed(lot.side, lot.quantity))

    @property
    def size(self) -> Decimal:
        """Signed sum of the open lots; equal to the position's size."""
        return self._size

    def __iter__(self) -> Iterator[Lot]:
        return iter(self._open)

    def __len__(self) -> int:
        return len(self._open)

    def apply_fill(
        self, *, trade_id: str, side: Side, price: Decimal, quantity: Decimal, at_ns: int
    ) -> list[ClosedLot]:
        """Close the oldest opposite lots, then open a lot with what is left.

        Args:
            trade_id: The venue's.
            side: Of the fill.
            price: Above zero.
            quantity: Above zero.
            at_ns: Time of the execution.

        Returns:
            What it closed, oldest lot first; empty if it only opened.
        """
        self._size = add(self._size, _signed(side, quantity))
        closed: list[ClosedLot] = []
        lots = self._open
        while quantity and lots and lots[0].side is not side:
            lot = lots[0]
            part = min(lot.quantity, quantity)
            closed.append(self._close(lot, part, trade_id, price, at_ns))
            quantity = subtract(quantity, part)
            if part == lot.quantity:
                lots.popleft()
            else:
                lots[0] = msgspec.structs.replace(lot, quantity=subtract(lot.quantity, part))
        if quantity:
            lots.append(Lot(trade_id=trade_id, opened_at_ns=at_ns, side=side, quantity=quantity, price=price))
        return closed

    def _close(self, lot: Lot, part: Decimal, trade_id: str, price: Decimal, at_ns: int) -> ClosedLot:
        worth = self._instrument.notional(price, part)
        paid = self._instrument.notional(lot.price, part)
        return ClosedLot(
            opening_trade_id=lot.trade_id,
            closing_trade_id=trade_id,
            opened_at_ns=lot.opened_at_ns,
            closed_at_ns=at_ns,
            side=lot.side,
            quantity=part,
            open_price=lot.price,
            close_price=price,
            gain=subtract(worth, paid) if lot.side is Side.BUY else subtract(paid, worth),
        )


def _signed(side: Side, quantity: Decimal) -> Decimal:
    return quantity if side is Side.BUY else quantity.copy_negate()
