"""V1 to V3: what a frame of a public market costs until it is a message, against ccxt.pro and against bare msgspec.

V1 parses frames that lie in memory, V2 applies diffs to a book, V3 reads a socket that another process writes to: in a
burst, and at a pace at which each frame wakes the reader. ccxt's consumers are the loops that its manual shows. What is
counted is the same for all: the frames that were sent, until the last one has been seen.
"""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, Final

import aiohttp
import msgspec
import uvloop

from connectors.binance import wire
from connectors.binance.exchange import CLASSES
from connectors.binance.market_stream import MarketPlan, plans
from connectors.binance.parse import FrameParser
from connectors.binance.symbols import Symbols
from connectors.bridge.exchange import Bridge
from connectors.bridge.loading import ccxt_class
from connectors.bridge.stream import StreamOwner, VenueStream
from connectors.live.adapter import Channel
from engine.benchmarks.frames_made import LAST_PRICE, depth, frames, names
from engine.benchmarks.harness import Ratio, Result, Side, measure
from engine.domain.book import BINANCE_SPOT, Book
from engine.messages.market import BookDelta, QuoteTick, TradePrint
from engine.runtime.actor import AsyncioActor
from engine.runtime.clock import WallClock
from engine.runtime.entropy import seeded_rng
from engine.runtime.log import get_logger
from engine.runtime.system import ActorSystem

PARSED: Final = 20_000
DIFFS: Final = 2_000
LEVELS: Final = 40
BURST: Final = 40_000
PACED: Final = 1_500
APART_US: Final = 1_400
MANY: Final = 200
"""Symbols of the paced flow."""

_LAST = float(LAST_PRICE)


# --- ccxt -------------------------------------------------------------------------------------------------------------


def _market(name: str) -> dict[str, Any]:
    """Return a pair as exchangeInfo lists it, as far as ccxt reads it."""
    return {
        "symbol": name, "status": "TRADING", "baseAsset": name.removesuffix("USDT"), "quoteAsset": "USDT",
        "baseAssetPrecision": 8, "quoteAssetPrecision": 8, "isSpotTradingAllowed": True, "filters": [],
    }  # fmt: skip


def _bare_ccxt(symbols: int, url: str = "") -> Any:
    """Return ccxt.pro's own Binance with so many pairs."""
    ws = {"api": {"ws": {"spot": url}}} if url else {}
    # What loading the markets would have brought; the limit lets a burst of trades through without a loss.
    options = {"crossMarginPairsData": [], "isolatedMarginPairsData": [], "tradesLimit": BURST}
    exchange = ccxt_class("binance")({"urls": ws, "enableRateLimit": False, "options": options})
    exchange.set_markets([exchange.parse_market(_market(name)) for name in names(symbols)])
    return exchange


def _names_of(symbols: int) -> list[str]:
    return [f"COIN{number}/USDT" for number in range(symbols)]


# --- V1: frames in memory ---------------------------------------------------------------------------------------------


def _parse_ours(kind: str, message: type[Any]) -> Callable[[], int]:
    combined = [frame.encode() for frame in frames(kind, PARSED, 1, is_bare=False)]
    parser = FrameParser(venue="binance", symbols=Symbols("spot"))

    def work() -> int:
        last = None
        for frame in combined:
            last = parser.parse(frame, 1)
        assert type(last) is message, last
        return PARSED

    return work


def _parse_ccxt(kind: str) -> Callable[[], int]:
    bare = list(frames(kind, PARSED, 1, is_bare=True))

    def work() -> int:
        async def run() -> None:
            exchange = _bare_ccxt(1)
            client = exchange.client("ws://127.0.0.1/stream/0")
            for frame in bare:
                client.handle_text_or_binary_message(frame)
            seen = exchange.bidsasks if kind == "bookTicker" else exchange.trades
            assert "COIN0/USDT" in seen, seen
            await exchange.close()

        asyncio.run(run())
        return PARSED

    return work


# --- V2: diffs of a book ----------------------------------------------------------------------------------------------


def _apply_diffs() -> int:
    """Apply frames to our book: parsed, checked for gaps, sorted."""
    parser, book = FrameParser(venue="binance", symbols=Symbols("spot")), Book(BINANCE_SPOT)
    book.apply_snapshot(0, (), ())
    for frame in _DIFFS:
        delta = parser.parse(frame, 1)
        assert type(delta) is BookDelta, delta
        book.apply_diff(delta.first_update_id, delta.last_update_id, None, delta.bids, delta.asks)
    return DIFFS


def _apply_diffs_by_ccxt() -> int:
    """Apply the same frames to ccxt's book, as its handler does once the snapshot is there."""

    async def run() -> None:
        exchange = _bare_ccxt(1)
        client = exchange.client("ws://127.0.0.1/stream/0")
        book = exchange.orderbooks["COIN0/USDT"] = exchange.order_book({}, 1000)
        book["nonce"] = 0
        for frame in _DIFFS:
            exchange.handle_order_book(client, msgspec.json.decode(frame)["data"])
        assert book["nonce"] == DIFFS, book["nonce"]
        await exchange.close()

    asyncio.run(run())
    return DIFFS


_DIFFS: Final = depth(DIFFS, LEVELS)


# --- V3: over a socket ------------------------------------------------------------------------------------------------


class Server:
    """The process that sends."""

    def __init__(self) -> None:
        """Start it."""
        command = (sys.executable, "-m", "engine.benchmarks.frame_server")
        self._process = subprocess.Popen(  # noqa: S603 - our own module.
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())

    def url(self, form: str, kind: str, count: int, symbols: int, apart_us: int) -> str:
        """Return where such frames are sent."""
        return f"ws://127.0.0.1:{self._port}/{form}/{kind}/{count}/{symbols}/{apart_us}"

    def stop(self) -> None:
        """End it."""
        self._process.communicate(timeout=10)


class Flow(msgspec.Struct, frozen=True):
    """Which frames are read, and by how many names."""

    kind: str
    count: int
    symbols: int
    apart_us: int

    def url(self, server: Server, form: str) -> str:
        """Return where they are sent."""
        return server.url(form, self.kind, self.count, self.symbols, self.apart_us)


class Reader(AsyncioActor):
    """Reads a flow by a stream of ours."""

    def __init__(self, plan: MarketPlan) -> None:
        """Prepare to run `plan`."""
        super().__init__()
        self._plan = plan
        self.seen = 0
        """Messages so far."""
        self.is_over = asyncio.Event()
        """Set by the last one."""

    def on_start(self) -> None:
        """Dial."""
        self._exchange = CLASSES["spot"](Bridge((), WallClock()))
        owner = StreamOwner(
            on_message=self._take, on_state=_ignore, on_unread=_fail, on_refused=_fail,
            spawn=lambda work, name: self.spawn(work, name=name),
        )  # fmt: skip
        self._stream = VenueStream(
            self._plan, self._exchange, owner, clock=WallClock(), rng=seeded_rng(1), log=get_logger(__name__)
        )
        self.spawn(self._stream.run(), name="stream")

    async def on_stop(self) -> None:  # type: ignore[override]  # The runtime awaits it.
        """Hang up."""
        await self._stream.close()
        await self._exchange.close()

    def _take(self, message: QuoteTick | TradePrint) -> None:
        self.seen += 1
        if (message.bid if isinstance(message, QuoteTick) else message.price) == _LAST:
            self.is_over.set()


async def read_ours(server: Server, flow: Flow) -> int:
    """Read by a stream of ours until all have come as messages."""
    clock = WallClock()
    system = ActorSystem(clock=clock)
    reader = await system.start(Reader, plan=_plan(server, flow))
    proxy: Any = reader.proxy()
    is_over = await proxy.is_over
    await is_over.wait()
    seen = await proxy.seen
    await system.stop_all()
    assert seen == flow.count, f"expected {flow.count} messages, was {seen}"
    return flow.count


def _plan(server: Server, flow: Flow) -> MarketPlan:
    channel = Channel.QUOTES if flow.kind == "bookTicker" else Channel.TRADES
    (plan,) = plans(
        base=lambda: flow.url(server, "combined"), venue="binance", symbols=Symbols("spot"),
        wanted=_names_of(flow.symbols), channels=frozenset({channel}),
    )  # fmt: skip
    return plan


async def read_by_ccxt(server: Server, flow: Flow) -> int:
    """Read by the loop that ccxt's manual shows, until the last has been seen; it may leave some out."""
    exchange = _bare_ccxt(flow.symbols, flow.url(server, "bare") + "/stream")
    wanted, is_quotes = _names_of(flow.symbols), flow.kind == "bookTicker"
    is_over = False
    while not is_over:
        if is_quotes:
            quotes = await exchange.watch_bids_asks(wanted)
            is_over = any(quote["bid"] == _LAST for quote in quotes.values())
        else:
            is_over = any(trade["price"] == _LAST for trade in await exchange.watch_trades_for_symbols(wanted))
    await exchange.close()
    return flow.count


async def read_by_msgspec(server: Server, flow: Flow) -> int:
    """Read by aiohttp and decode into the shapes of the wire; no messages are made."""
    shape: Any = wire.BookTickerFrame if flow.kind == "bookTicker" else wire.TradeFrame
    decode = msgspec.json.Decoder(shape).decode
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        url = flow.url(server, "combined") + "/stream"
        socket = await stack.enter_async_context(session.ws_connect(url, decode_text=False))
        await socket.send_json({"method": "SUBSCRIBE", "params": [], "id": 1})
        await socket.receive()
        last: Any = None
        for _ in range(flow.count):
            last = decode((await socket.receive()).data).data
        assert (last.b if flow.kind == "bookTicker" else last.p) == _LAST
    return flow.count


def _ignore(*_: object) -> None:
    """Nothing follows from it here."""


def _fail(*why: object) -> None:
    raise AssertionError(why)


# --- The report -------------------------------------------------------------------------------------------------------


def run(rounds: int) -> list[Result]:
    """Measure all; `rounds`: pairs per ratio."""
    results = [
        measure(
            Ratio(f"V1 {kind} parsed, against ccxt.pro", Side("ours", _parse_ours(kind, message)),
                  Side("ccxt.pro's handler", _parse_ccxt(kind)), goal, "frames"),
            rounds,
        )
        for kind, message, goal in (("bookTicker", QuoteTick, 8.0), ("trade", TradePrint, 8.0))
    ]  # fmt: skip
    book = Ratio(
        f"V2 {LEVELS} levels applied, against ccxt.pro", Side("ours, exact", _apply_diffs),
        Side("ccxt.pro's book, floats", _apply_diffs_by_ccxt), None, "diffs",
    )  # fmt: skip
    results.append(measure(book, rounds))
    server = Server()
    try:
        results += _over_a_socket(server, rounds)
    finally:
        server.stop()
    return results


def _over_a_socket(server: Server, rounds: int) -> list[Result]:
    results = []
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:

        def side(name: str, read: Callable[[Server, Flow], Coroutine[Any, Any, int]], flow: Flow) -> Side:
            return Side(name, lambda: runner.run(read(server, flow)))

        for kind in ("bookTicker", "trade"):
            for name, flow, goal in (
                (f"V3 {kind}, burst", Flow(kind, BURST, 1, 0), 4.0),
                (f"V3 {kind}, paced, {MANY} symbols", Flow(kind, PACED, MANY, APART_US), 6.0),
            ):
                ours = side("ours, a message per frame", read_ours, flow)
                bare = side("ccxt.pro's watch loop", read_by_ccxt, flow)
                lean = side("aiohttp and msgspec, no message", read_by_msgspec, flow)
                results.append(measure(Ratio(f"{name}, against ccxt.pro", ours, bare, goal, "frames"), rounds))
                results.append(measure(Ratio(f"{name}, against msgspec", ours, lean, None, "frames"), rounds))
    return results
