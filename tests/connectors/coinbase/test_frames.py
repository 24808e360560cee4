"""Decoded payloads as messages."""

from decimal import Decimal

import pytest

from connectors.coinbase.frames import delta_of, number_or_none, quote_of, snapshot_of, split_levels
from connectors.coinbase.wire import LevelChange, Ticker

D = Decimal


def test_the_empty_text_is_no_number() -> None:
    assert number_or_none("") is None
    assert str(number_or_none("0.10")) == "0.10"


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "some", "1,5"])
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        number_or_none(text)


@pytest.mark.parametrize("prices", [("", "2"), ("1", ""), ("0", "2"), ("1", "0")])
def test_a_quote_needs_both_sides(prices: tuple[str, str]) -> None:
    data = Ticker(product_id="A-B", price=D(1), best_bid=prices[0], best_ask=prices[1])
    assert quote_of(data, "coinbase", "A/B", 1, 2) is None


def test_a_snapshot_leaves_out_empty_levels_and_a_diff_keeps_them() -> None:
    updates = [LevelChange("bid", D(1), D(0)), LevelChange("offer", D(3), D(1)), LevelChange("offer", D(2), D(1))]
    assert split_levels(updates, "x", removal=False) == ((), ((D(3), D(1)), (D(2), D(1))))
    levels = split_levels(updates, "x", removal=True)
    assert levels[0] == ((D(1), D(0)),)
    assert snapshot_of(levels, "coinbase", "A/B", 1, 2, 3).asks == ((D(2), D(1)), (D(3), D(1)))


def test_a_lost_place_fits_behind_nothing() -> None:
    lost = delta_of(((), ()), "coinbase", "A/B", 1, 2, 7, -1)
    assert (lost.first_update_id, lost.last_update_id, lost.prev_update_id) == (-1, 7, -1)
    good = delta_of(((), ()), "coinbase", "A/B", 1, 2, 7, 5)
    assert (good.first_update_id, good.last_update_id, good.prev_update_id) == (7, 7, 5)
