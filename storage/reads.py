"""Reads for the HTTP interface and the stream: port `Reads`, on PostgreSQL, under row-level security.

Each read is one transaction as `authenticated` with the user's id (`storage.tenant`). The database builds the JSON
text; most answers go to the client without being decoded here.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import orjson

from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId, AgentId, CorrelationId, ExecutorId, OrderId, Symbol, UserId, Venue
from engine.messages.read_ports import (
    FIRST_PAGE,
    LIMIT_MAX,
    JournalHead,
    LedgerFilter,
    OrderFilter,
    Page,
    PageRequest,
    SignalFilter,
    Snapshot,
    StoredAnswer,
    TradeFilter,
)
from engine.messages.rows import DiscrepancyRow
from engine.messages.writing import CommittedEvent
from storage.pages import is_storable, page_of, place_of
from storage.pool import Pool
from storage.read_columns import read_statements
from storage.row_decode import decode
from storage.tenant import tenant_transaction

POINTS_MAX = 5_000
"""Bars or equity points of one answer."""

NOBODY = UserId(UUID(int=0))
"""Whose identity public market data is read under: its tables have no policy."""


class PostgresReads:
    """What tenants may see."""

    def __init__(self, pool: Pool) -> None:
        """Read through a pool of the API's role."""
        self._pool = pool
        self._sql = read_statements("reads")

    # --- Orders and what follows from them ---------------------------------------------------------------------------

    async def orders(self, user_id: UserId, where: OrderFilter, page: PageRequest = FIRST_PAGE) -> Page:
        """Read orders, newest first."""
        return await self._paged(
            "orders", user_id, page, where.account_id, where.symbol, where.agent_id, list(where.status),
            where.client_order_id, where.since_ns, where.until_ns,
        )  # fmt: skip

    async def order(self, user_id: UserId, order_id: OrderId) -> bytes | None:
        """Read one order."""
        return await self._object("order", user_id, order_id)

    async def order_events(self, user_id: UserId, order_id: OrderId) -> Page:
        """Read the journal of one order, oldest first."""
        return await self._whole("order_events", user_id, order_id)

    async def trades(self, user_id: UserId, where: TradeFilter, page: PageRequest = FIRST_PAGE) -> Page:
        """Read trades, newest first."""
        return await self._paged(
            "trades", user_id, page, where.account_id, where.symbol, where.order_id, where.since_ns, where.until_ns
        )

    async def ledger_entries(self, user_id: UserId, where: LedgerFilter, page: PageRequest = FIRST_PAGE) -> Page:
        """Read ledger entries with their lines, newest first."""
        return await self._paged(
            "ledger_entries", user_id, page, where.account_id, where.order_id, where.since_ns, where.until_ns
        )

    async def signals(self, user_id: UserId, where: SignalFilter, page: PageRequest = FIRST_PAGE) -> Page:
        """Read signals, newest first."""
        return await self._paged("signals", user_id, page, where.agent_id, where.symbol, where.since_ns, where.until_ns)

    # --- Accounts and what is in them --------------------------------------------------------------------------------

    async def accounts(self, user_id: UserId, page: PageRequest = FIRST_PAGE) -> Page:
        """Read trading accounts, oldest first."""
        return await self._paged("accounts", user_id, page)

    async def account(self, user_id: UserId, account_id: AccountId) -> bytes | None:
        """Read one account."""
        return await self._object("account", user_id, account_id)

    async def positions(
        self, user_id: UserId, account_id: AccountId | None = None, symbol: Symbol | None = None, *, flat: bool = False
    ) -> Page:
        """Read positions by symbol; `flat`: also those of size zero."""
        return await self._whole("positions", user_id, account_id, symbol, flat)

    async def position(self, user_id: UserId, position_id: UUID) -> bytes | None:
        """Read one position."""
        return await self._object("position", user_id, position_id)

    async def balances(self, user_id: UserId, account_id: AccountId | None = None) -> Page:
        """Read balances by account and asset."""
        return await self._whole("balances", user_id, account_id)

    async def portfolio(self, user_id: UserId) -> bytes:
        """Read the newest value of everything."""
        return await self._object("portfolio", user_id) or b"{}"

    async def equity_points(
        self,
        user_id: UserId,
        account_id: AccountId | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = LIMIT_MAX,
    ) -> Page:
        """Read an account's value over time, oldest first, thinned evenly to at most `limit` points per account."""
        _require_points(limit)
        return await self._whole("equity_points", user_id, account_id, since_ns, until_ns, limit)

    async def snapshots(self, user_id: UserId, page: PageRequest = FIRST_PAGE) -> Page:
        """Read the daily portfolio snapshots, newest first."""
        return await self._paged("snapshots", user_id, page)

    async def reconciliations(self, user_id: UserId, account_id: AccountId, page: PageRequest = FIRST_PAGE) -> Page:
        """Read reconciliation runs, newest first."""
        return await self._paged("reconciliations", user_id, page, account_id)

    async def discrepancies(
        self, user_id: UserId, account_id: AccountId, page: PageRequest = FIRST_PAGE, *, state: str | None = None
    ) -> Page:
        """Read discrepancies, of one state or all, newest first."""
        return await self._paged("discrepancies", user_id, page, account_id, state)

    async def discrepancy(self, user_id: UserId, account_id: AccountId, row_id: UUID) -> DiscrepancyRow | None:
        """Read one discrepancy of an account."""
        async with tenant_transaction(self._pool, user_id) as connection:
            record = await connection.fetchrow(self._sql["discrepancy"], user_id, account_id, row_id)
        return None if record is None else decode(DiscrepancyRow, record)

    # --- Agents, risk, control ---------------------------------------------------------------------------------------

    async def agents(self, user_id: UserId, page: PageRequest = FIRST_PAGE) -> Page:
        """Read agents, oldest first."""
        return await self._paged("agents", user_id, page)

    async def agent(self, user_id: UserId, agent_id: AgentId) -> bytes | None:
        """Read one agent with its state."""
        return await self._object("agent", user_id, agent_id)

    async def executors(self, user_id: UserId, page: PageRequest = FIRST_PAGE, *, status: str | None = None) -> Page:
        """Read executors, newest first."""
        return await self._paged("executors", user_id, page, status)

    async def executor(self, user_id: UserId, executor_id: ExecutorId) -> bytes | None:
        """Read one executor with its newest orders."""
        return await self._object("executor", user_id, executor_id)

    async def limits(self, user_id: UserId) -> Page:
        """Read limits."""
        return await self._whole("limits", user_id)

    async def alerts(self, user_id: UserId, page: PageRequest = FIRST_PAGE) -> Page:
        """Read risk alerts, newest first."""
        return await self._paged("alerts", user_id, page)

    async def halts(self, user_id: UserId) -> Page:
        """Read the newest hundred halts."""
        return await self._whole("halts", user_id)

    async def halt(self, user_id: UserId, halt_id: UUID) -> bytes | None:
        """Read one halt with its report."""
        return await self._object("halt", user_id, halt_id)

    async def trading_states(self, user_id: UserId) -> Page:
        """Read trading states."""
        return await self._whole("trading_states", user_id)

    async def audit(self, user_id: UserId, page: PageRequest = FIRST_PAGE) -> Page:
        """Read what was done in the user's name, newest first."""
        return await self._paged("audit", user_id, page)

    async def stored_answer(self, user_id: UserId, key: str) -> StoredAnswer | None:
        """Look up an idempotency key that has not expired."""
        _require_storable((key,))
        async with tenant_transaction(self._pool, user_id) as connection:
            row = await connection.fetchrow(self._sql["stored_answer"], user_id, key)
        if row is None:
            return None
        return StoredAnswer(
            request_hash=row["request_hash"],
            status_code=row["status_code"],
            object_type=row["object_type"],
            object_id=row["object_id"],
            answer=None if row["answer"] is None else orjson.loads(row["answer"]),
        )

    # --- Public market data ------------------------------------------------------------------------------------------

    async def pairs(self, venue: Venue | None = None, symbol: Symbol | None = None) -> Page:
        """Read instruments by venue and symbol."""
        return await self._public("pairs", venue, symbol)

    async def tickers(self, venue: Venue | None = None, symbol: Symbol | None = None) -> Page:
        """Read newest prices by venue and symbol."""
        return await self._public("tickers", venue, symbol)

    async def ohlcv(
        self,
        venue: Venue,
        symbol: Symbol,
        timeframe: str,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = LIMIT_MAX,
    ) -> Page:
        """Read the newest closed bars of a range, oldest first."""
        _require_points(limit)
        return await self._public("ohlcv", venue, symbol, timeframe, since_ns, until_ns, limit)

    async def books(self, venue: Venue | None = None, symbol: Symbol | None = None) -> Page:
        """Read the newest stored book per instrument."""
        return await self._public("books", venue, symbol)

    async def exchanges(self) -> Page:
        """Read the venues' health."""
        return await self._public("exchanges")

    # --- The stream --------------------------------------------------------------------------------------------------

    async def journal_head(self, user_id: UserId) -> JournalHead:
        """Say from where to where the user's events can be replayed."""
        async with tenant_transaction(self._pool, user_id, is_snapshot=True) as connection:
            row = await connection.fetchrow(self._sql["journal_head"], user_id)
        assert row is not None, "a query without a table gives one row"
        last = row["last"] or 0
        return JournalHead(oldest=last + 1 if row["oldest"] is None else row["oldest"], last=last)

    async def events_since(
        self, user_id: UserId, channels: tuple[str, ...], since: int, limit: int = LIMIT_MAX
    ) -> tuple[CommittedEvent, ...]:
        """Read events of some channels with seq above `since`, in order."""
        _require_storable((channels,))
        async with tenant_transaction(self._pool, user_id) as connection:
            rows = await connection.fetch(self._sql["events_since"], user_id, list(channels), since, limit)
        return tuple(_event(user_id, row) for row in rows)

    async def snapshot(self, user_id: UserId, channels: tuple[str, ...]) -> Snapshot:
        """Read the state of some channels and the head of the journal, all of one moment."""
        data = {}
        async with tenant_transaction(self._pool, user_id, is_snapshot=True) as connection:
            head = await connection.fetchrow(self._sql["journal_head"], user_id)
            for channel in channels:
                sql = self._sql.get(f"snapshot_{channel}")
                data[channel] = b"[]" if sql is None else (await connection.fetchval(sql, user_id)).encode()
        assert head is not None, "a query without a table gives one row"
        return Snapshot(seq=head["last"] or 0, data=data)

    # --- How ---------------------------------------------------------------------------------------------------------

    async def _paged(self, name: str, user_id: UserId, page: PageRequest, *where: object) -> Page:
        place = place_of(page)
        _require_storable(where)
        async with tenant_transaction(self._pool, user_id) as connection:
            rows = await connection.fetch(self._sql[name], user_id, *where, *place, page.limit + 1)
        return page_of(rows, page.limit)

    async def _whole(self, name: str, user_id: UserId, *where: object) -> Page:
        _require_storable(where)
        async with tenant_transaction(self._pool, user_id) as connection:
            text: str = await connection.fetchval(self._sql[name], user_id, *where)
        return Page(items=text.encode())

    async def _object(self, name: str, user_id: UserId, *where: object) -> bytes | None:
        async with tenant_transaction(self._pool, user_id) as connection:
            text: str | None = await connection.fetchval(self._sql[name], user_id, *where)
        return None if text is None else text.encode()

    async def _public(self, name: str, *where: object) -> Page:
        _require_storable(where)
        async with tenant_transaction(self._pool, NOBODY) as connection:
            text: str = await connection.fetchval(self._sql[name], *where)
        return Page(items=text.encode())


def _require_points(limit: int) -> None:
    if not 1 <= limit <= POINTS_MAX:
        raise BadInput("limit", expected=f"1 to {POINTS_MAX}", was=limit)


def _require_storable(where: Iterable[object]) -> None:
    """Refuse text that PostgreSQL cannot hold; the driver would report some of it as if the connection were gone."""
    for value in where:
        for text in (value,) if isinstance(value, str) else value if isinstance(value, list | tuple) else ():
            if not is_storable(text):
                raise BadInput("filter", expected="UTF-8 without U+0000", was=text)


def _event(user_id: UserId, row: Any) -> CommittedEvent:
    return CommittedEvent(
        seq=row["seq"],
        prev=row["prev_seq"],
        user_id=user_id,
        channel=row["channel"],
        type=row["type"],
        at_ns=row["at"],
        account_id=None if row["account_id"] is None else AccountId(UUID(int=row["account_id"].int)),
        correlation_id=None if row["correlation_id"] is None else CorrelationId(UUID(int=row["correlation_id"].int)),
        data=row["data"].encode(),
    )
