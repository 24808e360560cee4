"""P4 with PostgreSQL beside it: the same ticks, each order durable before it is sent.

An embedded server of its own is started in a temporary folder, with every safety on. Two commits one after another are
in the way of an order (the cell's and then, to its fill, the paper venue's), so this is the time of a disk.
"""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from uuid import UUID

import uvloop

from engine.benchmarks.path_engine import USER, PathEngine, Stores
from engine.benchmarks.path_latency import Stopwatch, WatchedConnector
from engine.domain.identifiers import NO_USER, UnitId
from engine.messages.market import QuoteTick
from engine.messages.orders import FillBooked, OrderChanged
from engine.messages.rows import Row
from engine.messages.writing import WriteUnit
from engine.runtime.clock import WallClock
from storage import embedded, migrate
from storage.lease import Leases
from storage.paper import PostgresPaperStore
from storage.postgres_facts import PostgresFactStore

LEASE_NS = 3_600_000_000_000
NODE = UUID(int=9)
COMMITS = 200


@dataclass(frozen=True, slots=True)
class Durable:
    """Median times in us over PostgreSQL."""

    commit_us: float
    """Of one unit with one row, given to the store directly."""
    order_us: float
    """From a tick to its order at the connector: one commit is in between."""
    fill_us: float
    """From a tick to its booked fill: the commits of the cell and of the paper venue are in between."""


def on_durable_latency(stream: Sequence[QuoteTick]) -> Durable:
    """Measure in the same run what a commit costs and what a tick takes to its order and to its booked fill."""
    with (
        tempfile.TemporaryDirectory(prefix="cival-bench-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(_served(Path(folder), stream))


async def _served(folder: Path, stream: Sequence[QuoteTick]) -> Durable:
    clock = WallClock()
    server = await embedded.start(folder, clock=clock, environ=os.environ, dies_with_parent=True)
    try:
        await migrate.migrate(server.endpoints(), clock=clock)
        facts, paper = PostgresFactStore(server.endpoints()), PostgresPaperStore(server.endpoints())
        try:
            return await _play(facts, paper, stream)
        finally:
            await facts.close()
            await paper.close()
    finally:
        await server.stop()


async def _play(facts: PostgresFactStore, paper: PostgresPaperStore, stream: Sequence[QuoteTick]) -> Durable:
    watch = Stopwatch()
    engine = PathEngine(10, 20, connector_of=lambda venue: WatchedConnector(venue, watch))
    births = engine.births()
    await _commit_us(facts, 0, births)
    leases = Leases(NODE, WallClock(), ttl_ns=LEASE_NS)
    fences = await facts.run(lambda connection: leases.acquire(connection, [USER]))
    await engine.start(Stores(facts, paper, fences[USER]))
    at_rest = asyncio.Event()
    at_rest.set()

    def begin(change: OrderChanged) -> None:
        if not change.is_done:
            at_rest.clear()

    engine.bus.subscribe(OrderChanged, begin, key=USER)
    engine.bus.subscribe(FillBooked, watch.note_fill, key=USER)
    engine.bus.subscribe(FillBooked, lambda _: at_rest.set(), key=USER)
    for quote in stream:
        watch.show(engine, (quote,))
        await at_rest.wait()
        await engine.backlog.idle()
    commits_us = [await _commit_us(facts, number, births[:1]) for number in range(1, COMMITS + 1)]
    await engine.stop()
    return Durable(median(commits_us), median(watch.orders_ns) / 1_000, median(watch.fills_ns) / 1_000)


async def _commit_us(facts: PostgresFactStore, number: int, rows: tuple[Row, ...]) -> float:
    """Commit one unit and return how long that took."""
    unit = WriteUnit(id=UnitId(UUID(int=1_000 + number)), n=None, user_id=NO_USER, fence=None, rows=rows)
    now_ns = WallClock().monotonic_ns
    began_ns = now_ns()
    [result] = await facts.commit([unit])
    assert result.answer is not None, result.detail
    return (now_ns() - began_ns) / 1_000
