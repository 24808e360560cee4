"""A violation is data: code, limit and value as canonical text."""

from decimal import Decimal

from engine.domain.violation import violation


def test_numbers_are_written_canonically() -> None:
    found = violation("order_notional", Decimal("1E+4"), Decimal("12000.50"))
    assert (found.code, found.limit, found.value) == ("order_notional", "10000", "12000.5")


def test_its_text_reads_expected_and_was() -> None:
    assert str(violation("open_orders", 20, 21)) == "open_orders: expected 20, was 21"
