"""The stores open together, share what they must, and close together."""

from pathlib import Path
from uuid import UUID

import pytest

from config.settings import DatabaseSettings
from engine.bootstrap.database import Database
from engine.bootstrap.stores import open_stores
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import UserId
from engine.messages.writing import unit_without_cell
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.system import ActorSystem
from storage.roles import DatabaseRole, served_endpoints
from tests.support.host import START_NS, a_ground
from tests.support.postgres import PostgresDatabase
from tests.support.units import UnitMaker

pytestmark = pytest.mark.asyncio

SESSIONS = "select application_name, count(*) as n from pg_stat_activity where datname = $1 group by 1"


async def test_every_connection_has_a_name_and_is_closed(pg_database: PostgresDatabase, tmp_path: Path) -> None:
    admin = await pg_database.connect(DatabaseRole.ADMIN)

    async def names() -> set[str]:
        rows = await admin.fetch(SESSIONS, pg_database.name)
        return {row["application_name"] for row in rows if str(row["application_name"]).startswith("cival")}

    before = await names()
    async with a_ground(pg_database, tmp_path):
        open_ones = await names() - before
    assert {"cival-writer", "cival-daemon", "cival-api"} <= open_ones
    for _ in range(200):  # A server's process ends a moment after its client has gone.
        if await names() <= before:
            break
        await admin.execute("select pg_sleep(0.01)")
    assert await names() <= before


async def test_a_row_is_durable_and_readable_when_the_writer_has_answered(
    pg_database: PostgresDatabase, tmp_path: Path
) -> None:
    async with a_ground(pg_database, tmp_path, "") as ground:
        user = UnitMaker().user()
        await ground.stores.writer.ask(unit_without_cell(ground.ids, (user,)))
        person = await ground.stores.identity.person(UserId(user.id))
        assert person is not None
        assert person.email == user.email
        assert ground.stores.backlog.outstanding == 0


async def test_a_lease_is_taken_kept_and_given_back(pg_database: PostgresDatabase, tmp_path: Path) -> None:
    async with a_ground(pg_database, tmp_path) as ground:
        (user_id,) = await ground.users()
        leases = ground.stores.leases
        assert [await leases.acquire(user_id), await leases.acquire(user_id)] == [1, 2], "our own restarts take over"
        assert await leases.renew() == set()
        async with a_ground(pg_database, tmp_path, node_id=UUID(int=0xB), seed=2) as other:
            assert await other.stores.leases.acquire(user_id) is None
            await leases.release((user_id,))
            assert await other.stores.leases.acquire(user_id) == 3


async def test_a_lease_that_was_taken_by_another_is_reported_as_lost(
    pg_database: PostgresDatabase, tmp_path: Path
) -> None:
    async with a_ground(pg_database, tmp_path) as ground:
        (user_id,) = await ground.users()
        await ground.stores.leases.acquire(user_id)
        daemon = await pg_database.connect()
        await daemon.execute("update cell_leases set fence = fence + 1, owner = gen_random_uuid()")
        assert await ground.stores.leases.renew() == {user_id}


async def test_a_database_that_is_away_leaves_nothing_open() -> None:
    wall = VirtualClock(START_NS)
    rng = seeded_rng(1)
    ids = Ids(wall, rng)
    system = ActorSystem(clock=wall, ids=ids, rng=rng)
    nowhere = Database(served_endpoints("postgresql://nobody@127.0.0.1:9/none"), None, is_ours_to_stop=False)
    with pytest.raises(DependencyAway):
        await open_stores(nowhere, DatabaseSettings(), system=system, bus=Bus(), wall=wall, node_id=ids.uuid())
    await system.stop_all()
