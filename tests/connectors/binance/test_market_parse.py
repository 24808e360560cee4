"""Day statistics, candles, mark prices and funding of Binance."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.binance.market_parse import MarketParser, parse_klines
from connectors.binance.symbols import Market, Symbols
from engine.domain.errors import BadInput
from engine.messages.market import Bar, Ticker
from engine.messages.market_live import FundingRate, MarkPrice
from tests.connectors.binance.recorded import http

AT = 1_700_000_000_050_000_123


def a_parser(market: Market) -> MarketParser:
    return MarketParser(venue="binance", symbols=Symbols(market))


def a_frame(stream: str, **data: Any) -> bytes:
    return json.dumps({"stream": stream, "data": data}).encode()


MARK = a_frame(
    "btcusdt@markPrice@1s", e="markPriceUpdate", E=1_700_000_000_000, s="BTCUSDT", p="11794.15000000",
    i="11784.62659091", P="11784.25641265", r="0.00038167", T=1_700_006_400_000,
)  # fmt: skip
KLINE = {
    "t": 1_700_000_040_000, "T": 1_700_000_099_999, "s": "BTCUSDT", "i": "1m", "o": "1.10", "c": "1.20", "h": "1.30",
    "l": "1.00", "v": "5.5", "n": 7, "x": True, "q": "6.05",
}  # fmt: skip


def test_a_mark_tells_price_and_funding() -> None:
    price, rate = a_parser("usdm").parse(MARK, AT)
    assert isinstance(price, MarkPrice)
    assert (price.symbol, str(price.price), str(price.index_price)) == (
        "BTC/USDT:USDT",
        "11794.15000000",
        "11784.62659091",
    )
    assert isinstance(rate, FundingRate)
    assert (str(rate.rate), rate.next_funding_ns) == ("0.00038167", 1_700_006_400_000_000_000)


def test_a_future_without_funding_tells_the_price_alone() -> None:
    frame = a_frame("btcusdt@markPrice", E=1, p="5", i="5", P="5", r="", T=0)
    with pytest.raises(BadInput):
        a_parser("usdm").parse(frame, AT)
    assert len(a_parser("usdm").parse(a_frame("btcusdt@markPrice", E=1, p="5", r=None, T=0), AT)) == 1


def test_only_a_closed_candle_is_told_and_its_end_is_exclusive() -> None:
    (bar,) = a_parser("spot").parse(a_frame("btcusdt@kline_1m", e="kline", E=1, k=KLINE), AT)
    assert isinstance(bar, Bar)
    assert bar.close_time_ns - bar.open_time_ns == 60_000_000_000
    assert (str(bar.open), str(bar.high), str(bar.low), str(bar.close)) == ("1.10", "1.30", "1.00", "1.20")
    assert a_parser("spot").parse(a_frame("btcusdt@kline_1m", e="kline", E=1, k={**KLINE, "x": False}), AT) == ()


def test_a_ticker_tells_a_day() -> None:
    frame = a_frame("btcusdt@ticker", E=1, c="60000.10", v="12.5", P="-1.25", b="60000.0", a="60000.2")
    (ticker,) = a_parser("spot").parse(frame, AT)
    assert isinstance(ticker, Ticker)
    assert (str(ticker.price), str(ticker.change_24h), str(ticker.bid)) == ("60000.10", "-1.25", "60000.0")


@pytest.mark.parametrize("raw", [MARK, a_frame("btcusdt@kline_1m", k=KLINE)])
def test_decoded_frames_give_the_same(raw: bytes) -> None:
    parser = a_parser("usdm")
    assert parser.parse_decoded(json.loads(raw), AT) == parser.parse(raw, AT)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", a_frame("btcusdt@kline_1m", k={}), a_frame("btcusdt@ticker")])
def test_what_is_something_else_is_refused(raw: bytes) -> None:
    with pytest.raises(BadInput):
        a_parser("spot").parse(raw, AT)


def test_streams_without_a_use_say_nothing() -> None:
    assert a_parser("spot").parse(a_frame("btcusdt@forceOrder", e="forceOrder"), AT) == ()


@pytest.mark.parametrize("path", ["/api/v3/klines", "/fapi/v1/klines"])
def test_recorded_candles_keep_their_numbers(fixtures_dir: Path, path: str) -> None:
    seen = 0
    for exchange in http(fixtures_dir, path):
        rows = exchange["data"]
        if not isinstance(rows, list):
            continue
        bars = parse_klines(json.dumps(rows).encode(), venue="binance", symbol="BTC/USDT", timeframe="1m", now_ns=2**62)
        assert [(f"{bar.open:f}", f"{bar.close:f}", f"{bar.volume:f}", bar.trades_count) for bar in bars] == [
            (row[1], row[4], row[5], row[8]) for row in rows
        ]
        seen += len(bars)
    assert seen > 0


def test_the_candle_that_still_runs_is_left_out() -> None:
    rows = [[60_000, "1", "1", "1", "1", "1", 119_999, "1", 1], [120_000, "1", "1", "1", "1", "1", 179_999, "1", 1]]
    raw = json.dumps(rows).encode()
    bars = parse_klines(raw, venue="binance", symbol="A/B", timeframe="1m", now_ns=179_999_000_000)
    assert [bar.open_time_ns for bar in bars] == [60_000_000_000]


def test_numbers_without_quotes_are_as_exact() -> None:
    raw = b"[[0,0.1,0.10000000000000000001,0.1,0.1,1,59999,1,1]]"
    (bar,) = parse_klines(raw, venue="binance", symbol="A/B", timeframe="1m", now_ns=2**62)
    assert bar.high == Decimal("0.10000000000000000001")


@pytest.mark.parametrize("raw", [b"{}", b"[1]", b'[["x"]]', b"<html>", b'{"code":-1121,"msg":"Invalid symbol."}'])
def test_an_answer_without_candles_is_refused(raw: bytes) -> None:
    with pytest.raises(BadInput):
        parse_klines(raw, venue="binance", symbol="A/B", timeframe="1m", now_ns=1)
