"""The open orders of one symbol by price."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from decimal import Decimal

from engine.domain.kinds import Side
from engine.simulation.venue.orders import Order


class Levels:
    """Orders by price, within a price by age."""

    def __init__(self) -> None:
        """Start empty."""
        self._prices: list[Decimal] = []
        """Ascending."""
        self._by_price: dict[Decimal, dict[int, Order]] = {}

    def add(self, price: Decimal, order: Order) -> None:
        """Put an order at the end of its price."""
        if price not in self._by_price:
            insort(self._prices, price)
            self._by_price[price] = {}
        self._by_price[price][order.placed] = order

    def discard(self, price: Decimal, order: Order) -> None:
        """Take an order out, if it is here."""
        level = self._by_price.get(price)
        if level is not None and level.pop(order.placed, None) is not None and not level:
            del self._by_price[price]
            del self._prices[bisect_left(self._prices, price)]

    def at_or_above(self, price: Decimal) -> list[Order]:
        """Return the orders at these prices, highest price first."""
        found = reversed(self._prices[bisect_left(self._prices, price) :])
        return [order for each in found for order in self._by_price[each].values()]

    def at_or_below(self, price: Decimal) -> list[Order]:
        """Return the orders at these prices, lowest price first."""
        found = self._prices[: bisect_right(self._prices, price)]
        return [order for each in found for order in self._by_price[each].values()]


class Book:
    """Resting orders and waiting stops of one symbol."""

    def __init__(self) -> None:
        """Start empty."""
        self._resting = {side: Levels() for side in Side}
        self._waiting = {side: Levels() for side in Side}
        self._places: dict[int, tuple[Levels, Decimal]] = {}

    def put(self, order: Order) -> None:
        """Let an order rest or wait where its values say; one without a price rests nowhere."""
        self.take(order)
        if order.is_triggered:
            levels, price = self._resting[order.side], order.price
        else:
            levels, price = self._waiting[order.side], order.stop_price
        if price is not None:
            levels.add(price, order)
            self._places[order.placed] = (levels, price)

    def take(self, order: Order) -> None:
        """Take an order out, if it is here."""
        place = self._places.pop(order.placed, None)
        if place is not None:
            place[0].discard(place[1], order)

    def crossed(self, price: Decimal) -> Iterable[Order]:
        """Return the resting orders that a market at this price reaches, best first."""
        return [*self._resting[Side.BUY].at_or_above(price), *self._resting[Side.SELL].at_or_below(price)]

    def triggered(self, price: Decimal) -> Iterable[Order]:
        """Return the stops that a market at this price triggers."""
        return [*self._waiting[Side.BUY].at_or_below(price), *self._waiting[Side.SELL].at_or_above(price)]
