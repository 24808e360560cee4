"""Coinbase's public market data, from a simulated Coinbase."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from connectors.bridge.stream import StreamOwner, VenueStream
from connectors.coinbase.parse import COINBASE
from connectors.coinbase.public import CoinbasePublic
from connectors.live.adapter import Channel
from engine.domain.book import Book
from engine.domain.errors import BadInput
from engine.domain.kinds import BookState, Side
from engine.messages.market import Bar, BookDelta, BookSnapshot, QuoteTick, Ticker, TradePrint
from engine.messages.market_live import InstrumentStatus
from engine.runtime.clock import WallClock
from engine.runtime.entropy import seeded_rng
from engine.runtime.log import get_logger
from tests.support.venues.coinbase import candle
from tests.support.venues.coinbase_rig import CoinbaseRig

D = Decimal
EVERYTHING = frozenset({Channel.BOOK, Channel.TRADES, Channel.QUOTES})


class Listener:
    """Runs the streams of a public adapter and remembers."""

    def __init__(self, public: CoinbasePublic) -> None:
        self.public = public
        self.messages: list[Any] = []
        self.states: list[tuple[bool, str]] = []
        self.unread: list[str] = []
        self.refused: list[Exception] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.streams: list[VenueStream] = []

    def start(self, *symbols: str, channels: frozenset[Channel] = EVERYTHING, decodes_by_ccxt: bool = False) -> None:
        owner = StreamOwner(
            on_message=self.messages.append,
            on_state=self._on_state,
            on_unread=lambda kind, _why: self.unread.append(kind),
            on_refused=self.refused.append,
            spawn=lambda coroutine, _name: self._spawn(coroutine),
        )
        for plan in self.public.streams(symbols, channels):
            stream = VenueStream(
                plan, self.public.wire, owner, clock=WallClock(), rng=seeded_rng(3), log=get_logger("test"),
                decodes_by_ccxt=decodes_by_ccxt,
            )  # fmt: skip
            self.streams.append(stream)
            self._spawn(stream.run())

    def _on_state(self, is_ready: bool, why: str) -> None:
        self.states.append((is_ready, why))
        self.messages.append((is_ready, why))

    def _spawn(self, coroutine: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.append(task)
        return task

    async def until(self, holds: Callable[[], bool], timeout_s: float = 10.0) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        while not holds():
            assert loop.time() < end, f"not in {timeout_s} s; heard {self.messages[-5:]} {self.states}"
            await asyncio.sleep(0.002)

    async def close(self) -> None:
        for stream in self.streams:
            await stream.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.public.close()

    def of(self, kind: type[Any], symbol: str = "BTC/USD") -> list[Any]:
        return [message for message in self.messages if isinstance(message, kind) and message.symbol == symbol]

    def book(self, symbol: str = "BTC/USD") -> Book:
        """Build the book from all that was heard."""
        book = Book(self.public.sequence_rule)
        for message in self.messages:
            if isinstance(message, tuple) and not message[0]:
                book.mark_stale(message[1])
            elif isinstance(message, BookSnapshot) and message.symbol == symbol:
                book.apply_snapshot(message.last_update_id, message.bids, message.asks)
            elif isinstance(message, BookDelta) and message.symbol == symbol:
                ids = message.first_update_id, message.last_update_id, message.prev_update_id
                book.apply_diff(*ids, message.bids, message.asks)
        return book


@pytest.mark.asyncio
async def test_the_listing_and_its_aliases() -> None:
    async with CoinbaseRig() as rig:
        public = rig.public(WallClock())
        rig.server.exchange.markets["ETH-USD"].status = "HALT"
        listing = await public.instruments()
        assert [instrument.symbol for instrument in listing.instruments] == ["BTC/USD", "BTC/USDC"]
        assert (listing.closed, listing.skipped) == (("ETH/USD",), {"delisted": 1})
        (plan,) = public.streams(["BTC/USDC"], EVERYTHING)
        assert '"product_ids":["BTC-USD"]' in (await plan.opening())[1]
        await public.close()


@pytest.mark.asyncio
async def test_sockets_are_shared_by_symbols_of_one_product_and_not_too_full() -> None:
    async with CoinbaseRig() as rig:
        public = rig.public(WallClock())
        await public.instruments()
        many = [f"C{number}/USD" for number in range(35)]
        plans = public.streams(["BTC/USD", *many, "BTC/USDC"], EVERYTHING)
        assert [plan.name for plan in plans] == ["market/0", "market/1"]
        texts = [text for plan in plans for text in await plan.opening() if '"level2"' in text]
        assert sum(text.count('"BTC-USD"') for text in texts) == 1
        await public.close()


@pytest.mark.asyncio
async def test_candles_page_by_page() -> None:
    async with CoinbaseRig() as rig:
        public = rig.public(WallClock())
        since_s, until_s = 1_700_000_000, 1_700_000_000 + 400 * 3_600
        bars: list[Bar] = []
        at_ns = since_s * 10**9
        while at_ns < until_s * 10**9:
            found = await public.bars("BTC/USD", "1h", at_ns, until_s * 10**9)
            assert len(found) <= 350
            bars += found
            at_ns = found[-1].close_time_ns
        assert len(bars) == 400
        assert [bar.open_time_ns for bar in bars] == sorted({bar.open_time_ns for bar in bars})
        expected = candle(bars[7].open_time_ns // 10**9, 3_600)
        assert (str(bars[7].close), str(bars[7].volume)) == (expected["close"], expected["volume"])
        with pytest.raises(BadInput):
            await public.bars("BTC/USD", "3m", 0, 1)
        await public.close()


@pytest.mark.asyncio
async def test_the_clock_is_followed() -> None:
    async with CoinbaseRig() as rig:
        rig.server.clock.skew(20)
        public = rig.public(WallClock())
        await public.open()
        assert abs(public.wire.bridge.time.offset_ns - 20 * 10**9) < 10**9
        assert await public.snapshot("BTC/USD") is None
        assert public.sequence_rule is COINBASE
        await public.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("decodes_by_ccxt", [False, True])
async def test_book_trades_and_quotes_of_the_stream(decodes_by_ccxt: bool) -> None:
    async with CoinbaseRig() as rig:
        heard = Listener(rig.public(WallClock()))
        heard.start("BTC/USD", decodes_by_ccxt=decodes_by_ccxt)
        await heard.until(lambda: (True, "") in heard.states)
        exchange = rig.server.exchange
        exchange.set_levels("BTC-USD", bids=[("60000.00", "1.25"), ("59999.99", "0")])
        exchange.print_trade("BTC-USD", "60000.01", "0.5", taker_buys=True)
        await heard.until(lambda: bool(heard.of(TradePrint)) and len(heard.of(QuoteTick)) == 2)
        (trade,) = heard.of(TradePrint)
        assert (str(trade.price), str(trade.quantity), trade.aggressor) == ("60000.01", "0.5", Side.BUY)
        assert str(heard.of(QuoteTick)[-1].bid) == "60000.00"
        assert heard.of(Ticker) == []
        book = heard.book()
        assert (book.state, book.best_bid) == (BookState.SYNCED, (D("60000.00"), D("1.25")))
        assert dict(book.bids()) == rig.market.bids
        assert dict(book.asks()) == rig.market.asks
        assert heard.unread == []
        await heard.close()


@pytest.mark.asyncio
async def test_a_lost_frame_brings_a_new_connection_and_a_whole_book() -> None:
    async with CoinbaseRig() as rig:
        heard = Listener(rig.public(WallClock()))
        heard.start("BTC/USD")
        await heard.until(lambda: (True, "") in heard.states)
        rig.server.sockets.gap(1, frames="l2_data")
        exchange = rig.server.exchange
        exchange.set_levels("BTC-USD", bids=[("60000.00", "1.25")])
        exchange.set_levels("BTC-USD", bids=[("59999.98", "3")])
        await heard.until(lambda: len(heard.of(BookSnapshot)) == 2)
        assert "frames are missing" in next(why for is_ready, why in heard.states if not is_ready)
        book = heard.book()
        assert dict(book.bids()) == rig.market.bids
        assert book.state is BookState.SYNCED
        await heard.close()


@pytest.mark.asyncio
async def test_where_numbers_are_not_checked_a_hole_ends_nothing() -> None:
    async with CoinbaseRig() as rig:
        heard = Listener(rig.public(WallClock(), checks_sequence=False))
        heard.start("BTC/USD")
        await heard.until(lambda: (True, "") in heard.states)
        rig.server.sockets.gap(1, frames="market_trades")
        rig.server.exchange.print_trade("BTC-USD", "60000.01")
        rig.server.exchange.print_trade("BTC-USD", "60000.02")
        await heard.until(lambda: bool(heard.of(TradePrint)))
        assert heard.streams[0].dials == 1
        assert heard.book().state is BookState.SYNCED
        await heard.close()


@pytest.mark.asyncio
async def test_an_unknown_product_is_one_clear_line_and_the_others_go_on() -> None:
    async with CoinbaseRig() as rig:
        heard = Listener(rig.public(WallClock()))
        heard.start("BTC/USD", "NOSUCH/USD")
        await heard.until(lambda: (True, "") in heard.states)
        await heard.until(lambda: bool(heard.of(InstrumentStatus, "NOSUCH/USD")))
        (status,) = heard.of(InstrumentStatus, "NOSUCH/USD")
        assert "NOSUCH-USD: no such product, or delisted" in status.reason
        assert heard.of(BookSnapshot)
        assert heard.refused == []
        await heard.close()


@pytest.mark.asyncio
async def test_frames_that_nobody_can_read_are_counted_and_the_stream_lives() -> None:
    async with CoinbaseRig() as rig:
        heard = Listener(rig.public(WallClock()))
        heard.start("BTC/USD")
        await heard.until(lambda: (True, "") in heard.states)
        for frame in ("[]", '{"channel":"weather","events":[]}', '{"channel":"ticker","events":7}', "{"):
            rig.server.sockets.send(frame)
        await heard.until(lambda: len(heard.unread) == 4)
        assert len(heard.streams) == 1
        assert heard.streams[0].dials == 1
        await heard.close()


@pytest.mark.asyncio
async def test_two_symbols_of_one_product_both_hear() -> None:
    async with CoinbaseRig() as rig:
        public = rig.public(WallClock())
        await public.instruments()
        heard = Listener(public)
        heard.start("BTC/USD", "BTC/USDC")
        await heard.until(lambda: (True, "") in heard.states)
        assert heard.book("BTC/USDC").best_bid == heard.book("BTC/USD").best_bid is not None
        assert heard.of(InstrumentStatus) == heard.of(InstrumentStatus, "BTC/USDC") == []
        await heard.close()
