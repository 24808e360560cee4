"""The table of newest prices."""

from decimal import Decimal

from actors.marks import MarkTable
from engine.domain.ports import Marks
from engine.runtime.clock import VirtualClock
from tests.support.market import SECOND


def a_table() -> tuple[MarkTable, VirtualClock]:
    clock = VirtualClock(1_000 * SECOND)
    return MarkTable(clock, stale_after_ns=10 * SECOND), clock


def test_it_is_the_port_that_readers_expect() -> None:
    table, _ = a_table()
    port: Marks = table
    assert port.price("binance", "BTC/USDT") is None


def test_an_unknown_symbol_has_no_price_and_is_stale() -> None:
    table, _ = a_table()
    assert table.price("binance", "BTC/USDT") is None
    assert table.quote("binance", "BTC/USDT") is None
    assert table.last("binance", "BTC/USDT") is None
    assert table.age_ns("binance", "BTC/USDT") is None
    assert table.is_stale("binance", "BTC/USDT")


def test_asking_does_not_make_an_entry_that_looks_known() -> None:
    table, _ = a_table()
    table.mark("binance", "BTC/USDT")
    assert table.is_stale("binance", "BTC/USDT")
    assert table.price("binance", "BTC/USDT") is None


def test_the_price_is_the_middle_and_before_a_quote_the_last_trade() -> None:
    table, _ = a_table()
    mark = table.mark("binance", "BTC/USDT")
    mark.last = Decimal(7)
    assert table.price("binance", "BTC/USDT") == 7
    mark.bid, mark.ask = Decimal("100.1"), Decimal("100.2")
    assert table.price("binance", "BTC/USDT") == Decimal("100.15")
    assert table.quote("binance", "BTC/USDT") == (Decimal("100.1"), Decimal("100.2"))
    assert table.last("binance", "BTC/USDT") == 7


def test_silence_makes_a_symbol_stale_after_its_time_and_not_before() -> None:
    table, clock = a_table()
    table.mark("binance", "BTC/USDT").seen_ns = clock.now_ns()
    clock.advance(10 * SECOND)
    assert table.age_ns("binance", "BTC/USDT") == 10 * SECOND
    assert not table.is_stale("binance", "BTC/USDT")
    clock.advance(1)
    assert table.is_stale("binance", "BTC/USDT")


def test_a_lost_book_makes_a_symbol_stale_however_young_its_price() -> None:
    table, clock = a_table()
    mark = table.mark("binance", "BTC/USDT")
    mark.seen_ns = clock.now_ns()
    mark.is_lost = True
    assert table.is_stale("binance", "BTC/USDT")


def test_an_event_from_the_receivers_future_has_no_age() -> None:
    table, clock = a_table()
    table.mark("binance", "BTC/USDT").seen_ns = clock.now_ns() + SECOND
    assert table.age_ns("binance", "BTC/USDT") == 0


def test_the_same_symbol_at_two_venues_are_two_marks() -> None:
    table, _ = a_table()
    table.mark("binance", "BTC/USDT").last = Decimal(1)
    assert table.price("coinbase", "BTC/USDT") is None
    assert table.mark("binance", "BTC/USDT") is table.mark("binance", "BTC/USDT")


def test_a_market_is_the_past_until_it_has_caught_up() -> None:
    table, _ = a_table()
    assert not table.is_past("binance")
    table.begin_catch_up("binance")
    assert (table.is_past("binance"), table.is_past("another")) == (True, False)
    table.end_catch_up("binance")
    assert not table.is_past("binance")
