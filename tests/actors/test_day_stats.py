"""Volume and change of the last 24 hours."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from actors.day_stats import BUCKET_NS, DayStats
from engine.domain.bars import DAY_NS
from tests.support.market import MINUTE, NOON


def test_nothing_is_known_before_the_first_trade() -> None:
    day = DayStats()
    assert day.volume == 0
    assert (day.change_percent, day.last) == (None, None)


def test_volume_adds_up_and_change_is_in_percent() -> None:
    day = DayStats()
    day.push(NOON, Decimal(100), Decimal("0.5"))
    day.push(NOON + MINUTE, Decimal(103), Decimal("0.25"))
    assert day.volume == Decimal("0.75")
    assert day.change_percent == 3


def test_what_is_older_than_a_day_is_forgotten() -> None:
    day = DayStats()
    day.push(NOON, Decimal(100), Decimal(1))
    day.push(NOON + 2 * MINUTE, Decimal(50), Decimal(2))
    day.push(NOON + DAY_NS + MINUTE, Decimal(100), Decimal(4))
    assert day.volume == 6
    assert day.change_percent == 100


def test_silence_empties_the_window_by_the_clock() -> None:
    day = DayStats()
    day.push(NOON, Decimal(100), Decimal(1))
    day.expire(NOON + DAY_NS)
    assert day.volume == 0
    assert day.change_percent is None


@given(
    st.lists(
        st.tuples(st.integers(0, 3 * DAY_NS), st.integers(1, 1_000), st.integers(1, 1_000)), min_size=1, max_size=60
    )
)
def test_it_equals_the_sum_over_the_window(trades: list[tuple[int, int, int]]) -> None:
    trades.sort()
    day = DayStats()
    for at_ns, price, quantity in trades:
        day.push(NOON + at_ns, Decimal(price), Decimal(quantity))
    now_ns = NOON + trades[-1][0]
    inside = [each for each in trades if (NOON + each[0]) // BUCKET_NS * BUCKET_NS > now_ns - DAY_NS]
    assert day.volume == sum(quantity for _, _, quantity in inside)
    expected = Decimal(inside[-1][1] - inside[0][1]) / inside[0][1] * 100
    assert day.change_percent is not None
    assert abs(day.change_percent - expected) <= Decimal("0.0001")
