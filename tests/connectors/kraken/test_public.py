"""Kraken's public market data: the documents' own example of a checksum, and a simulated Kraken."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from connectors.bridge.stream import StreamOwner, VenueStream
from connectors.kraken.public import KrakenPublic, MarketPlan, asset_of, checksum, instrument_of
from connectors.live.adapter import Channel, PublicSetup
from connectors.live.checked_books import CHECKED
from engine.domain.book import Book
from engine.domain.errors import BadInput
from engine.domain.kinds import BookState, Side
from engine.messages.market import BookDelta, BookSnapshot, QuoteTick, TradePrint
from engine.messages.market_live import InstrumentStatus
from engine.runtime.clock import NS_PER_S, WallClock
from engine.runtime.entropy import seeded_rng
from engine.runtime.log import get_logger
from tests.support.venues import kraken_words as words
from tests.support.venues.kraken_rig import KrakenRig, a_market

D = Decimal
KEY = "BTC/USD"
PAIR = {"pair_decimals": 1, "lot_decimals": 8}
BIDS = (
    "45283.5 0.10000000, 45283.4 1.54582015, 45282.1 0.10000000, 45281.0 0.10000000, 45280.3 1.54592586, "
    "45279.0 0.07990000, 45277.6 0.03310103, 45277.5 0.30000000, 45277.3 1.54602737, 45276.6 0.15445238"
)
ASKS = (
    "45285.2 0.00100000, 45286.4 1.54571953, 45286.6 1.54571109, 45289.6 1.54560911, 45290.2 0.15890660, "
    "45291.8 1.54553491, 45294.7 0.04454749, 45296.1 0.35380000, 45297.5 0.09945542, 45299.5 0.18772827"
)
"""Source: docs.kraken.com, "Book checksum (WebSocket v2)"."""


class Street:
    """The streams of one public adapter, and a book as `MarketData` keeps it."""

    def __init__(self, rig: KrakenRig) -> None:
        self.rig = rig
        self.public = rig.public(WallClock())
        self.messages: list[Any] = []
        self.states: list[tuple[bool, str]] = []
        self.unread: list[str] = []
        self.book = Book(CHECKED)
        self.in_sync: list[bool] = []
        """After each message about the book."""

    @asynccontextmanager
    async def follow(self, *symbols: str) -> AsyncIterator[None]:
        await self.public.open()
        await self.public.instruments()
        tasks: list[asyncio.Task[Any]] = []
        owner = StreamOwner(
            on_message=self._take, on_state=lambda ready, why: self.states.append((ready, why)),
            on_unread=lambda kind, why: self.unread.append(f"{kind} {why}"), on_refused=lambda _error: None,
            spawn=lambda coroutine, _name: asyncio.create_task(coroutine),
        )  # fmt: skip
        for plan in self.public.streams(symbols, frozenset({Channel.BOOK, Channel.TRADES, Channel.QUOTES})):
            stream = VenueStream(
                plan, self.public.wire, owner, clock=WallClock(), rng=seeded_rng(3), log=get_logger("test")
            )
            tasks.append(asyncio.create_task(stream.run()))
        try:
            await self.until(lambda: (True, "") in self.states)
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.public.close()

    def _take(self, message: Any) -> None:
        self.messages.append(message)
        if isinstance(message, BookSnapshot):
            self.book.apply_snapshot(message.last_update_id, message.bids, message.asks)
        elif isinstance(message, BookDelta):
            self.book.apply_diff(
                message.first_update_id, message.last_update_id, message.prev_update_id, message.bids, message.asks
            )
        self.in_sync.append(self.book.state is BookState.SYNCED)

    def of(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.messages if isinstance(each, kind)]

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(8):
            while not holds():  # noqa: ASYNC110 - what a test waits for has no event.
                await asyncio.sleep(0.005)


def test_the_checksum_of_the_documents_example() -> None:
    bids, asks = (
        [(D(price), D(size)) for price, size in (level.split() for level in text.split(", "))] for text in (BIDS, ASKS)
    )
    assert checksum((bids, asks), PAIR) == 3310070434
    # Digits count by the pair's decimals, whatever way the numbers were written.
    short = [(price.normalize(), size.normalize()) for price, size in bids]
    assert checksum((short, asks), PAIR) == 3310070434


@pytest.mark.parametrize(
    ("name", "ours"),
    [("XXBT", "BTC"), ("XBT", "BTC"), ("ZUSD", "USD"), ("XXDG", "DOGE"), ("ZETA", "ZETA"), ("SOL", "SOL")],
)
def test_names_of_assets(name: str, ours: str) -> None:
    assert asset_of(name) == ours


def test_a_pair_is_an_instrument() -> None:
    pair = words.pair(a_market("BTC", "USD"))
    instrument, why = instrument_of(pair, "kraken")
    assert (instrument.symbol, str(instrument.tick_size), str(instrument.step_size)) == (KEY, "0.1", "1E-8")
    assert (instrument.min_quantity, instrument.min_notional) == (D("0.00005"), D("0.5"))
    assert (instrument.maker_fee, instrument.taker_fee, why) == (D("0.0025"), D("0.004"), "")
    assert instrument_of({**pair, "status": "cancel_only"}, "kraken")[1] == "cancel_only"


@pytest.mark.asyncio
async def test_books_trades_and_quotes_are_those_of_the_street() -> None:
    async with KrakenRig() as rig:
        street = Street(rig)
        async with street.follow(KEY):
            rig.server.exchange.print_trade(KEY, "60000.1", "0.25", taker_buys=False)
            rig.server.exchange.set_levels(KEY, bids=[("59999.9", "1.5"), ("59999.8", "0")], asks=[("60000.1", "0")])
            await street.until(lambda: bool(street.of(BookDelta)) and bool(street.of(TradePrint)))
            assert street.book.state is BookState.SYNCED
            (trade,) = street.of(TradePrint)
            assert (str(trade.price), str(trade.quantity), trade.aggressor) == ("60000.1", "0.25", Side.SELL)
            await street.until(lambda: street.of(QuoteTick)[-1].bid_size == D("1.5"))
            quote = street.of(QuoteTick)[-1]
            assert (str(quote.bid), str(quote.ask)) == ("59999.9", "60000.2")
        assert street.unread == []


@pytest.mark.asyncio
async def test_a_lost_diff_is_found_by_the_next_one_and_the_book_comes_anew() -> None:
    async with KrakenRig() as rig:
        street = Street(rig)
        async with street.follow(KEY):
            rig.server.sockets.gap(1, frames='"book"')
            rig.server.exchange.set_levels(KEY, bids=[("59999.9", "7")])
            rig.server.exchange.set_levels(KEY, asks=[("60000.1", "8")])
            await street.until(lambda: len(street.of(BookSnapshot)) == 2)
            at = next(place for place, each in enumerate(street.messages) if isinstance(each, BookDelta))
            assert street.in_sync[at] is False
            assert any("checksum" in why for _, why in street.states)
            rig.server.exchange.set_levels(KEY, asks=[("60000.1", "9")])
            await street.until(lambda: bool(street.in_sync) and street.in_sync[-1] and len(street.of(BookDelta)) == 2)


@pytest.mark.asyncio
async def test_a_symbol_that_is_none_is_told_and_the_others_go_on() -> None:
    async with KrakenRig() as rig:
        street = Street(rig)
        async with street.follow(KEY, "NO/SUCH"):
            await street.until(lambda: bool(street.of(InstrumentStatus)) and bool(street.of(BookSnapshot)))
            assert {(each.symbol, each.is_trading) for each in street.of(InstrumentStatus)} == {("NO/SUCH", False)}


@pytest.mark.asyncio
async def test_candles_that_are_over() -> None:
    async with KrakenRig() as rig:
        public = rig.public(WallClock())
        await public.instruments()
        now_ns = rig.server.clock.now_ns()
        bars = await public.bars(KEY, "1m", now_ns - 600 * NS_PER_S, now_ns)
        assert len(bars) in (8, 9)
        assert {bar.close_time_ns - bar.open_time_ns for bar in bars} == {60 * NS_PER_S}
        assert (bars[0].open, bars[0].volume, bars[0].quote_volume) == (D("100.1"), D("2.5"), D("252.5"))
        with pytest.raises(BadInput):
            await public.bars(KEY, "7m", 0, now_ns)
        await public.close()


def test_frames_that_say_nothing_and_frames_that_nobody_knows() -> None:
    setup = PublicSetup(venue="kraken", market="spot")
    public = KrakenPublic(setup, KrakenRig.bridge(WallClock()), get_logger("test"))
    plan = MarketPlan(public, [KEY], ["trade"], "market/0")
    assert list(plan.parse(b'{"channel":"heartbeat"}', 0)) == []
    assert list(plan.parse(b'{"channel":"status","type":"update","data":[{"system":"online"}]}', 0)) == []
    with pytest.raises(BadInput):
        plan.parse(b'{"channel":"weather","data":[{"symbol":"BTC/USD"}]}', 0)
