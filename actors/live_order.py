"""An order in the router's memory: what is known about it, and the row that says so."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from engine.domain.capabilities import ClientIdRule
from engine.domain.identifiers import AccountId, AgentId, CorrelationId, UserId, venue_client_id
from engine.domain.kinds import (
    DoneReason,
    Lifecycle,
    OrderOrigin,
    OrderStatus,
    OrderType,
    PositionSide,
    RequestKind,
    Side,
    TimeInForce,
)
from engine.domain.order import OrderState
from engine.domain.values import ZERO, add
from engine.messages.orders import Denial, OrderChanged, OrderIntent
from engine.messages.rows import OrderRequestRow, OrderRow, TradeRow
from engine.messages.venues import VenueOrder, VenueSubmit

_EVENT_OF_REASON = {
    DoneReason.FILLED: "OrderFilled",
    DoneReason.CANCELLED: "OrderCancelled",
    DoneReason.EXPIRED: "OrderExpired",
    DoneReason.REJECTED: "OrderRejected",
    DoneReason.DENIED: "OrderDenied",
    DoneReason.NEVER_EXISTED: "OrderRejected",
}

Seen = tuple[Lifecycle, DoneReason | None, Decimal]
"""Lifecycle, reason and filled quantity of an order before a fact, to name the event after it."""


class LiveOrder:
    """One order; only its router touches it."""

    __slots__ = (
        "_told",
        "absences",
        "asked_since_ns",
        "denied_since_ns",
        "listed",
        "missing",
        "n",
        "question",
        "requests",
        "row",
        "state",
        "trades",
        "unsent",
    )

    def __init__(
        self,
        state: OrderState,
        row: OrderRow,
        requests: Iterable[OrderRequestRow] = (),
        trades: Iterable[TradeRow] = (),
    ) -> None:
        """Join a state and the rows that were made of it."""
        self.state = state
        self.row = row
        self.requests: dict[UUID, OrderRequestRow] = {request.id: request for request in requests}
        """Requests that are not answered."""
        self.trades: dict[str, TradeRow] = {trade_id_of(trade): trade for trade in trades}
        """Trade id -> the row that counts."""
        self._told: OrderChanged | None = None
        """What was last said of it: most of that never changes."""
        self.n = 0
        """Number of the last unit that holds this order; it leaves memory only when that is durable."""
        self.unsent: VenueSubmit | None = None
        """The request while it waits for its commit; it can still be withdrawn."""
        self.question = 0
        """How often the venue has been asked about it in a row; 0 while nobody asks."""
        self.listed: VenueOrder | None = None
        """What the venue has said in full about it, with the most filled."""
        self.missing: tuple[int, int] | None = None
        """(since, how often they were asked for): fills that a status tells of and that have not come; wall time."""
        self.asked_since_ns: int | None = None
        """Wall time of the first of these questions; None once a person was told that it takes long."""
        self.denied_since_ns = 0
        """Venue time of the first answer in a row that it has no such order, though it has shown it; 0 without one."""
        self.absences = 0
        """Answers in a row that the venue has no such order, each from after its deadline."""

    @property
    def correlation_id(self) -> CorrelationId:
        """What led to the order; in every event about it."""
        return CorrelationId(self.row.correlation_id)

    def seen(self) -> Seen:
        """Remember where the order stands, before a fact is applied."""
        state = self.state
        return state.lifecycle, state.done_reason, state.filled_quantity

    def event_since(self, seen: Seen) -> str | None:
        """Name what has happened since; None if it is nothing that anybody sees, such as a newer time of a status."""
        lifecycle, reason, filled = seen
        state = self.state
        now = state.done_reason
        if now is not None and now is not reason:
            return _EVENT_OF_REASON[now]
        if state.filled_quantity < filled:
            return "OrderCorrected"
        if state.filled_quantity != filled:
            return "OrderPartiallyFilled"
        if state.lifecycle is not lifecycle:
            return "OrderUnknown" if state.lifecycle is Lifecycle.UNKNOWN else "OrderAccepted"
        return None

    def refresh(self, now_ns: int) -> OrderRow:
        """Make the row anew from the state."""
        state = self.state
        status, detail, reason = state.describe()
        fee_asset, fees = next(iter(state.fees.items())) if state.fees else _NO_FEES
        self.row = row = _replace(
            self.row,
            external_order_id=state.external_order_id or None,
            quantity=state.quantity,
            status=_TEXT_OF_STATUS[status],
            status_detail=detail,
            lifecycle=_NAME_OF[state.lifecycle],
            done_reason=_TEXT_OF_REASON[reason],
            filled_quantity=state.filled_quantity,
            average_price=state.average_price,
            fees=fees,
            fee_asset=fee_asset,
            late_fill=state.is_late_fill,
            missing_quantity=state.missing_quantity if state.reported_quantity else ZERO,
            venue_updated_at=state.venue_at[0] or None,
            updated_at=now_ns,
        )
        return row

    def explain(self, code: str, limit: str | None, value: str | None) -> None:
        """Keep why it was refused, by us or by the venue."""
        self.row = msgspec.structs.replace(self.row, denial_code=code[:50], denial_limit=limit, denial_value=value)

    def changed(self, just_filled: Decimal = ZERO) -> OrderChanged:
        """Say how the order stands, for gate, coordinator and ledger; `just_filled`: in the unit that is leaving."""
        state = self.state
        filled = state.filled_quantity
        self._told = told = _replace(
            self._told or self._first_change(),
            quantity=state.quantity,
            filled_quantity=filled,
            just_filled=just_filled,
            expected_quantity=add(filled, state.open_quantity),
            status=state.status,
            is_done=state.is_done and not state.is_phantom,
            denial_code=self.row.denial_code,
            price=self.row.stop_price if self.row.price is None else self.row.price,
            **self._asked(),
        )
        return told

    def _asked(self) -> dict[str, Decimal | None]:
        """Return what open amends ask for at worst."""
        if not self.requests:
            return _NOTHING_ASKED
        asked = [row for row in self.requests.values() if row.kind == RequestKind.AMEND.value]
        quantities = [row.quantity for row in asked if row.quantity is not None]
        prices = [each for row in asked if (each := row.price or row.stop_price) is not None]
        nearest = max if self.state.side is Side.BUY else min
        return {
            "amend_quantity": max(quantities) if quantities else None,
            "amend_price": nearest(prices) if prices else None,
        }

    def _first_change(self) -> OrderChanged:
        state, row = self.state, self.row
        return OrderChanged(
            order_id=state.order_id,
            user_id=UserId(row.user_id),
            account_id=AccountId(row.account_id),
            venue=row.exchange,
            symbol=state.symbol,
            side=state.side,
            type=OrderType(row.type),
            price=row.stop_price if row.price is None else row.price,
            quantity=state.quantity,
            filled_quantity=ZERO,
            expected_quantity=ZERO,
            status=OrderStatus.PENDING,
            is_done=False,
            reduce_only=row.reduce_only,
            position_side=PositionSide(row.position_side),
            origin=OrderOrigin(row.origin),
            agent_id=None if row.agent_id is None else AgentId(row.agent_id),
        )


_replace = msgspec.structs.replace
_NOTHING_ASKED: Final[dict[str, Decimal | None]] = {"amend_quantity": None, "amend_price": None}
_NO_FEES: Final[tuple[str | None, Decimal]] = (None, ZERO)
# An enum's `value` costs a call.
_TEXT_OF_STATUS: Final = {status: status.value for status in OrderStatus}
_TEXT_OF_REASON: Final[dict[DoneReason | None, str | None]] = {None: None, **{each: each.value for each in DoneReason}}
_NAME_OF: Final = {rank: rank.name.lower() for rank in Lifecycle}
LIFECYCLE_OF = {name: rank for rank, name in _NAME_OF.items()}


def new_order(
    intent: OrderIntent, *, fence: int, send_by_ns: int | None, now_ns: int, ids: ClientIdRule | None = None
) -> LiveOrder:
    """Make the order of an intent, not submitted yet.

    Args:
        intent: Checked, or about to be kept as denied.
        fence: Of the cell.
        send_by_ns: Wall clock; None for an order that is never sent.
        now_ns: Market time.
        ids: How the venue wants client ids; None where it has not said it.
    """
    state = OrderState(order_id=intent.order_id, symbol=intent.symbol, side=intent.side, quantity=intent.quantity)
    row = OrderRow(
        id=intent.order_id,
        user_id=intent.user_id,
        account_id=intent.account_id,
        external_order_id=None,
        client_order_id=intent.client_order_id,
        venue_client_id=venue_client_id(intent.order_id, intent.venue) if ids is None else ids.spell(intent.order_id),
        intent_key=intent.intent_key,
        symbol=intent.symbol,
        side=intent.side.value,
        type=intent.type.value,
        quantity=intent.quantity,
        price=intent.price,
        stop_price=intent.stop_price,
        time_in_force=intent.time_in_force.value,
        post_only=intent.post_only,
        reduce_only=intent.reduce_only,
        position_side=intent.position_side.value,
        status="pending",
        status_detail="created",
        lifecycle="created",
        done_reason=None,
        filled_quantity=ZERO,
        average_price=None,
        fees=ZERO,
        fee_asset=None,
        exchange=intent.venue,
        origin=intent.origin.value,
        agent_id=intent.agent_id,
        strategy_id=intent.strategy_id,
        executor_id=intent.executor_id,
        signal_id=intent.signal_id,
        correlation_id=intent.correlation_id,
        fence=fence,
        send_by=send_by_ns,
        created_at=now_ns,
        updated_at=now_ns,
    )
    return LiveOrder(state, row)


def denied_order(intent: OrderIntent, denial: Denial, *, fence: int, now_ns: int) -> LiveOrder:
    """Make the order of an intent that is refused and never sent."""
    live = new_order(intent, fence=fence, send_by_ns=None, now_ns=now_ns)
    live.state.apply_done(DoneReason.DENIED)
    live.explain(denial.code, denial.limit, denial.value)
    live.row = msgspec.structs.replace(live.row, denial_count=1)
    return live


def submit_of(live: LiveOrder) -> VenueSubmit:
    """Build the request as it goes to the venue, and keep it in the row."""
    row, state = live.row, live.state
    assert row.send_by is not None, f"order {row.id}: expected a send_by"
    submit = VenueSubmit(
        order_id=state.order_id,
        account_id=AccountId(row.account_id),
        venue_client_id=row.venue_client_id,
        venue=row.exchange,
        symbol=row.symbol,
        side=state.side,
        type=OrderType(row.type),
        quantity=row.quantity,
        price=row.price,
        stop_price=row.stop_price,
        time_in_force=TimeInForce(row.time_in_force),
        post_only=row.post_only,
        reduce_only=row.reduce_only,
        position_side=PositionSide(row.position_side),
        valid_until_ns=row.send_by,
        fence=row.fence or 0,
    )
    live.row = msgspec.structs.replace(row, request=_request(submit))
    live.unsent = submit
    return submit


def _request(submit: VenueSubmit) -> dict[str, Any]:
    return {
        "venue_client_id": submit.venue_client_id,
        "symbol": submit.symbol,
        "side": submit.side.value,
        "type": submit.type.value,
        "quantity": str(submit.quantity),
        "price": None if submit.price is None else str(submit.price),
        "stop_price": None if submit.stop_price is None else str(submit.stop_price),
        "time_in_force": submit.time_in_force.value,
        "post_only": submit.post_only,
        "reduce_only": submit.reduce_only,
        "position_side": submit.position_side.value,
        "valid_until_ns": submit.valid_until_ns,
    }


def trade_id_of(row: TradeRow) -> str:
    """Return the name that a trade has within its order; an inferred one bears the order's id in the table."""
    return row.external_trade_id.removesuffix(f":{row.order_id}") if row.inferred else row.external_trade_id
