"""A day's loss is counted from the user's midnight; transfers, missing prices and restarts change nothing about it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from actors.loss_days import WRITE_MARK_EVERY_NS, LossDay, Valuation
from engine.domain.kinds import Scope
from engine.messages.rows_losses import RiskDayRow
from tests.support.cell_builders import ACCOUNT, USER

D = Decimal
HOUR_NS = 3_600_000_000_000
NOON_NS = int(datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()) * 1_000_000_000


def a_day(zone: str = "UTC", row: RiskDayRow | None = None, last: tuple[int, Decimal] | None = None) -> LossDay:
    return LossDay(USER, Scope.ACCOUNT, ACCOUNT, ZoneInfo(zone), row, last)


def worth(equity: str, at_ns: int = NOON_NS, moved: str = "0", unpriced: tuple[str, ...] = ()) -> Valuation:
    return Valuation(D(equity), D(moved), frozenset(unpriced), at_ns)


def taken(day: LossDay, *values: Any) -> list[Decimal | None]:
    changes = []
    for value in values:
        day.take(value)
        changes.append(day.change)
    return changes


def test_a_loss_of_the_first_day_is_counted_from_its_first_valuation() -> None:
    assert taken(a_day(), worth("1000"), worth("1100"), worth("940")) == [0, D(100), D(-60)]


def test_the_day_ends_at_midnight_of_the_users_time_zone() -> None:
    night, later = NOON_NS + 2 * HOUR_NS, NOON_NS + 4 * HOUR_NS  # 23:00 and 01:00 in Tokyo.
    assert taken(a_day("Asia/Tokyo"), worth("1000"), worth("900", night), worth("890", later)) == [0, D(-100), D(-10)]
    assert taken(a_day("UTC"), worth("1000"), worth("900", night), worth("890", later)) == [0, D(-100), D(-110)]


def test_a_transfer_is_no_profit_and_no_loss() -> None:
    day = a_day()
    assert taken(day, worth("1000"), worth("1490", moved="500"), worth("690", moved="-300")) == [0, D(-10), D(-10)]
    assert day.row is not None
    assert (day.row.start_equity, day.row.high_water_mark) == (D(700), D(700))


def test_nothing_is_concluded_while_a_price_is_missing() -> None:
    day = a_day()
    day.take(worth("1000"))
    assert not day.take(worth("10", unpriced=("BTC",)))
    assert day.change is None or day.change == 0
    assert day.take(worth("950"))
    assert day.change == D(-50)


def test_an_asset_that_gets_its_price_is_no_profit() -> None:
    day = a_day()
    changes = taken(day, worth("10", unpriced=("BTC",)), worth("5", unpriced=("BTC",)), worth("995"), worth("900"))
    assert changes == [0, D(-5), D(-5), D(-100)]


def test_a_restart_goes_on_with_the_same_day() -> None:
    first = a_day()
    taken(first, worth("1000"), worth("1200"))
    row = first.news(NOON_NS)
    assert row is not None
    assert taken(a_day(row=row), worth("930")) == [D(-70)]


def test_a_high_water_mark_outlives_days_and_is_written_at_times() -> None:
    day = a_day()
    day.take(worth("1000"))
    assert day.news(NOON_NS) is not None
    soon, due = NOON_NS + 1, NOON_NS + WRITE_MARK_EVERY_NS
    day.take(worth("1300", soon))
    assert day.news(soon) is None
    day.take(worth("1400", due))
    row = day.news(due)
    assert row is not None
    assert (row.high_water_mark, row.start_equity) == (D(1400), D(1000))
    day.take(worth("900", NOON_NS + 24 * HOUR_NS))
    assert day.row is not None
    assert (day.row.day, day.row.start_equity, day.row.high_water_mark) == ("2026-03-11", D(1400), D(1400))


def test_after_a_resume_the_loss_is_measured_anew() -> None:
    day = a_day()
    taken(day, worth("1000"), worth("850"))
    day.measure_anew()
    assert taken(day, worth("840")) == [D(-10)]
    assert day.row is not None
    assert (day.row.start_equity, day.row.base_equity) == (D(1000), D(850))


def left(last: tuple[int, str] | None, day: str = "2026-03-10") -> LossDay:
    """Return a day that a restart goes on with; `last`: when and what it was last worth."""
    row = RiskDayRow(
        user_id=USER, scope="account", scope_id=ACCOUNT, day=day, start_equity=D(1200), base_equity=D(1200),
        high_water_mark=D(1300), unpriced=(), updated_at=NOON_NS,
    )  # fmt: skip
    return a_day(row=row, last=None if last is None else (last[0], D(last[1])))


def test_what_is_lost_before_the_first_valuation_of_a_day_is_a_loss_of_that_day() -> None:
    before, after = NOON_NS + 12 * HOUR_NS - 1, NOON_NS + 12 * HOUR_NS + 1
    assert taken(a_day(), worth("1000"), worth("990", before), worth("890", after)) == [0, D(-10), D(-100)]


def test_a_day_that_began_while_the_engine_was_down_began_with_what_there_was_the_day_before() -> None:
    morning = NOON_NS + 20 * HOUR_NS
    day = left((NOON_NS + HOUR_NS, "1100"))
    assert taken(day, worth("1020", morning), worth("1000", morning + 1)) == [D(-80), D(-100)]
    assert day.row is not None
    assert (day.row.day, day.row.start_equity, day.row.high_water_mark) == ("2026-03-11", D(1100), D(1300))
    assert taken(left((NOON_NS, "1100")), worth("1520", morning, moved="500")) == [D(-80)], "a transfer is no profit"
    assert taken(left(None), worth("1020", morning)) == [0]


def test_what_was_last_valued_days_ago_says_nothing_about_midnight() -> None:
    assert taken(left((NOON_NS, "1100")), worth("1020", NOON_NS + 40 * HOUR_NS)) == [0]


def test_a_day_across_which_something_got_its_price_begins_with_its_first_valuation() -> None:
    later = NOON_NS + 13 * HOUR_NS
    day = a_day()
    assert taken(day, worth("10", unpriced=("BTC",)), worth("995", later)) == [0, 0]
