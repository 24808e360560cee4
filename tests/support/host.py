"""What a host of cells stands on, over a real database: stores, a paper venue, a configuration that has been applied.

The wall clock is turned by hand (`Ground.pass_time`); the leases' time is the database's own.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from actors.marks import MarkTable
from actors.readiness import Readiness
from config.loader import load_settings
from config.settings import Settings
from connectors.paper.venue import PaperVenue
from engine.bootstrap.cell_wiring import CellPorts
from engine.bootstrap.cells import CellDirectory, CellHost
from engine.bootstrap.database import Database
from engine.bootstrap.exchanges import Exchanges
from engine.bootstrap.first_start import apply_configuration
from engine.bootstrap.live import LiveVenues
from engine.bootstrap.local import LocalFiles
from engine.bootstrap.market import Market, prepare_markets
from engine.bootstrap.stores import Stores, open_stores
from engine.domain.identifiers import UserId, Venue
from engine.domain.instrument import Instrument
from engine.messages.market import QuoteTick
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock, WallClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from tests.support.postgres import PostgresDatabase

START_NS = 1_700_000_000_000_000_000
NODE = UUID(int=0xA)
CONFIG = """
[[accounts]]
name = "paper-1"
user = "demo@localhost"
starting_balances = { USDT = 100000, BTC = 1 }

[[agents]]
name = "trend-1"
type = "trend_follower"
account = "paper-1"
symbols = ["BTC/USDT"]
"""


class Ground(msgspec.Struct):
    """One engine's parts below the cells."""

    system: ActorSystem
    bus: Bus
    wall: VirtualClock
    ids: Ids
    settings: Settings
    database: Database
    stores: Stores
    market: Market
    readiness: Readiness
    directory: CellDirectory
    paper: Ref[Any]
    local: LocalFiles
    marks: MarkTable

    def ports(self, **changes: Any) -> CellPorts:
        """Return what cells are made of; name what a test puts in between."""
        fields: dict[str, Any] = {
            "system": self.system, "bus": self.bus, "wall": self.wall, "market": self.wall, "ids": self.ids,
            "writer": self.stores.writer, "marks": self.marks, "instruments": self.market.by_name,
            "connectors": {self.market.venue: self.paper}, "archive": self.stores.archive,
            "loader": self.stores.loader, "leases": self.stores.leases, "readiness": self.readiness,
        }  # fmt: skip
        return CellPorts(**fields | changes)

    async def users(self) -> list[UserId]:
        """Return everybody with an account."""
        return await self.stores.loader.users()

    async def host(self, *, defaults: Mapping[str, Decimal] | None = None, **changes: Any) -> Ref[Any]:
        """Start a host of everybody's cells."""
        return await self.system.start(
            CellHost,
            name="cells",
            ports=self.ports(**changes),
            directory=self.directory,
            readiness=self.readiness,
            users=await self.users(),
            defaults=defaults or {},
        )

    async def quote(self, bid: str, ask: str, symbol: str = "BTC/USDT") -> None:
        """Show best prices to venue and gate."""
        now_ns, venue = self.wall.now_ns(), self.market.venue
        tick = QuoteTick(
            venue=venue, symbol=symbol, ts_event_ns=now_ns, ts_init_ns=now_ns, bid=Decimal(bid), ask=Decimal(ask),
            bid_size=Decimal(10), ask_size=Decimal(10),
        )  # fmt: skip
        mark = self.marks.mark(venue, symbol)
        mark.bid, mark.ask, mark.seen_ns = tick.bid, tick.ask, now_ns
        self.bus.publish(tick, (venue, symbol))
        await self.rest()

    async def pass_time(self, seconds: float) -> None:
        """Let wall time pass; what is due happens, and what follows from it comes to rest."""
        until_ns = self.wall.now_ns() + int(seconds * 1_000_000_000)
        while (due_ns := self.wall.next_timer_ns()) is not None and due_ns <= until_ns:
            self.wall.advance_to(max(due_ns, self.wall.now_ns()))
            await self.rest()
        self.wall.advance_to(until_ns)
        await self.rest()

    async def rest(self) -> None:
        """Wait until no message is left and every unit is durable."""
        for _ in range(3):
            await self.system.idle()
            await self.stores.backlog.idle()

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that comes out of the database, which has a time of its own."""
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, f"no {what}"
            await asyncio.sleep(0.002)
            await self.rest()

    async def compared(self) -> None:
        """Wait until every account has been compared with its venue."""
        parts = [each for each in self.readiness.parts() if each.part.startswith("account:")]
        assert parts
        await self.until(lambda: all(self.reason(each.part) is None for each in parts), "reconciliation")

    def reason(self, part: str) -> str | None:
        """Why the first part whose name begins so is not ready; None if it is."""
        state = next(each for each in self.readiness.parts() if each.part.startswith(part))
        return None if state.ready else state.reason


def live_venues(settings: Settings, folder: Path) -> LiveVenues:
    """Open live venues as the engine does."""
    return LiveVenues(settings, data_dir=folder, make=Exchanges(settings, WallClock()).public)


async def forget(_venue: Venue, _instruments: Sequence[Instrument]) -> None:
    """Keep nothing of what a live venue lists."""


def settings_of(folder: Path, text: str = CONFIG) -> Settings:
    """Load a configuration from its text."""
    file = folder / "cival.toml"
    file.write_text(text)
    return load_settings(file, environ={})


@asynccontextmanager
async def a_ground(
    postgres: PostgresDatabase, folder: Path, text: str = CONFIG, *, node_id: UUID = NODE, seed: int = 1
) -> AsyncIterator[Ground]:
    """Open the stores of a database, apply a configuration, start the paper venue; stop everything at the end."""
    wall = VirtualClock(START_NS)
    rng = seeded_rng(seed)
    ids = Ids(wall, rng)
    system = ActorSystem(clock=wall, ids=ids, rng=rng)
    bus = Bus()
    settings = settings_of(folder, text)
    database = Database(postgres.endpoints, None, is_ours_to_stop=False)
    stores = await open_stores(database, settings.database, system=system, bus=bus, wall=wall, node_id=node_id)
    try:
        markets = await prepare_markets(settings, wall, live_venues(settings, folder))
        market = markets.each[0]
        local = LocalFiles(folder)
        await apply_configuration(settings, stores, market.venue, clock=wall, ids=ids, local=local)
        paper = await system.start(
            PaperVenue, name="paper", venue=market.venue, bus=bus, clock=wall, wall=wall, ids=ids, store=stores.paper,
            rng=rng, session="", symbols=[each.symbol for each in market.instruments], instruments=market.instruments,
        )  # fmt: skip
        yield Ground(
            system, bus, wall, ids, settings, database, stores, market, Readiness(bus=bus, clock=wall, expected=()),
            CellDirectory(), paper, local, MarkTable(wall),
        )  # fmt: skip
    finally:
        await system.stop_all()
        await stores.close()
