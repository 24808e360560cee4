"""Rows of market data and their buffer."""

from decimal import Decimal

import pytest

from actors.market_rows import (
    RowBuffer,
    book_row,
    candle_row,
    derived_id,
    pair_row,
    status_row,
    ticker_row,
)
from engine.domain.instrument import Instrument
from engine.messages.market import Bar, Ticker
from engine.messages.rows import Row
from tests.support.domain import a_perpetual, a_spot
from tests.support.market import MINUTE, NOON, decimals, levels


class NamedRow(Row, frozen=True, kw_only=True):
    name: str


def row(name: str) -> NamedRow:
    return NamedRow(name=name)


def names(rows: list[Row]) -> list[str]:
    return [each.name for each in rows if isinstance(each, NamedRow)]


def a_bar() -> Bar:
    return Bar(
        venue="binance", symbol="BTC/USDT", ts_event_ns=NOON + MINUTE, ts_init_ns=NOON + MINUTE, timeframe="1m",
        open_time_ns=NOON, close_time_ns=NOON + MINUTE, open=Decimal(1), high=Decimal(4), low=Decimal(1),
        close=Decimal(2), volume=Decimal(5), quote_volume=Decimal(6), trades_count=7,
    )  # fmt: skip


def test_the_same_fact_has_the_same_id_at_every_start() -> None:
    assert candle_row(a_bar(), 5).id == candle_row(a_bar(), 6).id
    assert derived_id("book", "binance", "BTC/USDT", 1) != derived_id("book", "binance", "BTC/USDT", 2)


def test_a_candle_keeps_every_number() -> None:
    found = candle_row(a_bar(), 99)
    assert (found.open_price, found.high_price, found.low_price, found.close_price) == decimals(1, 4, 1, 2)
    assert (found.volume, found.quote_volume) == decimals(5, 6)
    assert found.trades_count == 7
    assert (found.open_time, found.close_time, found.created_at) == (NOON, NOON + MINUTE, 99)
    assert (found.symbol, found.exchange, found.timeframe) == ("BTC/USDT", "binance", "1m")


@pytest.mark.parametrize("rules", [a_spot(), a_perpetual()], ids=["spot", "perpetual"])
def test_an_instrument_keeps_its_rules(rules: Instrument) -> None:
    found = pair_row(rules, 5)
    assert (found.symbol, found.exchange, found.kind) == (rules.symbol, rules.venue, rules.kind.value)
    assert (found.tick_size, found.step_size) == (rules.tick_size, rules.step_size)
    assert (found.min_order_size, found.max_order_size) == (rules.min_quantity, rules.max_quantity)
    assert (found.min_notional, found.taker_fee) == (rules.min_notional, rules.taker_fee)


def test_a_ticker_is_dated_by_the_market() -> None:
    ticker = Ticker(venue="binance", symbol="BTC/USDT", ts_event_ns=1, ts_init_ns=2, price=Decimal(3))
    found = ticker_row(ticker)
    assert found.price == 3
    assert (found.updated_at, found.bid_price) == (2, None)


def test_a_book_is_texts_without_needless_zeros_best_first() -> None:
    found = book_row("binance", "BTC/USDT", levels(("100.10000000", "2.0")), levels(("101", "1E+1")), NOON)
    assert found.bids == [["100.1", "2"]]
    assert found.asks == [["101", "10"]]
    assert found.timestamp == found.created_at == NOON


@pytest.mark.parametrize(("online", "word"), [(True, "online"), (False, "offline")])
def test_a_venue_is_online_or_offline(online: bool, word: str) -> None:
    found = status_row("binance", is_online=online, reason="", last_event_ns=None, at_ns=3)
    assert (found.status, found.error_message, found.last_ping) == (word, None, None)


def test_states_keep_the_newest_and_history_keeps_all() -> None:
    buffer = RowBuffer()
    buffer.set("a", row("a1"))
    buffer.set("b", row("b1"))
    buffer.set("a", row("a2"))
    buffer.append(row("h1"))
    buffer.append(row("h2"))
    assert len(buffer) == 4
    assert names(buffer.take()) == ["a2", "b1", "h1", "h2"]


def test_a_batch_is_bounded_and_the_rest_follows() -> None:
    buffer = RowBuffer()
    buffer.set("a", row("a"))
    for number in range(4):
        buffer.append(row(f"h{number}"))
    assert names(buffer.take(3)) == ["a", "h0", "h1"]
    buffer.written()
    assert names(buffer.take(3)) == ["h2", "h3"]


def test_what_could_not_be_written_comes_first_again_unless_it_is_outdated() -> None:
    buffer = RowBuffer()
    buffer.set("a", row("a1"))
    buffer.set("b", row("b1"))
    buffer.append(row("h1"))
    buffer.take()
    buffer.set("a", row("a2"))
    buffer.append(row("h2"))
    buffer.give_back()
    assert names(buffer.take()) == ["a2", "b1", "h1", "h2"]


def test_a_full_history_loses_its_oldest_and_counts_them() -> None:
    buffer = RowBuffer(history_max=2)
    for number in range(4):
        buffer.append(row(f"h{number}"))
    assert buffer.dropped == 2
    assert names(buffer.take()) == ["h2", "h3"]
    buffer.append(row("h4"))
    buffer.append(row("h5"))
    buffer.give_back()
    assert buffer.dropped == 4
    assert names(buffer.take()) == ["h4", "h5"]


def test_taking_twice_without_an_answer_is_a_defect() -> None:
    buffer = RowBuffer()
    buffer.append(row("h"))
    buffer.take()
    with pytest.raises(AssertionError, match="expected the rows before to be settled"):
        buffer.take()
