"""The committed past in a memory store, as a cell asks for it: what `load.py` and `archive.py` read from PostgreSQL.

For whoever runs whole engines without a database. Reads scan the tables, each of them once per question.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from engine.domain.identifiers import AccountId, OrderId, Symbol, UserId
from engine.domain.kinds import Side
from engine.domain.order_facts import EXISTS_AFTER_ALL
from engine.domain.values import ZERO, add, multiply
from engine.messages import rows, rows_executors, rows_halts, rows_losses, rows_people, rows_trades
from engine.messages.archive import OrderLoad
from engine.messages.load import AccountState, AgentHolding, AgentState, CellState
from engine.messages.rows import Row
from storage.load import RECENT_ORDERS, RECENT_TRADES, holdings_of
from storage.load_executors import executor_state
from storage.memory_tables import MemoryTables

R = TypeVar("R", bound=Row)

OPEN_REQUESTS = frozenset({"requested", "unknown"})
ACTIVE_EXECUTORS = frozenset({"active", "paused", "stopping", "error"})


class MemoryPast:
    """`Loader` and `OrderArchive` over tables in memory."""

    def __init__(self, tables: MemoryTables) -> None:
        """Read these tables, as they stand when asked."""
        self._tables = tables

    # --- Loader -------------------------------------------------------------------------------------------------------

    async def users(self) -> list[UserId]:
        """Return who has an account in use."""
        active = {row.id for row in self._rows(rows_people.UserRow) if row.is_active}
        return sorted({UserId(row.user_id) for row in self._accounts() if row.user_id in active})

    async def cell(self, user_id: UserId) -> CellState | None:
        """Read one user's cell; None if the user is gone or not active."""
        user = next((row for row in self._rows(rows_people.UserRow) if row.id == user_id and row.is_active), None)
        if user is None:
            return None

        def of_user(kind: type[R]) -> tuple[R, ...]:
            return tuple(row for row in self._rows(kind) if row.user_id == user_id)  # type: ignore[attr-defined]

        orders = sorted(of_user(rows.OrderRow), key=_age)
        days = sorted(of_user(rows.PortfolioSnapshotRow), key=lambda row: row.snapshot_date)
        return CellState(
            time_zone=user.time_zone,
            accounts=self._account_states(user_id, orders),
            agents=self._agents(user_id, orders),
            limits=tuple(row for row in of_user(rows_people.LimitRow) if row.is_active),
            states=of_user(rows.TradingStateRow),
            halts=tuple(row for row in of_user(rows_halts.HaltRow) if row.state != "lifted"),
            risk_days=of_user(rows_losses.RiskDayRow),
            # The table holds limits that never tripped too, as rows of a class without that column.
            trips=tuple(
                row
                for row in of_user(rows_people.LimitRow)
                if isinstance(row, rows_losses.LimitTripRow) and row.tripped_at is not None
            ),
            executors=tuple(
                executor_state(row, [order for order in orders if order.executor_id == row.id])
                for row in sorted(of_user(rows_executors.ExecutorRow), key=_age)
                if row.status in ACTIVE_EXECUTORS
            ),
            recent_orders=tuple(orders[-RECENT_ORDERS:]),
            last_day=days[-1] if days else None,
        )

    # --- OrderArchive -------------------------------------------------------------------------------------------------

    async def recall(self, account_id: AccountId, venue_client_ids: Sequence[str]) -> list[OrderLoad]:
        """Read orders by our venue client ids; those that do not exist are left out."""
        wanted = frozenset(venue_client_ids)
        return self._order_loads([row for row in self._orders_of(account_id) if row.venue_client_id in wanted])

    async def find_intent(self, account_id: AccountId, intent_key: str, client_order_id: str) -> OrderId | None:
        """Return the order that an intent key, or else a caller's client order id, belongs to."""
        by_caller: OrderId | None = None
        for row in self._orders_of(account_id):
            if row.intent_key == intent_key:
                return OrderId(row.id)
            if row.client_order_id == client_order_id:
                by_caller = OrderId(row.id)
        return by_caller

    # --- Parts --------------------------------------------------------------------------------------------------------

    def _rows(self, kind: type[R]) -> Iterator[R]:
        return typed_rows(self._tables, kind)

    def _accounts(self) -> list[rows_people.AccountRow]:
        return sorted((row for row in self._rows(rows_people.AccountRow) if row.is_active), key=_age)

    def _orders_of(self, account_id: AccountId) -> Iterator[rows.OrderRow]:
        return (row for row in self._rows(rows.OrderRow) if row.account_id == account_id)

    def _account_states(self, user_id: UserId, orders: Sequence[rows.OrderRow]) -> tuple[AccountState, ...]:
        asked = with_open_requests(self._rows(rows.OrderRequestRow))
        asked |= with_inferred(self._trades(lambda stored: _column(stored, "inferred")))
        loads = self._order_loads([row for row in orders if is_live(row, asked)])
        points = sorted(self._rows(rows.EquityPointRow), key=lambda row: row.at)
        values = {row.account_id: row for row in points}  # The newest wins.
        marks = {(row.account_id, row.kind): row.cursor for row in self._rows(rows.WatermarkRow)}
        return tuple(
            AccountState(
                row=account,
                orders=tuple(load for load in loads if load.row.account_id == account.id),
                positions=tuple(row for row in self._rows(rows.PositionRow) if row.account_id == account.id),
                balances=tuple(row for row in self._rows(rows.BalanceRow) if row.account_id == account.id),
                discrepancies=tuple(
                    row
                    for row in self._rows(rows.DiscrepancyRow)
                    if row.account_id == account.id and row.state == "open"
                ),
                recent_trades=(recent := self._recent_trades(account.id)),
                lots=self._lots(account.id, {trade.id for trade in recent}),
                tombstones=tuple(
                    row
                    for row in self._rows(rows_trades.TradeEvidenceRow)
                    if row.account_id == account.id and row.order_id is None
                ),
                is_opened=(account.id, "opened") in marks,
                last_value=values.get(account.id),
                watermark=marks.get((account.id, "fills")),
            )
            for account in self._accounts()
            if account.user_id == user_id
        )

    def _recent_trades(self, account_id: UUID) -> tuple[rows.TradeRow, ...]:
        """Return the newest trades that count of each position."""
        symbols = {row.symbol for row in self._rows(rows.PositionRow) if row.account_id == account_id}
        found: dict[Symbol, list[rows.TradeRow]] = defaultdict(list)
        for trade in self._trades(lambda stored: _column(stored, "account_id") == account_id):
            if trade.symbol in symbols and trade.voided_by is None:
                found[trade.symbol].append(trade)
        return tuple(
            trade
            for trades in found.values()
            for trade in sorted(trades, key=lambda each: each.id, reverse=True)[:RECENT_TRADES]
        )

    def _lots(self, account_id: UUID, trade_ids: Collection[UUID]) -> tuple[rows_trades.LotRow, ...]:
        """Return the lots that are open, and those of some trades, in the order of their trades."""
        found = [
            lot
            for lot in self._rows(rows_trades.LotRow)
            if lot.id in trade_ids or (lot.account_id == account_id and lot.remaining)
        ]
        opened = {lot.trade_id for lot in found}
        trades = self._trades(lambda stored: _column(stored, "id") in opened)
        names = {trade.id: trade.external_trade_id for trade in trades}

        def place(lot: rows_trades.LotRow) -> tuple[int, int, str, UUID]:
            name = "" if lot.trade_id is None else names[lot.trade_id]
            return lot.opened_at, len(name), name, lot.id

        return tuple(sorted(found, key=place))

    def _order_loads(self, orders: Sequence[rows.OrderRow]) -> list[OrderLoad]:
        ids = {order.id for order in orders}
        if not ids:
            return []
        trades: dict[UUID, list[rows.TradeRow]] = defaultdict(list)
        for trade in self._trades(lambda stored: _column(stored, "order_id") in ids):
            trades[trade.order_id].append(trade)
        requests: dict[UUID, list[rows.OrderRequestRow]] = defaultdict(list)
        for request in self._rows(rows.OrderRequestRow):
            if request.order_id in ids and request.state in OPEN_REQUESTS:
                requests[request.order_id].append(request)
        evidence: dict[UUID | None, list[rows_trades.TradeEvidenceRow]] = defaultdict(list)
        for report in self._rows(rows_trades.TradeEvidenceRow):
            evidence[report.order_id].append(report)
        return [
            OrderLoad(
                row=order,
                trades=tuple(sorted(trades[order.id], key=_moment)),
                requests=tuple(sorted(requests[order.id], key=_age)),
                evidence=tuple(sorted(evidence[order.id], key=lambda report: report.id)),
            )
            for order in orders
        ]

    def _trades(self, is_wanted: Callable[[Any], bool]) -> Iterator[rows.TradeRow]:
        return (_typed(rows.TradeRow, stored) for stored in self._tables.rows(rows.TradeRow) if is_wanted(stored))

    def _agents(self, user_id: UserId, orders: Sequence[rows.OrderRow]) -> tuple[AgentState, ...]:
        stored = [each for each in self._tables.rows(rows.AgentRow) if _column(each, "user_id") == user_id]
        found = self._holdings(orders)
        return tuple(
            AgentState(
                row=_typed(rows.AgentRow, each),
                version=_column(each, "version") or 1,
                state=_column(each, "state"),
                input_position=_column(each, "input_position") or 0,
                holdings=tuple(held for held in found if held.agent_id == _column(each, "id")),
            )
            for each in sorted(stored, key=lambda each: (_column(each, "created_at"), _column(each, "id")))
        )

    def _holdings(self, orders: Sequence[rows.OrderRow]) -> list[AgentHolding]:
        agents = {row.id: row.agent_id for row in orders if row.agent_id is not None}
        groups: dict[tuple[UUID, Symbol], list[rows.TradeRow]] = defaultdict(list)
        for trade in self._trades(
            lambda stored: _column(stored, "order_id") in agents and _column(stored, "voided_by") is None
        ):
            groups[agents[trade.order_id], trade.symbol].append(trade)
        return holdings_of(
            record
            for (agent_id, symbol), trades in sorted(groups.items(), key=lambda item: item[0])
            for record in _records(agent_id, symbol, sorted(trades, key=_moment))
        )


def with_open_requests(requests: Iterable[rows.OrderRequestRow]) -> set[UUID]:
    """Return the orders of which a request is not answered."""
    return {request.order_id for request in requests if request.state in OPEN_REQUESTS}


def with_inferred(trades: Iterable[rows.TradeRow]) -> set[UUID]:
    """Return the orders with an inferred fill that no real ones have replaced, however old."""
    return {trade.order_id for trade in trades if trade.inferred and trade.voided_by is None}


def is_live(row: rows.OrderRow, asked: Collection[UUID]) -> bool:
    """Tell whether a cell loads an order, as the statement `open_orders` does; `asked`: see above."""
    if row.lifecycle != "done" or row.id in asked:
        return True
    return row.missing_quantity > ZERO or row.status_detail == EXISTS_AFTER_ALL


def typed_rows(tables: MemoryTables, kind: type[R]) -> Iterator[R]:
    """Return the rows of a table, also of one that is kept as columns because several classes write it."""
    return (_typed(kind, stored) for stored in tables.rows(kind))


def _typed(kind: type[R], stored: Any) -> R:
    return kind(**{name: stored[name] for name in kind.__struct_fields__}) if type(stored) is dict else stored


def _column(stored: Any, name: str) -> Any:
    return stored.get(name) if type(stored) is dict else getattr(stored, name, None)


def _age(row: Any) -> tuple[int, UUID]:
    return row.created_at, row.id


def _moment(trade: rows.TradeRow) -> tuple[int, UUID]:
    return trade.executed_at, trade.id


def _records(agent_id: UUID, symbol: Symbol, trades: Iterable[rows.TradeRow]) -> list[Mapping[str, Any]]:
    """Return what the statement `agent_trades` returns: sums, and the trades since the position began."""
    size = cash_flow = fees = ZERO
    since: list[dict[str, Any]] = []
    quote = symbol.partition(":")[0].partition("/")[2]
    for trade in trades:
        change = trade.quantity if trade.side == Side.BUY else -trade.quantity
        before, size = size, add(size, change)
        cash_flow = add(cash_flow, -multiply(change, trade.price))
        if trade.fee_asset == quote:
            fees = add(fees, trade.fees)
        began = _sign(before) != _sign(size)
        if began:
            since.clear()
        since.append(
            {"size": size, "side": trade.side, "price": trade.price, "quantity": trade.quantity, "is_first": began}
        )
    common = {"agent_id": agent_id, "symbol": symbol, "cash_flow": cash_flow, "fees": fees}
    return [{**common, **record} for record in since]


def _sign(value: Any) -> int:
    return int(value > 0) - int(value < 0)
