"""Columns and values of CSV files."""

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.replay.columns import (
    CANDLE_NAMES,
    TRADE_NAMES,
    find_columns,
    read_amount,
    read_symbol,
    read_time,
    symbol_of_file,
    timeframe_text,
)
from engine.domain.bars import DAY_NS, SECOND_NS, parse_timeframe
from engine.domain.errors import BadInput

AT = 1_600_560_000_000_000_000


@pytest.mark.parametrize(
    "text",
    [
        "1600560000",
        "1600560000.0",
        "1600560000000",
        "1600560000000000",
        "1600560000000000000",
        "2020-09-20 00:00:00",
        "2020-09-20T00:00:00Z",
        " 2020-09-20T02:00:00+02:00 ",
        "2020-09-20",
    ],
)
def test_a_time_is_read_however_it_is_written(text: str) -> None:
    assert read_time(text) == AT


def test_fractions_of_seconds_are_exact() -> None:
    assert read_time("1633998512.0633569") == 1_633_998_512_063_356_900
    assert read_time("2020-09-20 00:00:00.123456") == AT + 123_456_000


@pytest.mark.parametrize("text", ["", "soon", "-5", "1" * 25, "12.3.4", "2019-10-17 09-AM", "٣", "1969-12-31"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="ISO 8601"):
        read_time(text)


@pytest.mark.parametrize(
    ("header", "places"),
    [
        ("open_time_ms,open,high,low,close,volume", {"time": 0, "open": 1, "volume": 5}),
        ('\ufeff"Datetime",Open,High,Low,Close,Volume'.removeprefix("\ufeff"), {"time": 0, "open": 1}),
        ("symbol,exchange,timeframe,open_time,close_time,open_price,high_price,low_price,close_price,volume,quote_volume",
         {"symbol": 0, "timeframe": 2, "time": 3, "open": 5, "close": 8, "volume": 9}),
    ],
)  # fmt: skip
def test_candles_are_found_by_long_or_short_names(header: str, places: dict[str, int]) -> None:
    found = find_columns(header.split(","), CANDLE_NAMES)
    assert found is not None
    assert places.items() <= found.items()


def test_trades_are_found_and_candles_are_no_trades() -> None:
    found = find_columns(["external_trade_id", "symbol", "side", "quantity", "price", "executed_at"], TRADE_NAMES)
    assert found == {"id": 0, "symbol": 1, "side": 2, "quantity": 3, "price": 4, "time": 5}
    assert find_columns(["open_time", "open", "high", "low", "close", "volume"], TRADE_NAMES) is None
    assert find_columns(["price", "quantity"], TRADE_NAMES) is None


@pytest.mark.parametrize(
    ("text", "symbol"),
    [("BTC/USDT", "BTC/USDT"), ("btc-usd", "BTC/USD"), ("ETH_BTC", "ETH/BTC"), ("BTCUSDT", "BTC/USDT"),
     ("BTC/USDT:USDT", "BTC/USDT:USDT")],
)  # fmt: skip
def test_symbols_are_read_however_they_are_written(text: str, symbol: str) -> None:
    assert read_symbol(text) == symbol


def test_a_symbol_that_cannot_be_cut_is_refused() -> None:
    with pytest.raises(BadInput):
        read_symbol("BITCOIN")


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTCUSDT-1h.2020-09-20_2024-12-31.csv.gz", "BTC/USDT"),
        ("binance_btcusdt_day_2020.csv", "BTC/USDT"),
        ("BTC-USD-1s.20161007_20161008.csv.gz", "BTC/USD"),
        ("Coinbase_BTCUSD_1h.csv.gz", "BTC/USD"),
        ("eth_btc.csv", "ETH/BTC"),
        ("candles.csv", None),
    ],
)
def test_a_files_name_often_says_the_symbol(name: str, symbol: str | None) -> None:
    assert symbol_of_file(Path("/somewhere/ETHUSDT") / name) == symbol


@pytest.mark.parametrize("text", ["1s", "1m", "15m", "1h", "4h", "1d"])
def test_a_length_is_written_as_it_is_read(text: str) -> None:
    assert timeframe_text(parse_timeframe(text)) == text


@pytest.mark.parametrize("length_ns", [0, -5, 7 * SECOND_NS * 60, 2 * DAY_NS, SECOND_NS // 2])
def test_a_length_that_does_not_divide_a_day_is_no_timeframe(length_ns: int) -> None:
    assert timeframe_text(length_ns) is None


def test_amounts_are_exact_and_may_have_blanks() -> None:
    assert read_amount(" 1168.906046 ", "volume") == Decimal("1168.906046")
    with pytest.raises(BadInput, match="volume"):
        read_amount("1,5", "volume")
