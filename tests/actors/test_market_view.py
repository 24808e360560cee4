"""One symbol's market: book, candles, mark."""

from actors.market_view import SymbolView, ViewSettings
from actors.marks import Mark
from engine.domain.book import BINANCE_SPOT
from engine.domain.kinds import BookState
from engine.messages.market import BookDelta, BookSnapshot
from tests.support.market import (
    MINUTE,
    NOON,
    SECOND,
    SYMBOL,
    VENUE,
    a_delta,
    a_quote,
    a_snapshot,
    a_trade,
    decimals,
)


def a_view(*timeframes: str, candles: str | None = None) -> SymbolView:
    settings = ViewSettings(
        venue=VENUE, timeframes=timeframes or ("1m", "5m"), candles={SYMBOL: candles} if candles else {}
    )
    return SymbolView(settings, SYMBOL, rule=BINANCE_SPOT, mark=Mark(15 * SECOND))


def test_longer_bars_come_from_the_short_ones() -> None:
    view = a_view("1m", "5m")
    bars = view.see_trade(a_trade("1", at_ns=NOON - 1))
    for minute in range(6):
        bars += view.see_trade(a_trade(str(10 + minute), "2", at_ns=NOON + minute * MINUTE))
    assert [(bar.timeframe, (bar.close_time_ns - NOON) // MINUTE) for bar in bars] == [
        ("1m", 1), ("1m", 2), ("1m", 3), ("1m", 4), ("1m", 5), ("5m", 5),
    ]  # fmt: skip
    five = bars[-1]
    assert (five.open, five.high, five.low, five.close, five.volume) == decimals(10, 14, 10, 14, 10)
    assert (five.trades_count, five.open_time_ns) == (5, NOON)


def test_a_timeframe_that_nobody_asked_for_is_not_published() -> None:
    view = a_view("5m")
    view.see_trade(a_trade(at_ns=NOON - 1))
    bars = [bar for minute in range(6) for bar in view.see_trade(a_trade(at_ns=NOON + minute * MINUTE))]
    assert [bar.timeframe for bar in bars] == ["5m"]


def test_candles_are_shown_as_they_are_and_nothing_shorter_is_made_up() -> None:
    view = a_view("1m", "5m", "1h", "4h", candles="1h")
    view.begin(NOON)
    bars = view.see_trade(a_trade(at_ns=NOON)) + view.advance(NOON + 4 * 60 * MINUTE, 0)
    assert [bar.timeframe for bar in bars] == ["1h", "1h", "1h", "1h", "4h"]


def test_the_time_between_two_candles_is_no_silence() -> None:
    view = a_view(candles="1h")
    view.see_quote(a_quote())
    assert not view.listen(NOON + 60 * MINUTE)
    assert view.listen(NOON + 60 * MINUTE + 1)
    assert not view.listen(NOON + 60 * MINUTE + 2)


def test_the_clock_closes_a_bar_only_after_a_trade_could_have_come() -> None:
    view = a_view()
    view.see_trade(a_trade(at_ns=NOON - 1))
    view.see_trade(a_trade(at_ns=NOON))
    assert view.next_close_ns(NOON + 5 * SECOND) == NOON + MINUTE + 2 * SECOND
    assert view.next_close_ns(NOON + SECOND) == NOON + 2 * SECOND
    assert view.advance(NOON + MINUTE + SECOND, 0) == []
    assert [bar.close_time_ns for bar in view.advance(NOON + MINUTE + 2 * SECOND, 7)] == [NOON + MINUTE]


def test_a_lost_feed_spoils_the_bar_in_progress_and_the_book() -> None:
    view = a_view()
    view.see_trade(a_trade(at_ns=NOON - 1))
    view.see_trade(a_trade(at_ns=NOON))
    view.see_snapshot(a_snapshot())
    view.lose("socket closed")
    assert view.mark.is_lost
    assert view.book.state is BookState.STALE
    assert view.see_trade(a_trade(at_ns=NOON + MINUTE)) == []
    assert view.see_trade(a_trade(at_ns=NOON + 2 * MINUTE)) == []
    assert len(view.see_trade(a_trade(at_ns=NOON + 3 * MINUTE))) == 1
    view.recover()
    assert view.mark.is_lost
    view.see_snapshot(a_snapshot(20))
    view.recover()
    assert not view.mark.is_lost


def test_each_change_of_the_books_state_is_told_once() -> None:
    view = a_view()
    states = []
    events: list[BookDelta | BookSnapshot] = [
        a_delta(8, 9),
        a_delta(10, 11, bids=(("100", "2"),)),
        a_snapshot(9),
        a_delta(12, 12),
        a_delta(14, 15),
        a_delta(16, 17),
        a_snapshot(15),
    ]
    for event in events:
        if isinstance(event, BookDelta):
            view.see_delta(event)
        else:
            view.see_snapshot(event)
        status = view.status(NOON, NOON, 3)
        states.append(None if status is None else (status.state, status.gaps))
    assert states == [
        (BookState.BUFFERING, 0), None, (BookState.SYNCED, 0), None, (BookState.STALE, 1), None, (BookState.SYNCED, 1),
    ]  # fmt: skip
    assert view.book.last_update_id == 17


def test_a_ticker_has_the_last_trade_or_else_the_middle() -> None:
    view = a_view()
    assert view.ticker(NOON, 0) is None
    view.see_quote(a_quote("100", "103"))
    ticker = view.ticker(NOON, 0)
    assert ticker is not None
    assert (ticker.price, ticker.bid, ticker.ask) == decimals("101.5", 100, 103)
    view.see_trade(a_trade("103", "2"))
    ticker = view.ticker(NOON, 0)
    assert ticker is not None
    assert (ticker.price, ticker.volume_24h, ticker.change_24h) == decimals(103, 2, 0)


def test_the_top_of_a_book_is_shown_only_while_it_is_trusted() -> None:
    view = a_view()
    view.see_delta(a_delta(8, 9))
    assert view.top(NOON, 0) is None
    view.see_snapshot(a_snapshot(9, bids=[(str(100 - n), "1") for n in range(30)]))
    top = view.top(NOON, 4)
    assert top is not None
    assert (len(top.bids), len(top.asks), top.frame) == (20, 1, 4)
    assert top.bids[0][0] == 100
