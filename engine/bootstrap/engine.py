"""The engine's parts from start to stop: reads like a check list.

Each stage starts what the stages above it stand on; the way down is the way up in reverse, with a deadline per stage.
The market source is the last to start and the first to stop, so that nothing happens while the engine is half there.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeVar

from actors.agents.catalogue import describe_types
from actors.api.app import Address, AddressQuery, Api
from actors.api.ports import ApiPorts, EngineFacts
from actors.readiness import Readiness
from actors.snapshotter import Snapshotter
from actors.stream_hub import StreamHub
from actors.watchdog import Watchdog
from config.checks import limits_of
from config.settings import Settings
from engine.bootstrap.cell_wiring import CellPorts
from engine.bootstrap.cells import CellDirectory, CellHost
from engine.bootstrap.configure import is_paper
from engine.bootstrap.database import Database, bring_up_to_date, open_database
from engine.bootstrap.exchanges import Exchanges
from engine.bootstrap.first_start import apply_configuration, keep_local_token
from engine.bootstrap.keeper import DatabaseKeeper, RunningServer
from engine.bootstrap.live import LiveVenues
from engine.bootstrap.live_accounts import LiveAccounts, configured_accounts
from engine.bootstrap.local import LocalFiles
from engine.bootstrap.market import Markets, prepare_markets
from engine.bootstrap.market_stage import MarketStage
from engine.bootstrap.preflight import check_before_start
from engine.bootstrap.reload import Reloader
from engine.bootstrap.service import ServiceManager
from engine.bootstrap.sources import SourcePorts
from engine.bootstrap.stores import Stores, open_stores
from engine.bootstrap.sweeper import Sweeper, kept_ns
from engine.bootstrap.venues import VenuePorts
from engine.messages.read_ports import Person
from engine.runtime.actor import AsyncioActor
from engine.runtime.bus import Bus
from engine.runtime.clock import NS_PER_S, WallClock
from engine.runtime.entropy import Ids, system_rng
from engine.runtime.lifecycle import Stage
from engine.runtime.log import LogSink, add_sink, get_logger, remove_sink
from engine.runtime.metrics import Metrics
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from storage.applied import read_applied
from storage.datadir import DataDirectory, open_data_directory
from storage.log_sink import LogWriter
from storage.retention import ROWS_MAX, Retention

RECONCILED_TIMEOUT_NS: Final = 30 * NS_PER_S
"""How long the market waits for the accounts' first reconciliation before it opens without them."""
_POLL_NS: Final = 2_000_000

OnVitalEnd = Callable[[str, BaseException], None]

A = TypeVar("A", bound=AsyncioActor)

_log = get_logger(__name__)


class Engine:
    """Everything that runs in one process."""

    def __init__(
        self, load: Callable[[], Settings], data_dir: Path, service: ServiceManager, on_vital_end: OnVitalEnd
    ) -> None:
        """Make what needs nothing else; on the loop that it will run on.

        Args:
            load: Reads what the file, the environment and the flags say: now, and at each reload.
            data_dir: Where the engine keeps its files.
            service: Told of signs of life.
            on_vital_end: Called with name and error when an actor ends that the engine cannot do without.
        """
        self._on_vital_end = on_vital_end
        self._load = load
        self.settings = load()
        self.data_dir = data_dir
        self.service = service
        self.wall = WallClock()
        self.rng = system_rng()
        self.ids = Ids(self.wall, self.rng)
        self.metrics = Metrics()
        self.bus = Bus()
        self.local = LocalFiles(data_dir)
        self.version = version("cival")
        self.started_ns = self.wall.now_ns()
        self.exchanges = Exchanges(self.settings, self.wall)
        self.live = LiveVenues(self.settings, data_dir=data_dir, make=self.exchanges.public)
        self.cells = CellDirectory()
        self.system = ActorSystem(clock=self.wall, ids=self.ids, rng=self.rng, metrics=self.metrics)

    async def prepare(self) -> None:
        """Take the data directory, and find what would stop the start before anything has started.

        Raises:
            ConfigError: Something that a person must change; the directory is free again.
        """
        self.directory: DataDirectory = open_data_directory(self.data_dir, make_node_id=self.ids.uuid)
        try:
            await check_before_start(self.settings, os.environ)
            self.markets: Markets = await prepare_markets(self.settings, self.wall, self.live)
        except BaseException:
            await self.live.close()
            self.directory.close()
            raise

    def stages(self) -> list[Stage]:
        """Return the steps of the way up and down."""
        return [
            Stage("data directory", stop=self._close_data_dir),
            Stage("database", self._open_database, self._close_database, stop_timeout_s=20.0),
            Stage("schema", self._open_schema, self._close_schema),
            Stage("storage", self._open_stores, self._close_stores),
            Stage("configuration", self._apply_configuration),
            Stage("market", self._start_market, self._stop_market),
            Stage("cells", self._start_cells, self._stop_cells),
            Stage("interface", self._start_interface, self._stop_interface),
            Stage("source", self._open_source, self._close_source),
        ]

    async def _start(self, actor_class: type[A], *, name: str, **collaborators: Any) -> Ref[A]:
        """Start an actor that the engine cannot do without.

        Cells restart by themselves; below them a failure ends the process, since a start is a recovery that is tested
        at every start, and half an engine is not.
        """
        ref = await self.system.start(actor_class, name=name, **collaborators)
        self.system.watch(ref, self._on_end)
        return ref

    def _on_end(self, ref: Ref[Any], error: BaseException | None) -> None:
        if error is not None:
            self._on_vital_end(ref.name or "actor", error)

    # --- Data directory, database, storage ----------------------------------------------------------------------------

    async def _close_data_dir(self) -> None:
        await self.live.close()
        self.local.withdraw()
        self.directory.close()

    async def _open_database(self) -> None:
        self.database: Database = await open_database(
            self.settings, self.directory.path, clock=self.wall, environ=os.environ, owns_data_dir=True
        )

    async def _close_database(self) -> None:
        await self.database.close()

    async def _open_schema(self) -> None:
        await bring_up_to_date(self.database, clock=self.wall)
        self.keeper: Ref[DatabaseKeeper] | None = None
        if self.database.server is not None:
            self.keeper = await self._start(
                DatabaseKeeper,
                name="database",
                server=self.database.server,
                data_dir=self.directory.path,
                bus=self.bus,
                clock=self.wall,
                environ=os.environ,
            )

    async def _close_schema(self) -> None:
        """From here on a server that dies stays down; the one that runs now may not be the one that was started."""
        if self.keeper is not None:
            server = await self.keeper.ask(RunningServer())
            await self.keeper.stop(timeout_s=1.0)
            self.database = replace(self.database, server=server)

    async def _open_stores(self) -> None:
        self.readiness = Readiness(bus=self.bus, clock=self.wall)
        self.stores: Stores = await open_stores(
            self.database,
            self.settings.database,
            system=self.system,
            bus=self.bus,
            wall=self.wall,
            node_id=self.directory.node_id,
        )
        self.system.watch(self.stores.writer, self._on_end)
        self.readiness.report("schema", ready=True)
        self.log_sink = LogSink("info")
        add_sink(self.log_sink)
        self.log_writer: Ref[Any] = await self.system.start(
            LogWriter, name="logs", sink=self.log_sink, bulk=self.stores.bulk, clock=self.wall, ids=self.ids
        )
        self.sweeper: Ref[Any] = await self.system.start(
            Sweeper, name="sweeper", retention=Retention(self.stores.daemon_pool), rows_max=ROWS_MAX, clock=self.wall,
            kept_ns=kept_ns(self.settings.retention),
        )  # fmt: skip

    async def _close_stores(self) -> None:
        await self.sweeper.stop(timeout_s=2.0)
        remove_sink(self.log_sink)
        await self.log_writer.stop(timeout_s=2.0)
        await self.stores.writer.stop(timeout_s=6.0)
        await self.stores.close()

    async def _apply_configuration(self) -> None:
        await apply_configuration(
            self.settings, self.stores, self.markets.default, clock=self.wall, ids=self.ids, local=self.local
        )
        await keep_local_token(
            self.stores, clock=self.wall, ids=self.ids, local=self.local, node_id=self.directory.node_id
        )

    # --- Market -------------------------------------------------------------------------------------------------------

    async def _start_market(self) -> None:
        self.market_stage = MarketStage(
            self.settings, self.markets, start=self._start, stores=self.stores, readiness=self.readiness,
            live=self.live,
        )  # fmt: skip
        await self.market_stage.start(
            VenuePorts(
                bus=self.bus,
                wall=self.wall,
                ids=self.ids,
                rng=self.rng,
                paper=self.stores.paper,
                permit=self.stores.leases,
                exchanges=self.exchanges,
                environ=os.environ,
                version=self.version,
            )
        )

    async def _stop_market(self) -> None:
        await self.market_stage.stop()

    # --- Cells --------------------------------------------------------------------------------------------------------

    async def _start_cells(self) -> None:
        self.snapshotter: Ref[Any] = await self._start(
            Snapshotter, name="snapshotter", wall=self.wall, ids=self.ids, bus=self.bus, writer=self.stores.writer
        )
        ports = CellPorts(
            system=self.system,
            bus=self.bus,
            wall=self.wall,
            market=self.markets.clock,
            ids=self.ids,
            writer=self.stores.writer,
            marks=self.market_stage.marks,
            instruments=self.markets.instruments,
            connectors=self.market_stage.connectors,
            archive=self.stores.archive,
            loader=self.stores.loader,
            leases=self.stores.leases,
            readiness=self.readiness,
            session=self.markets.session_name,
            own=await self._live_accounts(),
        )
        self.host: Ref[Any] = await self._start(
            CellHost,
            name="cells",
            ports=ports,
            directory=self.cells,
            readiness=self.readiness,
            users=await self.stores.loader.users(),
            defaults=limits_of(self.settings.risk),
        )

    async def _live_accounts(self) -> LiveAccounts:
        applied = await read_applied(self.stores.daemon_pool)
        return LiveAccounts(
            configured_accounts(self.settings, applied, self.markets.default),
            exchanges=self.exchanges,
            markets=self.markets,
            environ=os.environ,
            bus=self.bus,
            wall=self.wall,
            rng=self.rng,
            permit=self.stores.leases,
        )

    async def _stop_cells(self) -> None:
        await self.host.stop(timeout_s=4.0)
        await self.snapshotter.stop(timeout_s=1.0)

    # --- Interface ----------------------------------------------------------------------------------------------------

    async def _start_interface(self) -> None:
        self.hub: Ref[Any] = await self._start(
            StreamHub, name="stream", bus=self.bus, clock=self.wall, reads=self.stores.reads, metrics=self.metrics
        )
        self.reloader: Ref[Any] = await self.system.start(
            Reloader,
            name="reloader",
            load=self._load,
            running=self.settings,
            venue=self.markets.default,
            stores=self.stores,
            cells=self.cells,
            host=self.host,
            service=self.service,
            clock=self.wall,
            ids=self.ids,
        )
        self.api: Ref[Any] = await self._start(Api, name="api", ports=self._api_ports())
        address: Address = await self.api.ask(AddressQuery())
        self.url = address.url
        self.local.announce(address.url, self.version)
        lag = self.metrics.gauge("watchdog_lag_seconds", "How late the last probe of the loop came.")
        self.watchdog: Ref[Any] = await self._start(
            Watchdog,
            name="watchdog",
            clock=self.wall,
            alive=self.service.alive,
            alive_interval_ns=self.service.watchdog_interval_ns,
            observe_lag=lag.set,
        )

    def _api_ports(self) -> ApiPorts:
        return ApiPorts(
            server=self.settings.server,
            auth=self.settings.auth,
            facts=EngineFacts(
                version=self.version,
                market_source=self.settings.market.source,
                is_paper=is_paper(self.settings),
                started_at_ns=self.started_ns,
            ),
            clock=self.wall,
            ids=self.ids,
            bus=self.bus,
            reads=self.stores.reads,
            identity=self.stores.identity,
            writer=self.stores.writer,
            cells=self.cells,
            hub=self.hub,
            readiness=self.readiness,
            metrics=self.metrics,
            agent_types=describe_types(),
            reloader=self.reloader,
            on_login=self._on_login,
        )

    def _on_login(self, _person: Person) -> None:
        self.local.forget_first_login()

    async def _stop_interface(self) -> None:
        self.local.withdraw()
        await self.watchdog.stop(timeout_s=1.0)
        await self.api.stop(timeout_s=3.0)
        await self.reloader.stop(timeout_s=1.0)
        await self.hub.stop(timeout_s=1.0)

    # --- Source -------------------------------------------------------------------------------------------------------

    async def _open_source(self) -> None:
        await self._until_reconciled()
        await self.market_stage.open_sources(
            SourcePorts(
                bus=self.bus,
                wall=self.wall,
                rng=self.rng,
                exchanges=self.exchanges,
                learn=self.market_stage.learn,
                settled=self._is_settled,
                wait_settled=self._wait_settled,
            )
        )

    async def _close_source(self) -> None:
        await self.market_stage.close_sources()

    async def _until_reconciled(self) -> None:
        """Wait until every account has been compared with its venue: before that agents may not open risk."""
        deadline_ns = self.wall.monotonic_ns() + RECONCILED_TIMEOUT_NS
        while any(state.part.startswith("account:") and not state.reported for state in self.readiness.parts()):
            if self.wall.monotonic_ns() > deadline_ns:
                _log.warning("accounts_not_reconciled", after_s=RECONCILED_TIMEOUT_NS // NS_PER_S)
                return
            await self.wall.sleep(_POLL_NS)

    def _is_settled(self) -> bool:
        return self.system.drain() and self.stores.backlog.outstanding == 0

    async def _wait_settled(self) -> None:
        while not self._is_settled():
            await self.system.idle()
            await self.stores.backlog.idle()
