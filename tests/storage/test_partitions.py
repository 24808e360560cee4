"""Months are made and dropped by two functions that do nothing else, and the default partitions stay empty."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from storage.pool import Connection
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase

PARTITIONED = ["equity_points", "market_data_ohlcv", "order_book_snapshots", "system_logs", "trading_signals"]


@pytest_asyncio.fixture
async def daemon(pg_database: PostgresDatabase) -> AsyncIterator[Connection]:
    connection = await pg_database.connect()
    yield connection
    await connection.close()


async def log(connection: Connection, at: str) -> None:
    await connection.execute(
        "insert into system_logs (level, module, message, created_at) "
        "values ('INFO', 'test', 'x', $1::text::timestamptz)",
        at,
    )


async def places(connection: Connection) -> dict[str, int]:
    rows = await connection.fetch("select tableoid::regclass::text as place, count(*) as n from system_logs group by 1")
    return {row["place"]: row["n"] for row in rows}


@pytest.mark.asyncio
async def test_exactly_these_tables_are_partitioned(daemon: Connection) -> None:
    found = await daemon.fetch("select relname::text from pg_class where relkind = 'p' order by 1")
    assert [row["relname"] for row in found] == PARTITIONED


@pytest.mark.asyncio
async def test_rows_go_into_their_month_whatever_the_sessions_time_zone(daemon: Connection) -> None:
    await daemon.execute("set timezone = 'Asia/Tokyo'")
    assert await daemon.fetchval("select ensure_month('system_logs', '2026-02-10')") == "system_logs_y2026m02"
    await log(daemon, "2026-02-01 00:00:00+00")
    await log(daemon, "2026-02-28 23:59:59.999999+00")
    await log(daemon, "2026-01-31 23:59:59.999999+00")
    await log(daemon, "2026-03-01 00:00:00+00")
    assert await places(daemon) == {"system_logs_y2026m02": 2, "system_logs_default": 2}


@pytest.mark.asyncio
@pytest.mark.parametrize("table", PARTITIONED)
async def test_a_month_can_be_made_twice_and_dropped_twice(daemon: Connection, table: str) -> None:
    for _ in range(2):
        assert await daemon.fetchval("select ensure_month($1, '2026-12-31')", table) == f"{table}_y2026m12"
    bounds = await daemon.fetchval(
        "select pg_get_expr(relpartbound, oid) from pg_class where relname = $1", f"{table}_y2026m12"
    )
    assert bounds == "FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00')"
    assert [await daemon.fetchval("select drop_month($1, '2026-12-01')", table) for _ in range(2)] == [True, False]


@pytest.mark.asyncio
async def test_a_new_partition_has_security_of_its_own_and_no_grants(daemon: Connection) -> None:
    for table in PARTITIONED:
        await daemon.execute("select ensure_month($1, '2026-02-01')", table)
    found = await daemon.fetch(
        """
        select relname::text, relrowsecurity and relforcerowsecurity as is_forced, relacl is null as is_closed,
            pg_get_userbyid(relowner) as owner
        from pg_class where relispartition and relkind = 'r'
        """
    )
    assert len(found) == 2 * len(PARTITIONED)
    assert {(row["is_forced"], row["is_closed"], row["owner"]) for row in found} == {(True, True, "cival_owner")}
    await log(daemon, "2026-02-01 00:00:00+00")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await daemon.fetch("select * from system_logs_y2026m02")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "call",
    [
        "ensure_month('orders', '2026-01-01')",
        "ensure_month('system_logs; drop table orders', '2026-01-01')",
        "ensure_month(null, '2026-01-01')",
        "ensure_month('system_logs', null)",
        "ensure_month('system_logs', '1999-12-31')",
        "ensure_month('system_logs', 'infinity')",
        "drop_month('orders', '2026-01-01')",
        "drop_month('system_logs', null)",
    ],
)
async def test_other_tables_and_absurd_months_are_refused(daemon: Connection, call: str) -> None:
    with pytest.raises(asyncpg.InvalidParameterValueError, match="expected a"):
        await daemon.execute(f"select {call}")


@pytest.mark.asyncio
async def test_the_functions_do_not_look_at_the_callers_search_path(daemon: Connection) -> None:
    await daemon.execute("create temporary table system_logs (a int)")
    await daemon.execute("set search_path = pg_temp, public")
    assert await daemon.fetchval("select public.ensure_month('system_logs', '2026-02-01')") == "system_logs_y2026m02"


@pytest.mark.asyncio
async def test_two_writers_may_want_the_same_month_at_once(pg_database: PostgresDatabase) -> None:
    connections = [await pg_database.connect() for _ in range(4)]
    months = [f"2026-{month:02}-01" for month in range(1, 13)]
    for month in months:
        calls = [c.fetchval("select ensure_month('equity_points', $1::text::date)", month) for c in connections]
        assert len(set(await asyncio.gather(*calls))) == 1
    assert (
        await connections[0].fetchval("select count(*) from pg_inherits where inhparent = 'equity_points'::regclass")
        == 13
    )


@pytest.mark.asyncio
@pytest.mark.parametrize("role", [DatabaseRole.API, DatabaseRole.READER, DatabaseRole.OWNER])
async def test_only_the_daemon_may_call_them(pg_database: PostgresDatabase, role: DatabaseRole) -> None:
    admin = await pg_database.connect(DatabaseRole.ADMIN)
    allowed = await admin.fetch(
        """
        select p.proname::text from pg_proc p
        where p.proname in ('ensure_month', 'drop_month') and has_function_privilege($1::text::name, p.oid, 'execute')
        """,
        role.value,
    )
    assert {row["proname"] for row in allowed} == (
        {"ensure_month", "drop_month"} if role is DatabaseRole.OWNER else set()
    )
