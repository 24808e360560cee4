"""Collects what facts about orders change, until it leaves as one unit of work.

An order that changes several times within one unit has one row in it, the newest, and an event per change.
"""

from typing import Final

from actors.live_order import LiveOrder, Seen
from engine.domain.identifiers import AccountId, CorrelationId, OrderId, UserId, Venue
from engine.domain.kinds import PositionSide, Side
from engine.domain.order_facts import Alarm, FillFact, Outcome
from engine.domain.ports import Ids
from engine.domain.values import ZERO
from engine.messages.orders import Fill, OrderChanged
from engine.messages.rows import OrderRequestRow, Row, TradeRow
from engine.messages.rows_people import RiskAlertRow
from engine.messages.writing import JournalEvent

_SEVERITY: Final = {
    Alarm.OVERFILL: "critical",
    Alarm.LATE_FILL: "high",
    Alarm.CONFLICTING_TRADE: "high",
    Alarm.EXISTS_AFTER_ALL: "high",
    Alarm.VOIDED: "medium",
}


class FactBatch:
    """Rows, events and fills of one unit, in the order in which they were learnt."""

    __slots__ = (
        "_account_id",
        "_dirty",
        "_ids",
        "_now_ns",
        "_others",
        "_touched",
        "_user_id",
        "_venue",
        "events",
        "fills",
        "trades",
    )

    def __init__(self, *, user_id: UserId, account_id: AccountId, venue: Venue, ids: Ids, now_ns: int) -> None:
        """Start empty; `now_ns`: market time of all that is added."""
        self._user_id = user_id
        self._account_id = account_id
        self._venue = venue
        self._ids = ids
        self._now_ns = now_ns
        self._touched: dict[OrderId, LiveOrder] = {}
        self._dirty: set[OrderId] = set()
        """Orders whose row is older than their state: nobody has looked at it in between."""
        self._others: list[Row] = []
        self.events: list[JournalEvent] = []
        self.fills: list[Fill] = []
        self.trades: list[TradeRow] = []

    def __bool__(self) -> bool:
        return bool(self._touched or self._others)

    @property
    def orders(self) -> tuple[LiveOrder, ...]:
        """Every order that has changed."""
        return tuple(self._touched.values())

    def rows(self) -> tuple[Row, ...]:
        """Return the newest row of every order that has changed, then everything else."""
        dirty = self._dirty
        if not dirty:
            return (*[live.row for live in self._touched.values()], *self._others)
        orders = [
            live.refresh(self._now_ns) if order_id in dirty else live.row for order_id, live in self._touched.items()
        ]
        return (*orders, *self._others)

    def changes(self) -> tuple[OrderChanged, ...]:
        """Return how the orders that have changed now stand."""
        return tuple([live.changed() for live in self._touched.values()])

    def learn(self, live: LiveOrder, seen: Seen, outcome: Outcome) -> None:
        """Add what a fact has changed of an order; nothing if it changed nothing.

        Args:
            live: The order, with the fact applied.
            seen: Where it stood before.
            outcome: What applying the fact returned.
        """
        if not outcome.changed:
            return
        self._touched[live.state.order_id] = live
        kind = live.event_since(seen)
        if kind is None:
            self._dirty.add(live.state.order_id)
        else:
            self._dirty.discard(live.state.order_id)
            self.event("orders", kind, live.refresh(self._now_ns), live.correlation_id)
        for fact in outcome.book:
            self._book(live, fact)
        for alarm in outcome.alarms:
            self.alert(live, alarm.value, _SEVERITY[alarm])

    def created(self, live: LiveOrder, kind: str) -> None:
        """Add a new order."""
        self._touched[live.state.order_id] = live
        self.event("orders", kind, live.refresh(self._now_ns), live.correlation_id)

    def add(self, row: Row) -> None:
        """Add a row that is no order in memory."""
        self._others.append(row)

    def request(self, live: LiveOrder, kind: str, row: OrderRequestRow) -> None:
        """Add a cancel request or its answer."""
        self._others.append(row)
        self.event("orders", kind, row, live.correlation_id)

    def event(self, channel: str, kind: str, data: Row, correlation_id: CorrelationId | None) -> None:
        """Add an event."""
        self.events.append(
            JournalEvent(
                channel=channel,
                type=kind,
                data=data,
                at_ns=self._now_ns,
                account_id=self._account_id,
                correlation_id=correlation_id,
            )
        )

    def _book(self, live: LiveOrder, fact: FillFact) -> None:
        side = live.state.side
        self.fills.append(
            Fill(
                external_trade_id=fact.trade_id,
                order_id=live.state.order_id,
                account_id=self._account_id,
                venue=self._venue,
                symbol=live.state.symbol,
                side=side,
                position_side=PositionSide(live.row.position_side),
                price=fact.price,
                quantity=fact.quantity,
                fee=fact.fee,
                fee_asset=fact.fee_asset,
                liquidity=fact.liquidity,
                executed_at_ns=fact.executed_at_ns,
                inferred=fact.inferred,
            )
        )
        self.trades.append(self._trade(live, side, fact))

    def _trade(self, live: LiveOrder, side: Side, fact: FillFact) -> TradeRow:
        return TradeRow(
            id=self._ids.uuid(),
            order_id=live.state.order_id,
            user_id=self._user_id,
            account_id=self._account_id,
            external_trade_id=fact.trade_id,
            symbol=live.state.symbol,
            side=side.value,
            quantity=fact.quantity,
            price=fact.price,
            fees=fact.fee,
            fee_asset=fact.fee_asset,
            liquidity=fact.liquidity.value,
            inferred=fact.inferred,
            realized_pnl=ZERO,
            exchange=self._venue,
            correlation_id=live.correlation_id,
            executed_at=fact.executed_at_ns,
            created_at=self._now_ns,
        )

    def alert(self, live: LiveOrder, kind: str, severity: str) -> None:
        """Add what a person should look at; the order goes on.

        Args:
            live: The order.
            kind: Stable name: `late_fill`, `order_unresolved`.
            severity: `low`, `medium`, `high` or `critical`.
        """
        row = RiskAlertRow(
            id=self._ids.uuid(),
            user_id=self._user_id,
            alert_type=kind,
            severity=severity,
            message=f"order {live.row.id}: {kind}",
            data={"order_id": str(live.row.id), "symbol": live.row.symbol, "status": live.state.status.value},
            created_at=self._now_ns,
        )
        self._others.append(row)
        self.event("alerts", "OrderAlarm", row, live.correlation_id)
