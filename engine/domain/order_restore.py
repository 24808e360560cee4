"""An order's state from what the tables hold: its row, its trades and its requests."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from uuid import UUID

from engine.domain.identifiers import OrderId, Symbol
from engine.domain.kinds import DoneReason, Lifecycle, Side
from engine.domain.order import OrderState
from engine.domain.order_facts import REFUSALS, CumulativeFact, FillFact, RequestFact
from engine.domain.values import ZERO, add, divide


def restore_order(  # noqa: PLR0913 - one argument per fact that the tables hold.
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
    missing_quantity: Decimal = ZERO,
    is_phantom: bool = False,
    is_gone: bool = False,
    trades: Iterable[FillFact] = (),
    voided: Iterable[str] = (),
    evidence: Iterable[FillFact] = (),
    requests: Mapping[UUID, RequestFact] | None = None,
) -> OrderState:
    """Rebuild the state so that every later fact has the effect that it would have had without the restart.

    Not stored, and so not restored: which refusal a late fill proved wrong (it stays cancelled).

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
        is_phantom: It was refused and has been seen at the venue since.
        is_gone: The venue knew it no more.
        missing_quantity: What statuses have counted beyond the trades.
        trades: All booked trades of the order, at most one of them inferred.
        voided: Trade ids that the venue took back, tombstones included.
        evidence: Reports that contradict the trades.
        requests: Its cancel and amend requests.
    """
    state = OrderState(order_id=order_id, symbol=symbol, side=side, quantity=quantity)
    state.voided = dict.fromkeys(voided)
    inferred = _book(state, trades)
    if missing_quantity:
        state.reported_quantity = add(state.total_quantity, missing_quantity)
        state.reported_at = (lifecycle is Lifecycle.DONE, venue_time_ns, 0)
    state.lifecycle = max(state.lifecycle, lifecycle)
    if done_reason is not DoneReason.FILLED or state.total_quantity < quantity:
        # That an order is filled its fills may say alone, and a larger quantity would open it again.
        state.claimed_reason = done_reason
    state.was_refused = late_fill or done_reason in REFUSALS
    # A refused order may have an id at the venue as well: that proves nothing.
    is_claimed_alive = done_reason not in REFUSALS and (bool(external_order_id) or lifecycle >= Lifecycle.WORKING)
    state.was_seen = bool(state.trades or inferred) or is_claimed_alive
    state.evidence = dict.fromkeys(evidence)
    if is_phantom:
        state.was_seen = state.was_refused = True
        state.claimed_reason = done_reason if done_reason in REFUSALS else DoneReason.REJECTED
    state.is_gone = is_gone
    state.venue_at = (venue_time_ns, 0)
    if external_order_id:
        state.external_order_id, state.external_id_at = external_order_id, state.venue_at
    state.requests = dict(requests or {})
    return state


def _book(state: OrderState, trades: Iterable[FillFact]) -> FillFact | None:
    """Apply the booked trades; return the inferred one."""
    inferred = None
    for fill in trades:
        if fill.inferred:
            inferred = fill
        else:
            state.apply_fill(fill)
    if inferred is not None:
        state.cumulative = _sum_behind(inferred, state)
        state.replace_inferred(inferred)
    return inferred


def _sum_behind(inferred: FillFact, state: OrderState) -> CumulativeFact:
    """Return the venue's sum from which this inferred fill followed."""
    quantity = add(state.traded_quantity, inferred.quantity)
    value = add(state.traded_value, inferred.value)
    return CumulativeFact(
        quantity=quantity,
        average_price=divide(value, quantity),
        fee=add(state.traded_fee(inferred.fee_asset), inferred.fee) if inferred.fee else inferred.fee,
        fee_asset=inferred.fee_asset,
        at_ns=inferred.executed_at_ns,
    )
