"""Coinbase's REST answers about the market."""

import gzip
import json
from decimal import Decimal
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from connectors.coinbase.history import (
    GRANULARITIES,
    granularity_of,
    parse_best_bid_ask,
    parse_candles,
    parse_market_trades,
    parse_product_book,
    parse_server_time,
)
from engine.domain.errors import BadInput
from engine.domain.kinds import Side

NOW = 1_800_000_000_000_000_000
CANDLES = (
    b'{"candles":[{"start":"1700000100","low":"1","high":"3","open":"2","close":"2.50","volume":"7"},'
    b'{"start":"1700000040","low":"1.5","high":"2","open":"1.5","close":"2","volume":"0"}]}'
)


def test_candles_come_oldest_first_and_exact() -> None:
    first, second = parse_candles(CANDLES, venue="coinbase", symbol="BTC/USD", timeframe="1m", received_ns=NOW)
    assert (first.open_time_ns, first.close_time_ns) == (1_700_000_040_000_000_000, 1_700_000_100_000_000_000)
    assert (second.open, second.high, second.low, second.close) == (Decimal(2), Decimal(3), Decimal(1), Decimal("2.50"))
    assert (second.volume, second.quote_volume, second.trades_count) == (Decimal(7), Decimal(0), 0)
    assert str(second.close) == "2.50"


def test_a_candle_that_has_not_ended_is_no_bar() -> None:
    at = 1_700_000_159_999_999_999
    assert len(parse_candles(CANDLES, venue="coinbase", symbol="BTC/USD", timeframe="1m", received_ns=at)) == 1
    assert len(parse_candles(CANDLES, venue="coinbase", symbol="BTC/USD", timeframe="1m", received_ns=at + 1)) == 2


@pytest.mark.parametrize(
    "candle",
    [
        '{"start":"1","low":"4","high":"3","open":"2","close":"2","volume":"7"}',
        '{"start":"1","low":"0","high":"3","open":"2","close":"2","volume":"7"}',
        '{"start":"1","low":"NaN","high":"3","open":"2","close":"2","volume":"7"}',
        '{"start":"1","low":"1","high":"3","open":"2","close":"2","volume":"-7"}',
        '{"start":"x","low":"1","high":"3","open":"2","close":"2","volume":"7"}',
        '{"low":"1","high":"3","open":"2","close":"2","volume":"7"}',
    ],
)
def test_what_is_no_candle_is_refused(candle: str) -> None:
    with pytest.raises(BadInput):
        parse_candles(
            f'{{"candles":[{candle}]}}'.encode(), venue="coinbase", symbol="BTC/USD", timeframe="1m", received_ns=NOW
        )


def test_a_timeframe_that_coinbase_has_not_is_refused() -> None:
    with pytest.raises(BadInput, match="one of 1m"):
        granularity_of("3m")
    assert {name: seconds for name, (_, seconds) in GRANULARITIES.items()} == {
        "1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "2h": 7200, "4h": 14400, "6h": 21600, "1d": 86400,
    }  # fmt: skip


@pytest.mark.parametrize("raw", [b'{"epochMillis":1701129622115}', b'{"epochMillis":"1701129622115","iso":"x"}'])
def test_the_time_is_a_number_or_a_text(raw: bytes) -> None:
    assert parse_server_time(raw) == 1_701_129_622_115_000_000


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"epochMillis":"now"}', b"<html>"])
def test_what_tells_no_time_is_refused(raw: bytes) -> None:
    with pytest.raises(BadInput):
        parse_server_time(raw)


def test_books_with_impossible_levels_are_refused() -> None:
    raw = b'{"pricebook":{"product_id":"BTC-USD","bids":[{"price":"-1","size":"1"}],"asks":[],"time":""}}'
    with pytest.raises(BadInput, match="above zero"):
        parse_product_book(raw, venue="coinbase", symbol="BTC/USD", received_ns=NOW)


# --- Recorded ---------------------------------------------------------------------------------------------------------


def kmiq(fixtures_dir: Path, name: str) -> bytes:
    return (fixtures_dir / "kmiq/coinbase_advanced" / name).read_bytes()


@pytest.mark.parametrize(
    ("file", "symbol", "timeframe", "count"),
    [
        ("ta4j/coinbase_advanced/Coinbase-BTC-USD-PT4H-20160518_20251028.json.gz", "BTC/USD", "4h", 20_695),
        ("ta4j/coinbase_advanced/Coinbase-ETH-USD-PT1D-20160517_20251028.json.gz", "ETH/USD", "1d", 3_450),
        ("kmiq/coinbase_advanced/get_product_candles_success_response.json", "ALGO/USD", "1d", 30),
    ],
)
def test_recorded_candles_keep_every_text(
    fixtures_dir: Path, file: str, symbol: str, timeframe: str, count: int
) -> None:
    path = fixtures_dir / file
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    bars = parse_candles(raw, venue="coinbase", symbol=symbol, timeframe=timeframe, received_ns=NOW)
    assert len(bars) == count
    entries = sorted(json.loads(raw)["candles"], key=lambda entry: int(entry["start"]))
    for entry, bar in zip(entries, bars, strict=True):
        assert bar.open_time_ns == int(entry["start"]) * 1_000_000_000
        for field in ("open", "high", "low", "close", "volume"):
            assert str(getattr(bar, field)) == str(Decimal(entry[field])) == entry[field]
    assert all(before.close_time_ns <= after.open_time_ns for before, after in pairwise(bars))


def test_recorded_books_keep_every_text(fixtures_dir: Path) -> None:
    raw = kmiq(fixtures_dir, "get_product_book_success_response.json")
    book = parse_product_book(raw, venue="coinbase", symbol="BTC/USD", received_ns=NOW)
    entry = json.loads(raw)["pricebook"]
    assert [(str(price), str(size)) for price, size in book.bids] == [
        (one["price"], one["size"]) for one in entry["bids"]
    ]
    assert [(str(price), str(size)) for price, size in book.asks] == [
        (one["price"], one["size"]) for one in entry["asks"]
    ]
    assert book.ts_event_ns == 1_704_569_704_000_000_000 or book.ts_event_ns // 10**9 == 1_704_569_704
    best = kmiq(fixtures_dir, "get_best_bid_ask_success_response.json")
    for entry in json.loads(best)["pricebooks"]:
        found = parse_best_bid_ask(best, venue="coinbase", symbol="X/USD", product=entry["product_id"], received_ns=NOW)
        assert str(found.bids[0][0]) == entry["bids"][0]["price"]
        assert str(found.asks[0][1]) == entry["asks"][0]["size"]
    with pytest.raises(BadInput):
        parse_best_bid_ask(best, venue="coinbase", symbol="X/USD", product="NO-USD", received_ns=NOW)


def test_recorded_trades_keep_every_text(fixtures_dir: Path) -> None:
    raw = kmiq(fixtures_dir, "get_trades_success_response.json")
    trades = parse_market_trades(raw, venue="coinbase", symbol="BTC/USD", received_ns=NOW)
    entries = json.loads(raw)["trades"][::-1]
    assert len(trades) == len(entries) == 100
    for entry, trade in zip(entries, trades, strict=True):
        assert (trade.trade_id, str(trade.price), str(trade.quantity)) == (
            entry["trade_id"],
            entry["price"],
            entry["size"],
        )


def test_recorded_takers_walk_away_from_the_book(fixtures_dir: Path) -> None:
    # One taker that meets several orders at one time pays ever more when it buys and gets ever less when it sells.
    raw = kmiq(fixtures_dir, "get_trades_success_response.json")
    trades = parse_market_trades(raw, venue="coinbase", symbol="BTC/USD", received_ns=NOW)
    steps = [
        (side, after.price - before.price)
        for (_, side), group in groupby(trades, key=lambda trade: (trade.ts_event_ns, trade.aggressor))
        for before, after in pairwise(list(group))
    ]
    moves = [(side, step) for side, step in steps if step]
    assert len(moves) == 15
    assert all((step > 0) == (side is Side.BUY) for side, step in moves)


def test_the_recorded_time_is_read(fixtures_dir: Path) -> None:
    raw = kmiq(fixtures_dir, "get_unix_time_success_response.json")
    assert parse_server_time(raw) == 1_701_129_622_115_000_000
