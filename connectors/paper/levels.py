"""Own orders of one side of one instrument, by price and then by arrival."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from decimal import Decimal

from connectors.paper.order import PaperOrder


class PriceLevels:
    """A sorted list of prices, and the orders at each in the order in which they came."""

    __slots__ = ("by_price", "prices")

    def __init__(self) -> None:
        self.by_price: dict[Decimal, list[PaperOrder]] = {}
        self.prices: list[Decimal] = []
        """Ascending."""

    def __bool__(self) -> bool:
        return bool(self.prices)

    def add(self, price: Decimal, order: PaperOrder) -> None:
        """Put an order behind those at its price."""
        level = self.by_price.get(price)
        if level is None:
            self.by_price[price] = [order]
            insort(self.prices, price)
        else:
            level.append(order)

    def discard(self, price: Decimal, order: PaperOrder) -> bool:
        """Take an order out; False if it is not here."""
        level = self.by_price.get(price)
        if level is None or order not in level:
            return False
        level.remove(order)
        if not level:
            del self.by_price[price]
            del self.prices[bisect_left(self.prices, price)]
        return True

    def at_or_above(self, price: Decimal) -> Iterator[tuple[Decimal, list[PaperOrder]]]:
        """Yield (price, orders) from the highest price down to `price`. Do not add or discard meanwhile."""
        for index in range(len(self.prices) - 1, bisect_left(self.prices, price) - 1, -1):
            at = self.prices[index]
            yield at, self.by_price[at]

    def at_or_below(self, price: Decimal) -> Iterator[tuple[Decimal, list[PaperOrder]]]:
        """Yield (price, orders) from the lowest price up to `price`. Do not add or discard meanwhile."""
        for index in range(bisect_right(self.prices, price)):
            at = self.prices[index]
            yield at, self.by_price[at]

    def orders(self) -> Iterator[PaperOrder]:
        """Yield all orders by price, then arrival."""
        for price in self.prices:
            yield from self.by_price[price]
