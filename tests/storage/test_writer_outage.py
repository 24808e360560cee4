"""The writer on a PostgreSQL that is killed under it."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from engine.messages.writing import CellHalted, EventsCommitted, StoreStatus, UnitsCommitted
from engine.runtime.bus import Bus
from engine.runtime.clock import WallClock
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from storage.backlog import Backlog
from storage.embedded import EmbeddedPostgres
from storage.lease import Leases
from storage.postgres_facts import PostgresFactStore
from storage.writer import StorageWriter
from tests.support.postgres import PostgresServer, start_server
from tests.support.units import TestCell, UnitMaker

pytestmark = pytest.mark.asyncio


class Live:
    """A writer on a server of its own, and cells that never stop sending."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.clock = WallClock()
        self.system = ActorSystem(clock=self.clock)
        self.bus = Bus()
        self.backlog = Backlog()
        self.store = PostgresFactStore(server.endpoints())
        self.leases = Leases(UnitMaker(7).id(), self.clock)
        self.heard: list[Any] = []
        self.sent: dict[TestCell, list[Any]] = {}
        for kind in (StoreStatus, CellHalted, EventsCommitted, UnitsCommitted):
            self.bus.subscribe(kind, self.heard.append)

    async def start(self, cells: list[TestCell]) -> Ref[StorageWriter]:
        await self.store.commit([cell.birth() for cell in cells])
        users = [cell.user_id for cell in cells]
        fences = await self.store.run(lambda connection: self.leases.acquire(connection, users))
        for cell in cells:
            cell.begin(fences[cell.user_id])
        return await self.system.start(
            StorageWriter, store=self.store, clock=self.clock, bus=self.bus, backlog=self.backlog,
            renew=lambda: self.store.run(self.leases.renew),
        )  # fmt: skip

    async def send_until(self, writer: Ref[StorageWriter], cells: list[TestCell], enough: asyncio.Event) -> None:
        while not enough.is_set():
            for cell in cells:
                self.sent.setdefault(cell, []).append(writer.ask(cell.order_unit()))
            await asyncio.sleep(0.005)

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.heard if type(message) is kind]

    async def stop(self) -> None:
        await self.system.stop_all()
        await self.store.close()


async def _killed_and_back(server: EmbeddedPostgres, data_dir: Path, times: int) -> EmbeddedPostgres:
    for _ in range(times):
        await asyncio.sleep(0.3)
        os.kill(server.pid, signal.SIGQUIT)  # Immediate shutdown: as a crash, without a checkpoint.
        await server.stop()
        await asyncio.sleep(0.2)
        server = await start_server(data_dir)
    await asyncio.sleep(0.3)
    return server


@pytest.mark.slow
async def test_nothing_is_lost_or_doubled_when_the_server_is_killed_during_writes(
    pg_server: PostgresServer, tmp_path: Path, make: UnitMaker
) -> None:
    pg_server.copy_to(tmp_path)
    server = await start_server(tmp_path)
    live = Live(server)
    cells = [TestCell(make) for _ in range(3)]
    writer = await live.start(cells)
    enough = asyncio.Event()
    sender = asyncio.ensure_future(live.send_until(writer, cells, enough))
    server = await _killed_and_back(server, tmp_path, times=3)
    enough.set()
    await sender
    await asyncio.wait_for(live.backlog.idle(), 10)

    assert live.of(CellHalted) == []
    statuses = [status.available for status in live.of(StoreStatus)]
    assert statuses[0] is True
    assert statuses[1:] == [False, True] * (len(statuses) // 2)
    assert len(statuses) >= 3
    watcher = PostgresFactStore(server.endpoints())
    for cell in cells:
        answers = [await reply for reply in live.sent[cell]]
        expected = list(range(1, len(answers) + 1))
        assert [answer.first_seq for answer in answers] == expected
        told = [e.seq for m in live.of(EventsCommitted) if m.events[0].user_id == cell.user_id for e in m.events]
        assert told == expected
        numbers = [m.n for m in live.of(UnitsCommitted) if m.user_id == cell.user_id]
        assert numbers == sorted(numbers)
        assert numbers[-1] == len(answers)
        counts = await watcher.run(
            lambda connection, user_id=cell.user_id: connection.fetchrow(  # type: ignore[misc]
                """
                select (select count(*) from orders where user_id = $1),
                    (select count(*) from events where user_id = $1), (select max(seq) from events where user_id = $1),
                    (select count(*) from write_units where user_id = $1 and n is not null)
                """,
                user_id,
            )
        )
        assert tuple(counts) == (len(answers),) * 4
    await watcher.close()
    await live.stop()
    await server.stop()
