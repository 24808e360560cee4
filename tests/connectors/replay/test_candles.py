"""CSV files of candles, played as the market that they describe."""

import csv
import gzip
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from actors.market_view import SymbolView, ViewSettings
from actors.marks import Mark
from connectors.replay.candles import CandleFile
from connectors.replay.lines import LineError
from connectors.replay.session import ReplaySession
from engine.domain.book import BINANCE_SPOT
from engine.domain.kinds import Side
from engine.messages.market import Bar, MarketMessage, QuoteTick, TradePrint
from tests.support.market import decimals
from tests.support.tables import CANDLES, HOUR, T0, a_file, errors, messages


def bars_of(events: Sequence[MarketMessage], timeframe: str) -> list[Bar]:
    """Build the bars as the engine does."""
    view: SymbolView | None = None
    bars: list[Bar] = []
    for event in events:
        if view is None:
            settings = ViewSettings(venue="binance", timeframes=("4h", "1d"), candles={event.symbol: timeframe})
            view = SymbolView(settings, event.symbol, rule=BINANCE_SPOT, mark=Mark(1))
            view.begin(event.ts_init_ns)
        if isinstance(event, TradePrint):
            bars += view.see_trade(event)
    assert view is not None
    return bars + view.advance(events[-1].ts_init_ns + 1, 0)


def test_a_candle_becomes_four_prices_in_its_own_time(tmp_path: Path) -> None:
    file = CandleFile(a_file(tmp_path, CANDLES), venue="binance")
    trades = [each for each in messages(file) if isinstance(each, TradePrint)]
    rising, falling = trades[:4], trades[4:]
    assert tuple(each.price for each in rising) == decimals(100, 95, 110, 105)
    assert tuple(each.price for each in falling) == decimals(105, 106, 90, 91)
    assert [(each.ts_event_ns - T0) * 4 // HOUR for each in rising] == [0, 1, 2, 3]
    assert rising[-1].ts_event_ns == T0 + HOUR - 1
    assert [each.aggressor for each in rising] == [Side.BUY, Side.SELL, Side.BUY, Side.SELL]
    assert (file.frames, file.candles) == (12, {"BTC/USDT": "1h"})


def test_a_candle_without_volume_gives_quotes_only(tmp_path: Path) -> None:
    events = messages(CandleFile(a_file(tmp_path, CANDLES), venue="binance"))
    quiet = [each for each in events if each.ts_event_ns >= T0 + 2 * HOUR]
    assert [type(each) for each in quiet] == [QuoteTick] * 4


def test_bars_built_from_candles_equal_them(tmp_path: Path) -> None:
    file = CandleFile(a_file(tmp_path, CANDLES), venue="binance")
    bars = bars_of(messages(file), "1h")
    assert [(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars] == [
        decimals(100, 110, 95, 105, 8),
        decimals(105, 106, 90, 91, 4),
        decimals(91, 91, 91, 91, 0),
    ]


def test_four_years_of_recorded_candles_come_back_as_they_were(fixtures_dir: Path) -> None:
    path = fixtures_dir / "derived/binance_spot/BTCUSDT-1h.2020-09-20_2024-12-31.csv.gz"
    file = CandleFile(path, venue="binance")
    with gzip.open(path, "rt") as lines:
        rows = {int(row["open_time_ms"]) * 1_000_000: row for row in csv.DictReader(lines)}
    bars = {bar.open_time_ns: bar for bar in bars_of(messages(file), "1h") if bar.timeframe == "1h"}
    assert rows.keys() <= bars.keys()
    for open_ns, row in rows.items():
        bar = bars[open_ns]
        numbers = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        assert numbers == tuple(Decimal(row[name]) for name in ("open", "high", "low", "close", "volume"))
    # The 20 hours that the file lacks are flat bars.
    assert all(not bars[open_ns].volume for open_ns in bars.keys() - rows.keys())
    assert len(bars) - len(rows) == 20


def test_long_names_symbols_and_timeframes_are_understood(tmp_path: Path) -> None:
    text = (
        "symbol,exchange,timeframe,open_time,open_price,high_price,low_price,close_price,volume\n"
        "ETH/USDT,binance,1d,2020-09-20T00:00:00Z,1,1,1,1,1\n"
        "ETH/USDT,binance,1h,2020-09-20T00:00:00Z,1,1,1,1,1\n"
        "BTC/USDT,binance,1h,2020-09-20T00:00:00Z,2,2,2,2,1\n"
        "ETH/USDT,binance,1h,2020-09-20T01:00:00Z,1,1,1,1,1\n"
    )
    file = CandleFile(a_file(tmp_path, text, "export.csv"), venue="binance")
    assert file.candles == {"ETH/USDT": "1h", "BTC/USDT": "1h"}
    assert [each.symbol for each in file.instruments] == ["BTC/USDT", "ETH/USDT"]
    times = [at_ns for at_ns, _, _ in file.items()]
    assert times == sorted(times)
    assert len(messages(file)) == 3 * 8


def test_newest_first_is_played_oldest_first(tmp_path: Path) -> None:
    head, *rows = CANDLES.splitlines()
    path = a_file(tmp_path, "\n".join([head, *reversed(rows)]))
    assert messages(CandleFile(path, venue="binance"))[0].ts_event_ns == T0


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1600570800000,100,90,95,105,8", "0 < low <= open, close <= high"),
        ("1600570800000,0,0,0,0,8", "0 < low"),
        ("1600570800000,100,110,95,105,-1", "volume of zero or more"),
        ("1600570800000,abc,110,95,105,8", "open: expected a decimal number"),
        ("1600570800000,100,110", "index out of range"),
        ("later,100,110,95,105,8", "time: expected seconds"),
        ("1600570800001,100,110,95,105,8", "the start of an interval of 1h"),
        ("1600567200000,100,110,95,105,8", "one row for each interval"),
    ],
)
def test_a_bad_row_is_reported_with_its_line_and_the_others_play(tmp_path: Path, row: str, reason: str) -> None:
    file = CandleFile(a_file(tmp_path, CANDLES + row + "\n1600574400000,91,91,91,91,1\n"), venue="binance")
    ((line, why),) = errors(file)
    assert line == 5
    assert reason in why
    assert file.frames == 3 * 4 + 1 + 4
    assert sum(1 for _ in file.items()) == file.frames


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("time,price\n1,2\n", "BTCUSDT.csv", "expected a header with"),
        (CANDLES, "candles.csv", "a column `symbol` or a file name"),
        ("\n".join(CANDLES.splitlines()[:2]), "BTCUSDT.csv", "two rows or more"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused(tmp_path: Path, text: str, name: str, reason: str) -> None:
    with pytest.raises(LineError, match=reason):
        CandleFile(a_file(tmp_path, text, name), venue="binance")


def test_a_cut_off_file_plays_as_far_as_it_goes(tmp_path: Path) -> None:
    head, *_ = CANDLES.splitlines()
    rows = [f"{1_600_560_000_000 + hour * 3_600_000},100,110,95,105,{hour + 1}" for hour in range(2_000)]
    path = tmp_path / "BTCUSDT.csv.gz"
    packed = gzip.compress("\n".join([head, *rows]).encode(), mtime=0)
    path.write_bytes(packed[: len(packed) // 2])
    file = CandleFile(path, venue="binance")
    ((line, reason),) = errors(file)
    assert file.frames == 4 * (line - 2) + 1
    assert file.frames > 1_000
    assert "expected more compressed data" in reason


def test_a_vendors_own_first_line_is_passed_over(tmp_path: Path) -> None:
    path = a_file(tmp_path, "Data by https://www.example.com\n" + CANDLES)
    assert CandleFile(path, venue="binance").frames == 12


@pytest.mark.parametrize(
    ("file", "timeframe"),
    [
        ("basana/binance_spot/binance_btcusdt_day_2020.csv", "1d"),
        ("derived/coinbase_exchange/BTC-USD-1s.20161007_20161008.csv.gz", "1s"),
    ],
)
def test_files_of_other_vendors_play_without_an_error(fixtures_dir: Path, file: str, timeframe: str) -> None:
    session = ReplaySession(fixtures_dir / file, venue="binance")
    assert set(session.candles.values()) == {timeframe}
    assert all(frame.error is None and frame.messages for frame in session.play())
