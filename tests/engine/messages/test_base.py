"""Messages that are born wrong are refused."""

from decimal import Decimal

import pytest

from engine.messages.base import require_finite, require_positive, require_time


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity"), Decimal(0), Decimal(-1)])
def test_a_size_must_be_a_finite_number_above_zero(value: Decimal) -> None:
    with pytest.raises(ValueError, match="quantity: expected a finite number above zero, was"):
        require_positive("quantity", value)


def test_an_absent_price_is_no_wrong_price() -> None:
    require_positive("price", None)
    require_finite("price", None)


def test_a_target_may_be_negative_but_not_endless() -> None:
    require_finite("target", Decimal(-1))
    with pytest.raises(ValueError, match="target: expected a finite number, was Infinity"):
        require_finite("target", Decimal("Infinity"))


@pytest.mark.parametrize("value", [-1, 1.5, True, "1"])
def test_a_time_must_be_integer_nanoseconds(value: object) -> None:
    with pytest.raises(ValueError, match="ts_event_ns: expected integer nanoseconds"):
        require_time("ts_event_ns", value)  # type: ignore[arg-type]
