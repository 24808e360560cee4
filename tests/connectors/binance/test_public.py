"""The public data of a simulated Binance, through the adapter and its sockets."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from connectors.binance.exchange import CLASSES
from connectors.binance.public import BinancePublic
from connectors.bridge.errors import Refused
from connectors.bridge.exchange import Bridge
from connectors.bridge.stream import StreamOwner, VenueStream
from connectors.live.adapter import Channel, PublicSetup
from engine.domain.book import Book
from engine.messages.market import BookDelta, QuoteTick, TradePrint
from engine.messages.market_live import FundingRate, MarkPrice
from engine.runtime.clock import WallClock
from engine.runtime.entropy import seeded_rng
from engine.runtime.log import get_logger
from tests.support.venues.binance import BinanceSimulator

MARKETS = ["spot", "usdm"]


class Feed:
    """A public adapter with its sockets, and what they said."""

    def __init__(self, market: str) -> None:
        self.market = market
        self.venue = BinanceSimulator(market)
        self.clock = WallClock()
        self.heard: list[Any] = []
        self.states: list[bool] = []
        self.symbol = "BTC/USDT" if market == "spot" else "BTC/USDT:USDT"

    async def open(self) -> None:
        await self.venue.start()
        setup = PublicSetup(venue="binance", market=self.market, urls=self.venue.urls())
        bridge = Bridge(CLASSES[self.market].limits, self.clock)
        self.adapter = BinancePublic(setup, bridge, get_logger("test"))
        await self.adapter.open()

    async def follow(self, channels: frozenset[Channel], *, by_ccxt: bool = False) -> None:
        owner = StreamOwner(
            on_message=self.heard.append,
            on_state=lambda is_ready, _why: self.states.append(is_ready),
            on_unread=lambda _kind, _why: None,
            on_refused=lambda _error: None,
            spawn=lambda work, _name: asyncio.create_task(work),
        )
        self.streams = [
            VenueStream(
                plan, self.adapter.wire, owner, clock=self.clock, rng=seeded_rng(1), log=get_logger("test"),
                decodes_by_ccxt=by_ccxt,
            )
            for plan in self.adapter.streams([self.symbol], channels)
        ]  # fmt: skip
        self.tasks = [asyncio.create_task(stream.run()) for stream in self.streams]
        await self.until(lambda: all(stream.is_ready for stream in self.streams))

    async def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < end, f"heard {self.heard[-5:]}, states {self.states}"
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        for stream in getattr(self, "streams", ()):
            await stream.close()
        for task in getattr(self, "tasks", ()):
            task.cancel()
        await asyncio.gather(*getattr(self, "tasks", ()), return_exceptions=True)
        await self.adapter.close()
        await self.venue.stop()


@pytest_asyncio.fixture(params=MARKETS)
async def feed(request: pytest.FixtureRequest) -> AsyncIterator[Feed]:
    feed = Feed(request.param)
    await feed.open()
    yield feed
    await feed.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("by_ccxt", [False, True])
async def test_quotes_trades_and_diffs_come_exact(feed: Feed, *, by_ccxt: bool) -> None:
    await feed.follow(frozenset({Channel.QUOTES, Channel.TRADES, Channel.BOOK}), by_ccxt=by_ccxt)
    feed.venue.exchange.set_levels("BTCUSDT", bids=[("59999.50", "1.25")])
    feed.venue.exchange.print_trade("BTCUSDT", "59999.70", "0.125", taker_buys=False)
    await feed.until(lambda: len(feed.heard) == 3)
    kinds = {type(message): message for message in feed.heard}
    assert set(kinds) == {BookDelta, QuoteTick, TradePrint}
    assert str(kinds[TradePrint].price) == "59999.70"
    assert str(kinds[BookDelta].bids[0][1]) == "1.25000000"
    assert {message.symbol for message in feed.heard} == {feed.symbol}


@pytest.mark.asyncio
async def test_a_snapshot_and_the_diffs_after_it_make_the_venues_book(feed: Feed) -> None:
    await feed.follow(frozenset({Channel.BOOK}))
    exchange = feed.venue.exchange
    exchange.set_levels("BTCUSDT", bids=[("59998", "3")])
    snapshot = await feed.adapter.snapshot(feed.symbol)
    exchange.set_levels("BTCUSDT", bids=[("59998", "0")], asks=[("60003", "7")])
    await feed.until(lambda: len(feed.heard) == 2)
    book = Book(feed.adapter.sequence_rule)
    for diff in feed.heard:
        book.apply_diff(diff.first_update_id, diff.last_update_id, diff.prev_update_id, diff.bids, diff.asks)
    assert book.apply_snapshot(snapshot.last_update_id, snapshot.bids, snapshot.asks)
    market = exchange.market("BTCUSDT")
    assert dict(book.bids()) == market.bids
    assert dict(book.asks()) == market.asks


@pytest.mark.asyncio
async def test_marks_and_funding_come_on_their_own_path() -> None:
    feed = Feed("usdm")
    await feed.open()
    try:
        await feed.follow(frozenset({Channel.MARKS}))
        update = feed.venue.board.mark_update("BTCUSDT", "-0.0005", "60001.25")
        feed.venue.publish("btcusdt@markPrice@1s", update)
        await feed.until(lambda: len(feed.heard) == 2)
        assert isinstance(feed.heard[0], MarkPrice)
        assert str(feed.heard[0].price) == "60001.25"
        assert isinstance(feed.heard[1], FundingRate)
        assert str(feed.heard[1].rate) == "-0.0005"
    finally:
        await feed.close()


@pytest.mark.asyncio
async def test_the_listing_names_what_trades_and_what_is_closed(feed: Feed) -> None:
    feed.venue.exchange.market("ETHUSDT").status = "BREAK"
    listing = await feed.adapter.instruments()
    assert [item.symbol for item in listing.instruments] == [feed.symbol]
    assert listing.closed == (feed.symbol.replace("BTC", "ETH"),)
    assert listing.instruments[0].tick_size == feed.venue.exchange.market("BTCUSDT").tick
    assert listing.venue_time_ns > 0


@pytest.mark.asyncio
async def test_closed_candles_are_read_within_their_bounds(feed: Feed) -> None:
    minute = 60_000
    now = feed.venue.clock.now_ms() // minute * minute
    rows = [
        [at, "1", "2", "0.5", "1.5", "10", at + minute - 1, "15", 3] for at in range(now - 5 * minute, now + 1, minute)
    ]
    feed.venue.board.candles["BTCUSDT", "1m"] = rows
    since = (now - 4 * minute) * 1_000_000
    bars = await feed.adapter.bars(feed.symbol, "1m", since, (now + minute) * 1_000_000)
    assert [bar.open_time_ns // 1_000_000 for bar in bars] == [row[0] for row in rows[1:-1]]
    until = (now - 2 * minute) * 1_000_000
    bars = await feed.adapter.bars(feed.symbol, "1m", since, until)
    assert [bar.open_time_ns // 1_000_000 for bar in bars] == [row[0] for row in rows[1:3]]


@pytest.mark.asyncio
async def test_the_venues_time_and_an_unknown_symbol(feed: Feed) -> None:
    assert abs(await feed.adapter.server_time_ns() - time.time_ns()) < 5_000_000_000
    with pytest.raises(Refused, match="unknown_symbol"):
        await feed.adapter.snapshot("NOPE/USDT")


@pytest.mark.asyncio
async def test_a_lost_socket_is_dialled_again(feed: Feed) -> None:
    await feed.follow(frozenset({Channel.TRADES}))
    feed.venue.sockets.abort()
    await feed.until(lambda: feed.states == [True, False, True])
    feed.venue.exchange.print_trade("BTCUSDT", "60000")
    await feed.until(lambda: len(feed.heard) == 1)
