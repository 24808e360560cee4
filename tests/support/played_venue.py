"""A recorded session of Binance as a venue again: its frames over a real socket, its book over REST, in lockstep.

The venue's book is the truth: the recorded snapshot and every diff since, also those that are withheld. A clock shows
the time at which the newest frame was received when it was recorded.
"""

import asyncio
import gzip
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from actors.market_data import MarketData
from actors.market_view import SymbolView
from actors.marks import MarkTable
from connectors.binance.parse import FrameParser, parse_snapshot
from connectors.binance.public import BinancePublic
from connectors.binance.symbols import Market, Symbols
from connectors.bridge.budget import Limit
from connectors.bridge.exchange import Bridge
from connectors.catalogue import entry_of
from connectors.live.adapter import Listing, PublicSetup
from connectors.live.market import LiveMarket, MarketTimes
from connectors.live.tapped import TappedAdapter
from engine.domain.book import BINANCE_SPOT, BINANCE_USDM, Book
from engine.domain.identifiers import Symbol
from engine.domain.kinds import InstrumentKind
from engine.messages.market import BookDelta
from engine.runtime.bus import Bus
from engine.runtime.clock import NS_PER_S, WallClock
from engine.runtime.entropy import Ids, system_rng
from engine.runtime.log import get_logger
from engine.runtime.system import ActorSystem
from tests.support.live_market import a_pair
from tests.support.market import FakeBulk

VENUE = "binance"
PLENTY = (Limit(name="weight", units=10**9, period_ns=60 * NS_PER_S),)
_SNAPSHOT = b'{"lastUpdateId"'


def recorded_lines(*files: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (receive time in ns, raw frame) of recorded files."""
    for file in files:
        for line in gzip.decompress(file.read_bytes()).splitlines():
            at, _, raw = line.partition(b" ")
            yield int(at), raw


class Watched(MarketData):
    """Lets a test look at a book."""

    def view(self, symbol: Symbol) -> SymbolView | None:
        return self._views.get(symbol)


class PlayedVenue:
    """The server."""

    def __init__(self, market: Market, symbol: Symbol) -> None:
        self.market: Market = market
        self.symbol = symbol
        self.at_ns = 0
        self._parser = FrameParser(venue=VENUE, symbols=Symbols(market))
        self._rest = "/fapi/v1" if market == "usdm" else "/api/v3"
        self.truth = Book(BINANCE_USDM if market == "usdm" else BINANCE_SPOT)
        self._has_book = asyncio.Event()
        self._socket: web.WebSocketResponse | None = None
        self._subscribed = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get(f"{self._rest}/time", self._time)
        app.router.add_get(f"{self._rest}/depth", self._depth)
        app.router.add_get("/{path:.*stream}", self._stream)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _time(self, _request: web.Request) -> web.Response:
        return web.json_response({"serverTime": self.at_ns // 1_000_000})

    async def _depth(self, _request: web.Request) -> web.Response:
        await self._has_book.wait()
        bids, asks = self.truth.top(5_000)
        book = {"lastUpdateId": self.truth.last_update_id, "bids": _texts(bids), "asks": _texts(asks)}
        return web.Response(body=msgspec.json.encode(book), content_type="application/json")

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            number = msgspec.json.decode(message.data)["id"]
            await socket.send_json({"result": None, "id": number})
            if "/market" not in request.path:
                self._socket = socket
                self._subscribed.set()
        return socket

    async def say(self, at_ns: int, raw: bytes, *, withheld: bool = False) -> bool:
        """Let a recorded line happen; whether a frame was sent."""
        self.at_ns = at_ns
        if raw.startswith(_SNAPSHOT):
            book = parse_snapshot(raw, venue=VENUE, symbol=self.symbol, received_ns=at_ns)
            self.truth.apply_snapshot(book.last_update_id, book.bids, book.asks)
            self._has_book.set()
            return False
        if b"@depth" in raw[:64]:
            delta = self._parser.parse(raw, at_ns)
            assert isinstance(delta, BookDelta)
            self.truth.apply_diff(
                delta.first_update_id, delta.last_update_id, delta.prev_update_id, delta.bids, delta.asks
            )
        if withheld:
            return False
        await asyncio.wait_for(self._subscribed.wait(), 10)
        assert self._socket is not None
        await self._socket.send_str(raw.decode())
        return True


class Player:
    """The venue, and the live market that listens to it."""

    def __init__(self, market: Market, symbol: Symbol, *, decodes_by_ccxt: bool = False) -> None:
        self.venue = PlayedVenue(market, symbol)
        self.symbol = symbol
        self.clock = WallClock(lambda: self.venue.at_ns)
        self.bus = Bus()
        rng = system_rng()
        self.system = ActorSystem(clock=WallClock(), ids=Ids(WallClock(), rng), rng=rng)
        self.marks = MarkTable(self.clock, stale_after_ns=60 * NS_PER_S)
        self.unread: list[bytes] = []
        self.heard = 0
        self.sent = 0
        self._rng = rng
        self._caught_up = asyncio.Event()
        self._decodes_by_ccxt = decodes_by_ccxt
        self._on_raw: Callable[[bytes, Sequence[Any]], object] = lambda _raw, _items: None
        self._watched: list[Watched] = []

    async def start(self, first_ns: int) -> None:
        venue = self.venue
        venue.at_ns = first_ns
        await venue.start()
        urls = entry_of(VENUE).urls(f"http://{venue.url}", f"ws://{venue.url}")
        setup = PublicSetup(venue=VENUE, market=venue.market, urls=urls)
        self._adapter = BinancePublic(setup, Bridge(PLENTY, WallClock()), get_logger("played"))
        adapter = TappedAdapter(self._adapter, self._on_frame, lambda raw, _at: self.unread.append(raw), lambda _: None)
        watched = self._watched

        class Kept(Watched):
            def on_start(self) -> None:
                watched.append(self)
                super().on_start()

        await self.system.start(
            Kept, name="books", venue=VENUE, bus=self.bus, market_clock=self.clock, wall_clock=WallClock(),
            marks=self.marks, bulk=FakeBulk(), needs_book=True, rule_of=lambda _symbol: adapter.sequence_rule,
        )  # fmt: skip
        kind = InstrumentKind.PERPETUAL if ":" in self.symbol else InstrumentKind.SPOT
        margin = Decimal("0.01") if ":" in self.symbol else Decimal(0)
        instrument = a_pair(self.symbol.partition(":")[0], symbol=self.symbol, kind=kind, maintenance_margin=margin)
        await self.system.start(
            LiveMarket, name="source", venue=VENUE, adapter=adapter, listing=Listing(instruments=(instrument,)),
            symbols=(self.symbol,), instruments={self.symbol: instrument}, learn=_forget, bus=self.bus, wall=self.clock,
            rng=self._rng, decodes_by_ccxt=self._decodes_by_ccxt, times=MarketTimes(measure_ns=3600 * NS_PER_S),
        )  # fmt: skip

    def _on_frame(self, raw: bytes, _at_ns: int, items: Sequence[Any]) -> None:
        if raw.startswith(b'{"stream"'):
            self.heard += 1
            self._on_raw(raw, items)
            if self.heard >= self.sent:
                self._caught_up.set()

    async def say(self, at_ns: int, raw: bytes, *, withheld: bool = False) -> None:
        """Let a line happen; nobody waits for its effect."""
        self._caught_up.clear()
        self.sent += await self.venue.say(at_ns, raw, withheld=withheld)

    async def settle(self) -> None:
        """Return when everything that was sent has been taken and all its consequences have come to rest."""
        while self.heard < self.sent:
            self._caught_up.clear()
            await asyncio.wait_for(self._caught_up.wait(), 30)
        await self.system.idle()

    @property
    def book(self) -> Book | None:
        """The book that `MarketData` keeps."""
        view = self._watched[0].view(self.symbol)
        return None if view is None else view.book

    async def stop(self) -> None:
        await self.system.stop_all()
        await self._adapter.close()
        await self.venue.stop()


def _texts(levels: Sequence[tuple[Any, Any]]) -> list[list[str]]:
    return [[format(price, "f"), format(quantity, "f")] for price, quantity in levels]


async def _forget(_instruments: Sequence[Any]) -> None:
    return None
