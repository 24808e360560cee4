"""An engine to call: the real API, hub, writer and cell on a real database, with a paper venue and quotes by hand.

Two users: Ada (admin, with a paper account and an agent) and Bob (trader, with an account of his own).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import aiohttp
import msgspec
import pytest_asyncio
from yarl import URL

from actors.agents.catalogue import describe_types
from actors.api.app import Address, AddressQuery, Api
from actors.api.auth_passwords import hash_password
from actors.api.auth_tokens import token_hash
from actors.api.ports import ApiPorts, EngineFacts
from actors.market_data import MarketData
from actors.marks import MarkTable
from actors.readiness import Readiness
from actors.stream_client import DEFAULT_LIMITS, StreamLimits
from actors.stream_hub import StreamHub
from config.settings import AuthSettings, ServerSettings
from connectors.paper.venue import PaperVenue
from connectors.simulated.listing import listings
from engine.bootstrap.cell_wiring import CellPorts
from engine.bootstrap.cells import CellDirectory, CellHost
from engine.domain.identifiers import UserId
from engine.messages.market import QuoteTick
from engine.messages.read_ports import Person
from engine.messages.rows import AgentRow, Row
from engine.messages.rows_market import ExchangeStatusRow, TradingPairRow
from engine.messages.rows_people import AccountRow, LimitRow, UserRow, UserSessionRow
from engine.messages.system import ReloadAnswer, ReloadConfiguration
from engine.messages.writing import CommittedEvent, EventsCommitted, unit_without_cell
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Bus
from engine.runtime.clock import WallClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.metrics import Metrics
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from storage.archive import PostgresArchive
from storage.identity import PostgresIdentity
from storage.lease import Leases
from storage.load import CellLoader
from storage.memory import MemoryFactStore, MemoryPaperStore
from storage.pool import Pool, open_pool
from storage.postgres_facts import PostgresFactStore
from storage.reads import PostgresReads
from storage.roles import DatabaseRole
from storage.writer import Between, StorageWriter
from tests.support.cell_builders import an_id
from tests.support.postgres import PostgresDatabase

VENUE = "simulated"
SYMBOL = "BTC/USDT"
ADA, BOB = UserId(an_id(1)), UserId(an_id(2))
ADA_ACCOUNT, BOB_ACCOUNT = an_id(11), an_id(12)
ADA_AGENT, BOB_AGENT = an_id(21), an_id(22)
ADA_TOKEN, BOB_TOKEN, EVE_TOKEN = "cival_ada", "cival_bob", "cival_eve"
EVE = UserId(an_id(3))
PASSWORD = "correct horse battery"
PASSWORD_HASH = hash_password(PASSWORD)
START_PRICE = Decimal(60_000)


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class WriterLeases:
    """Leases through the writer, as the engine takes them."""

    def __init__(self, writer: Ref[Any], facts: PostgresFactStore, leases: Leases) -> None:
        self._writer = writer
        self._facts = facts
        self._leases = leases

    async def acquire(self, user_id: UserId) -> int | None:
        async def work() -> int | None:
            taken = await self._facts.run(lambda connection: self._leases.acquire(connection, [user_id]))
            return taken.get(user_id)

        fence: int | None = await self._writer.ask(Between(work))
        return fence

    async def holder(self, user_id: UserId) -> str:
        return await self._facts.run(lambda connection: self._leases.holder(connection, user_id))

    async def release(self, user_ids: tuple[UserId, ...]) -> None:
        await self._facts.run(lambda connection: self._leases.release(connection, user_ids))


class CountedReloader(AsyncioActor):
    """Commits the record of each reload, and says which one it was."""

    def __init__(self, *, writer: Ref[Any], ids: Ids) -> None:
        """Count from one."""
        super().__init__()
        self._writer = writer
        self._ids = ids
        self.times = 0

    @handles(ReloadConfiguration)
    async def on_reload(self, message: ReloadConfiguration) -> ReloadAnswer:
        """Change nothing."""
        self.times += 1
        assert message.record is not None
        await self._writer.ask(unit_without_cell(self._ids, message.record.rows))
        return ReloadAnswer(applied=(f"reload {self.times}",))


class ApiRig:
    """Everything that runs, and a client."""

    def __init__(self, database: PostgresDatabase, server: ServerSettings, limits: StreamLimits) -> None:
        self.database = database
        self.server = server
        self.limits = limits
        self.clock = WallClock()
        self.rng = seeded_rng(7)
        self.ids = Ids(self.clock, self.rng)
        self.metrics = Metrics()
        self.system = ActorSystem(clock=self.clock, ids=self.ids, rng=self.rng, metrics=self.metrics)
        self.bus = Bus()
        self.marks = MarkTable(self.clock)
        self.cells = CellDirectory()
        self.instruments = tuple(each.instrument for each in listings(VENUE))
        self.logins: list[Person] = []
        self.pools: list[Pool] = []

    async def start(self) -> None:
        """Start everything, bottom first."""
        endpoints = self.database.endpoints
        self.readiness = Readiness(bus=self.bus, clock=self.clock)
        self.facts = PostgresFactStore(endpoints)
        self.writer = await self.system.start(
            StorageWriter, name="writer", store=self.facts, clock=self.clock, bus=self.bus
        )
        daemon = await open_pool(endpoints, DatabaseRole.DAEMON, size=2)
        api = await open_pool(endpoints, DatabaseRole.API, size=3)
        self.pools = [daemon, api]
        self.reads = PostgresReads(api)
        self.identity = PostgresIdentity(daemon)
        await self.write(*people(self.clock.now_ns()), *market_rows(self.clock.now_ns()))
        await self._start_market()
        await self._start_cells(daemon)
        self.hub = await self.system.start(
            StreamHub, name="hub", bus=self.bus, clock=self.clock, reads=self.reads, metrics=self.metrics,
            limits=self.limits,
        )  # fmt: skip
        self.reloader = await self.system.start(CountedReloader, name="reloader", writer=self.writer, ids=self.ids)
        await self._start_api()
        self.http = aiohttp.ClientSession()

    async def _start_api(self) -> None:
        self.api = await self.system.start(Api, name="api", ports=self.ports())
        self.address: Address = await self.api.ask(AddressQuery())
        self.url = self.address.url

    async def takes_orders(self) -> bool:
        """Whether every account has finished its first reconciliation; until then the gate denies."""
        found = [self.readiness.account(str(account_id)) for account_id in (ADA_ACCOUNT, BOB_ACCOUNT)]
        return all(state is not None and state.ready for state in found)

    async def restart_api(self, port: int = 0) -> None:
        """Lose what the API has in memory; `port`: where it listens next."""
        await self.api.stop()
        self.server = msgspec.structs.replace(self.server, port=port)
        await self._start_api()

    async def _start_market(self) -> None:
        await self.system.start(
            MarketData, name="market", venue=VENUE, bus=self.bus, market_clock=self.clock, wall_clock=self.clock,
            marks=self.marks, bulk=MemoryFactStore(),
        )  # fmt: skip
        self.paper = await self.system.start(
            PaperVenue, name="paper", venue=VENUE, bus=self.bus, clock=self.clock, wall=self.clock, ids=self.ids,
            store=MemoryPaperStore(), rng=seeded_rng(3), session="", symbols=[each.symbol for each in self.instruments],
            instruments=self.instruments,
        )  # fmt: skip
        self.quote("59999.99", "60000.01")

    async def _start_cells(self, daemon: Pool) -> None:
        leases = Leases(an_id(99), self.clock)
        ports = CellPorts(
            system=self.system, bus=self.bus, wall=self.clock, market=self.clock, ids=self.ids, writer=self.writer,
            marks=self.marks, instruments={(each.venue, each.symbol): each for each in self.instruments},
            connectors={VENUE: self.paper}, archive=PostgresArchive(daemon), loader=CellLoader(daemon),
            leases=WriterLeases(self.writer, self.facts, leases), readiness=self.readiness,
        )  # fmt: skip
        self.host = await self.system.start(
            CellHost, name="cells", ports=ports, directory=self.cells, readiness=self.readiness, users=(ADA, BOB),
            defaults={"order_notional": Decimal(50_000)},
        )  # fmt: skip

    def ports(self) -> ApiPorts:
        """Return what the API is made of."""
        return ApiPorts(
            server=self.server, auth=AuthSettings(), clock=self.clock, ids=self.ids, bus=self.bus, reads=self.reads,
            identity=self.identity, writer=self.writer, cells=self.cells, hub=self.hub, readiness=self.readiness,
            metrics=self.metrics, reloader=self.reloader, agent_types=describe_types(), on_login=self.logins.append,
            facts=EngineFacts(
                version="1.2.3", market_source="simulated", is_paper=True, started_at_ns=self.clock.now_ns()
            ),
        )  # fmt: skip

    async def stop(self) -> None:
        """Stop everything, top first."""
        await self.http.close()
        await self.system.stop_all(timeout_s=10)
        await self.facts.close()
        for pool in self.pools:
            await pool.close()

    async def write(self, *rows: Row) -> None:
        """Commit rows."""
        await self.writer.ask(unit_without_cell(self.ids, rows))

    def quote(self, bid: str, ask: str, symbol: str = SYMBOL) -> None:
        """Show a quote."""
        now_ns = self.clock.now_ns()
        self.bus.publish(
            QuoteTick(
                venue=VENUE, symbol=symbol, ts_event_ns=now_ns, ts_init_ns=now_ns, bid=Decimal(bid), ask=Decimal(ask),
                bid_size=Decimal(100), ask_size=Decimal(100),
            ),
            (VENUE, symbol),
        )  # fmt: skip

    def flood(self, events: Sequence[CommittedEvent], times: int) -> None:
        """Publish committed events `times` over as new ones, all at once."""
        last = max(event.seq for event in events)
        again = [event for _ in range(times) for event in events]
        made = [msgspec.structs.replace(event, seq=last + place) for place, event in enumerate(again, start=1)]
        self.bus.publish(EventsCommitted(user_id=ADA, events=tuple(made)), key=ADA)

    async def call(
        self, method: str, path: str, *, token: str | None = ADA_TOKEN, json: Any = None, data: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        """Make one request; `path` below /api/v1 unless it begins with another root."""
        sent = dict(headers or {})
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token}")
        if json is not None:
            data = msgspec.json.encode(json)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        whole = path if path.startswith(("/livez", "/readyz", "/metrics", "/api", "/index")) else f"/api/v1{path}"
        async with self.http.request(method, self.url + whole, data=data, headers=sent) as response:
            return Answer(response.status, response.headers, await response.read())

    async def fetch(self, path: str, **headers: str) -> Answer:
        """Request a path as it is, without a token."""
        url = URL(self.url + path, encoded=True)
        async with self.http.get(url, headers=headers, allow_redirects=False) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, *, token: str | None = ADA_TOKEN) -> Any:
        """Read something that is there."""
        answer = await self.call("GET", path, token=token)
        assert answer.status == 200, answer.body
        return answer.json

    async def place(self, *, token: str = ADA_TOKEN, headers: dict[str, str] | None = None, **body: Any) -> Answer:
        """Place an order, by default a limit order that rests."""
        order = {"account_id": str(ADA_ACCOUNT), "symbol": SYMBOL, "side": "buy", "type": "limit",
                 "quantity": "0.010", "price": "59000"} | body  # fmt: skip
        order = {name: value for name, value in order.items() if value is not None}
        return await self.call("POST", "/orders", token=token, json=order, headers=headers)


def people(now_ns: int) -> list[Row]:
    """Return two users with an account and an agent each, and a viewer."""
    rows: list[Row] = []
    for user_id, email, role, token in (
        (ADA, "ada@localhost", "admin", ADA_TOKEN),
        (BOB, "bob@localhost", "trader", BOB_TOKEN),
        (EVE, "eve@localhost", "viewer", EVE_TOKEN),
    ):
        rows += [
            UserRow(
                id=user_id, email=email, password_hash=PASSWORD_HASH, full_name=None, role=role, is_active=True,
                time_zone="UTC", created_at=now_ns, updated_at=now_ns,
            ),
            UserSessionRow(
                id=UUID(int=user_id.int + 1000), user_id=user_id, token_hash=token_hash(token), kind="token",
                name="test", expires_at=now_ns + 3_600 * 10**9, revoked_at=None, created_at=now_ns,
            ),
        ]  # fmt: skip
    for user_id, account_id, agent_id in ((ADA, ADA_ACCOUNT, ADA_AGENT), (BOB, BOB_ACCOUNT, BOB_AGENT)):
        rows += [
            AccountRow(
                id=account_id, user_id=user_id, name="paper-1", exchange=VENUE, account_id="paper-1",
                account_type="spot", mode="paper", is_active=True, starting_balances={"USDT": "100000", "BTC": "1"},
                config_hash=None, created_at=now_ns,
            ),
            AgentRow(
                id=agent_id, user_id=user_id, account_id=account_id, strategy_id=None, name="trend-1",
                agent_type="trend_follower", symbols=(SYMBOL,),
                configuration={"source": "quotes", "fast": 60, "slow": 180, "quantity": "0.01"}, allocation=None,
                status="inactive", config_hash=None, created_at=now_ns, updated_at=now_ns,
            ),
            LimitRow(
                id=UUID(int=user_id.int + 2000), user_id=user_id, limit_type="order_notional", symbol=None,
                scope="account", account_id=account_id, agent_id=None, limit_value=Decimal(20_000),
                window_seconds=None, is_active=True, created_at=now_ns, updated_at=now_ns,
            ),
        ]  # fmt: skip
    return rows


def market_rows(now_ns: int) -> list[Row]:
    """Return an instrument and the health of its venue."""
    return [
        TradingPairRow(
            id=an_id(31), symbol=SYMBOL, base_asset="BTC", quote_asset="USDT", exchange=VENUE, kind="spot",
            min_order_size=Decimal("0.00001"), max_order_size=Decimal(9000), min_notional=Decimal(5),
            tick_size=Decimal("0.01"), step_size=Decimal("0.00001"), maker_fee=Decimal("0.001"),
            taker_fee=Decimal("0.001"), is_active=True, created_at=now_ns,
        ),
        ExchangeStatusRow(
            id=an_id(32), exchange=VENUE, status="online", last_ping=now_ns, response_time_ms=1, error_message=None,
            updated_at=now_ns,
        ),
    ]  # fmt: skip


@asynccontextmanager
async def running(
    database: PostgresDatabase, *, limits: StreamLimits = DEFAULT_LIMITS, **server: Any
) -> AsyncIterator[ApiRig]:
    """Run an engine on a free port; its accounts take orders."""
    rig = ApiRig(database, ServerSettings(port=0, **server), limits)
    await rig.start()
    try:
        await until(rig.takes_orders)
        yield rig
    finally:
        await rig.stop()


@pytest_asyncio.fixture
async def rig(pg_database: PostgresDatabase) -> AsyncIterator[ApiRig]:
    """Give an engine with the usual settings."""
    async with running(pg_database) as started:
        yield started


async def until(check: Any, *, seconds: float = 5.0) -> Any:
    """Ask again until the answer is truthy."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        found = await check()
        if found:
            return found
        assert asyncio.get_running_loop().time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)
