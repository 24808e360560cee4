"""An order that the venue has shown, and knows no more: it is over, and nobody has told how.

Venues forget what has ended. That is no proof as a status is one, so if the order shows again it counts again, as one
does that was refused and lives.
"""

from engine.domain.kinds import DoneReason
from engine.domain.order import OrderState
from engine.domain.order_facts import Outcome


def apply_gone(state: OrderState) -> Outcome:
    """Take an order for over that the venue has denied to have for long."""
    state.is_gone = True
    return state.apply_done(DoneReason.CANCELLED)


def is_back(state: OrderState) -> bool:
    """Whether an order that the venue shows open was taken for gone."""
    return state.is_gone and state.is_done and state.claimed_reason is DoneReason.CANCELLED


def apply_return(state: OrderState) -> None:
    """Count an order again that rests after all."""
    state.is_gone = False
    state.was_refused = state.was_seen = True
    state.claimed_reason = DoneReason.NEVER_EXISTED
