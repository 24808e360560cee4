"""Indicators equal their definitions, refuse NaN, and survive a restart bit for bit."""

import json
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.errors import BadInput
from engine.domain.indicators import Atr, Ema, Rolling

values = st.floats(1.0, 100_000.0)
lengths = st.integers(1, 8)


def test_an_average_by_hand() -> None:
    ema = Ema(3)
    assert [ema.push(value) for value in (10.0, 20.0, 10.0)] == [10.0, 15.0, 12.5]
    assert ema.is_ready


def test_nothing_is_ready_before_its_length() -> None:
    ema, rolling, atr = Ema(2), Rolling(2), Atr(2)
    ema.push(1.0)
    rolling.push(1.0)
    atr.push(2.0, 1.0, 1.5)
    assert not any(indicator.is_ready for indicator in (ema, rolling, atr))
    assert rolling.zscore is None


def test_empty_indicators_know_nothing() -> None:
    rolling = Rolling(3)
    assert all(math.isnan(value) for value in (Ema(3).value, rolling.mean, rolling.deviation, Atr(3).value))


def test_a_window_by_hand() -> None:
    rolling = Rolling(4)
    for value in (99.0, 2.0, 4.0, 4.0, 6.0):
        rolling.push(value)
    assert (rolling.mean, rolling.deviation) == (4.0, math.sqrt(2))
    assert rolling.zscore == pytest.approx(math.sqrt(2))


def test_a_window_in_which_nothing_moves_has_no_score() -> None:
    rolling = Rolling(3)
    for _ in range(10):
        rolling.push(61837.63)
    assert (rolling.deviation, rolling.zscore) == (0.0, None)


def test_a_range_by_hand() -> None:
    atr = Atr(2)
    assert atr.push(11.0, 9.0, 10.0) == 2.0
    assert atr.push(15.0, 12.0, 14.0) == 3.5
    assert atr.push(14.0, 13.0, 13.0) == 2.25
    assert atr.push(12.0, 11.0, 12.0) == 2.125


@given(lengths, st.lists(values, min_size=1, max_size=60))
def test_a_window_equals_the_statistics_of_its_values(length: int, some: list[float]) -> None:
    rolling = Rolling(length)
    for value in some:
        rolling.push(value)
    window = some[-length:]
    assert rolling.mean == pytest.approx(statistics.fmean(window), rel=1e-9)
    assert rolling.deviation == pytest.approx(statistics.pstdev(window), rel=1e-4, abs=1e-3)


@given(lengths, st.lists(values, min_size=1, max_size=60))
def test_an_average_stays_within_its_values(length: int, some: list[float]) -> None:
    ema = Ema(length)
    for value in some:
        ema.push(value)
    assert min(some) * (1 - 1e-12) <= ema.value <= max(some) * (1 + 1e-12)


@given(lengths, st.lists(st.tuples(values, values, values), min_size=1, max_size=40))
def test_a_range_is_never_negative_nor_larger_than_the_largest(
    length: int, bars: list[tuple[float, float, float]]
) -> None:
    atr = Atr(length)
    for one, other, close in bars:
        atr.push(max(one, other), min(one, other), close)
    assert 0.0 <= atr.value <= 100_000.0


@given(lengths, st.lists(values, max_size=40), st.lists(values, max_size=40))
def test_a_restart_changes_no_bit(length: int, before: list[float], after: list[float]) -> None:
    for make in (Ema, Rolling, Atr):
        one, other = make(length), make(length)
        for value in before:
            push(one, value)
        other.load(json.loads(json.dumps(one.dump())))
        for value in after:
            push(one, value)
            push(other, value)
        assert json.dumps(one.dump()) == json.dumps(other.dump())


def push(indicator: Ema | Rolling | Atr, value: float) -> None:
    if isinstance(indicator, Atr):
        indicator.push(value + 1.0, value - 1.0, value)
    else:
        indicator.push(value)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused(bad: float) -> None:
    for indicator in (Ema(2), Rolling(2), Atr(2)):
        push(indicator, 1.0)
        before = json.dumps(indicator.dump())
        with pytest.raises(BadInput):
            push(indicator, bad)
        assert json.dumps(indicator.dump()) == before


@pytest.mark.parametrize("bad", [0, -1, 1.5, True])
def test_a_length_is_a_whole_number_above_zero(bad: int) -> None:
    for make in (Ema, Rolling, Atr):
        with pytest.raises(BadInput, match="length"):
            make(bad)
