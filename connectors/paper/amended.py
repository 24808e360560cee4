"""What an order would be after an amend, and whether the venue takes that."""

from decimal import Decimal
from typing import NamedTuple, Self

from connectors.paper.matching import Market
from connectors.paper.order import PENDING, PaperOrder
from connectors.paper.rules import BELOW_FILLED, MALFORMED, POST_ONLY_TAKES, STOP_TRIGGERS, UNCHANGED
from engine.domain.errors import BadInput
from engine.domain.kinds import TRIGGERED_TYPES
from engine.domain.values import parse_decimal, subtract
from engine.messages.venues import VenueAmend


class Amended(NamedTuple):
    """Quantity and prices of an order."""

    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None

    @classmethod
    def now(cls, order: PaperOrder) -> Self:
        """Return them as they are."""
        return cls(order.quantity, order.price, order.stop_price)

    @classmethod
    def of(cls, order: PaperOrder, amend: VenueAmend) -> Self:
        """Return them as an amend wants them; what it does not name stays."""
        return cls(
            order.quantity if amend.quantity is None else amend.quantity,
            order.price if amend.price is None else amend.price,
            order.stop_price if amend.stop_price is None else amend.stop_price,
        )

    def apply(self, order: PaperOrder) -> None:
        """Make an order so; it must not rest meanwhile."""
        order.quantity, order.price, order.stop_price = self
        order.remaining = subtract(order.quantity, order.filled)

    def only_shrinks(self, order: PaperOrder) -> bool:
        """Whether an order keeps its place in the queue."""
        return self.quantity <= order.quantity and (self.price, self.stop_price) == (order.price, order.stop_price)

    def refusal(self, order: PaperOrder, market: Market) -> str | None:
        """Return why the venue does not change an order so; money is looked at elsewhere."""
        try:
            for number in self:
                if number is not None:
                    parse_decimal(number, field="number")
        except BadInput:
            return MALFORMED
        if self == self.now(order):
            return UNCHANGED
        if self.quantity <= order.filled:
            return BELOW_FILLED
        if self.stop_price != order.stop_price and (order.type not in TRIGGERED_TYPES or order.state is not PENDING):
            return "stop_price_not_allowed"
        broken = market.instrument.check_order(
            type=order.type,
            quantity=self.quantity,
            price=self.price,
            stop_price=self.stop_price,
            reduce_only=order.reduce_only,
        )
        return broken[0].code if broken else self._wrong_moment(order, market)

    def _wrong_moment(self, order: PaperOrder, market: Market) -> str | None:
        touch = market.depth.best(is_ask=order.is_buy)
        if order.post_only and touch is not None and self.price is not None:
            takes = self.price >= touch if order.is_buy else self.price <= touch
            if takes:
                return POST_ONLY_TAKES
        if order.state is PENDING and market.is_triggered(order.type, self.stop_price, is_buy=order.is_buy):
            return STOP_TRIGGERS
        return None
