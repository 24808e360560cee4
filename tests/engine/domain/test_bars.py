"""Candles equal the venue's own, whole ones only, whatever the order of closing."""

import csv
import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.bars import DAY_NS, SECOND_NS, SILENCE_MAX_NS, BarBuilder, BarMerger, Candle, parse_timeframe
from engine.domain.errors import BadInput

D = Decimal
MINUTE_NS = 60 * SECOND_NS
T0 = 1_723_161_300 * SECOND_NS
"""The start of a minute, and of a five-minute interval."""

Trade = tuple[int, Decimal, Decimal]


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("1m", 60), ("5m", 300), ("15m", 900), ("1h", 3600), ("4h", 14400), ("1d", 86400)]
)
def test_a_timeframe_has_a_length(text: str, seconds: int) -> None:
    assert parse_timeframe(text) == seconds * SECOND_NS


@pytest.mark.parametrize("text", ["", "m", "0m", "-1m", "1w", "7m", "2d", "1 m", "1M", "1.5h", "90000s", "1m\n"])
def test_a_length_that_does_not_divide_a_day_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="timeframe"):
        parse_timeframe(text)


def a_builder() -> BarBuilder:
    """Return a one-minute builder that has seen everything from T0 on."""
    builder = BarBuilder(MINUTE_NS)
    assert builder.advance(T0) == ()
    return builder


def test_a_bar_by_hand() -> None:
    builder = a_builder()
    for second, price, quantity in [(0, "100", "1"), (10, "103", "2"), (20, "99.5", "0.5"), (59, "101", "1")]:
        assert builder.push(T0 + second * SECOND_NS, D(price), D(quantity)) == ()
    assert builder.push(T0 + MINUTE_NS, D(102), D(1)) == (
        Candle(
            open_time_ns=T0, close_time_ns=T0 + MINUTE_NS, open=D(100), high=D(103), low=D("99.5"), close=D(101),
            volume=D("4.5"), quote_volume=D("456.75"), trades_count=4,
        ),
    )  # fmt: skip


def test_the_interval_in_which_the_builder_first_looks_is_dropped() -> None:
    builder = BarBuilder(MINUTE_NS)
    assert builder.push(T0 + 1, D(100), D(1)) == ()
    assert builder.push(T0 + MINUTE_NS, D(101), D(1)) == ()
    assert [bar.open_time_ns for bar in builder.push(T0 + 2 * MINUTE_NS, D(102), D(1))] == [T0 + MINUTE_NS]


def test_a_first_trade_at_the_very_start_proves_nothing_about_earlier_ones() -> None:
    builder = BarBuilder(MINUTE_NS)
    builder.push(T0, D(100), D(1))
    assert builder.advance(T0 + MINUTE_NS) == ()


def test_the_clock_closes_a_bar_at_its_end_and_not_before() -> None:
    builder = a_builder()
    builder.push(T0, D(100), D(1))
    assert builder.advance(T0 + MINUTE_NS - 1) == ()
    assert [bar.close for bar in builder.advance(T0 + MINUTE_NS)] == [D(100)]
    assert builder.advance(T0 + MINUTE_NS) == ()


def test_a_trade_for_a_closed_bar_is_counted_and_changes_nothing() -> None:
    builder = a_builder()
    builder.push(T0, D(100), D(1))
    builder.advance(T0 + MINUTE_NS)
    assert builder.push(T0 + 5, D(500), D(1)) == ()
    assert builder.late_trades == 1
    builder.push(T0 + MINUTE_NS, D(101), D(1))
    assert [bar.high for bar in builder.advance(T0 + 2 * MINUTE_NS)] == [D(101)]


def test_a_minute_without_a_trade_gives_a_flat_bar_at_the_previous_close() -> None:
    builder = a_builder()
    builder.push(T0, D(100), D(1))
    bars = builder.push(T0 + 3 * MINUTE_NS, D(110), D(1))
    assert [(bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades_count) for bar in bars[1:]] == [
        (D(100), D(100), D(100), D(100), D(0), 0)
    ] * 2


def test_minutes_before_the_first_price_give_no_bar() -> None:
    assert a_builder().advance(T0 + 5 * MINUTE_NS) == ()


def test_a_long_silence_is_a_lost_feed() -> None:
    builder = a_builder()
    builder.push(T0, D(100), D(1))
    later = T0 + MINUTE_NS + SILENCE_MAX_NS + 1
    assert [bar.open_time_ns for bar in builder.push(later, D(110), D(1))] == [T0]
    assert builder.advance(later + MINUTE_NS) == ()


def test_a_lost_feed_drops_its_bar_and_the_one_in_which_it_returns() -> None:
    builder = a_builder()
    builder.push(T0, D(100), D(1))
    builder.interrupt()
    builder.push(T0 + MINUTE_NS + 1, D(101), D(1))
    assert builder.push(T0 + 2 * MINUTE_NS, D(102), D(1)) == ()
    assert [bar.open for bar in builder.advance(T0 + 3 * MINUTE_NS)] == [D(102)]


trades = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 20), st.integers(0, 200)),
        st.decimals("1", "200", places=2),
        st.decimals("0.001", "5", places=3),
    ),
    max_size=60,
)


def as_trades(steps: list[tuple[int, Decimal, Decimal]]) -> list[Trade]:
    """Turn (seconds since the one before, price, quantity) into trades in order of time."""
    now_ns, out = T0 - 400 * SECOND_NS, []
    for seconds, price, quantity in steps:
        now_ns += seconds * SECOND_NS
        out.append((now_ns, price, quantity))
    return out


def bars_of(all_trades: list[Trade], length_ns: int, until_ns: int) -> list[Candle]:
    builder = BarBuilder(length_ns)
    closed = [bar for trade in all_trades for bar in builder.push(*trade)]
    return closed + list(builder.advance(until_ns))


@given(trades, st.integers(0, 700))
def test_five_merged_minutes_equal_five_minutes_built_directly(
    steps: list[tuple[int, Decimal, Decimal]], rest_s: int
) -> None:
    all_trades = as_trades(steps)
    until_ns = (all_trades[-1][0] if all_trades else T0) + rest_s * SECOND_NS
    merger = BarMerger(5 * MINUTE_NS, short_ns=MINUTE_NS)
    merged = [bar for short in bars_of(all_trades, MINUTE_NS, until_ns) if (bar := merger.push(short))]
    assert merged == bars_of(all_trades, 5 * MINUTE_NS, until_ns)


@given(trades, st.lists(st.integers(0, 20), max_size=60))
def test_calls_of_the_clock_between_trades_do_not_change_the_bars(
    steps: list[tuple[int, Decimal, Decimal]], waits: list[int]
) -> None:
    all_trades = as_trades([(1, D(1), D(1)), *steps])
    end_ns = all_trades[-1][0] + 1
    builder = BarBuilder(MINUTE_NS)
    closed: list[Candle] = []
    for position, trade in enumerate(all_trades):
        closed += builder.push(*trade)
        following_ns = all_trades[position + 1][0] if position + 1 < len(all_trades) else end_ns
        wait_s = waits[position % len(waits)] if waits else 0
        closed += builder.advance(min(trade[0] + wait_s * SECOND_NS, following_ns))
    assert closed + list(builder.advance(end_ns)) == bars_of(all_trades, MINUTE_NS, end_ns)


@given(trades)
def test_bars_follow_each_other_and_hold_their_own_prices(steps: list[tuple[int, Decimal, Decimal]]) -> None:
    bars = bars_of(as_trades(steps), MINUTE_NS, T0 + DAY_NS)
    for bar in bars:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.low * bar.volume <= bar.quote_volume <= bar.high * bar.volume
    for before, after in pairwise(bars):
        assert before.close_time_ns == after.open_time_ns


def test_a_merger_needs_a_multiple() -> None:
    with pytest.raises(BadInput, match="length_ns"):
        BarMerger(5 * MINUTE_NS, short_ns=2 * MINUTE_NS)


def test_a_merged_interval_with_a_missing_part_gives_no_candle() -> None:
    builder = a_builder()
    builder.push(T0, D(100), D(1))
    parts = builder.advance(T0 + 10 * MINUTE_NS)
    merger = BarMerger(5 * MINUTE_NS, short_ns=MINUTE_NS)
    merged = [merger.push(part) for number, part in enumerate(parts) if number != 2]
    assert [bar.open_time_ns for bar in merged if bar] == [T0 + 5 * MINUTE_NS]


def recorded_trades(folder: Path) -> Iterator[Trade]:
    for path in sorted(folder.glob("btcusdt_*.gz")):
        with gzip.open(path, "rt") as lines:
            for line in lines:
                if "@trade" in line:
                    data = json.loads(line.split(" ", 1)[1])["data"]
                    yield data["T"] * 1_000_000, D(data["p"]), D(data["q"])


def test_recorded_trades_give_the_venues_own_candles_in_ten_of_ten_minutes(fixtures_dir: Path) -> None:
    builder = BarBuilder(MINUTE_NS)
    folder = fixtures_dir / "hftbacktest" / "binance_spot"
    ours = [bar for trade in recorded_trades(folder) for bar in builder.push(*trade)]
    with gzip.open(fixtures_dir / "derived" / "oracle" / "BTCUSDT-1m-from-recorded-trades.csv.gz", "rt") as file:
        expected = [
            (int(row["open_time_ms"]) * 1_000_000, *(D(row[n]) for n in ("open", "high", "low", "close", "volume")))
            for row in csv.DictReader(file)
        ]
    assert [(b.open_time_ns, b.open, b.high, b.low, b.close, b.volume) for b in ours] == expected
    assert len(ours) == 10
    assert builder.late_trades == 0
