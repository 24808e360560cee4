"""A public adapter whose venue is a test: what it lists and answers is said by hand, no socket is opened."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import aiohttp
from aiohttp import web

from connectors.binance.parse import FrameParser
from connectors.binance.symbols import Market, Symbols
from connectors.bridge.client import GuardedClient
from connectors.bridge.plan import StreamItem, StreamPlan, StreamReady
from connectors.bridge.stream import Wire
from connectors.live.adapter import Channel, Listing
from engine.domain.book import BINANCE_SPOT, SequenceRule
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind
from engine.messages.market import Bar, BookSnapshot
from engine.runtime.clock import Clock, WallClock


def a_pair(pair: str = "BTC/USDT", venue: Venue = "binance", **changes: Any) -> Instrument:
    """A spot pair of a live venue."""
    base, _, quote = pair.partition("/")
    fields: dict[str, Any] = {
        "venue": venue, "symbol": pair, "base": base, "quote": quote, "settle": quote, "kind": InstrumentKind.SPOT,
        "tick_size": Decimal("0.01"), "step_size": Decimal("0.00001"), "min_quantity": Decimal("0.00001"),
        "max_quantity": Decimal(9_000),
    }  # fmt: skip
    return Instrument(**fields | changes)


class FakePublic:
    """Implements `PublicAdapter`."""

    def __init__(self, *instruments: Instrument, venue: Venue = "binance", plans: Sequence[StreamPlan] = ()) -> None:
        self.venue = venue
        self.sequence_rule: SequenceRule = BINANCE_SPOT
        self.channels = frozenset({Channel.QUOTES, Channel.TRADES, Channel.BOOK})
        self.listing = Listing(instruments=instruments)
        self.plans = list(plans)
        self.wire: Wire = PlainWire(WallClock())
        self.snapshots: list[BookSnapshot | Exception] = []
        """What the next questions for a book are answered with; None once they are used up."""
        self.asked: list[Symbol] = []
        self.history: list[Bar] = []
        self.time_ns: int | Exception = 0
        self.error: Exception | None = None
        """Raised by `instruments`."""
        self.is_open = False
        self.closed = 0

    async def open(self) -> None:
        self.is_open = True

    async def instruments(self) -> Listing:
        if self.error is not None:
            raise self.error
        return self.listing

    def streams(self, symbols: Sequence[Symbol], channels: frozenset[Channel]) -> Sequence[StreamPlan]:
        del symbols, channels
        return self.plans

    async def snapshot(self, symbol: Symbol) -> BookSnapshot | None:
        self.asked.append(symbol)
        answer = self.snapshots.pop(0) if self.snapshots else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def bars(self, symbol: Symbol, timeframe: str, since_ns: int, until_ns: int) -> Sequence[Bar]:
        return [
            each
            for each in self.history
            if (each.symbol, each.timeframe) == (symbol, timeframe) and since_ns <= each.open_time_ns < until_ns
        ]

    async def server_time_ns(self) -> int:
        if isinstance(self.time_ns, Exception):
            raise self.time_ns
        return self.time_ns

    async def close(self) -> None:
        self.closed += 1
        if isinstance(self.wire, PlainWire):
            await self.wire.close()


class FeedServer:
    """A WebSocket server in this process that says what it is told: `{"result":null,"id":1}` to each subscription."""

    def __init__(self) -> None:
        self.sockets: list[web.WebSocketResponse] = []
        self.subscriptions: list[str] = []
        self.confirms = True
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> "FeedServer":
        app = web.Application()
        app.router.add_get("/ws", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"ws://{host}:{port}/ws"
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        try:
            async for message in socket:
                self.subscriptions.append(message.data)
                if self.confirms:
                    await socket.send_str('{"result":null,"id":1}')
        finally:
            self.sockets.remove(socket)
        return socket

    async def say(self, *frames: bytes | str) -> None:
        """Send frames to everybody who is connected."""
        for socket in tuple(self.sockets):
            for frame in frames:
                await socket.send_str(frame if isinstance(frame, str) else frame.decode())

    async def drop(self) -> None:
        """Cut every connection without a word."""
        for socket in tuple(self.sockets):
            transport = socket._req.transport if socket._req is not None else None
            if transport is not None:
                transport.abort()


class PlayedPlan(StreamPlan):
    """Combined streams of Binance from a `FeedServer`."""

    name = "market/0"

    def __init__(self, server: FeedServer, market: Market = "spot") -> None:
        self._server = server
        self._parser = FrameParser(venue="binance", symbols=Symbols(market))

    async def url(self) -> str:
        return self._server.url

    async def opening(self) -> Sequence[str]:
        return ('{"method":"SUBSCRIBE","params":[],"id":1}',)

    def parse(self, raw: bytes, received_ns: int) -> Sequence[StreamItem]:
        if raw.startswith(b'{"result"'):
            return (StreamReady(),)
        message = self._parser.parse(raw, received_ns)
        return () if message is None else (message,)


class PlainWire:
    """Dials without an exchange."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    def new_client(self, url: str) -> GuardedClient:
        return GuardedClient(url, self._clock, {})

    def web_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
