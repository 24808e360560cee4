from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.messages.render import decimal_text, from_rfc3339, render, render_row, rfc3339
from engine.messages.rows import BalanceRow
from engine.messages.rows_people import RiskAlertRow

ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
A_TIME_NS = 1_723_186_800_000_001_999


@given(st.integers(min_value=0, max_value=8_000_000_000 * 10**9))
def test_a_time_is_written_as_the_database_writes_it(value_ns: int) -> None:
    microseconds = value_ns // 1000
    expected = datetime.fromtimestamp(microseconds // 10**6, UTC).replace(microsecond=microseconds % 10**6)
    assert rfc3339(value_ns) == expected.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@given(st.integers(min_value=0, max_value=8_000_000_000 * 10**6))
def test_a_written_time_is_read_back_exactly(microseconds: int) -> None:
    assert from_rfc3339(rfc3339(microseconds * 1000)) == microseconds * 1000


def test_a_time_in_another_zone_is_read_as_utc() -> None:
    assert from_rfc3339("2024-08-09T09:00:00+02:00") == from_rfc3339("2024-08-09T07:00:00Z")


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        from_rfc3339("2024-08-09T09:00:00")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**20), max_value=10**20))
def test_a_decimal_has_no_exponent_and_keeps_its_value(value: Decimal) -> None:
    text = decimal_text(value)
    assert "E" not in text
    assert Decimal(text) == value


def test_a_row_is_shown_under_its_column_names() -> None:
    row = BalanceRow(
        id=ID, user_id=ID, account_id=ID, asset="BTC", free=Decimal("1E+2"), locked=Decimal("0E-8"), total=Decimal(100),
        usd_value=None, exchange="binance", updated_at=A_TIME_NS,
    )  # fmt: skip
    assert orjson.loads(render_row(row)) == {
        "id": str(ID), "user_id": str(ID), "account_id": str(ID), "asset": "BTC", "free": "100", "locked": "0.00000000",
        "total": "100", "usd_value": None, "exchange": "binance", "updated_at": "2024-08-09T07:00:00.000001Z",
    }  # fmt: skip


def test_decimals_inside_a_json_column_are_text() -> None:
    row = RiskAlertRow(
        id=ID, user_id=ID, alert_type="late_fill", severity="high", message="m",
        data={"levels": [Decimal("1E-7")], "order": ID}, created_at=0,
    )  # fmt: skip
    assert orjson.loads(render(row))["data"] == {"levels": ["0.0000001"], "order": str(ID)}


def test_ready_values_are_rendered_as_they_are() -> None:
    assert orjson.loads(render({"a": [1, True, None, "x", Decimal("2.50")]})) == {"a": [1, True, None, "x", "2.50"]}
