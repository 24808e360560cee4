"""A venue's market, from raw events to bars, books, marks and rows."""

import csv
import gzip
import re
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from actors.market_data import binance_rule
from connectors.replay.session import ReplaySession
from engine.domain.book import BINANCE_SPOT, BINANCE_USDM, Book, SequenceRule
from engine.domain.kinds import BookState
from engine.messages.market import (
    Bar,
    BookDelta,
    BookSnapshot,
    BookStatus,
    BookTop,
    InstrumentsLoaded,
    QuoteTick,
    ReplayCaughtUp,
    SourceFinished,
    Ticker,
)
from engine.messages.rows_market import BookSnapshotRow, ExchangeStatusRow, OhlcvRow, TickerRow, TradingPairRow
from engine.messages.venues import VenueConnection
from tests.support.domain import a_spot
from tests.support.market import (
    MINUTE,
    NOON,
    SECOND,
    SYMBOL,
    VENUE,
    MarketStage,
    a_delta,
    a_quote,
    a_snapshot,
    a_trade,
    decimals,
)


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[MarketStage]:
    made = MarketStage()
    yield made
    await made.stop()


@pytest.mark.asyncio
async def test_quotes_and_trades_become_marks(stage: MarketStage) -> None:
    await stage.start()
    await stage.say(a_quote("100", "102", at_ns=NOON + SECOND), a_trade("99", at_ns=NOON + 2 * SECOND))
    assert stage.marks.price(VENUE, SYMBOL) == 101
    assert stage.marks.last(VENUE, SYMBOL) == 99
    assert stage.marks.age_ns(VENUE, SYMBOL) == 0
    assert not stage.marks.is_stale(VENUE, SYMBOL)


@pytest.mark.asyncio
async def test_another_venues_events_are_left_alone(stage: MarketStage) -> None:
    await stage.start()
    await stage.say(a_quote(venue="coinbase"))
    assert stage.marks.price(VENUE, SYMBOL) is None
    assert stage.marks.price("coinbase", SYMBOL) is None


@pytest.mark.asyncio
async def test_a_bar_is_published_under_its_key_and_stored(stage: MarketStage) -> None:
    await stage.start()
    heard: list[Bar] = []
    stage.bus.subscribe(Bar, heard.append, key=(VENUE, SYMBOL))
    await stage.say(a_trade(at_ns=NOON - 1), a_trade("5", at_ns=NOON), a_trade("6", at_ns=NOON + MINUTE))
    await stage.flush()
    (bar,) = heard
    assert (bar.timeframe, bar.open_time_ns, bar.close_time_ns) == ("1m", NOON, NOON + MINUTE)
    (row,) = stage.bulk.of(OhlcvRow)
    assert (row.symbol, row.timeframe, row.open_time) == (SYMBOL, "1m", NOON)
    assert row.close_price == 5


@pytest.mark.asyncio
async def test_the_market_clock_closes_a_bar_that_no_trade_closes(stage: MarketStage) -> None:
    await stage.start()
    await stage.say(a_trade(at_ns=NOON - 1), a_trade("5", at_ns=NOON + SECOND, frame=7))
    await stage.system.advance(stage.market, NOON + MINUTE + SECOND)
    assert stage.of(Bar) == []
    await stage.system.advance(stage.market, NOON + MINUTE + 2 * SECOND)
    (bar,) = stage.of(Bar)
    assert (bar.close, bar.frame, bar.ts_init_ns) == (Decimal(5), 7, NOON + MINUTE + 2 * SECOND)
    await stage.system.advance(stage.market, NOON + 3 * MINUTE + 2 * SECOND)
    assert [each.volume for each in stage.of(Bar)] == [1, 0, 0]


@pytest.mark.asyncio
async def test_a_gap_makes_the_book_stale_within_that_message_until_a_snapshot(stage: MarketStage) -> None:
    await stage.start()
    await stage.say(a_snapshot(10), a_delta(11, 12), a_delta(14, 15, frame=3))
    assert stage.marks.is_stale(VENUE, SYMBOL)
    stale = stage.of(BookStatus)[-1]
    assert (stale.state, stale.gaps, stale.frame) == (BookState.STALE, 1, 3)
    assert "expected an update after 12, was 14 to 15" in stale.reason
    await stage.say(a_delta(16, 16), a_snapshot(15))
    assert stage.of(BookStatus)[-1].state is BookState.SYNCED
    assert not stage.marks.is_stale(VENUE, SYMBOL)


@pytest.mark.asyncio
async def test_a_book_that_falls_silent_is_stale_until_it_speaks_again(stage: MarketStage) -> None:
    await stage.start()
    await stage.say(a_snapshot())
    await stage.system.advance(stage.market, NOON + 16 * SECOND)
    await stage.flush(2)
    assert [(status.state, status.reason) for status in stage.of(BookStatus)][1:] == [(BookState.STALE, "silent")]
    assert stage.marks.is_stale(VENUE, SYMBOL)
    await stage.say(a_delta(11, 11, at_ns=NOON + 17 * SECOND))
    assert stage.of(BookStatus)[-1].state is BookState.SYNCED
    assert stage.of(BookStatus)[-1].gaps == 0
    assert not stage.marks.is_stale(VENUE, SYMBOL)


@pytest.mark.asyncio
async def test_tickers_and_tops_are_conflated_and_the_last_of_a_burst_follows(stage: MarketStage) -> None:
    await stage.start()
    await stage.say(a_snapshot(10))
    for number in range(1, 100):
        at_ns = NOON + number * SECOND // 100
        await stage.say(a_quote(str(100 + number), str(200 + number), at_ns=at_ns))
        await stage.say(a_delta(10 + number, 10 + number, bids=(("50", str(number)),), at_ns=at_ns))
    assert 9 <= len(stage.of(Ticker)) <= 11
    assert 9 <= len(stage.of(BookTop)) <= 11
    await stage.flush()
    assert stage.of(Ticker)[-1].bid == 199
    assert stage.of(BookTop)[-1].bids[-1] == decimals(50, 99)


@pytest.mark.asyncio
async def test_rows_follow_the_newest_state(stage: MarketStage) -> None:
    await stage.start()
    loaded = InstrumentsLoaded(venue=VENUE, instruments=(a_spot(),), at_ns=NOON)
    stage.bus.publish(loaded, VENUE)
    await stage.say(a_quote("100", "102"), a_trade("101", "3"), a_snapshot())
    await stage.flush()
    (pair,) = stage.bulk.of(TradingPairRow)
    assert (pair.symbol, pair.base_asset) == (SYMBOL, "BTC")
    (ticker,) = stage.bulk.of(TickerRow)
    assert (ticker.price, ticker.bid_price, ticker.volume_24h) == decimals(101, 100, 3)
    (book,) = stage.bulk.of(BookSnapshotRow)
    assert (book.bids, book.asks) == ([["100", "1"]], [["101", "1"]])
    (status,) = stage.bulk.of(ExchangeStatusRow)
    assert (status.status, status.error_message) == ("online", None)
    await stage.flush()
    assert len(stage.bulk.of(TickerRow)) == 1


@pytest.mark.asyncio
async def test_a_book_is_stored_every_ten_seconds_of_market_time(stage: MarketStage) -> None:
    await stage.start()
    await stage.say(a_snapshot())
    for number in range(1, 31):
        await stage.say(a_delta(10 + number, 10 + number, at_ns=NOON + number * SECOND))
    await stage.flush()
    assert [(row.timestamp - NOON) // SECOND for row in stage.bulk.of(BookSnapshotRow)] == [0, 10, 20, 30]


@pytest.mark.asyncio
async def test_a_database_that_is_away_delays_rows_and_no_price(stage: MarketStage) -> None:
    await stage.start()
    stage.bulk.is_away = True
    await stage.say(a_trade(at_ns=NOON - 1), a_trade(at_ns=NOON), a_trade(at_ns=NOON + MINUTE))
    await stage.flush(4)
    await stage.say(a_quote("7", "9", at_ns=NOON + MINUTE))
    assert stage.marks.price(VENUE, SYMBOL) == 8
    assert stage.bulk.rows == []
    stage.bulk.is_away = False
    await stage.flush(10)
    assert len(stage.bulk.of(OhlcvRow)) == 1
    assert stage.bulk.of(TickerRow)[-1].bid_price == 7


@pytest.mark.asyncio
async def test_stopping_writes_what_has_gathered() -> None:
    stage = MarketStage()
    await stage.start()
    await stage.say(a_trade(at_ns=NOON - 1), a_trade(at_ns=NOON), a_trade(at_ns=NOON + MINUTE))
    await stage.stop()
    assert len(stage.bulk.of(OhlcvRow)) == 1
    assert len(stage.bulk.of(TickerRow)) == 1
    assert stage.bus.subscribers(QuoteTick, (VENUE, SYMBOL)) == 0


@pytest.mark.asyncio
async def test_a_lost_connection_makes_everything_stale_and_drops_the_bar(stage: MarketStage) -> None:
    await stage.start()
    await stage.say(a_snapshot(), a_trade(at_ns=NOON - 1), a_trade(at_ns=NOON))
    gone = VenueConnection(venue=VENUE, connected=False, reason="socket closed", at_ns=NOON)
    stage.bus.publish(gone, VENUE)
    await stage.flush()
    assert stage.marks.is_stale(VENUE, SYMBOL)
    assert stage.of(BookStatus)[-1].reason == "socket closed"
    assert stage.bulk.of(ExchangeStatusRow)[-1].status == "offline"
    stage.bus.publish(VenueConnection(venue=VENUE, connected=True, at_ns=NOON), VENUE)
    await stage.say(a_trade(at_ns=NOON + MINUTE), a_snapshot(20, at_ns=NOON + MINUTE))
    assert stage.of(Bar) == []
    assert not stage.marks.is_stale(VENUE, SYMBOL)


@pytest.mark.asyncio
async def test_a_lost_connection_for_orders_says_nothing_of_prices(stage: MarketStage) -> None:
    await stage.start()
    stage.bus.publish(VenueConnection(venue=VENUE, connected=True, at_ns=NOON), VENUE)
    await stage.say(a_snapshot())
    stage.bus.publish(VenueConnection(venue=VENUE, connected=False, at_ns=NOON, is_private=True), VENUE)
    await stage.flush()
    assert not stage.marks.is_stale(VENUE, SYMBOL)
    assert stage.bulk.of(ExchangeStatusRow)[-1].status == "online"


@pytest.mark.asyncio
async def test_the_end_of_a_replay_makes_no_bar_of_half_a_minute(stage: MarketStage) -> None:
    await stage.start()
    await stage.say(a_trade(at_ns=NOON - 1), a_trade(at_ns=NOON), a_trade(at_ns=NOON + MINUTE + SECOND))
    stage.bus.publish(SourceFinished(venue=VENUE, session="s", frames=3, errors=0), VENUE)
    await stage.system.advance(stage.market, NOON + 5 * MINUTE)
    assert [bar.close_time_ns for bar in stage.of(Bar)] == [NOON + MINUTE]


# --- Recorded markets -----------------------------------------------------------------------------------------------


def oracle(fixtures_dir: Path) -> dict[int, dict[str, str]]:
    with gzip.open(fixtures_dir / "derived/oracle/BTCUSDT-1m-from-recorded-trades.csv.gz", "rt") as file:
        return {int(row["open_time_ms"]) * 1_000_000: row for row in csv.DictReader(file)}


@pytest.mark.asyncio
async def test_recorded_trades_give_the_exchanges_own_candles(fixtures_dir: Path) -> None:
    session = ReplaySession(fixtures_dir / "hftbacktest/binance_spot", venue=VENUE)
    stage = MarketStage(session.start_ns)
    await stage.start()
    await stage.start_replay(session)
    await stage.system.idle()
    await until_finished(stage)
    await stage.stop()
    bars = {bar.open_time_ns: bar for bar in stage.of(Bar) if bar.timeframe == "1m"}
    expected = oracle(fixtures_dir)
    assert bars.keys() == expected.keys()
    assert len(bars) == 10
    for open_ns, row in expected.items():
        bar = bars[open_ns]
        numbers = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        assert numbers == tuple(Decimal(row[name]) for name in ("open", "high", "low", "close", "volume"))
        assert bar.trades_count == int(row["trades"])
    assert {row.open_time for row in stage.bulk.of(OhlcvRow) if row.timeframe == "1m"} == expected.keys()
    assert [status.state for status in stage.of(BookStatus)] == [BookState.BUFFERING, BookState.SYNCED]


async def until_finished(stage: MarketStage) -> None:
    """Let the replay run to its end; its turns are shared by a wall clock that only we turn."""
    while not stage.of(SourceFinished):
        await stage.system.advance(stage.wall, stage.wall.now_ns() + SECOND)


def raw_events(folder: Path) -> Iterator[tuple[bytes, Any]]:
    """Yield (raw frame, its message) of a recorded folder."""
    session = ReplaySession(folder, venue=VENUE)
    lines = (line for path in sorted(folder.iterdir()) for line in gzip.decompress(path.read_bytes()).splitlines())
    for line, frame in zip(lines, session.play(), strict=True):
        assert frame.error is None
        yield line.partition(b" ")[2], frame.messages[0]


def apply(book: Book, event: BookDelta | BookSnapshot) -> bool:
    if isinstance(event, BookSnapshot):
        return book.apply_snapshot(event.last_update_id, event.bids, event.asks)
    return book.apply_diff(event.first_update_id, event.last_update_id, event.prev_update_id, event.bids, event.asks)


@pytest.mark.parametrize(
    ("folder", "symbol", "frames"), [("binance_spot", "BTC/USDT", 99_574), ("binance_usdm", "BTC/USDT:USDT", 93_954)]
)
def test_recorded_books_have_no_gap_never_cross_and_agree_with_the_quotes(
    fixtures_dir: Path, folder: str, symbol: str, frames: int
) -> None:
    book = Book(binance_rule(symbol))
    tops: list[tuple[int, tuple[Decimal, Decimal]]] = []
    quotes: list[tuple[int, tuple[Decimal, Decimal]]] = []
    seen = 0
    for raw, event in raw_events(fixtures_dir / "hftbacktest" / folder):
        seen += 1
        if isinstance(event, QuoteTick):
            # A quote is a state of the book too: its update id says which.
            match = re.search(rb'"u":([0-9]+)', raw)
            assert match is not None
            quotes.append((int(match[1]), (event.bid, event.ask)))
        elif isinstance(event, BookDelta | BookSnapshot) and apply(book, event):
            assert not book.is_crossed
            assert book.best_bid is not None
            assert book.best_ask is not None
            tops.append((book.last_update_id, (book.best_bid[0], book.best_ask[0])))
    assert (seen, book.gaps, book.state) == (frames, 0, BookState.SYNCED)
    quotes.sort()
    checked = [(top, quotes[at - 1][1]) for number, top in tops if (at := bisect_right(quotes, number, key=first))]
    agreeing = sum(top == quote for top, quote in checked)
    assert len(checked) > 6_000
    assert agreeing / len(checked) >= 0.995


def first(pair: tuple[int, Any]) -> int:
    return pair[0]


@pytest.mark.parametrize(
    ("folder", "rule"), [("binance_spot", BINANCE_SPOT), ("binance_usdm", BINANCE_USDM)], ids=["spot", "usdm"]
)
def test_any_single_lost_diff_is_noticed_at_the_next_message(
    fixtures_dir: Path, folder: str, rule: SequenceRule
) -> None:
    every = (event for _, event in raw_events(fixtures_dir / "hftbacktest" / folder))
    events = list(islice((each for each in every if isinstance(each, BookDelta | BookSnapshot)), 260))
    snapshot = next(number for number, each in enumerate(events) if isinstance(each, BookSnapshot))
    for lost in range(snapshot + 2, len(events) - 1):
        book = Book(rule)
        for event in events[:lost]:
            apply(book, event)
        assert book.state is BookState.SYNCED
        apply(book, events[lost + 1])
        assert (book.state, book.gaps) == (BookState.STALE, 1)


@pytest.mark.asyncio
async def test_the_market_is_the_present_again_when_its_replay_has_caught_up(stage: MarketStage) -> None:
    await stage.start()
    stage.marks.begin_catch_up(VENUE)
    await stage.say(a_quote("100", "102", at_ns=NOON + SECOND))
    assert stage.marks.is_past(VENUE)
    stage.bus.publish(ReplayCaughtUp(venue=VENUE, session="day", frame=1), VENUE)
    await stage.system.idle()
    assert not stage.marks.is_past(VENUE)
