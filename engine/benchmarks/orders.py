"""V4: what we and ccxt add to an order, from `VenueSubmit` to `VenueAccepted`.

`LiveVenue` with the venue's real adapter sends to a server of another process, one order after another; then a bare
aiohttp session sends the same bytes to the same server as often. The difference is what an order pays for the actor,
the lease, the budget (whose limits are lifted: nobody waits), the signature, ccxt's transport, the strict decoding and
the bus. Once by the clock and once in CPU time of this process. The account has no stream here.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from decimal import Decimal
from statistics import median
from typing import Any, Final, NamedTuple
from uuid import UUID

import aiohttp
import msgspec
import uvloop
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.bridge.exchange import Bridge
from connectors.catalogue import entry_of, kit_of
from connectors.hyperliquid.signing import Signer
from connectors.live.adapter import PrivateSetup
from connectors.live.connector import LiveVenue
from engine.benchmarks.harness import Result
from engine.benchmarks.venue_server import Server, Told
from engine.domain.identifiers import AccountId, OrderId, Symbol, UserId
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind, OrderType, Side, TimeInForce
from engine.messages.venues import (
    VenueAccepted,
    VenueConnection,
    VenueNotSent,
    VenueRejected,
    VenueSubmit,
    VenueUnknown,
)
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Bus
from engine.runtime.clock import NS_PER_S, WallClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.log import get_logger
from engine.runtime.secret import Secret
from engine.runtime.system import ActorSystem

ORDERS: Final = 200
"""Of each side, per round."""
LIFTED: Final = 10**9
"""Units of a limit that nobody reaches."""
ACCOUNT: Final = AccountId(UUID(int=10))
USER: Final = UserId(UUID(int=11))
WALLET_KEY: Final = "0x" + "5d" * 32
"""Nobody's."""


class Case(NamedTuple):
    """One order path."""

    name: str
    venue: str
    market: str
    symbol: Symbol
    goal_ms: float | None

    def client_id(self, order_id: OrderId) -> str:
        """Return an id as the venue wants it."""
        form = {"binance": f"cv-{order_id.hex}", "coinbase": str(order_id), "hyperliquid": f"0x{order_id.hex}"}
        return form[self.venue]


CASES: Final = (
    Case("Binance spot, REST", "binance", "spot", "BTC/USDT", 4.0),
    Case("Binance USD-M, REST", "binance", "usdm", "BTC/USDT:USDT", 4.0),
    Case("Coinbase", "coinbase", "spot", "BTC/USD", None),
    Case("Hyperliquid", "hyperliquid", "perp", "BTC/USDC:USDC", 5.0),
)


class Cost(NamedTuple):
    """Of one order, in the mean: ms."""

    wall_ms: float
    cpu_ms: float


def _credentials(venue: str) -> Mapping[str, Secret]:
    if venue == "hyperliquid":
        return {"wallet": Secret(Signer(Secret(WALLET_KEY)).address), "private_key": Secret(WALLET_KEY)}
    if venue == "coinbase":
        key = ec.derive_private_key(123_456_789, ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
        return {"key": Secret("organizations/0a/apiKeys/1b"), "secret": Secret(pem)}
    return {"key": Secret("k" * 64), "secret": Secret("s" * 64)}


def _instrument(case: Case) -> Instrument:
    base, _, rest = case.symbol.partition("/")
    quote, _, settle = rest.partition(":")
    return Instrument(
        venue=case.venue, symbol=case.symbol, base=base, quote=quote, settle=settle or quote,
        kind=InstrumentKind.PERPETUAL if settle else InstrumentKind.SPOT, tick_size=Decimal("0.1"),
        step_size=Decimal("0.00001"), min_quantity=Decimal("0.00001"), max_quantity=Decimal(9_000),
        maintenance_margin=Decimal("0.01" if settle else 0),
    )  # fmt: skip


class _Permit:
    """A lease that holds."""

    def may_send(self, user_id: UserId, fence: int) -> bool:
        return user_id == USER and fence == 1

    def may_cancel(self, user_id: UserId, fence: int) -> bool:
        return self.may_send(user_id, fence)


class _WithoutStream:
    """An adapter whose account is told by answers only."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    def streams(self) -> tuple[()]:
        return ()


class Trader(AsyncioActor):
    """Places one order after another, each when the one before is accepted."""

    def __init__(self, case: Case, bus: Bus, ids: Ids) -> None:
        """Prepare to trade."""
        super().__init__()
        self._case, self._bus, self._ids = case, bus, ids
        self._venue: Any = None
        self._clock = WallClock()
        self.is_ready = asyncio.Event()
        self.is_over = asyncio.Event()
        self.left = 0
        self.trouble = ""

    def on_start(self) -> None:
        """Listen."""
        for kind in (VenueAccepted, VenueConnection, VenueRejected, VenueUnknown, VenueNotSent):
            self._bus.subscribe(kind, self.actor_ref.tell, key=ACCOUNT)

    @handles(VenueConnection)
    def on_connection(self, message: VenueConnection) -> None:
        """The account is open."""
        if not message.connected:
            self.trouble = message.reason
        self.is_ready.set()

    @handles(VenueRejected, VenueUnknown, VenueNotSent)
    def on_trouble(self, message: VenueRejected | VenueUnknown | VenueNotSent) -> None:
        """It went wrong: nothing more is measured."""
        self.trouble = repr(message)
        self.is_over.set()

    def begin(self, venue: Any, count: int) -> None:
        """Place `count` orders."""
        self._venue, self.left = venue, count
        self.is_over.clear()
        self._place()

    def _place(self) -> None:
        order_id = OrderId(self._ids.uuid())
        self._venue.tell(VenueSubmit(
            order_id=order_id, account_id=ACCOUNT, venue_client_id=self._case.client_id(order_id),
            venue=self._case.venue, symbol=self._case.symbol, side=Side.BUY, type=OrderType.LIMIT,
            quantity=Decimal("0.01"), price=Decimal("50000.0"), time_in_force=TimeInForce.GTC,
            valid_until_ns=self._clock.now_ns() + 5 * NS_PER_S, fence=1,
        ))  # fmt: skip

    @handles(VenueAccepted)
    def on_accepted(self, _message: VenueAccepted) -> None:
        """Place the next."""
        self.left -= 1
        if self.left:
            self._place()
        else:
            self.is_over.set()


class Path:
    """One order path, ours and the bare one, on a loop that runs."""

    def __init__(self, case: Case, url: str) -> None:
        """Prepare to trade at a server."""
        self._case, self._url = case, url
        self._clock = WallClock()
        self._bus = Bus()
        self._ids = Ids(self._clock, seeded_rng(5))
        self._system = ActorSystem(clock=self._clock, ids=self._ids, rng=seeded_rng(6))
        self._stack = AsyncExitStack()
        self._trader: Any = None
        self._venue: Any = None
        self._told: Told
        self._session: aiohttp.ClientSession

    async def open(self) -> None:
        """Open the account, and place one order, so that everybody is connected."""
        case = self._case
        kit = kit_of(case.venue, case.market)
        limits = tuple(msgspec.structs.replace(limit, units=LIFTED) for limit in kit.limits)
        setup = PrivateSetup(
            venue=case.venue, market=case.market, account_id=ACCOUNT, since_ns=0,
            credentials=_credentials(case.venue), instruments={case.symbol: _instrument(case)},
            urls=entry_of(case.venue).urls(self._url, ""),
        )  # fmt: skip
        adapter = _WithoutStream(kit.private(setup, Bridge(limits, self._clock), get_logger(__name__)))
        # First, so that it hears all of the account.
        trader = await self._system.start(Trader, name="trader", case=case, bus=self._bus, ids=self._ids)
        self._trader = trader.proxy()
        self._venue = await self._system.start(
            LiveVenue, name="venue", adapter=adapter, account_id=ACCOUNT, user_id=USER, bus=self._bus,
            wall=self._clock, rng=seeded_rng(7), permit=_Permit(),
        )  # fmt: skip
        await (await self._trader.is_ready).wait()
        await self._check()
        await self.ours(1)
        self._session = await self._stack.enter_async_context(aiohttp.ClientSession())
        async with self._session.get(f"{self._url}/told") as answer:
            self._told = msgspec.json.decode(await answer.read(), type=Told)
        await self.bare(1)

    async def ours(self, count: int) -> None:
        """Place orders through the engine's connector."""
        await self._trader.begin(self._venue, count)
        await (await self._trader.is_over).wait()
        await self._check()

    async def _check(self) -> None:
        trouble = await self._trader.trouble
        assert not trouble, f"{self._case.name}: {trouble}"

    async def bare(self, count: int) -> None:
        """Send the bytes of the newest order again and again, and read the answers."""
        skipped = {"host", "content-length", "accept-encoding", "connection"}
        headers = {name: value for name, value in self._told.headers.items() if name.lower() not in skipped}
        for _ in range(count):
            async with self._session.post(self._url + self._told.path, data=self._told.body, headers=headers) as answer:
                body = await answer.read()
                assert answer.status == 200, body

    async def close(self) -> None:
        """Hang up."""
        await self._stack.aclose()
        await self._system.stop_all()


def _cost(work: Callable[[], object], count: int) -> Cost:
    clock = WallClock()
    before_ns, before_cpu_ns = clock.monotonic_ns(), time.process_time_ns()
    work()
    cpu_ns, wall_ns = time.process_time_ns() - before_cpu_ns, clock.monotonic_ns() - before_ns
    return Cost(wall_ns / 1e6 / count, cpu_ns / 1e6 / count)


def measured(runner: asyncio.Runner, case: Case, url: str, rounds: int) -> list[Result]:
    """Measure one path in turns with the bare one."""
    path = Path(case, url)
    runner.run(path.open())
    try:
        pairs = [
            (
                _cost(lambda: runner.run(path.ours(ORDERS)), ORDERS),
                _cost(lambda: runner.run(path.bare(ORDERS)), ORDERS),
            )
            for _ in range(rounds)
        ]
    finally:
        runner.run(path.close())
    return [
        Result(
            name=f"V4 {case.name}, added per order, {kind}", unit="ms per order", goal=goal, direction="at_most",
            values=tuple(mine[number] - theirs[number] for mine, theirs in pairs),
            ours="LiveVenue, to VenueAccepted", ours_value=median(mine[number] for mine, _ in pairs),
            reference="aiohttp sends the same bytes", reference_value=median(theirs[number] for _, theirs in pairs),
        )
        for number, (kind, goal) in enumerate((("by the clock", case.goal_ms), ("CPU", None)))
    ]  # fmt: skip


def run(rounds: int) -> list[Result]:
    """Measure every path; `rounds`: pairs of each."""
    server = Server()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return [each for case in CASES for each in measured(runner, case, server.url, rounds)]
    finally:
        server.stop()
