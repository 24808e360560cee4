"""Candles as closed bars."""

import json
from pathlib import Path

import pytest

from connectors.hyperliquid.candles import parse_candle_frame, parse_candles
from engine.domain.errors import BadInput
from engine.messages.market import Bar
from tests.support.hyperliquid import answer_of, cassette, frame_of, some_symbols

LATE = 1_900_000_000_000_000_000


def bars_of(raw: bytes, at: int = LATE) -> tuple[Bar, ...]:
    return parse_candles(raw, venue="hyperliquid", symbols=some_symbols(), received_ns=at)


def shown(bar: Bar) -> tuple[str, ...]:
    return tuple(map(str, (bar.open, bar.close, bar.high, bar.low, bar.volume, bar.trades_count)))


def test_recorded_candles_are_read_to_the_digit(fixtures_dir: Path) -> None:
    body = cassette(fixtures_dir, "test_get_candles_snapshot.yaml")
    raw = json.loads(body)
    assert [shown(bar) for bar in bars_of(body)] == [tuple(str(each[key]) for key in "ochlvn") for each in raw]
    assert len(raw) == 24


def test_a_candle_that_grows_is_left_out(fixtures_dir: Path) -> None:
    body = answer_of(fixtures_dir, "Spot.ExchangeData.GetKlines")
    end_ns = 1_737_504_000_000_000_000
    assert [bar.close_time_ns for bar in bars_of(body, end_ns)] == [end_ns - 86_400_000_000_000, end_ns]
    assert len(bars_of(body, end_ns - 1)) == 1
    assert bars_of(body)[0].symbol == "HYPE/USDC"


def test_the_recorded_frame_is_read_to_the_digit(fixtures_dir: Path) -> None:
    frame = frame_of(fixtures_dir, "Klines")
    bar = parse_candle_frame(frame, venue="hyperliquid", symbols=some_symbols(), received_ns=LATE)
    assert shown(bar) == tuple(str(json.loads(frame)["data"][key]) for key in "ochlvn")
    assert (bar.timeframe, bar.close_time_ns - bar.open_time_ns) == ("1d", 86_400_000_000_000)


@pytest.mark.parametrize("change", [("h", "1.0"), ("l", "9.0"), ("o", "0"), ("v", "NaN"), ("T", 0), ("c", None)])
def test_a_candle_that_contradicts_itself_is_refused(change: tuple[str, object]) -> None:
    candle = {"t": 0, "T": 59_999, "s": "BTC", "i": "1m", "o": "2", "c": "3", "h": "4", "l": "1", "v": "1", "n": 1}
    assert len(bars_of(json.dumps([candle]).encode())) == 1
    with pytest.raises(BadInput, match="candleSnapshot"):
        bars_of(json.dumps([candle | dict([change])]).encode())
    with pytest.raises(BadInput, match="candle"):
        parse_candle_frame(b"{}", venue="hyperliquid", symbols=some_symbols(), received_ns=LATE)
