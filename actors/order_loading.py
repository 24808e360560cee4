"""Orders from what the tables hold: their rows, trades, requests and the evidence against some trades."""

from decimal import Decimal

from actors.evidence import VOID, fact_of_evidence
from actors.live_order import LIFECYCLE_OF, LiveOrder, trade_id_of
from engine.domain.identifiers import OrderId
from engine.domain.kinds import DoneReason, Liquidity, RequestKind, RequestState, Side
from engine.domain.order_facts import EXISTS_AFTER_ALL, GONE, FillFact, RequestFact
from engine.domain.order_restore import restore_order
from engine.domain.values import ZERO
from engine.messages.archive import OrderLoad
from engine.messages.rows import OrderRow, TradeRow


def restored_order(load: OrderLoad) -> LiveOrder:
    """Rebuild an order from its rows.

    A trade that another replaced is evidence, or was inferred; one that voided itself was taken back by the venue.
    """
    row = load.row
    voided = {each.external_trade_id for each in load.evidence if each.kind == VOID}
    voided |= {trade.external_trade_id for trade in load.trades if trade.voided_by == trade.id}
    known = [trade for trade in load.trades if trade.voided_by in (None, trade.id)]
    evidence = [fact_of_evidence(each) for each in load.evidence]
    state = restore_order(
        order_id=OrderId(row.id),
        symbol=row.symbol,
        side=Side(row.side),
        quantity=row.quantity,
        lifecycle=LIFECYCLE_OF[row.lifecycle],
        done_reason=None if row.done_reason is None else DoneReason(row.done_reason),
        external_order_id=row.external_order_id,
        venue_time_ns=row.venue_updated_at or 0,
        late_fill=row.late_fill,
        missing_quantity=row.missing_quantity,
        is_phantom=row.status_detail == EXISTS_AFTER_ALL,
        is_gone=row.status_detail == GONE,
        trades=[fact_of_trade(trade) for trade in known],
        voided=sorted(voided),
        evidence=[fact for fact in evidence if fact is not None],
        requests={each.id: RequestFact(RequestKind(each.kind), RequestState(each.state)) for each in load.requests},
    )
    if _is_amended(row):
        # The row has the values of the newest amend; one as old as the newest status brings nothing.
        state.amended_at = (row.venue_updated_at or 0, row.quantity, row.price or ZERO, row.stop_price or ZERO)
    return LiveOrder(state, row, load.requests, [trade for trade in known if trade.voided_by is None])


def _is_amended(row: OrderRow) -> bool:
    """Whether an order has other values than those that it was sent with."""
    sent = row.request or {}
    now = (row.quantity, row.price, row.stop_price)
    was = [None if (text := sent.get(name)) is None else Decimal(text) for name in ("quantity", "price", "stop_price")]
    return bool(sent) and now != tuple(was)


def fact_of_trade(trade: TradeRow) -> FillFact:
    """Return the fact that a trade's row holds."""
    return FillFact(
        trade_id=trade_id_of(trade),
        price=trade.price,
        quantity=trade.quantity,
        fee=trade.fees,
        fee_asset=trade.fee_asset or "",
        liquidity=Liquidity(trade.liquidity),
        executed_at_ns=trade.executed_at,
        inferred=trade.inferred,
    )
