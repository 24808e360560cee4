"""One engine below its API, inside a simulated process: the same actors that `engine/bootstrap/engine.py` starts.

Different are only the ports: the run's database instead of PostgreSQL, and links of the run's network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from actors.market_data import MarketData
from actors.marks import MarkTable
from actors.readiness import Readiness
from actors.snapshotter import Snapshotter
from engine.bootstrap.cell_wiring import CellPorts
from engine.bootstrap.cells import CellDirectory, CellHost
from engine.bootstrap.stores import WriterLeases
from engine.domain.identifiers import UserId, Venue
from engine.messages.market import QuoteTick
from engine.runtime.bus import Bus
from engine.runtime.entropy import Ids, Rng
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from engine.simulation.ports import Setting
from engine.simulation.process import Process, SeededScheduler
from engine.simulation.store import Database, StoreOfProcess
from storage.backlog import Backlog
from storage.lease import Leases
from storage.writer import StorageWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """Small limits drawn from the seed, so that rare paths become usual ones."""

    budget: int = 128
    """Messages of one turn of the ready queue."""
    shuffles: bool = True
    """The seed draws which mailbox is next."""
    done_max: int = 1_000
    """Done orders that a router remembers; of the others it asks the archive."""


class Connect(Protocol):
    """Starts the connectors of an engine."""

    async def __call__(self, daemon: "Daemon") -> Mapping[Venue, Ref[Any]]:
        """Return who takes orders for which venue."""


class Daemon:
    """One life of an engine."""

    def __init__(
        self, process: Process, *, database: Database, setting: Setting, rng: Rng, node_id: UUID, tuning: Tuning
    ) -> None:
        """Make what needs nothing else.

        Args:
            process: Where it lives.
            database: Where its facts go.
            setting: What it trades.
            rng: Its chance, of this life only.
            node_id: Whose leases it takes over at once.
            tuning: Its limits.
        """
        self.process = process
        self.wall = process.clock
        self.rng = rng
        self.setting = setting
        self.ids = Ids(self.wall, rng)
        self.bus = Bus()
        scheduler = SeededScheduler(process, rng=rng, budget=tuning.budget, shuffles=tuning.shuffles)
        self.system = ActorSystem(clock=self.wall, ids=self.ids, rng=rng, scheduler=scheduler)
        self.store = StoreOfProcess(database, process)
        self.leases = WriterLeases(Leases(node_id, self.wall), self.store)  # type: ignore[arg-type]  # It has `run`.
        self.backlog = Backlog()
        self.readiness = Readiness(bus=self.bus, clock=self.wall)
        self.marks = MarkTable(self.wall)
        self.cells = CellDirectory()
        self.by_name = {(each.venue, each.symbol): each for each in setting.instruments}
        self.is_up = False
        self._tuning = tuning

    async def start(self, connect: Connect) -> None:
        """Start everything, bottom first, as `cival run` does."""
        self.writer = await self.system.start(
            StorageWriter,
            name="writer",
            store=self.store,
            clock=self.wall,
            bus=self.bus,
            backlog=self.backlog,
            renew=self.leases.renew,
        )
        self.leases.attach(self.writer)
        connectors = await connect(self)
        await self._start_market(sorted(connectors))
        await self.system.start(
            Snapshotter, name="snapshotter", wall=self.wall, ids=self.ids, bus=self.bus, writer=self.writer
        )
        await self.system.start(
            CellHost,
            name="cells",
            ports=self._ports(connectors),
            directory=self.cells,
            readiness=self.readiness,
            users=self.setting.users,
            defaults=self.setting.default_limits,
        )
        self.is_up = True

    async def _start_market(self, venues: list[Venue]) -> None:
        for venue in venues:
            await self.system.start(
                MarketData,
                name=f"market/{venue}",
                venue=venue,
                bus=self.bus,
                market_clock=self.wall,
                wall_clock=self.wall,
                marks=self.marks,
                bulk=self.store,
                timeframes=("1m",),
            )

    def _ports(self, connectors: Mapping[Venue, Ref[Any]]) -> CellPorts:
        return CellPorts(
            system=self.system,
            bus=self.bus,
            wall=self.wall,
            market=self.wall,
            ids=self.ids,
            writer=self.writer,
            marks=self.marks,
            instruments=self.by_name,
            connectors=connectors,
            archive=self.store,
            loader=self.store,
            leases=self.leases,
            readiness=self.readiness,
            router_limits={"done_max": self._tuning.done_max},
        )

    def see(self, quote: QuoteTick) -> None:
        """Hear of a price, as from a public feed. Called in the process."""
        self.bus.publish(quote, (quote.venue, quote.symbol))

    def is_ready(self, users: tuple[UserId, ...]) -> bool:
        """Whether every cell runs and every account has been compared with its venue."""
        parts = [part for part in self.readiness.parts() if part.part.startswith(("account:", "lease:"))]
        return self.is_up and all(self.cells.of(user) for user in users) and all(part.ready for part in parts)
