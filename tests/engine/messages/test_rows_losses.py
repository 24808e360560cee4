"""Rows of losses replace their older selves."""

from engine.messages.rows_losses import LimitTripRow, RiskDayRow
from engine.messages.rows_people import LimitRow


def test_a_scope_has_one_running_day() -> None:
    assert RiskDayRow.__key__ == ("user_id", "scope", "scope_id")
    assert RiskDayRow.__mode__ == "upsert"


def test_setting_a_limit_leaves_its_trip_alone() -> None:
    assert set(LimitTripRow.__struct_fields__) - set(LimitRow.__struct_fields__) == {"tripped_at"}
    assert LimitTripRow.__table__ == LimitRow.__table__
