"""Frames of Coinbase's public channels as messages."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.coinbase.parse import COINBASE, LOST, FrameParser
from connectors.coinbase.symbols import Symbols
from engine.domain.book import Book
from engine.domain.errors import BadInput
from engine.domain.kinds import BookState, Side
from engine.messages.market import Bar, BookDelta, BookSnapshot, MarketMessage, QuoteTick, Ticker, TradePrint
from tests.connectors.coinbase.support import AT, Heard, a_frame, a_parser, book_event, lines_of

FRAMES = list(lines_of("market_frames.txt"))


def session(heard: Heard | None = None) -> list[list[MarketMessage]]:
    parser = a_parser(heard)
    return [parser.parse(raw, at) for at, raw in FRAMES]


def feed(book: Book, messages: list[MarketMessage]) -> None:
    for message in messages:
        match message:
            case BookSnapshot():
                book.apply_snapshot(message.last_update_id, message.bids, message.asks)
            case BookDelta(first_update_id=first, last_update_id=last, prev_update_id=previous):
                book.apply_diff(first, last, previous, message.bids, message.asks)


def test_a_snapshot_is_sorted_best_first() -> None:
    (snapshot,) = session()[0]
    assert snapshot == BookSnapshot(
        venue="coinbase",
        symbol="BTC/USD",
        ts_event_ns=1_700_000_000_000_696_693,
        ts_init_ns=AT,
        last_update_id=0,
        bids=((Decimal("100.20"), Decimal("2.00000000")), (Decimal("100.10"), Decimal("1.50000000"))),
        asks=((Decimal("100.30"), Decimal("1.25000000")), (Decimal("100.40"), Decimal("0.75000000"))),
    )


def test_a_diff_names_the_frame_before_it_of_its_product() -> None:
    (delta,) = session()[5]
    assert isinstance(delta, BookDelta)
    assert (delta.first_update_id, delta.last_update_id, delta.prev_update_id) == (5, 5, 0)
    assert delta.bids == ((Decimal("100.20"), Decimal(0)),)
    assert delta.asks == ((Decimal("100.30"), Decimal("1.00000000")),)
    (later,) = session()[11]
    assert isinstance(later, BookDelta)
    assert (later.last_update_id, later.prev_update_id) == (11, 5)


def test_trades_come_oldest_first_with_the_side_of_the_taker() -> None:
    first, second = session()[6]
    assert isinstance(first, TradePrint)
    assert isinstance(second, TradePrint)
    assert (first.trade_id, second.trade_id) == ("9002", "9003")
    assert (str(first.price), str(first.quantity)) == ("100.30", "0.25")
    assert first.ts_event_ns == 1_700_000_000_098_000_000
    # The order that was in the book sold, so the taker bought.
    assert first.aggressor is Side.BUY
    assert [trade.aggressor for trade in session()[2] if isinstance(trade, TradePrint)] == [Side.SELL, Side.BUY]


def test_a_snapshot_after_a_new_connection_brings_only_the_trades_that_were_missed() -> None:
    parser = a_parser()
    trade = {"product_id": "BTC-USD", "price": "1", "size": "1", "time": "2023-11-14T22:13:20Z", "side": "BUY"}

    def trades(*ids: str) -> list[Any]:
        return [{"type": "snapshot", "trades": [{**trade, "trade_id": number} for number in ids]}]

    def ids(raw: bytes) -> list[str]:
        return [message.trade_id for message in parser.parse(raw, AT) if isinstance(message, TradePrint)]

    assert ids(a_frame("market_trades", trades("7", "6"))) == ["6", "7"]
    parser.reset()
    assert ids(a_frame("market_trades", trades("9", "8", "7", "6"))) == ["8", "9"]


def test_a_ticker_gives_a_quote_and_the_statistics_of_the_day() -> None:
    quote, ticker = session()[7]
    assert isinstance(quote, QuoteTick)
    assert (str(quote.bid), str(quote.bid_size), str(quote.ask), str(quote.ask_size)) == (
        "100.10",
        "1.5",
        "100.30",
        "1.00",
    )
    assert isinstance(ticker, Ticker)
    assert (str(ticker.price), str(ticker.volume_24h), str(ticker.change_24h)) == ("100.31", "1234.50", "1.25")


def test_where_nobody_wants_statistics_a_ticker_gives_the_quote_alone() -> None:
    parser = FrameParser(venue="coinbase", symbols=Symbols(), listener=Heard(), with_tickers=False)
    found = [parser.parse(raw, at) for at, raw in FRAMES]
    assert [type(message) for message in found[7]] == [QuoteTick]
    assert found[8] == []


def test_a_batch_ticker_has_no_quote() -> None:
    (ticker,) = session()[8]
    assert isinstance(ticker, Ticker)
    assert (ticker.bid, ticker.ask, str(ticker.price)) == (None, None, "100.31")


def test_only_candles_that_have_ended_are_bars() -> None:
    (bar,) = session()[9]
    assert isinstance(bar, Bar)
    assert (bar.timeframe, bar.open_time_ns, bar.close_time_ns) == (
        "5m",
        1_699_999_500_000_000_000,
        1_699_999_800_000_000_000,
    )


def test_acknowledgements_and_refusals_are_told() -> None:
    heard = Heard()
    session(heard)
    assert heard.channels[0] == {"level2": ("BTC-USD",)}
    assert set(heard.channels[-1]) == {"level2", "market_trades", "heartbeats"}
    assert heard.refusals == []
    parser = a_parser(heard)
    assert parser.parse(b'{"type":"error","message":"authentication failure"}', AT) == []
    assert heard.refusals == ["authentication failure"]


def test_both_ways_of_decoding_give_the_same_messages() -> None:
    other = a_parser()
    assert [other.parse_decoded(json.loads(raw), at) for at, raw in FRAMES] == session()


def test_a_frame_with_blanks_or_in_another_order_is_read_the_same() -> None:
    parser = a_parser()
    found = []
    for at, raw in FRAMES:
        frame = json.loads(raw)
        found.append(parser.parse(json.dumps(dict(reversed(frame.items())), indent=1).encode(), at))
    assert found == session()


def test_the_book_of_the_session_is_whole() -> None:
    book = Book(COINBASE)
    for messages in session():
        feed(book, messages)
    assert book.state is BookState.SYNCED
    assert book.gaps == 0
    assert book.best_bid == (Decimal("100.25"), Decimal("0.5"))
    assert book.best_ask == (Decimal("100.30"), Decimal("1.00000000"))


@pytest.mark.parametrize("lost", range(1, len(FRAMES) - 1))
def test_any_lost_frame_is_noticed_at_the_next_one_and_breaks_the_book(lost: int) -> None:
    heard = Heard()
    parser, book = a_parser(heard), Book(COINBASE)
    for number, (at, raw) in enumerate(FRAMES):
        if number == lost:
            continue
        feed(book, parser.parse(raw, at))
        if number == lost + 1:
            assert heard.gaps == [(lost, lost + 1)]
    assert book.state is not BookState.SYNCED


def test_without_the_check_only_the_venue_can_break_a_book() -> None:
    heard = Heard()
    parser, book = a_parser(heard, check="off"), Book(COINBASE)
    for number in (0, 7, 3, 11):
        kind = "update" if number else "snapshot"
        feed(book, parser.parse(a_frame("l2_data", [book_event(kind, "BTC-USD", ("bid", "1", "1"))], number), AT))
    assert heard.gaps == []
    assert (book.state, book.gaps) == (BookState.SYNCED, 0)


def test_a_new_connection_begins_its_numbers_anew() -> None:
    heard = Heard()
    parser = a_parser(heard)
    for _ in range(2):
        parser.reset()
        for at, raw in FRAMES:
            parser.parse(raw, at)
    assert heard.gaps == []


def test_a_diff_after_a_frame_that_was_not_understood_continues_nothing() -> None:
    parser, book = a_parser(), Book(COINBASE)
    feed(book, parser.parse(a_frame("l2_data", [book_event("snapshot", "BTC-USD", ("bid", "1", "1"))], 0), AT))
    with pytest.raises(BadInput):
        parser.parse(a_frame("l2_data", [book_event("update", "BTC-USD", ("middle", "2", "1"))], 1), AT)
    (delta,) = parser.parse(a_frame("l2_data", [book_event("update", "BTC-USD", ("bid", "3", "1"))], 2), AT)
    assert isinstance(delta, BookDelta)
    assert delta.prev_update_id == LOST
    feed(book, [delta])
    assert book.state is not BookState.SYNCED


def test_several_updates_of_a_product_in_one_frame_are_one_diff() -> None:
    parser = a_parser()
    parser.parse(a_frame("l2_data", [book_event("snapshot", "BTC-USD", ("bid", "1", "1"))], 0), AT)
    events = [
        book_event("update", "BTC-USD", ("bid", "1", "2")),
        book_event("update", "ETH-USD", ("bid", "5", "2")),
        book_event("update", "BTC-USD", ("bid", "1", "3")),
    ]
    found = parser.parse(a_frame("l2_data", events, 1), AT)
    assert [message.symbol for message in found] == ["BTC/USD", "ETH/USD"]
    book = Book(COINBASE)
    book.apply_snapshot(0, [(Decimal(1), Decimal(1))], [])
    feed(book, found[:1])
    assert book.best_bid == (Decimal(1), Decimal(3))


def test_an_update_behind_its_snapshot_in_the_same_frame_counts() -> None:
    parser, book = a_parser(), Book(COINBASE)
    events = [book_event("snapshot", "BTC-USD", ("bid", "1", "1")), book_event("update", "BTC-USD", ("bid", "2", "3"))]
    feed(book, parser.parse(a_frame("l2_data", events, 4), AT))
    feed(book, parser.parse(a_frame("l2_data", [book_event("update", "BTC-USD", ("bid", "3", "1"))], 5), AT))
    assert book.state is BookState.SYNCED
    assert book.best_bid == (Decimal(3), Decimal(1))


def test_one_product_can_feed_two_symbols() -> None:
    symbols = Symbols({"BTC-USDC": "BTC-USD"})
    symbols.follow(["BTC/USD", "BTC/USDC"])
    parser = a_parser(symbols=symbols)
    found = [message.symbol for _, raw in FRAMES[:7] for message in parser.parse(raw, AT)]
    assert found.count("BTC/USD") == found.count("BTC/USDC") == 6


@pytest.mark.parametrize("channel", ["status", "futures_balance_summary"])
def test_channels_without_use_are_known_and_counted_in_the_numbers(channel: str) -> None:
    heard = Heard()
    parser = a_parser(heard)
    for number in range(3):
        assert parser.parse(a_frame(channel, [], number), AT) == []
    assert heard.gaps == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"channel":"l2_data"',
        b'{"channel":"l3_data","sequence_num":0,"events":[]}',
        b'{"channel":"l2_data","timestamp":"x","sequence_num":0,"events":[]}',
        b'{"channel":"ticker","timestamp":"2023-11-14T22:13:20Z","sequence_num":0,"events":[{"tickers":[{}]}]}',
        a_frame("l2_data", [book_event("update", "BTC-USD", ("bid", "NaN", "1"))]),
        a_frame("l2_data", [book_event("update", "BTC-USD", ("bid", "1", "Infinity"))]),
        a_frame("l2_data", [book_event("update", "BTC-USD", ("bid", "0", "1"))]),
        a_frame("l2_data", [book_event("update", "BTC-USD", ("bid", "1", "-1"))]),
        a_frame("l2_data", [book_event("fragment", "BTC-USD")]),
        a_frame("l2_data", [book_event("update", "BTCUSD")]),
        a_frame("market_trades", [{"trades": [{"trade_id": "1", "product_id": "A-B", "price": "1", "size": "1",
                                               "time": "2023-11-14T22:13:20Z", "side": "UNKNOWN_SIDE"}]}]),
        a_frame("ticker", [{"tickers": [{"product_id": "A-B", "price": "0"}]}]),
        a_frame("ticker", [{"tickers": [{"product_id": "A-B", "price": "1", "volume_24_h": "NaN"}]}]),
        a_frame("ticker", [{"tickers": [{"product_id": "A-B", "price": "1", "best_bid": "-1", "best_ask": "2"}]}]),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_and_never_dropped(raw: bytes) -> None:
    with pytest.raises(BadInput):
        a_parser().parse(raw, AT)


@given(st.binary(max_size=60))
def test_no_bytes_do_anything_but_parse_or_refuse(junk: bytes) -> None:
    parser = a_parser()
    for raw in (junk, b'{"channel":"' + junk):
        try:
            parser.parse(raw, AT)
        except BadInput:
            continue


prices = st.decimals(min_value="0.00000001", max_value="9999999", places=8)
updates = st.lists(st.tuples(st.sampled_from(["bid", "offer"]), prices, prices | st.just(Decimal(0))), max_size=6)


@given(st.lists(st.tuples(st.sampled_from(["snapshot", "update"]), st.sampled_from(["BTC-USD", "ETH-USD"]), updates)))
def test_raw_and_decoded_frames_give_equal_messages(
    events: list[tuple[str, str, list[tuple[str, Decimal, Decimal]]]],
) -> None:
    rows = [
        book_event(kind, product, *((side, str(price), str(size)) for side, price, size in changes))
        for kind, product, changes in events
    ]
    raw = a_frame("l2_data", rows)
    assert a_parser().parse(raw, AT) == a_parser().parse_decoded(json.loads(raw), AT)


# --- Recorded ---------------------------------------------------------------------------------------------------------


def captured(fixtures_dir: Path) -> list[dict[str, Any]]:
    path = fixtures_dir / "captured/coinbase_advanced/cb_l2_2026-09-07.jsonl"
    return [json.loads(line)["payload"] for line in path.read_text().splitlines()]


def test_the_recorded_book_keeps_every_text(fixtures_dir: Path) -> None:
    frame = captured(fixtures_dir)[0]
    (snapshot,) = a_parser().parse(json.dumps(frame).encode(), AT)
    assert isinstance(snapshot, BookSnapshot)
    assert snapshot.symbol == "BTC/USDC:USDC"
    found = {(side, str(price), str(size)) for side in ("bid", "offer")
             for price, size in (snapshot.bids if side == "bid" else snapshot.asks)}  # fmt: skip
    updates = frame["events"][0]["updates"]
    assert found == {(one["side"], one["price_level"], one["new_quantity"]) for one in updates}
    book = Book(COINBASE)
    feed(book, [snapshot])
    assert (book.best_bid, book.best_ask) == (
        (Decimal("79943.9"), Decimal("3.0105")),
        (Decimal(79944), Decimal("0.048")),
    )


def test_the_recorded_connection_counts_all_its_frames_together(fixtures_dir: Path) -> None:
    # Two acknowledgements and a heartbeat of one connection are numbered 1, 2, 3 across their channels.
    heard = Heard()
    parser = a_parser(heard)
    for frame in captured(fixtures_dir)[1:]:
        assert parser.parse(json.dumps(frame).encode(), AT) == []
    assert heard.gaps == []
    assert heard.channels[-1] == {"heartbeats": ("heartbeats",), "level2": ("BTC-PERP-INTX", "ETH-PERP-INTX")}


def test_the_recorded_trades_keep_every_text(fixtures_dir: Path) -> None:
    path = fixtures_dir / "jkorf/coinbase_advanced/Subscriptions.AdvancedTrade.Trades.txt"
    ack, frame = (line.lstrip("<= ") for line in path.read_text().splitlines() if line[:1] in "<{")
    heard = Heard()
    parser = a_parser(heard)
    assert parser.parse(ack.encode(), AT) == []
    trades = parser.parse(frame.encode(), AT)
    entries = json.loads(frame)["events"][0]["trades"][::-1]
    assert len(trades) == 2
    for entry, trade in zip(entries, trades, strict=True):
        assert isinstance(trade, TradePrint)
        assert (trade.symbol, trade.trade_id) == ("ETH/USDT", entry["trade_id"])
        assert (str(trade.price), str(trade.quantity)) == (entry["price"], entry["size"])
    assert (heard.channels, heard.gaps) == ([{"market_trades": ("ETH-USDT",)}], [])


@pytest.mark.parametrize("name", ["Ticker", "BatchTicker", "Klines", "Heartbeat", "Symbol"])
def test_the_documented_shapes_are_known(fixtures_dir: Path, name: str) -> None:
    text = (fixtures_dir / f"jkorf/coinbase_advanced/Subscriptions.AdvancedTrade.{name}.txt").read_text()
    frame = json.loads(text.partition("\n=")[2])
    found = a_parser().parse(json.dumps(frame).encode(), AT)
    assert len(found) == {"Ticker": 2, "BatchTicker": 1, "Klines": 0, "Heartbeat": 0, "Symbol": 0}[name]
