"""What is there of the users, accounts and agents that a configuration file may name."""

from decimal import Decimal
from pathlib import Path

import pytest

from engine.domain.errors import DependencyAway
from storage.applied import Applied, AppliedItem, AppliedLimit, read_applied
from storage.pool import open_pool
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase, PostgresServer, start_server
from tests.support.rows import write_rows
from tests.support.units import AT_NS, TestCell, UnitMaker

pytestmark = pytest.mark.asyncio


async def test_an_empty_database_has_nothing(pg_database: PostgresDatabase) -> None:
    async with await open_pool(pg_database.endpoints, DatabaseRole.DAEMON, size=1) as pool:
        assert await read_applied(pool) == Applied()


async def test_everything_is_found_under_the_names_of_a_file(pg_database: PostgresDatabase) -> None:
    make = UnitMaker()
    cell = TestCell(make)
    user = make.user(email="Ann@Example.org")
    account = make.account(user.id, name="main", exchange="simulated", config_hash="of the file")
    agent, gone = make.agent(account, name="trend", config_hash=None), make.agent(account, name="gone")
    daemon = await pg_database.connect()
    await write_rows(daemon, user, cell.user, account, agent, gone)
    await daemon.execute("update trading_agents set deleted_at = now() where id = $1", gone.id)
    await daemon.execute("update trading_agents set version = 3 where id = $1", agent.id)
    limit, lifted = make.id(), make.id()
    await daemon.executemany(
        "insert into trading_limits (id, user_id, limit_type, limit_value, scope, account_id, symbol, is_active) "
        "values ($1, $2, $3, 7, $4, $5, $6, $7)",
        [
            (limit, user.id, "open_orders", "account", account.id, None, True),
            (lifted, user.id, "position_size", "account", account.id, None, False),
            (make.id(), user.id, "open_orders", "account", account.id, "BTC/USDT", True),
            (make.id(), user.id, "open_orders", "user", None, None, True),
        ],
    )
    async with await open_pool(pg_database.endpoints, DatabaseRole.DAEMON, size=1) as pool:
        applied = await read_applied(pool)
    at_ns = AT_NS // 1_000 * 1_000
    assert applied.users["ann@example.org"] == AppliedItem(user.id, at_ns)
    assert len(applied.users) == 2
    assert applied.accounts == {(user.id, "simulated", "main"): AppliedItem(account.id, at_ns, "of the file")}
    assert applied.agents == {(account.id, "trend"): AppliedItem(agent.id, at_ns, None, 3)}
    assert applied.limits == {
        (account.id, "open_orders"): AppliedLimit(limit, Decimal(7), is_active=True),
        (account.id, "position_size"): AppliedLimit(lifted, Decimal(7), is_active=False),
    }


async def test_a_database_that_is_away_is_not_an_empty_one(pg_server: PostgresServer, tmp_path: Path) -> None:
    pg_server.copy_to(tmp_path)
    server = await start_server(tmp_path)
    pool = await open_pool(server.endpoints(), DatabaseRole.DAEMON, size=1)
    await server.stop()
    with pytest.raises(DependencyAway):
        await read_applied(pool)
    pool.terminate()
