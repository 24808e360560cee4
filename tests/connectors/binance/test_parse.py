"""Frames of Binance's public streams as messages."""

import contextlib
import gzip
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.binance.parse import FrameParser, parse_snapshot
from connectors.binance.symbols import Symbols
from engine.domain.errors import BadInput
from engine.domain.kinds import Side
from engine.messages.market import BookDelta, BookSnapshot, MarketMessage, QuoteTick, TradePrint

DATA = Path(__file__).parents[2] / "data/binance"
AT = 1_700_000_000_050_000_123


def a_parser(market: str = "spot", *, with_aggregates: bool = True) -> FrameParser:
    symbols = Symbols("spot" if market == "spot" else "usdm")
    return FrameParser(venue="binance", symbols=symbols, with_aggregates=with_aggregates)


def lines_of(file: str) -> Iterator[tuple[int, bytes]]:
    for line in (DATA / file).read_bytes().splitlines():
        received, _, raw = line.partition(b" ")
        yield int(received), raw


def parsed(file: str, market: str, *, with_aggregates: bool = True) -> list[MarketMessage | None]:
    parser = a_parser(market, with_aggregates=with_aggregates)
    symbol = "BTC/USDT" if market == "spot" else "BTC/USDT:USDT"
    return [parser.parse(raw, at, n, symbol=symbol) for n, (at, raw) in enumerate(lines_of(file), 1)]


def test_a_spot_quote_takes_the_receive_time_since_it_has_none() -> None:
    quote = parsed("spot_frames.txt", "spot")[2]
    assert quote == QuoteTick(
        venue="binance",
        symbol="BTC/USDT",
        ts_event_ns=1_700_000_000_030_000_123,
        ts_init_ns=1_700_000_000_030_000_123,
        frame=3,
        bid=Decimal("100.1"),
        ask=Decimal("100.2"),
        bid_size=Decimal(2),
        ask_size=Decimal("1.5"),
    )


def test_a_usdm_quote_has_the_venues_time() -> None:
    quote = parsed("usdm_frames.txt", "usdm")[1]
    assert isinstance(quote, QuoteTick)
    assert (quote.symbol, quote.ts_event_ns) == ("BTC/USDT:USDT", 1_700_000_000_024_000_000)


def test_the_buyer_as_maker_means_that_the_seller_took() -> None:
    spot, usdm = parsed("spot_frames.txt", "spot")[4], parsed("usdm_frames.txt", "usdm")[3]
    assert isinstance(spot, TradePrint)
    assert (spot.aggressor, spot.trade_id, spot.price, spot.quantity) == (
        Side.BUY,
        "9001",
        Decimal("100.2"),
        Decimal("0.5"),
    )
    assert spot.ts_event_ns == 1_700_000_000_045_000_000
    assert isinstance(usdm, TradePrint)
    assert usdm.aggressor is Side.SELL


def test_diffs_keep_their_numbers_and_removals() -> None:
    spot, usdm = parsed("spot_frames.txt", "spot")[1], parsed("usdm_frames.txt", "usdm")[0]
    assert isinstance(spot, BookDelta)
    assert (spot.first_update_id, spot.last_update_id, spot.prev_update_id) == (101, 103, None)
    assert spot.bids == ((Decimal("100.1"), Decimal(2)),)
    assert spot.asks == ((Decimal("100.3"), Decimal(0)),)
    assert isinstance(usdm, BookDelta)
    assert (usdm.prev_update_id, usdm.ts_event_ns) == (198, 1_700_000_000_014_000_000)


def test_a_snapshot_takes_the_symbol_that_it_is_given() -> None:
    spot, usdm = parsed("spot_frames.txt", "spot")[3], parsed("usdm_frames.txt", "usdm")[2]
    assert isinstance(spot, BookSnapshot)
    assert (spot.symbol, spot.last_update_id, spot.frame) == ("BTC/USDT", 103, 4)
    assert spot.bids[0] == (Decimal("100.1"), Decimal(2))
    assert isinstance(usdm, BookSnapshot)
    assert usdm.ts_event_ns == 1_700_000_000_032_000_000


def test_acknowledgements_candles_and_settlements_give_no_message() -> None:
    spot, usdm = parsed("spot_frames.txt", "spot"), parsed("usdm_frames.txt", "usdm")
    assert (spot[0], spot[8], usdm[4]) == (None, None, None)


def test_aggregates_give_trades_unless_the_session_has_the_trades_themselves() -> None:
    aggregate = parsed("spot_frames.txt", "spot")[7]
    assert isinstance(aggregate, TradePrint)
    assert aggregate.trade_id == "501"
    assert parsed("spot_frames.txt", "spot", with_aggregates=False)[7] is None


@pytest.mark.parametrize("file", ["spot_frames.txt", "usdm_frames.txt"])
def test_raw_streams_and_loose_writing_say_the_same_as_combined_streams(file: str) -> None:
    market = file.partition("_")[0]
    parser = a_parser(market)
    for at, raw in lines_of(file):
        match = re.fullmatch(rb'\{"stream":("[^"]+"),"data":(\{.*\})\}', raw)
        if match is None or (b"depth" not in match[1] + b"trade" and b"bookTicker" not in match[1]):
            continue
        expected = parser.parse(raw, at)
        assert parser.parse(match[2], at) == expected
        assert parser.parse(b'{ "data" : %b, "stream" : %b }' % (match[2], match[1]), at) == expected


@pytest.mark.parametrize(
    ("raw", "where", "why"),
    [
        (b"", "frame", "truncated"),
        (b"[]", "frame", "Expected `object`"),
        (b"not json", "frame", "malformed"),
        (b"{}", "frame", "expected quotes, trades, depth or a snapshot"),
        (b'{"stream":"btcusdt@bookTick', "btcusdt@bookTick", "not found"),
        (b'{"stream":"btcusdt@bookTicker","data":{"b":"1","B":"1","a":"2"', "btcusdt@bookTicker", "truncated"),
        (
            b'{"stream":"btcusdt@bookTicker","data":{"b":"1","B":"1","a":"2"}}',
            "btcusdt@bookTicker",
            "required field `A`",
        ),
        (b'{"stream":"btcusdt@bookTicker","data":{"b":"0","B":"0","a":"2","A":"1"}}', "btcusdt@bookTicker", "bid"),
        (b'{"stream":"btcusdt@bookTicker","data":{"b":"NaN","B":"1","a":"2","A":"1"}}', "btcusdt@bookTicker", "bid"),
        (b'{"stream":"btcusdt@bookTicker","data":{"b":"1","B":"NaN","a":"2","A":"1"}}', "btcusdt@bookTicker", "sizes"),
        (b'{"stream":"btcusdt@bookTicker","data":{"b":"1","B":"1","a":"2","A":"-1"}}', "btcusdt@bookTicker", "sizes"),
        (b'{"stream":"btcusdt@trade","data":{"t":1,"p":"x","q":"1","T":5,"m":true}}', "btcusdt@trade", "data.p"),
        (b'{"stream":"btcusdt@trade","data":{"t":1,"p":"-1","q":"1","T":5,"m":true}}', "btcusdt@trade", "price"),
        (b'{"stream":"btcusdt@trade","data":{"p":"1","q":"1","T":5,"m":true}}', "btcusdt@trade", "trade id"),
        (b'{"stream":"btcusdt@surprise","data":{}}', "btcusdt@surprise", "a stream of quotes"),
        (b'{"stream":"btcxyz@trade","data":{}}', "symbol", "a known quote asset"),
        (b'{"code":-1121,"msg":"Invalid symbol."}', "frame", "error -1121"),
    ],
)
def test_an_error_says_which_stream_and_what_was_wrong(raw: bytes, where: str, why: str) -> None:
    with pytest.raises(BadInput) as caught:
        a_parser().parse(raw, AT, 7)
    assert caught.value.field == where
    assert why in str(caught.value)


@pytest.mark.parametrize(
    "level", ['["NaN","1"]', '["1","Infinity"]', '["-1","1"]', '["0.00000000","1"]', '["1","-2"]', '["1"]']
)
@pytest.mark.parametrize("side", ["b", "a"])
def test_a_diff_with_an_impossible_level_is_refused(side: str, level: str) -> None:
    sides = {"b": "[]", "a": "[]"} | {side: f'[["5","1"],{level}]'}
    raw = f'{{"stream":"btcusdt@depth","data":{{"E":5,"U":1,"u":2,"b":{sides["b"]},"a":{sides["a"]}}}}}'
    with pytest.raises(BadInput, match=rf"{side}\[1\]"):
        a_parser().parse(raw.encode(), AT)


def test_letters_of_a_name_that_look_like_a_number_do_no_harm() -> None:
    raw = b'{"stream":"infusdt@depth","data":{"E":5,"U":1,"u":2,"b":[["5","0"]],"a":[]}}'
    assert isinstance(a_parser().parse(raw, AT), BookDelta)


@pytest.mark.parametrize("level", ['["1","0"]', '["0","1"]', '["NaN","1"]', '["1","-1"]'])
def test_a_snapshot_with_an_impossible_level_is_refused(level: str) -> None:
    raw = f'{{"lastUpdateId":5,"bids":[["3","1"],{level}],"asks":[]}}'.encode()
    with pytest.raises(BadInput, match=r"bids\[1\]"):
        parse_snapshot(raw, venue="binance", symbol="BTC/USDT", received_ns=AT)


def test_a_snapshot_without_a_known_symbol_is_refused() -> None:
    with pytest.raises(BadInput, match="a snapshot whose symbol is known"):
        a_parser().parse(b'{"lastUpdateId":5,"bids":[],"asks":[]}', AT)


@pytest.mark.parametrize(
    ("files", "market", "expected"),
    [
        (
            ("binance_spot/btcusdt_20240808.gz", "binance_spot/btcusdt_20240809.gz"),
            "spot",
            {"QuoteTick": 73_174, "TradePrint": 19_904, "BookDelta": 6_495, "BookSnapshot": 1},
        ),
        (
            ("binance_usdm/btcusdt_20240808.gz",),
            "usdm",
            {"QuoteTick": 66_089, "TradePrint": 21_313, "BookDelta": 6_551, "BookSnapshot": 1},
        ),
    ],
)
def test_every_recorded_frame_is_understood(
    fixtures_dir: Path, files: tuple[str, ...], market: str, expected: dict[str, int]
) -> None:
    parser = a_parser(market)
    seen: Counter[str] = Counter()
    for file in files:
        with gzip.open(fixtures_dir / "hftbacktest" / file) as lines:
            for line in lines:
                received, _, raw = line.rstrip().partition(b" ")
                seen[type(parser.parse(raw, int(received), symbol="BTC/USDT")).__name__] += 1
    assert seen == expected


@pytest.mark.parametrize(
    ("file", "market", "expected"),
    [
        ("binance_spot/BINANCE.ws.1.0", "spot", {"BookDelta": 177, "QuoteTick": 84, "TradePrint": 2, "NoneType": 2}),
        (
            "binance_usdm/BINANCE_FUTURES.ws.1.0.gz",
            "usdm",
            {"BookDelta": 764, "QuoteTick": 613, "TradePrint": 91, "NoneType": 67},
        ),
    ],
)
def test_another_recorders_frames_are_understood(
    fixtures_dir: Path, file: str, market: str, expected: dict[str, int]
) -> None:
    path = fixtures_dir / "cryptofeed" / file
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    parser = a_parser(market)
    seen: Counter[str] = Counter()
    for raw in re.findall(rb"^[0-9.]+: (.*)$", text, re.MULTILINE):
        seen[type(parser.parse(raw, AT)).__name__] += 1
    assert seen == expected


@pytest.mark.parametrize("file", ["binance_spot/BINANCE.http.0.0.gz", "binance_usdm/BINANCE_FUTURES.http.0.0.gz"])
def test_recorded_snapshots_are_sorted_and_not_crossed(fixtures_dir: Path, file: str) -> None:
    text = gzip.decompress((fixtures_dir / "cryptofeed" / file).read_bytes())
    raws = re.findall(rb"-> [0-9.]+: (.*)$", text, re.MULTILINE)
    books = [parse_snapshot(raw, venue="binance", symbol="A/B", received_ns=AT) for raw in raws]
    assert len(books) == 4
    for book in books:
        assert list(book.bids) == sorted(book.bids, reverse=True)
        assert list(book.asks) == sorted(book.asks)
        assert book.bids[0][0] < book.asks[0][0]


SAMPLES = [raw for file in ("spot_frames.txt", "usdm_frames.txt") for _, raw in lines_of(file)]


@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=0, max_size=3)), min_size=1, max_size=4),
    st.sampled_from(["spot", "usdm"]),
)
def test_a_damaged_frame_is_refused_or_understood_and_nothing_else(
    raw: bytes, damage: list[tuple[int, bytes]], market: str
) -> None:
    for at, replacement in damage:
        raw = raw[:at] + replacement + raw[at + 1 :]
    with contextlib.suppress(BadInput):
        message = a_parser(market).parse(raw, AT, 1, symbol="BTC/USDT")
        assert message is None or message.ts_init_ns == AT


@given(st.binary(max_size=60))
def test_no_bytes_break_the_parser(raw: bytes) -> None:
    for frame in (raw, b'{"stream":"%b' % raw, b'{"stream":"btcusdt@depth","data":%b}' % raw):
        with contextlib.suppress(BadInput):
            a_parser().parse(frame, AT)
