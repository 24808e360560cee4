"""Each role can do what it is for, and nothing else."""

import asyncpg
import pytest

from storage.pool import Connection
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase
from tests.support.tenants import TABLES, Tenant, insert_tenant, owner_column

APPEND_ONLY = ["ledger_entries", "ledger_lines", "audit_log", "decisions", "reconciliations", "trade_evidence"]
OURS = ["cival_owner", "cival_daemon", "cival_api", "cival_reader", "authenticated"]


async def refused(connection: Connection, statement: str) -> bool:
    try:
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return True
    return False


@pytest.mark.asyncio
async def test_no_role_of_ours_passes_by_row_security_or_makes_roles(pg_database: PostgresDatabase) -> None:
    connection = await pg_database.connect(DatabaseRole.ADMIN)
    strong = await connection.fetch(
        """
        select rolname from pg_roles
        where rolname = any ($1) and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)
        """,
        OURS,
    )
    assert [row["rolname"] for row in strong] == []
    memberships = await connection.fetch(
        """
        select r.rolname as role, m.rolname as member from pg_auth_members a
        join pg_roles r on r.oid = a.roleid join pg_roles m on m.oid = a.member
        where m.rolname = any ($1) and r.rolname !~ '^pg_'
        """,
        OURS,
    )
    assert [tuple(row) for row in memberships] == [("authenticated", "cival_api")]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "statement",
    [
        "create table public.mine (a int)",
        "alter table orders add column mine int",
        "drop table orders",
        "alter table orders disable row level security",
        'drop policy "Users can only see their own orders" on orders',
        "truncate trades",
        "create schema mine",
        "set role cival_owner",
        "update alembic_version set version_num = '0000'",
        "delete from schema_files",
        "delete from users",
        "delete from cell_leases",
    ],
)
async def test_the_daemon_changes_rows_not_the_schema(pg_database: PostgresDatabase, statement: str) -> None:
    assert await refused(await pg_database.connect(), statement)


@pytest.mark.asyncio
@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_the_daemon_cannot_rewrite_records(pg_database: PostgresDatabase, table: str) -> None:
    daemon = await pg_database.connect()
    await insert_tenant(daemon, Tenant(1))
    assert await refused(daemon, f"update {table} set user_id = user_id")
    assert await refused(daemon, f"delete from {table}")


@pytest.mark.asyncio
async def test_a_trade_may_be_voided_and_no_more(pg_database: PostgresDatabase) -> None:
    daemon = await pg_database.connect()
    await insert_tenant(daemon, Tenant(1))
    assert await daemon.execute("update trades set voided_by = id, realized_pnl = 0") == "UPDATE 1"
    assert await refused(daemon, "update trades set quantity = 2")
    assert await refused(daemon, "delete from trades")
    assert await refused(daemon, "update events set seq = 2")


@pytest.mark.asyncio
async def test_the_daemon_sees_and_changes_rows_of_every_tenant(pg_database: PostgresDatabase) -> None:
    daemon = await pg_database.connect()
    await insert_tenant(daemon, Tenant(1))
    await insert_tenant(daemon, Tenant(2))
    for table in TABLES:
        owner = owner_column(table)
        assert await daemon.fetchval(f"select count(distinct {owner}) from {table}") == 2, table
    assert await daemon.execute("update orders set status = 'open', lifecycle = 'working'") == "UPDATE 2"


@pytest.mark.asyncio
async def test_copy_is_refused_into_tables_with_a_user_and_works_into_market_data(
    pg_database: PostgresDatabase,
) -> None:
    daemon = await pg_database.connect()
    for table in ("orders", "system_logs", "equity_points"):
        with pytest.raises(asyncpg.FeatureNotSupportedError, match="COPY FROM not supported with row-level security"):
            await daemon.copy_to_table(table, source=lines(b""))
    await daemon.execute("select ensure_month('market_data_ohlcv', '2026-01-01')")
    columns = [
        "symbol", "exchange", "timeframe", "open_time", "close_time", "open_price", "high_price", "low_price",
        "close_price", "volume",
    ]  # fmt: skip
    bar = b"BTC/USDT\tbinance\t1m\t2026-01-15 12:00+00\t2026-01-15 12:01+00\t1\t3\t0.5\t2\t10\n"
    assert await daemon.copy_to_table("market_data_ohlcv", source=lines(bar), columns=columns) == "COPY 1"
    assert await daemon.fetchval("select count(*) from market_data_ohlcv") == 1


async def lines(text: bytes):  # type: ignore[no-untyped-def]  # noqa: ANN201
    yield text


@pytest.mark.asyncio
async def test_the_reader_reads_everything_and_writes_nothing(pg_database: PostgresDatabase) -> None:
    daemon = await pg_database.connect()
    await insert_tenant(daemon, Tenant(1))
    await insert_tenant(daemon, Tenant(2))
    reader = await pg_database.connect(DatabaseRole.READER)
    assert await reader.fetchval("select count(*) from orders") == 2
    assert await reader.fetchval("select count(*) from paper.orders") == 0
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await reader.execute("delete from orders")
    await reader.execute("set default_transaction_read_only = off")
    assert await refused(reader, "delete from orders")
    assert await refused(reader, "delete from paper.orders")
    assert await refused(reader, "select ensure_month('system_logs', '2026-01-01')")


@pytest.mark.asyncio
async def test_the_api_login_has_nothing_of_its_own(pg_database: PostgresDatabase) -> None:
    api = await pg_database.connect(DatabaseRole.API)
    assert await refused(api, "select id from orders")
    assert await refused(api, "select 1 from price_tickers")
    assert await refused(api, "set role cival_daemon")
    await api.execute("set role authenticated")
    assert await api.fetch("select * from price_tickers") == []
    assert await api.fetch("select * from trading_pairs") == []
    assert await refused(api, "select * from paper.orders")
    assert await refused(
        api, "insert into price_tickers (symbol, exchange, price, updated_at) values ('a', 'b', 1, now())"
    )
