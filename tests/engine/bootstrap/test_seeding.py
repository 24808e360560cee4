"""Seeding a database without an engine."""

from pathlib import Path

import pytest

from config.loader import load_settings
from engine.bootstrap.database import Database
from engine.bootstrap.local import LocalFiles
from engine.bootstrap.seeding import seed
from storage.pool import open_pool
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase


@pytest.mark.asyncio
async def test_a_second_seed_writes_nothing(pg_database: PostgresDatabase, tmp_path: Path) -> None:
    database = Database(pg_database.endpoints, None, is_ours_to_stop=False)
    settings = load_settings(None, environ={})
    first = await seed(database, settings, tmp_path)
    assert first.first_admin == "demo@localhost"
    assert LocalFiles(tmp_path).first_login() is not None
    second = await seed(database, settings, tmp_path)
    assert (second.rows, second.new_users, second.first_admin) == ([], {}, None)

    pool = await open_pool(pg_database.endpoints, DatabaseRole.DAEMON, size=1)
    try:
        agents = await pool.fetch("select name, status from trading_agents order by name")
        assert [tuple(row) for row in agents] == [("reversion-1", "active"), ("trend-1", "active")]
        assert await pool.fetchval("select count(*) from audit_log") == 3
    finally:
        await pool.close()
