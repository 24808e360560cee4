"""What a start writes: the configuration once, and a new token for this machine each time."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio

from actors.api.auth_passwords import verify_password
from actors.api.auth_tokens import token_hash
from engine.bootstrap.configure import Plan
from engine.bootstrap.first_start import apply_configuration, keep_local_token
from engine.domain.errors import ConfigError
from tests.support.host import CONFIG, Ground, a_ground, settings_of
from tests.support.postgres import PostgresDatabase

NODE = UUID(int=0xA)

pytestmark = pytest.mark.asyncio

TABLES = ("users", "trading_accounts", "trading_agents", "trading_limits", "audit_log")


@pytest_asyncio.fixture
async def ground(pg_database: PostgresDatabase, tmp_path: Path) -> AsyncIterator[Ground]:
    async with a_ground(pg_database, tmp_path, "") as found:
        yield found


async def apply(ground: Ground, folder: Path, text: str = CONFIG) -> Plan:
    return await apply_configuration(
        settings_of(folder, text), ground.stores, "simulated", clock=ground.wall, ids=ground.ids, local=ground.local
    )


async def counts(database: PostgresDatabase) -> dict[str, int]:
    daemon = await database.connect()
    return {table: await daemon.fetchval(f"select count(*) from {table}") for table in TABLES}


async def test_a_second_start_writes_nothing(ground: Ground, pg_database: PostgresDatabase, tmp_path: Path) -> None:
    await apply(ground, tmp_path)
    first = await counts(pg_database)
    assert (first["users"], first["trading_accounts"], first["trading_agents"]) == (1, 1, 1)
    password = ground.local.first_login()
    plan = await apply(ground, tmp_path)
    assert (plan.rows, plan.new_users) == ([], {})
    assert await counts(pg_database) == first
    assert ground.local.first_login() == password


async def test_the_kept_password_is_the_first_admins(ground: Ground, tmp_path: Path) -> None:
    await apply(ground, tmp_path, CONFIG + '\n[[accounts]]\nname = "paper-2"\nuser = "bob@localhost"\n')
    kept = ground.local.first_login()
    assert kept is not None
    email, password = kept
    admin = await ground.stores.identity.person_by_email(email)
    other = await ground.stores.identity.person_by_email("bob@localhost")
    assert admin is not None
    assert other is not None
    assert (email, admin.role, other.role) == ("demo@localhost", "admin", "trader")
    assert admin.password_hash is not None
    assert other.password_hash is not None
    assert verify_password(admin.password_hash, password)
    assert not verify_password(other.password_hash, password)


async def test_a_wrong_agent_writes_nothing_at_all(
    ground: Ground, pg_database: PostgresDatabase, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"agents\.0\.type"):
        await apply(ground, tmp_path, CONFIG.replace("trend_follower", "crystal_ball"))
    assert set((await counts(pg_database)).values()) == {0}
    assert ground.local.first_login() is None


async def test_each_start_replaces_this_machines_token(
    ground: Ground, pg_database: PostgresDatabase, tmp_path: Path
) -> None:
    await apply(ground, tmp_path)
    tokens = []
    for _ in range(2):
        await keep_local_token(ground.stores, clock=ground.wall, ids=ground.ids, local=ground.local, node_id=NODE)
        tokens.append((tmp_path / "local-token").read_text().strip())
    daemon = await pg_database.connect()
    rows = await daemon.fetch("select token_hash, kind, name from user_sessions")
    assert [tuple(row) for row in rows] == [(token_hash(tokens[1]), "token", "this machine")]
    assert tokens[0] != tokens[1]


async def test_without_an_admin_there_is_no_token(ground: Ground, tmp_path: Path) -> None:
    await keep_local_token(ground.stores, clock=ground.wall, ids=ground.ids, local=ground.local, node_id=NODE)
    assert not (tmp_path / "local-token").exists()


async def test_a_token_is_never_of_an_admin_who_was_switched_off(
    ground: Ground, pg_database: PostgresDatabase, tmp_path: Path
) -> None:
    await apply(ground, tmp_path)
    daemon = await pg_database.connect()
    await daemon.execute("update users set is_active = false")
    await keep_local_token(ground.stores, clock=ground.wall, ids=ground.ids, local=ground.local, node_id=NODE)
    assert not (tmp_path / "local-token").exists()
