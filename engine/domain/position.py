"""A netting position in one instrument, by the average-price method.

The state is the signed size and the signed *cost*: what the open size was bought for (above zero for a long) or sold
for (below zero for a short). Nothing is divided except the share of a partial close, and what rounding leaves stays in
the cost. So this holds exactly after any fills, voids and flips::

    realized_pnl + unrealized_pnl(mark) == cash flow of all fills + notional(mark, size)

Fees are counted apart and are in no profit. A fee taken in the base asset does not shrink the position: the position is
the sum of the fills; what is left in the account is a balance.
"""

from decimal import Decimal

import msgspec

from engine.domain.instrument import Instrument
from engine.domain.kinds import Side
from engine.domain.values import ZERO, add, divide, multiply, round_money, subtract


class Position(msgspec.Struct, kw_only=True, gc=False):
    """The position of one account in one instrument; changed in place by its owner only."""

    instrument: Instrument
    size: Decimal = ZERO
    """Units of quantity; above zero long, below zero short."""
    cost: Decimal = ZERO
    """Quote units that the open size was bought (+) or sold (-) for."""
    realized_pnl: Decimal = ZERO
    """Quote units, without fees."""
    fees_paid: Decimal = ZERO
    """Quote units; rebates below zero."""

    @classmethod
    def restored(
        cls,
        instrument: Instrument,
        *,
        size: Decimal,
        average_price: Decimal,
        realized_pnl: Decimal = ZERO,
        fees_paid: Decimal = ZERO,
    ) -> "Position":
        """Rebuild a position from its row.

        The cost comes back exactly although the average price is rounded to 18 decimals, because a cost has only
        `money_decimals`: exact for sizes below 10 ** (18 - money_decimals), that is 10,000,000,000 BTC.
        """
        return cls(
            instrument=instrument,
            size=size,
            cost=round_money(instrument.notional(average_price, size), instrument.money_decimals),
            realized_pnl=realized_pnl,
            fees_paid=fees_paid,
        )

    @property
    def average_price(self) -> Decimal:
        """Mean entry price, quote per base unit, rounded to 18 decimals; 0 when flat."""
        if not self.size:
            return ZERO
        return round_money(divide(self.cost, multiply(self.size, self.instrument.contract_size)))

    def market_value(self, mark: Decimal) -> Decimal:
        """Return the signed value of the open size at a mark price, in quote units."""
        return self.instrument.notional(mark, self.size)

    def unrealized_pnl(self, mark: Decimal) -> Decimal:
        """Return the profit of closing everything at a mark price, in quote units, without fees."""
        return subtract(self.instrument.notional(mark, self.size), self.cost)

    def apply_fill(self, side: Side, price: Decimal, quantity: Decimal) -> Decimal:
        """Book a fill; a void is booked as the opposite fill at the same price.

        Args:
            side: Of the fill.
            price: Quote per base unit, above zero.
            quantity: Above zero.

        Returns:
            The profit that this fill realised, in quote units, without fees; 0 if it only opened.
        """
        size = self.size
        notional = self.instrument.notional(price, quantity)
        if side is not Side.BUY:
            quantity = quantity.copy_negate()
            notional = notional.copy_negate()
        if not size or size.is_signed() == quantity.is_signed():
            self.size = add(size, quantity)
            self.cost = add(self.cost, notional)
            return ZERO
        left = add(size, quantity)
        if not left:
            realized = add(self.cost, notional).copy_negate()
            self.size = self.cost = ZERO
        elif left.is_signed() == size.is_signed():
            realized = self._reduce(quantity, notional, left)
        else:
            realized = self._flip(price, notional, left)
        self.realized_pnl = add(self.realized_pnl, realized)
        return realized

    def _reduce(self, quantity: Decimal, notional: Decimal, left: Decimal) -> Decimal:
        """Close a part: its share of the cost leaves with it."""
        share = multiply(self.cost, divide(quantity.copy_negate(), self.size))
        share = round_money(share, self.instrument.money_decimals)
        self.size = left
        self.cost = subtract(self.cost, share)
        return add(share, notional).copy_negate()

    def _flip(self, price: Decimal, notional: Decimal, left: Decimal) -> Decimal:
        """Close everything and open what is left on the other side at the same price."""
        opening = self.instrument.notional(price, left)
        realized = add(self.cost, subtract(notional, opening)).copy_negate()
        self.size = left
        self.cost = opening
        return realized

    def add_fee(self, amount: Decimal) -> None:
        """Count a fee, in quote units; below zero is a rebate."""
        self.fees_paid = add(self.fees_paid, amount)
