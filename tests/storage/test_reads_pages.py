"""Whoever follows the cursors sees every row that was there at the start once, whatever arrives meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId, UserId
from engine.messages.read_ports import LedgerFilter, OrderFilter, Page, PageRequest, SignalFilter, TradeFilter
from storage.pool import open_pool
from storage.reads import PostgresReads
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase
from tests.support.reading import START_NS, values

T = TypeVar("T")
List = Callable[[PostgresReads, UserId, AccountId, PageRequest], Awaitable[Page]]
LISTS: dict[str, List] = {
    "orders": lambda reads, user, _, page: reads.orders(user, OrderFilter(), page),
    "trades": lambda reads, user, _, page: reads.trades(user, TradeFilter(), page),
    "ledger_entries": lambda reads, user, _, page: reads.ledger_entries(user, LedgerFilter(), page),
    "trading_signals": lambda reads, user, _, page: reads.signals(user, SignalFilter(), page),
    "trading_accounts": lambda reads, user, _, page: reads.accounts(user, page),
    "trading_agents": lambda reads, user, _, page: reads.agents(user, page),
    "risk_alerts": lambda reads, user, _, page: reads.alerts(user, page),
    "audit_log": lambda reads, user, _, page: reads.audit(user, page),
    "portfolio_snapshots": lambda reads, user, _, page: reads.snapshots(user, page),
    "reconciliations": lambda reads, user, account, page: reads.reconciliations(user, account, page),
    "discrepancies": lambda reads, user, account, page: reads.discrepancies(user, account, page),
}
"""Each paged list, by its table."""
TIME_COLUMN = {"trades": "executed_at", "ledger_entries": "at", "reconciliations": "started_at"}
OLDEST_FIRST = {"trading_accounts", "trading_agents"}

_OWNER = """
insert into users (id, email) values ({user}, '{n}@localhost');
insert into trading_accounts (id, user_id, name, exchange, account_id) values ({account}, {user}, 'm', 'v', '{n}');
insert into orders (id, user_id, account_id, client_order_id, venue_client_id, intent_key, symbol, side, type, quantity,
    exchange) values ({order}, {user}, {account}, 'c', 'v', 'i', 'X', 'buy', 'market', 1, 'v')
"""
_INSERTS = {
    "orders": "(id, user_id, account_id, client_order_id, venue_client_id, intent_key, symbol, side, type, quantity, "
    "exchange, created_at) values ({id}, {user}, {account}, '{n}', '{n}', '{n}', 'X', 'buy', 'market', 1, 'v', {at})",
    "trades": "(id, user_id, account_id, order_id, external_trade_id, symbol, side, quantity, price, exchange, "
    "executed_at) values ({id}, {user}, {account}, {order}, '{n}', 'X', 'buy', 1, 1, 'v', {at})",
    "ledger_entries": "(id, user_id, account_id, kind, at) values ({id}, {user}, {account}, 'adjustment', {at})",
    "trading_signals": "(id, user_id, symbol, action, strength, price, confidence, created_at) "
    "values ({id}, {user}, 'X', 'buy', 1, 1, 1, {at})",
    "trading_accounts": "(id, user_id, name, exchange, account_id, created_at) "
    "values ({id}, {user}, '{n}', 'v', 'x{n}', {at})",
    "trading_agents": "(id, user_id, account_id, name, agent_type, configuration, created_at) "
    "values ({id}, {user}, {account}, '{n}', 'x', '{{}}', {at})",
    "risk_alerts": "(id, user_id, alert_type, severity, message, created_at) "
    "values ({id}, {user}, 'x', 'low', 'm', {at})",
    "audit_log": "(id, user_id, action, outcome, created_at) values ({id}, {user}, 'x', 'done', {at})",
    "portfolio_snapshots": "(id, user_id, total_value, snapshot_date, created_at) "
    "values ({id}, {user}, 1, date '2000-01-01' + {n}, {at})",
    "reconciliations": "(id, user_id, account_id, trigger, outcome, started_at, finished_at) "
    "values ({id}, {user}, {account}, 'start', 'done', {at}, {at})",
    "discrepancies": "(id, user_id, account_id, kind, asset, state, created_at) "
    "values ({id}, {user}, {account}, 'balance', 'X', 'open', {at})",
}


class Store:
    """Reads and a writer, on a loop of their own for examples that run one after another."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.loop = asyncio.new_event_loop()
        self.daemon = self.run(database.connect())
        self.pool = self.run(open_pool(database.endpoints, DatabaseRole.API, size=1))
        self.reads = PostgresReads(self.pool)
        self.count = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def owner(self) -> dict[str, UUID]:
        """Insert a new user with an account and an order."""
        self.count += 1
        owner = {name: UUID(int=self.count << 64 | n) for n, name in enumerate(("user", "account", "order"), 1)}
        literals = {name: f"'{value}'" for name, value in owner.items()}
        self.run(self.daemon.execute(_OWNER.format(n=self.count, **literals)))
        return owner

    def insert(self, table: str, owner: dict[str, UUID], moments: list[int]) -> None:
        """Insert rows whose ids go neither with their order nor against it."""
        literals = {name: f"'{value}'" for name, value in owner.items()}
        for at_ns in moments:
            self.count += 1
            row_id = UUID(int=(self.count * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128)
            text = _INSERTS[table].format(n=self.count, id=f"'{row_id}'", at=f"cival_ts({at_ns})", **literals)
            self.run(self.daemon.execute(f"insert into {table} {text}"))

    def ids(self, table: str, owner: dict[str, UUID]) -> list[str]:
        """Return the ids of the user's rows in the order of the list."""
        column = TIME_COLUMN.get(table, "created_at")
        found = self.run(
            self.daemon.fetch(f"select {column} as at, id::text from {table} where user_id = $1", owner["user"])
        )
        return [row["id"] for row in sorted(found, key=tuple, reverse=table not in OLDEST_FIRST)]

    def page(self, table: str, owner: dict[str, UUID], request: PageRequest) -> Page:
        async def read() -> Page:
            return await LISTS[table](self.reads, UserId(owner["user"]), AccountId(owner["account"]), request)

        return self.run(read())

    def close(self) -> None:
        self.pool.terminate()
        self.run(self.daemon.close())
        self.run(self.loop.shutdown_asyncgens())
        self.loop.close()


@pytest.fixture
def store(pg_database: PostgresDatabase) -> Iterator[Store]:
    store = Store(pg_database)
    yield store
    store.close()


# Few different times, so that many rows share one, a microsecond apart.
MOMENTS = st.integers(0, 3).map(lambda n: START_NS + n * 1_000)
BATCHES = st.lists(MOMENTS, max_size=4)


@pytest.mark.parametrize("table", sorted(LISTS))
def test_pages_repeat_and_lose_nothing_while_rows_arrive(store: Store, table: str) -> None:
    @given(first=st.lists(MOMENTS, max_size=10), limit=st.integers(1, 4), arriving=st.lists(BATCHES, max_size=4))
    def check(first: list[int], limit: int, arriving: list[list[int]]) -> None:
        owner = store.owner()
        store.insert(table, owner, first)
        there = store.ids(table, owner)
        seen: list[str] = []
        request: PageRequest | None = PageRequest(limit=limit)
        while request is not None:
            page = store.page(table, owner, request)
            shown = values(page, "id")
            assert len(shown) <= limit
            assert len(shown) == limit or page.next_cursor is None
            seen += shown
            if arriving:
                store.insert(table, owner, arriving.pop())
            request = None if page.next_cursor is None else PageRequest(limit=limit, cursor=page.next_cursor)
        assert len(seen) == len(set(seen))
        assert [row_id for row_id in seen if row_id in there] == there
        assert [row_id for row_id in store.ids(table, owner) if row_id in seen] == seen

    check()


@pytest.mark.parametrize("table", sorted(LISTS))
@pytest.mark.parametrize("cursor", ["", "x", "_" * 32, "A" * 31, "A" * 32 + "=", "ä" * 32])
def test_a_cursor_that_is_not_ours_is_refused(store: Store, table: str, cursor: str) -> None:
    with pytest.raises(BadInput, match="cursor"):
        store.page(table, store.owner(), PageRequest(cursor=cursor))


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_a_limit_out_of_range_is_refused(store: Store, limit: int) -> None:
    with pytest.raises(BadInput, match="limit"):
        store.page("orders", store.owner(), PageRequest(limit=limit))
