"""An order's state from what the tables hold: its row, its trades and its requests."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from uuid import UUID

from engine.domain.identifiers import OrderId, Symbol
from engine.domain.kinds import DoneReason, Lifecycle, Side
from engine.domain.order import OrderState
from engine.domain.order_facts import REFUSALS, CumulativeFact, FillFact, RequestFact
from engine.domain.values import add, divide, multiply


def restore_order(
    *,
    order_id: OrderId,
    symbol: Symbol,
    side: Side,
    quantity: Decimal,
    lifecycle: Lifecycle,
    done_reason: DoneReason | None,
    external_order_id: str | None,
    venue_time_ns: int,
    late_fill: bool,
    trades: Iterable[FillFact] = (),
    voided: Iterable[str] = (),
    requests: Mapping[UUID, RequestFact] | None = None,
) -> OrderState:
    """Rebuild the state so that every later fact has the effect that it would have had without the restart.

    Not stored, and so not restored: which refusal a late fill proved wrong (it stays cancelled), evidence, and what
    statuses counted as filled (the reconciliation after the restart asks again).

    Args:
        order_id: Ours.
        symbol: Of the order.
        side: Of the order.
        quantity: Ordered.
        lifecycle: As stored.
        done_reason: As stored; None while it lives.
        external_order_id: The venue's id, None if not known yet.
        venue_time_ns: Venue time of the newest status, 0 if there was none.
        late_fill: As stored.
        trades: All booked trades of the order, at most one of them inferred.
        voided: Trade ids that the venue took back, tombstones included.
        requests: Its cancel and amend requests.
    """
    state = OrderState(order_id=order_id, symbol=symbol, side=side, quantity=quantity)
    state.voided = dict.fromkeys(voided)
    inferred = None
    for fill in trades:
        if fill.inferred:
            inferred = fill
        else:
            state.apply_fill(fill)
    if inferred is not None:
        state.cumulative = _sum_behind(inferred, state)
        state.replace_inferred(inferred)
    state.lifecycle = max(state.lifecycle, lifecycle)
    state.claimed_reason = done_reason
    state.was_refused = late_fill or done_reason in REFUSALS
    state.was_seen = bool(state.trades or external_order_id or inferred) or (
        lifecycle >= Lifecycle.WORKING and done_reason not in REFUSALS
    )
    state.venue_at = (venue_time_ns, 0)
    if external_order_id:
        state.external_order_id, state.external_id_at = external_order_id, state.venue_at
    state.requests = dict(requests or {})
    return state


def _sum_behind(inferred: FillFact, state: OrderState) -> CumulativeFact:
    """Return the venue's sum from which this inferred fill followed."""
    quantity = add(state.traded_quantity, inferred.quantity)
    value = add(state.traded_value, inferred.value)
    return CumulativeFact(
        quantity=quantity,
        average_price=divide(value, quantity),
        fee=divide(multiply(inferred.fee, quantity), inferred.quantity),
        fee_asset=inferred.fee_asset,
        at_ns=inferred.executed_at_ns,
    )
