"""Collects what facts about orders change, until it leaves as one unit of work.

An order that changes several times within one unit has one row in it, the newest, and an event per change.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

import msgspec

from actors.evidence import conflict_row
from actors.live_order import LiveOrder, Seen
from engine.domain.identifiers import AccountId, CausationId, CorrelationId, OrderId, UserId, Venue
from engine.domain.kinds import PositionSide, Side
from engine.domain.order_facts import Alarm, FillFact, Outcome
from engine.domain.ports import Ids
from engine.domain.values import ZERO, add
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
        "sends",
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
        self.sends: list[Callable[[], None]] = []
        """What to do once all this is durable."""

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
        moved: dict[OrderId, Decimal] = {}
        for fill in self.fills:
            moved[fill.order_id] = add(moved.get(fill.order_id, ZERO), fill.net_quantity)
        return tuple([live.changed(moved.get(live.state.order_id, ZERO)) for live in self._touched.values()])

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
        if outcome.reverse:
            self._replace(live, outcome)
        else:
            for fact in outcome.book:
                self._book(live, fact, self._trade(live, live.state.side, fact))
        for fact in outcome.evidence:
            self._others.append(conflict_row(live, fact, row_id=self._ids.uuid(), now_ns=self._now_ns))
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

    def when_durable(self, send: Callable[[], None]) -> None:
        """Arrange what may leave once this unit has committed."""
        self.sends.append(send)

    def event(
        self,
        channel: str,
        kind: str,
        data: Row,
        correlation_id: CorrelationId | None,
        causation_id: CausationId | None = None,
    ) -> None:
        """Add an event; `causation_id`: what led to it, where that has another correlation."""
        self.events.append(
            JournalEvent(
                channel=channel,
                type=kind,
                data=data,
                at_ns=self._now_ns,
                account_id=self._account_id,
                correlation_id=correlation_id,
                causation_id=causation_id,
            )
        )

    def touch(self, live: LiveOrder) -> None:
        """Say anew how an order stands although no fact has changed it."""
        self._touched[live.state.order_id] = live

    def _replace(self, live: LiveOrder, outcome: Outcome) -> None:
        """Take fills out of the books, then book what stands in their place."""
        rows = [self._trade(live, live.state.side, fact) for fact in outcome.book]
        for fact in outcome.reverse:
            row = live.trades.pop(fact.trade_id)
            self.trades.append(msgspec.structs.replace(row, voided_by=rows[0].id if rows else row.id))
            self.fills.append(self._fill(live, fact, is_reversal=True))
        for fact, row in zip(outcome.book, rows, strict=True):
            self._book(live, fact, row)

    def _book(self, live: LiveOrder, fact: FillFact, row: TradeRow) -> None:
        live.trades[fact.trade_id] = row
        self.fills.append(self._fill(live, fact))
        self.trades.append(row)

    def _fill(self, live: LiveOrder, fact: FillFact, *, is_reversal: bool = False) -> Fill:
        return Fill(
            external_trade_id=table_id(live, fact),
            order_id=live.state.order_id,
            account_id=self._account_id,
            venue=self._venue,
            symbol=live.state.symbol,
            side=live.state.side,
            position_side=PositionSide(live.row.position_side),
            price=fact.price,
            quantity=fact.quantity,
            fee=fact.fee,
            fee_asset=fact.fee_asset,
            liquidity=fact.liquidity,
            executed_at_ns=fact.executed_at_ns,
            inferred=fact.inferred,
            is_reversal=is_reversal,
        )

    def _trade(self, live: LiveOrder, side: Side, fact: FillFact) -> TradeRow:
        return TradeRow(
            id=self._ids.uuid(),
            order_id=live.state.order_id,
            user_id=self._user_id,
            account_id=self._account_id,
            external_trade_id=table_id(live, fact),
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
        data = {"order_id": str(live.row.id), "symbol": live.row.symbol, "status": live.state.status.value}
        self._alert(kind, severity, f"order {live.row.id}: {kind}", data, live.correlation_id)

    def warn(self, kind: str, severity: str, message: str, symbol: str) -> None:
        """Add what a person should look at that concerns no order of ours."""
        self._alert(kind, severity, message, {"symbol": symbol}, None)

    def _alert(
        self, kind: str, severity: str, message: str, data: dict[str, str], correlation_id: CorrelationId | None
    ) -> None:
        row = RiskAlertRow(
            id=self._ids.uuid(),
            user_id=self._user_id,
            alert_type=kind,
            severity=severity,
            message=message,
            data=data,
            created_at=self._now_ns,
        )
        self._others.append(row)
        self.event("alerts", "OrderAlarm", row, correlation_id)


def table_id(live: LiveOrder, fact: FillFact) -> str:
    """Return the name of a trade in the table; one that we made up is unique with its order only."""
    return f"{fact.trade_id}:{live.state.order_id}" if fact.inferred else fact.trade_id
