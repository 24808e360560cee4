"""An amend as a fact: from a moment of the venue's time on, the order has other values. The newest one counts.

A larger quantity may open an order again that its fills had completed: that end was our arithmetic, nobody had claimed
it. An end that was claimed stays.
"""

from decimal import Decimal

import msgspec

from engine.domain.kinds import Lifecycle
from engine.domain.order import OrderState
from engine.domain.order_facts import Outcome, StatusFact
from engine.domain.values import ZERO, require_ns, require_positive


class AmendFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The venue's values of an order after it was changed."""

    at_ns: int
    """The venue's time of the change."""
    quantity: Decimal
    """The whole quantity, what is filled included."""
    price: Decimal | None = None
    stop_price: Decimal | None = None
    external_order_id: str = ""
    """A new one where the venue replaces."""

    def __post_init__(self) -> None:
        """Refuse what no order can be."""
        require_positive(self.quantity, field="quantity")
        require_ns(self.at_ns, field="at_ns")

    @property
    def rank(self) -> tuple[int, Decimal, Decimal, Decimal]:
        """Tells the newer of two; the rest only makes the order total."""
        return self.at_ns, self.quantity, self.price or ZERO, self.stop_price or ZERO


def apply_amend(state: OrderState, fact: AmendFact) -> Outcome:
    """Take the venue's new values of an order, unless newer ones are known.

    The prices are no part of the state: whoever keeps the order's row takes them if `amended_at` is this fact's rank.
    """
    outcome = state.apply_status(StatusFact(venue_time_ns=fact.at_ns, external_order_id=fact.external_order_id))
    if fact.rank <= state.amended_at:
        return outcome
    state.amended_at = fact.rank
    state.quantity = fact.quantity
    if state.lifecycle is Lifecycle.DONE:
        if state.claimed_reason is None and state.total_quantity < fact.quantity:
            state.lifecycle = Lifecycle.WORKING
    elif state.total_quantity >= fact.quantity:
        state.lifecycle = Lifecycle.DONE
    return Outcome(changed=True, alarms=outcome.alarms)
