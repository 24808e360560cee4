"""Frames of Hyperliquid's public streams as messages."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hyperliquid.parse import FrameParser, channel_of, parse_snapshot
from connectors.hyperliquid.symbols import Symbols
from engine.domain.errors import BadInput
from engine.domain.kinds import Side
from engine.messages.market import BookSnapshot, QuoteTick, TradePrint
from tests.support.hyperliquid import captured, cassette, frame_of, session, some_symbols

DATA = Path(__file__).parents[2] / "data/hyperliquid"
AT = 1_700_000_000_000_000_000
BOOK = b'{"channel":"l2Book","data":{"coin":"BTC","time":5,"levels":[[{"px":"1.0","sz":"2","n":1}],[]]}}'


def a_parser() -> FrameParser:
    return FrameParser(venue="hyperliquid", symbols=some_symbols())


def raw(frame: Any) -> bytes:
    return json.dumps(frame, separators=(",", ":")).encode()


def frames() -> list[tuple[int, bytes]]:
    lines = (DATA / "frames.txt").read_bytes().splitlines()
    return [(int(line.split(b" ", 1)[0]), line.split(b" ", 1)[1]) for line in lines]


def shown(levels: Any) -> list[tuple[str, str]]:
    return [(str(price), str(size)) for price, size in levels]


def sides_of(frame: bytes) -> list[list[tuple[str, str]]]:
    return [[(level["px"], level["sz"]) for level in side] for side in json.loads(frame)["data"]["levels"]]


# --- Own samples ------------------------------------------------------------------------------------------------------


def test_a_book_is_whole_in_each_frame() -> None:
    (book,) = a_parser().parse(frames()[0][1], AT, 7)
    assert book == BookSnapshot(
        venue="hyperliquid",
        symbol="BTC/USDC:USDC",
        ts_event_ns=1_700_000_000_100_000_000,
        ts_init_ns=AT,
        frame=7,
        last_update_id=1_700_000_000_100,
        bids=((Decimal("100.0"), Decimal("2.5")), (Decimal("99.0"), Decimal(1))),
        asks=((Decimal("101.0"), Decimal("0.00001")),),
    )


def test_a_quote_needs_both_sides() -> None:
    both, one = (a_parser().parse(frames()[number][1], AT) for number in (1, 2))
    assert isinstance(both[0], QuoteTick)
    assert (both[0].bid, both[0].ask_size) == (Decimal("100.0"), Decimal("0.00001"))
    assert one == ()


def test_trades_are_told_once_and_in_the_order_of_their_times() -> None:
    parser = a_parser()
    first, again = parser.parse(frames()[3][1], AT), parser.parse(frames()[3][1], AT)
    assert [(each.trade_id, each.aggressor) for each in first if isinstance(each, TradePrint)] == [
        ("11", Side.SELL),
        ("12", Side.BUY),
    ]
    assert list(again) == []


def test_a_spot_pair_has_the_name_that_the_listing_gives_it() -> None:
    (book,) = a_parser().parse(BOOK.replace(b'"BTC"', b'"@107"'), AT)
    assert isinstance(book, BookSnapshot)
    assert book.symbol == "HYPE/USDC"


def test_what_says_nothing_gives_no_message() -> None:
    assert [list(a_parser().parse(frame, at)) for at, frame in frames()[4:8]] == [[], [], [], []]


def test_fields_in_another_order_and_with_blanks_say_the_same() -> None:
    loose = b'{ "data" : {"levels":[[{"sz":"2","n":1,"px":"1.0"}],[]],"coin":"BTC","time":5}, "channel" : "l2Book" }'
    assert list(a_parser().parse(loose, AT)) == list(a_parser().parse(BOOK, AT))


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        (b'{"channel":"news","data":{}}', "news"), (b"[]", "frame"), (b'{"channel":"l2Book","data', "frame"),
        (b'{"channel":"l2Book","data":null}', "l2Book"), (b"", "frame"), (b'{"data":{}}', "frame"),
        (BOOK.replace(b'"1.0"', b'"NaN"'), "l2Book"), (BOOK.replace(b'"2"', b'"0"'), "l2Book"),
        (BOOK.replace(b'"1.0"', b'"-1"'), "l2Book"), (BOOK.replace(b'"BTC"', b'"@9"'), "coin"),
        (b'{"channel":"trades","data":[{"coin":"BTC","side":"X","px":"1","sz":"1","time":1,"tid":1}]}', "side"),
        (b'{"channel":"trades","data":[{"coin":"BTC","side":"A","px":"1","sz":"0","time":1,"tid":1}]}', "trades"),
        (b'{"channel":"bbo","data":{"coin":"BTC","time":1,"bbo":[{"px":"1","sz":"-1"},{"px":"1","sz":"1"}]}}', "bbo"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_and_refused(frame: bytes, named: str) -> None:
    with pytest.raises(BadInput) as caught:
        a_parser().parse(frame, AT)
    assert named in caught.value.field or named in str(caught.value)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for frame in (data, b'{"channel":"trades","data":' + data, BOOK[: len(data)]):
        with pytest.raises(BadInput):
            a_parser().parse(frame, AT)


def test_the_name_of_a_channel_is_told_of_any_bytes() -> None:
    assert [channel_of(each) for each in (BOOK, b"\xff", b"{}", b'{"channel":5}')] == ["l2Book", *["frame"] * 3]


# --- Recorded ---------------------------------------------------------------------------------------------------------


def test_the_recorded_session_is_read_to_the_digit(fixtures_dir: Path) -> None:
    parser, seen, books, trades = a_parser(), set[int](), 0, 0
    for at, frame in session(fixtures_dir):
        messages, data = parser.parse(frame, at), json.loads(frame)
        if data["channel"] == "l2Book":
            (book,) = messages
            assert isinstance(book, BookSnapshot)
            assert [shown(book.bids), shown(book.asks)] == sides_of(frame)
            assert book.bids[0][0] < book.asks[0][0]
            books += 1
        else:
            fresh = [each for each in data["data"] if each["tid"] not in seen]
            seen.update(each["tid"] for each in fresh)
            told = {each.trade_id: each for each in messages if isinstance(each, TradePrint)}
            assert set(told) == {str(each["tid"]) for each in fresh}
            for each in fresh:
                mine = told[str(each["tid"])]
                assert (str(mine.price), str(mine.quantity)) == (each["px"], each["sz"])
                assert mine.aggressor is (Side.BUY if each["side"] == "B" else Side.SELL)
            trades += len(fresh)
    assert (books, trades) == (46, len(seen))
    assert trades > 30


def test_both_paths_say_the_same_of_the_recorded_session(fixtures_dir: Path) -> None:
    fast, slow, count = a_parser(), a_parser(), 0
    for at, frame in session(fixtures_dir):
        told = list(fast.parse(frame, at))
        assert told == list(slow.parse_decoded(json.loads(frame), at))
        count += len(told)
    assert count > 76


@pytest.mark.parametrize(
    "frame", [b'{"channel":"news"}', b'{"channel":"bbo","data":{}}', BOOK.replace(b'"2"', b'"0"'), b"[]"]
)
def test_both_paths_refuse_the_same(frame: bytes) -> None:
    with pytest.raises(BadInput):
        a_parser().parse(frame, AT)
    with pytest.raises(BadInput):
        a_parser().parse_decoded(json.loads(frame), AT)


def test_captured_public_frames_are_read_to_the_digit(fixtures_dir: Path) -> None:
    payloads = captured(fixtures_dir, "hl_testnet_2026-07-28.jsonl", "ws ")
    public = [each for each in payloads if each["channel"] in ("l2Book", "bbo", "trades")]
    parser = a_parser()
    told = [message for each in public for message in parser.parse(raw(each), AT)]
    assert [type(each).__name__ for each in told] == [
        "BookSnapshot", "QuoteTick", "BookSnapshot", "TradePrint", "TradePrint",
    ]  # fmt: skip
    book, quote, _, trade, _ = told
    assert isinstance(book, BookSnapshot)
    assert [shown(book.bids), shown(book.asks)] == sides_of(raw(public[0]))
    assert isinstance(quote, QuoteTick)
    assert (str(quote.bid), str(quote.bid_size), str(quote.ask)) == ("63457.0", "0.00028", "63488.0")
    assert isinstance(trade, TradePrint)
    assert (trade.trade_id, str(trade.price), str(trade.quantity)) == ("447757798903687", "63719.0", "0.00016")


def test_the_recorded_quote_of_another_project_is_read(fixtures_dir: Path) -> None:
    (quote,) = a_parser().parse(frame_of(fixtures_dir, "BookTicker"), AT)
    assert isinstance(quote, QuoteTick)
    assert (quote.symbol, str(quote.bid), str(quote.ask_size)) == ("HYPE/USDC:USDC", "23.757", "100.26")


def test_the_documented_frames_are_read(fixtures_dir: Path) -> None:
    (book,), (trade,) = (a_parser().parse(frame_of(fixtures_dir, name), AT) for name in ("OrderBook", "Trades"))
    assert isinstance(book, BookSnapshot)
    assert isinstance(trade, TradePrint)
    assert list(a_parser().parse(frame_of(fixtures_dir, "Prices"), AT)) == []


def test_a_recorded_answer_with_a_book_is_read(fixtures_dir: Path) -> None:
    body = cassette(fixtures_dir, "test_get_l2_snapshot.yaml")
    book = parse_snapshot(body, venue="hyperliquid", symbols=Symbols(), received_ns=AT)
    levels = json.loads(body)["levels"]
    assert [shown(book.bids), shown(book.asks)] == [[(each["px"], each["sz"]) for each in side] for side in levels]
    assert book.symbol == "DYDX/USDC:USDC"
    with pytest.raises(BadInput, match="l2Book"):
        parse_snapshot(b"null", venue="hyperliquid", symbols=Symbols(), received_ns=AT)
