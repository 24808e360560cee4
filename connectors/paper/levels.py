"""Own orders of one side of one instrument, by price and then by number (the order in which they were placed).

A stop-limit order keeps its number when it triggers: it decides only between orders of one account, and so a restart
needs to know nothing but the orders themselves.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from decimal import Decimal
from operator import attrgetter

from connectors.paper.order import PaperOrder

_NUMBER = attrgetter("number")


class PriceLevels:
    """A sorted list of prices, and the orders at each by number."""

    __slots__ = ("by_price", "prices")

    def __init__(self) -> None:
        self.by_price: dict[Decimal, list[PaperOrder]] = {}
        self.prices: list[Decimal] = []
        """Ascending."""

    def __bool__(self) -> bool:
        return bool(self.prices)

    def add(self, price: Decimal, order: PaperOrder) -> None:
        """Put an order behind the older ones at its price."""
        level = self.by_price.get(price)
        if level is None:
            self.by_price[price] = [order]
            insort(self.prices, price)
        else:
            insort(level, order, key=_NUMBER)

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
