"""An embedded server that dies is started again, once somebody has noticed that it is away."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from engine.bootstrap import keeper
from engine.bootstrap.keeper import DatabaseKeeper, RunningServer
from engine.messages.writing import StoreStatus
from engine.runtime.bus import Bus
from engine.runtime.clock import WallClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from storage import pool
from storage.embedded import EmbeddedPostgres
from storage.roles import DatabaseRole
from tests.support.daemon import stop_database
from tests.support.postgres import PostgresServer, start_server

pytestmark = pytest.mark.asyncio


class House(msgspec.Struct):
    """A data directory with its server and the keeper of it."""

    data_dir: Path
    server: EmbeddedPostgres
    keeper: Ref[DatabaseKeeper]
    bus: Bus
    wall: WallClock

    def say(self, *, available: bool) -> None:
        """Say what the writer says."""
        self.bus.publish(StoreStatus(available=available, since_ns=self.wall.now_ns()))

    async def running(self) -> EmbeddedPostgres:
        """Ask which server there is."""
        server: EmbeddedPostgres = await self.keeper.ask(RunningServer())
        return server

    async def until_another(self, before: EmbeddedPostgres) -> EmbeddedPostgres:
        """Wait for another server than this one."""
        deadline = time.monotonic() + 30
        while (found := await self.running()).pid == before.pid:
            assert time.monotonic() < deadline, "no other server"
            await asyncio.sleep(0.01)
        return found


@pytest_asyncio.fixture
async def house(pg_server: PostgresServer, tmp_path: Path) -> AsyncIterator[House]:
    pg_server.copy_to(tmp_path)
    server = await start_server(tmp_path)
    wall, rng, bus = WallClock(), seeded_rng(1), Bus()
    system = ActorSystem(clock=wall, ids=Ids(wall, rng), rng=rng)
    ref = await system.start(
        DatabaseKeeper, name="database", server=server, data_dir=tmp_path, bus=bus, clock=wall, environ=os.environ
    )
    yield House(tmp_path, server, ref, bus, wall)
    await system.stop_all()
    stop_database(tmp_path)


async def test_a_server_that_has_died_is_started_again(house: House) -> None:
    os.kill(house.server.pid, signal.SIGKILL)
    house.say(available=False)
    another = await house.until_another(house.server)
    assert another.is_running()
    connection = await pool.connect(another.endpoints(), DatabaseRole.READER)
    assert await connection.fetchval("select 1") == 1
    await connection.close()


async def test_a_server_that_lives_is_left_alone(house: House) -> None:
    house.say(available=False)
    assert (await house.running()).pid == house.server.pid
    assert house.server.is_running()


async def test_it_looks_again_while_the_database_is_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "LOOK_AGAIN_NS", 10_000_000)
    house.say(available=False)
    await house.running()
    os.kill(house.server.pid, signal.SIGKILL)
    assert (await house.until_another(house.server)).is_running()


async def test_nobody_looks_once_it_is_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    is_running = EmbeddedPostgres.is_running

    def look(server: EmbeddedPostgres) -> bool:
        nonlocal looked
        looked += 1
        return is_running(server)

    monkeypatch.setattr(EmbeddedPostgres, "is_running", look)
    monkeypatch.setattr(keeper, "LOOK_AGAIN_NS", 5_000_000)
    house.say(available=False)
    house.say(available=True)
    await house.running()
    await asyncio.sleep(0.05)
    assert looked == 1
