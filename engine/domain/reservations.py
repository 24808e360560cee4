"""What orders that may still fill could do to positions and money, kept up to date in O(log n) per change.

An order reserves from the moment it passes the gate until it can fill no more; open and unknown orders count as if they
filled on their worse side. Reservations are never stored: they are rebuilt from the orders that are not over. The same
arithmetic serves the risk gate (one `Reservations` per scope that it limits) and the ledger (what is locked).

What an order sets aside, as venues do it: a spot buy its value and the highest fee, a spot sell its base units, an
order on a perpetual the margin of its value (`required_margin`). An order that can only reduce needs no margin, and
takes no position beyond zero; but it makes room for the others of its side to do so.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from engine.domain.identifiers import Asset, OrderId, Symbol
from engine.domain.instrument import Instrument
from engine.domain.kinds import Side
from engine.domain.position import Position
from engine.domain.values import ZERO, add, round_money, subtract

# Members of an enum cost a look-up each time.
_BUY: Final = Side.BUY


class Reservation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order that may still fill."""

    order_id: OrderId
    instrument: Instrument
    side: Side
    quantity: Decimal
    """What may still fill; zero or more."""
    price: Decimal
    """Values the order: its limit, its stop, or for a market order what it may cost at worst."""
    resting_price: Decimal | None = None
    """Limit at which it may rest in the book, None for an order that never rests; for self-trade checks."""
    reduce_only: bool = False

    @property
    def value(self) -> Decimal:
        """Quote units, zero or more."""
        return self.instrument.notional(self.price, self.quantity)


class Exposure:
    """All reservations of one symbol."""

    __slots__ = (
        "buy_prices",
        "buys",
        "buys_value",
        "count",
        "reducing_buys",
        "reducing_sells",
        "sell_prices",
        "sells",
        "sells_value",
    )

    def __init__(self) -> None:
        """Start with nothing."""
        self.count = 0
        """Orders, reduce-only ones included."""
        self.buys = ZERO
        """Units that open buys may add; without reduce-only orders, as all sums that are not of them."""
        self.sells = ZERO
        self.buys_value = ZERO
        """Quote units of open buys at their own prices."""
        self.sells_value = ZERO
        self.reducing_buys = ZERO
        """Units that reduce-only buys may fill, as far as there is a short position."""
        self.reducing_sells = ZERO
        self.buy_prices: list[Decimal] = []
        """Prices at which own buys may rest, ascending; reduce-only ones included."""
        self.sell_prices: list[Decimal] = []

    def weigh(self, side: Side, quantity: Decimal, value: Decimal) -> None:
        """Add signed changes of the quantity and the value of orders of one side."""
        if side is _BUY:
            self.buys = add(self.buys, quantity)
            self.buys_value = add(self.buys_value, value)
        else:
            self.sells = add(self.sells, quantity)
            self.sells_value = add(self.sells_value, value)

    def weigh_reducing(self, side: Side, quantity: Decimal) -> None:
        """Add a signed change of the quantity of reduce-only orders of one side."""
        if side is _BUY:
            self.reducing_buys = add(self.reducing_buys, quantity)
        else:
            self.reducing_sells = add(self.reducing_sells, quantity)

    def worst_size(self, size: Decimal, side: Side, quantity: Decimal = ZERO) -> Decimal:
        """Return the signed position if all orders of one side filled, and `quantity` more on that side.

        Those that only reduce fill first, down to zero: a long 20 with a reduce-only sell of 12 and a sell of 20 may
        end 12 short.
        """
        if side is _BUY:
            reduces = self.reducing_buys and min(self.reducing_buys, max(size.copy_negate(), ZERO))
            return add(add(add(size, reduces), self.buys), quantity)
        reduces = self.reducing_sells and min(self.reducing_sells, max(size, ZERO))
        return subtract(subtract(subtract(size, reduces), self.sells), quantity)


class Reservations:
    """The orders of one scope that may still fill."""

    __slots__ = ("_exposures", "_held", "_orders")

    def __init__(self) -> None:
        """Start with nothing; `take` every order that is not over."""
        self._orders: dict[OrderId, Reservation] = {}
        self._exposures: dict[Symbol, Exposure] = {}
        self._held: dict[Asset, Decimal] = {}

    def __len__(self) -> int:
        return len(self._orders)

    def __iter__(self) -> Iterator[Reservation]:
        return iter(self._orders.values())

    def get(self, order_id: OrderId) -> Reservation | None:
        """Return the reservation of an order, None if it has none."""
        return self._orders.get(order_id)

    def take(self, reservation: Reservation) -> None:
        """Reserve for an order, in the place of what it had reserved before."""
        order_id, symbol = reservation.order_id, reservation.instrument.symbol
        if order_id in self._orders:
            self.release(order_id)
        self._orders[order_id] = reservation
        exposure = self._exposures.get(symbol)
        if exposure is None:
            exposure = self._exposures[symbol] = Exposure()
        exposure.count += 1
        price = reservation.resting_price
        if price is not None:
            insort(exposure.buy_prices if reservation.side is _BUY else exposure.sell_prices, price)
        if reservation.reduce_only:
            exposure.weigh_reducing(reservation.side, reservation.quantity)
        else:
            exposure.weigh(reservation.side, reservation.quantity, reservation.value)
        if not reservation.instrument.is_perpetual:
            self._hold(*spot_need(reservation))

    def shrink(self, order_id: OrderId, quantity: Decimal) -> bool:
        """Set what may still fill of an order, after a fill; never more than before.

        Args:
            order_id: An order without a reservation is ignored.
            quantity: `OrderState.open_quantity`.

        Returns:
            Whether anything changed.
        """
        old = self._orders.get(order_id)
        if old is None or quantity >= old.quantity:
            return False
        new = msgspec.structs.replace(old, quantity=quantity)
        self._orders[order_id] = new
        exposure, less = self._exposures[old.instrument.symbol], subtract(quantity, old.quantity)
        if old.reduce_only:
            exposure.weigh_reducing(old.side, less)
        else:
            exposure.weigh(old.side, less, subtract(new.value, old.value))
        if not old.instrument.is_perpetual:
            asset, amount = spot_need(new)
            self._hold(asset, subtract(amount, spot_need(old)[1]))
        return True

    def release(self, order_id: OrderId) -> Reservation | None:
        """Give back what an order has reserved; return it, None if there was nothing."""
        old = self._orders.pop(order_id, None)
        if old is None:
            return None
        symbol = old.instrument.symbol
        exposure = self._exposures[symbol]
        exposure.count -= 1
        if old.resting_price is not None:
            prices = exposure.buy_prices if old.side is _BUY else exposure.sell_prices
            del prices[bisect_left(prices, old.resting_price)]
        if not exposure.count:
            del self._exposures[symbol]
        elif old.quantity and old.reduce_only:
            exposure.weigh_reducing(old.side, old.quantity.copy_negate())
        elif old.quantity:
            exposure.weigh(old.side, old.quantity.copy_negate(), old.value.copy_negate())
        if not old.instrument.is_perpetual:
            asset, amount = spot_need(old)
            self._hold(asset, amount.copy_negate())
        return old

    def _hold(self, asset: Asset, amount: Decimal) -> None:
        """Add a signed change to what spot orders set aside of an asset."""
        total = add(self._held.get(asset, ZERO), amount)
        if total:
            self._held[asset] = total
        else:
            self._held.pop(asset, None)

    def exposure(self, symbol: Symbol) -> Exposure:
        """Return the sums of a symbol; zeros if it has no orders. Do not change it."""
        return self._exposures.get(symbol) or _NOTHING

    def held(self, asset: Asset) -> Decimal:
        """Return what spot orders set aside of an asset."""
        return self._held.get(asset, ZERO)

    def held_assets(self) -> dict[Asset, Decimal]:
        """Return what spot orders set aside, per asset, without zeros."""
        return dict(self._held)

    def required_margin(self, position: Position) -> Decimal:
        """Return the margin for a position in a perpetual and its open orders, in the settle asset."""
        exposure = self.exposure(position.instrument.symbol)
        return required_margin(position, exposure.buys_value, exposure.sells_value)


_NOTHING = Exposure()


def spot_need(order: Reservation) -> tuple[Asset, Decimal]:
    """Return (asset, amount) that a spot order sets aside: quote with the highest fee for a buy, base for a sell."""
    if order.side is not _BUY:
        return order.instrument.base, order.quantity
    value = order.value
    return order.instrument.quote, add(value, order.instrument.highest_fee(value)) if value else ZERO


def required_margin(position: Position, buys_value: Decimal, sells_value: Decimal) -> Decimal:
    """Return the initial margin for whichever side of all orders is larger, so that it is there however they fill.

    Args:
        position: In a perpetual; counts at the value at which it was opened.
        buys_value: Quote units of open buys at their own prices, reduce-only orders left out.
        sells_value: The same of open sells.

    Returns:
        Settle units, rounded to 18 decimals.
    """
    cost = position.cost
    return round_money(position.instrument.margin(max(add(cost, buys_value), subtract(sells_value, cost), ZERO)))
