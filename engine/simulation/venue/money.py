"""Balances and positions of an account at the venue, by the venue's own arithmetic.

Spot: a trade swaps two assets, and an open order sets its asset aside. Perpetual: a trade moves a netted position of
average cost, and the settle asset pays losses and fees; margin is set aside for the worse way in which the open orders
may fill. A trade that is taken back is booked as its opposite at the same price. Nothing is liquidated.
"""

from collections import deque
from decimal import Decimal

import msgspec

from engine.domain.identifiers import AccountId, Asset, Symbol, UserId
from engine.domain.instrument import Instrument
from engine.domain.kinds import PositionSide, Side
from engine.domain.values import ZERO, add, divide, multiply, round_money, subtract
from engine.messages.venues import VenueBalance, VenuePosition
from engine.simulation.venue.orders import Order, Trade


class Holding(msgspec.Struct, kw_only=True):
    """A position in one perpetual."""

    instrument: Instrument
    size: Decimal = ZERO
    """Signed."""
    cost: Decimal = ZERO
    """Signed: what the size was bought or sold for, quote units."""
    open_buys: Decimal = ZERO
    """Value of the open buys at their own prices."""
    open_sells: Decimal = ZERO

    @property
    def margin(self) -> Decimal:
        """What the position and its orders set aside."""
        long_value, short_value = add(self.cost, self.open_buys), subtract(self.open_sells, self.cost)
        return round_money(self.instrument.margin(max(long_value, short_value, ZERO)))

    @property
    def entry_price(self) -> Decimal:
        """Mean price of the open size, rounded to 18 decimals; 0 when flat."""
        if not self.size:
            return ZERO
        return round_money(divide(self.cost, multiply(self.size, self.instrument.contract_size)))

    def trade(self, side: Side, price: Decimal, quantity: Decimal) -> Decimal:
        """Move the position; return the profit that this realised, without fees."""
        signed = quantity if side is Side.BUY else quantity.copy_negate()
        value = self.instrument.notional(price, signed)
        before = self.size
        self.size = add(before, signed)
        if not before or before.is_signed() == signed.is_signed():
            self.cost = add(self.cost, value)
            return ZERO
        if not self.size:
            kept = ZERO
        elif self.size.is_signed() == before.is_signed():
            gone = round_money(
                multiply(self.cost, divide(signed.copy_negate(), before)), self.instrument.money_decimals
            )
            kept = subtract(self.cost, gone)
        else:
            kept = self.instrument.notional(price, self.size)
        realized = subtract(kept, add(self.cost, value))
        self.cost = kept
        return realized


class Account(msgspec.Struct, kw_only=True):
    """One account; only `Truth` changes it."""

    id: AccountId
    user_id: UserId
    kind: str
    starting: dict[Asset, Decimal]
    totals: dict[Asset, Decimal]
    """Owned, set aside or not. Below zero only after what the venue itself did wrong."""
    held: dict[Asset, Decimal]
    """Set aside for spot orders."""
    holdings: dict[Symbol, Holding]
    open_orders: dict[tuple[Symbol, int], Order]
    """Oldest first."""
    moves: list[tuple[Asset, Decimal]]
    """Deposits and withdrawals."""
    ended: deque[Order]
    """The last ones that ended, oldest first."""
    last_cursor: int = 0
    """Of its newest trade."""
    dead_man_until_ns: int = 0
    """Venue time; 0 is disarmed."""

    def move(self, asset: Asset, amount: Decimal) -> None:
        """Add to a total."""
        self.totals[asset] = add(self.totals.get(asset, ZERO), amount)

    def locked(self, asset: Asset) -> Decimal:
        """Return what is set aside of an asset, at most what there is."""
        asked = self.held.get(asset, ZERO)
        for holding in self.holdings.values():
            if holding.instrument.settle == asset:
                asked = add(asked, holding.margin)
        return min(asked, max(self.totals.get(asset, ZERO), ZERO))

    def free(self, asset: Asset) -> Decimal:
        """Return what may be used of an asset."""
        return subtract(self.totals.get(asset, ZERO), self.locked(asset))

    def holding(self, instrument: Instrument) -> Holding:
        """Return the position in a perpetual, flat if there was none."""
        found = self.holdings.get(instrument.symbol)
        if found is None:
            found = self.holdings[instrument.symbol] = Holding(instrument=instrument)
        return found

    def reducible(self, symbol: Symbol, side: Side) -> Decimal:
        """Return how much an order may trade without opening anything."""
        holding = self.holdings.get(symbol)
        if holding is None or not holding.size or holding.size.is_signed() is not (side is Side.BUY):
            return ZERO
        return holding.size.copy_abs()

    def settle(self, trade: Trade, instrument: Instrument, *, is_void: bool = False) -> None:
        """Book a trade, or its opposite."""
        side = trade.order.side.opposite if is_void else trade.order.side
        fee = trade.fee.copy_negate() if is_void else trade.fee
        self.move(trade.fee_asset, fee.copy_negate())
        if instrument.is_perpetual:
            self.move(instrument.settle, self.holding(instrument).trade(side, trade.price, trade.quantity))
            return
        value = instrument.notional(trade.price, trade.quantity)
        sign = side.sign
        self.move(instrument.base, trade.quantity if sign > 0 else trade.quantity.copy_negate())
        self.move(instrument.quote, value.copy_negate() if sign > 0 else value)

    def reserve(self, order: Order, instrument: Instrument) -> None:
        """Set aside what the open rest of an order needs, in the place of what it had."""
        needs = needs_of(order, instrument)
        more = subtract(needs, order.held)
        order.held = needs
        if not instrument.is_perpetual:
            asset = instrument.quote if order.side is Side.BUY else instrument.base
            self.held[asset] = add(self.held.get(asset, ZERO), more)
        elif order.side is Side.BUY:
            holding = self.holding(instrument)
            holding.open_buys = add(holding.open_buys, more)
        else:
            holding = self.holding(instrument)
            holding.open_sells = add(holding.open_sells, more)

    def balances(self) -> tuple[VenueBalance, ...]:
        """Return every balance there ever was, as the venue shows it."""
        return tuple(
            VenueBalance(asset=asset, free=self.free(asset), locked=self.locked(asset)) for asset in sorted(self.totals)
        )

    def positions(self) -> tuple[VenuePosition, ...]:
        """Return the open positions as the venue shows them."""
        return tuple(
            VenuePosition(
                symbol=symbol, position_side=PositionSide.NET, size=holding.size, entry_price=holding.entry_price
            )
            for symbol, holding in sorted(self.holdings.items())
            if holding.size
        )


def needs_of(order: Order, instrument: Instrument) -> Decimal:
    """Return what an open order sets aside: base units (spot sale), quote units (spot buy), or a value for margin."""
    rest = order.remaining
    if not order.is_open or not rest or (instrument.is_perpetual and order.reduce_only):
        return ZERO
    if not instrument.is_perpetual and order.side is Side.SELL:
        return rest
    price = order.price or order.stop_price
    if price is None:
        return ZERO
    value = instrument.notional(price, rest)
    return value if instrument.is_perpetual else add(value, instrument.highest_fee(value))
