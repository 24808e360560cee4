"""What `MarketData` does at a live venue only: no trust without a book, closed instruments, the venue's clock."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from engine.domain.book import BINANCE_SPOT
from engine.domain.kinds import BookState
from engine.messages.market import Bar, BookStatus, InstrumentsLoaded
from engine.messages.market_live import InstrumentStatus, VenueHealth
from engine.messages.rows_market import ExchangeStatusRow, TradingPairRow
from tests.support.live_market import a_pair
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

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[MarketStage]:
    made = MarketStage()
    await made.start(needs_book=True, rule_of=lambda _symbol: BINANCE_SPOT)
    yield made
    await made.stop()


def states(stage: MarketStage) -> list[tuple[BookState, str]]:
    return [(each.state, each.reason.partition(":")[0]) for each in stage.of(BookStatus)]


def health(**changes: Any) -> VenueHealth:
    fields: dict[str, Any] = {"venue": VENUE, "at_ns": NOON, "is_online": True}
    return VenueHealth(**fields | changes)


async def test_prices_are_not_trusted_before_the_book_is_there(stage: MarketStage) -> None:
    await stage.say(a_quote("100", "101"))
    assert stage.marks.price(VENUE, SYMBOL) is not None
    assert stage.marks.is_stale(VENUE, SYMBOL)
    await stage.say(a_delta(11, 12))
    assert stage.marks.is_stale(VENUE, SYMBOL)
    await stage.say(a_snapshot(10))
    assert not stage.marks.is_stale(VENUE, SYMBOL)
    assert states(stage) == [(BookState.BUFFERING, ""), (BookState.SYNCED, "")]


async def test_before_the_first_quote_the_book_tells_the_price(stage: MarketStage) -> None:
    await stage.say(a_snapshot(10))
    assert stage.marks.quote(VENUE, SYMBOL) == decimals(100, 101)
    await stage.say(a_delta(11, 11, bids=(("100.5", "1"),)))
    assert stage.marks.quote(VENUE, SYMBOL) == (Decimal("100.5"), Decimal(101))
    await stage.say(a_quote("99", "102"), a_delta(12, 12, bids=(("100.6", "1"),)))
    assert stage.marks.quote(VENUE, SYMBOL) == decimals(99, 102), "quotes are faster than books"


async def test_a_gap_is_seen_at_the_first_bad_number_and_an_old_snapshot_does_not_heal_it(stage: MarketStage) -> None:
    await stage.say(a_snapshot(10), a_delta(11, 12))
    assert not stage.marks.is_stale(VENUE, SYMBOL)
    await stage.say(a_delta(14, 15))
    assert stage.marks.is_stale(VENUE, SYMBOL)
    assert states(stage)[-1] == (BookState.STALE, "gap")
    await stage.say(a_snapshot(12))
    assert stage.marks.is_stale(VENUE, SYMBOL), "the snapshot is older than the diffs"
    await stage.say(a_snapshot(14))
    assert not stage.marks.is_stale(VENUE, SYMBOL)


async def test_a_crossed_book_is_stale(stage: MarketStage) -> None:
    await stage.say(a_snapshot(10), a_delta(11, 11, bids=(("102", "1"),)))
    assert stage.marks.is_stale(VENUE, SYMBOL)
    assert states(stage)[-1] == (BookState.STALE, "crossed")


async def test_a_book_that_stands_still_while_quotes_move_is_stale(stage: MarketStage) -> None:
    await stage.say(a_snapshot(10), a_quote("100", "101", at_ns=NOON + 6 * SECOND))
    await stage.flush()
    assert not stage.marks.is_stale(VENUE, SYMBOL), "a market without changes"
    await stage.say(a_quote("99", "100", at_ns=NOON + 7 * SECOND))
    await stage.flush()
    assert stage.marks.is_stale(VENUE, SYMBOL)
    assert states(stage)[-1] == (BookState.STALE, "frozen")
    await stage.say(a_snapshot(20, bids=(("99", "1"),), asks=(("100", "1"),), at_ns=NOON + 8 * SECOND))
    await stage.flush()
    assert not stage.marks.is_stale(VENUE, SYMBOL)


async def test_what_the_venue_has_closed_is_closed_until_it_opens_again(stage: MarketStage) -> None:
    closed = InstrumentStatus(venue=VENUE, symbol=SYMBOL, is_trading=False, reason="delisted", at_ns=NOON)
    stage.bus.publish(closed, (VENUE, SYMBOL))
    stage.bus.publish(InstrumentStatus(venue="other", symbol=SYMBOL, is_trading=False, at_ns=NOON), ("other", SYMBOL))
    stage.bus.publish(InstrumentsLoaded(venue=VENUE, instruments=(a_pair(SYMBOL),), at_ns=NOON), VENUE)
    await stage.system.idle()
    await stage.flush()
    assert stage.marks.why_closed(VENUE, SYMBOL) == "delisted"
    assert stage.marks.why_closed("other", SYMBOL) == "", "another venue's actor writes that"
    assert [row.is_active for row in stage.bulk.of(TradingPairRow)] == [False]
    opened = InstrumentStatus(venue=VENUE, symbol=SYMBOL, is_trading=True, at_ns=NOON)
    stage.bus.publish(opened, (VENUE, SYMBOL))
    await stage.system.idle()
    assert stage.marks.why_closed(VENUE, SYMBOL) == ""


async def test_thousands_of_instruments_are_written_little_by_little(stage: MarketStage) -> None:
    pairs = tuple(a_pair(f"A{number}/USDT") for number in range(600))
    stage.bus.publish(InstrumentsLoaded(venue=VENUE, instruments=pairs, at_ns=NOON), VENUE)
    await stage.system.idle()
    written = []
    for _ in range(3):
        await stage.flush()
        written.append(len(stage.bulk.of(TradingPairRow)))
    assert written == [500, 600, 600]


async def test_bars_close_by_the_venues_clock(stage: MarketStage) -> None:
    """Ours is 10 s ahead: without that in mind the minute would be closed before its last trades have come."""
    stage.bus.publish(health(clock_offset_ns=-10 * SECOND), VENUE)
    await stage.say(a_trade(at_ns=NOON - 1), a_trade("1", at_ns=NOON))
    await stage.system.advance(stage.market, NOON + MINUTE + 3 * SECOND)
    assert stage.of(Bar) == []
    last = a_trade("9", at_ns=NOON + MINUTE - 1)
    await stage.say(last)
    await stage.system.advance(stage.market, NOON + MINUTE + 13 * SECOND)
    assert [(bar.open, bar.close) for bar in stage.of(Bar)] == [decimals(1, 9)]


async def test_the_venues_health_is_stored_as_it_was_measured(stage: MarketStage) -> None:
    stage.bus.publish(
        health(
            heard_ns=NOON - 5, response_ns=12_400_000, clock_offset_ns=-1_270_000_000, used_weight=40,
            weight_limit=6_000, reconnects=2, unread=1, resyncs={SYMBOL: 3}, is_online=False, reason="dialling",
        ),
        VENUE,
    )  # fmt: skip
    await stage.system.idle()
    await stage.flush()
    (row,) = stage.bulk.of(ExchangeStatusRow)
    assert (row.status, row.error_message, row.last_ping, row.response_time_ms) == ("offline", "dialling", NOON - 5, 12)
    assert row.detail == {
        "clock_offset_ms": -1270.0, "used_weight": 40, "weight_limit": 6_000, "reconnects": 2, "frames_unread": 1,
        "books_resyncing": {SYMBOL: 3},
    }  # fmt: skip
