"""Several venues in one engine: who takes whose orders, and whose prices come."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from actors.market_data import MarketData
from actors.readiness import Readiness
from connectors.paper.venue import PaperVenue
from connectors.remote.connector import RemoteVenue
from connectors.simulated.source import SimulatedSource
from engine.bootstrap.database import Database
from engine.bootstrap.exchanges import Exchanges
from engine.bootstrap.market import prepare_markets
from engine.bootstrap.market_stage import MarketStage
from engine.bootstrap.sources import SourcePorts
from engine.bootstrap.stores import Stores, open_stores
from engine.bootstrap.venues import VenuePorts
from engine.messages.market import QuoteTick
from engine.runtime.bus import Bus
from engine.runtime.clock import WallClock
from engine.runtime.entropy import Ids, system_rng
from engine.runtime.system import ActorSystem
from tests.support.host import NODE, live_venues, settings_of
from tests.support.postgres import PostgresDatabase

pytestmark = pytest.mark.asyncio
TWO = """
[market]
venues = ["mars", "venus"]
symbols = ["BTC/USDT"]

[venues.mars]
kind = "remote"
url = "unix:{folder}/mars.sock"
"""


Stage = tuple[MarketStage, Readiness, Bus, ActorSystem]


@asynccontextmanager
async def open_stage(postgres: PostgresDatabase, folder: Path) -> AsyncIterator[Stage]:
    wall, rng, bus = WallClock(), system_rng(), Bus()
    ids = Ids(wall, rng)
    settings = settings_of(folder, TWO.format(folder=folder))
    system = ActorSystem(clock=wall, ids=ids, rng=rng)
    database = Database(postgres.endpoints, None, is_ours_to_stop=False)
    stores: Stores = await open_stores(database, settings.database, system=system, bus=bus, wall=wall, node_id=NODE)
    readiness = Readiness(bus=bus, clock=wall, expected=())
    live = live_venues(settings, folder)
    markets = await prepare_markets(settings, wall, live)
    stage = MarketStage(settings, markets, start=system.start, stores=stores, readiness=readiness, live=live)
    exchanges = Exchanges(settings, wall)
    ports = VenuePorts(
        bus=bus, wall=wall, ids=ids, rng=rng, paper=stores.paper, permit=stores.leases, exchanges=exchanges, environ={},
        version="9",
    )  # fmt: skip
    sources = SourcePorts(
        bus=bus, wall=wall, rng=rng, exchanges=exchanges, learn=stage.learn, settled=system.drain,
        wait_settled=system.idle,
    )  # fmt: skip
    try:
        await stage.start(ports)
        await stage.open_sources(sources)
        yield stage, readiness, bus, system
    finally:
        await system.stop_all()
        await stores.close()


async def test_each_venue_has_its_connector_its_books_and_its_prices(
    pg_database: PostgresDatabase, tmp_path: Path
) -> None:
    async with open_stage(pg_database, tmp_path) as (stage, readiness, bus, system):
        assert {venue: ref.actor_class for venue, ref in stage.connectors.items()} == {
            "mars": RemoteVenue,
            "venus": PaperVenue,
        }
        kinds = [ref.actor_class for ref in (*stage._started, *stage._sources)]
        assert kinds == [RemoteVenue, MarketData, PaperVenue, MarketData, SimulatedSource, SimulatedSource]
        seen: list[QuoteTick] = []
        bus.subscribe(QuoteTick, seen.append)
        while len({tick.venue for tick in seen}) < 2:
            await WallClock().sleep(1_000_000)
        await system.idle()
        prices = {venue: stage.marks.price(venue, "BTC/USDT") for venue in ("mars", "venus")}
        assert None not in prices.values()
        assert prices["mars"] != prices["venus"], "two streets, not one"
        assert {part.part: part.ready for part in readiness.parts()} == {"feed:mars": True, "feed:venus": True}
        await stage.close_sources()
        await stage.stop()
