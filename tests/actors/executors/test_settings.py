"""Settings that cannot work are refused with the name of what is wrong and what was expected."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from actors.executors.settings import KINDS, BracketSettings, parse_settings
from engine.domain.errors import BadInput
from engine.domain.instrument import Instrument
from engine.domain.kinds import Side

GOOD: dict[str, dict[str, Any]] = {
    "bracket": {"side": "buy", "quantity": "1", "entry_price": "100", "stop_price": "90", "take_price": "120"},
    "twap": {"side": "sell", "quantity": "1", "duration": 60, "slices": 6},
    "grid": {"side": "buy", "quantity": "1", "lower_price": "90", "upper_price": "110", "levels": 5},
    "dca": {"side": "buy", "quantity": "1"},
    "chase": {"side": "buy", "quantity": "1"},
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_can_work_is_taken(kind: str, spot: Instrument) -> None:
    settings = parse_settings(kind, GOOD[kind])
    settings.check(spot)
    assert settings.kind == kind


def test_numbers_of_json_are_the_decimals_that_were_written() -> None:
    settings = parse_settings("bracket", {"side": "buy", "quantity": 0.1, "stop_price": 58000.3})
    assert isinstance(settings, BracketSettings)
    assert (settings.quantity, settings.stop_price) == (Decimal("0.1"), Decimal("58000.3"))
    assert settings.side is Side.BUY
    assert settings.has_stop


@pytest.mark.parametrize(
    ("kind", "changes", "match"),
    [
        ("bracket", {"stop_price": None, "take_price": None}, "stop_price: expected a stop_price, a take_price"),
        ("bracket", {"stop_price": "101"}, "stop_price < entry_price < take_price for a buy"),
        ("bracket", {"take_price": "100"}, "stop_price < entry_price < take_price"),
        ("bracket", {"quantity": "0"}, "quantity"),
        ("bracket", {"quantity": "0.001"}, "quantity: expected min_quantity 0.01"),
        ("bracket", {"quantity": "0.015"}, "quantity: expected step_size 0.01"),
        ("bracket", {"quantity": "NaN"}, "quantity"),
        ("bracket", {"side": "sell", "stop_price": "110", "take_price": "90"}, "spot cannot be held short"),
        ("twap", {"slices": 200}, "slices: expected at most 100"),
        ("twap", {"duration": 3}, "slices: expected at most one a second"),
        ("grid", {"levels": 200, "upper_price": "91"}, "levels: expected levels at least a tick"),
        ("grid", {"lower_price": "110", "upper_price": "90"}, "levels"),
        ("grid", {"stop_price": "95"}, "stop_price: expected beyond the grid's edge 90"),
        ("dca", {"safety_orders": 50, "step_percent": "3"}, "step_percent: expected steps that stay above"),
        ("dca", {"stop_percent": "3"}, "stop_percent: expected beyond the deepest step, 5"),
        ("dca", {"stop_percent": "100"}, "stop_percent: expected below 100"),
    ],
)
def test_what_cannot_work_is_named(kind: str, changes: dict[str, Any], match: str, spot: Instrument) -> None:
    configuration = {name: value for name, value in (GOOD[kind] | changes).items() if value is not None}
    with pytest.raises(BadInput, match=match):
        parse_settings(kind, configuration).check(spot)


@pytest.mark.parametrize(
    ("configuration", "match"),
    [
        ({"side": "buy"}, "missing required field `quantity`"),
        ({"side": "up", "quantity": "1"}, "Invalid enum value 'up'"),
        ({"side": "buy", "quantity": "1", "stop": "90"}, "unknown field `stop`"),
        ({"side": "buy", "quantity": "lots"}, "quantity"),
        ("everything", "Expected `object`"),
    ],
)
def test_what_cannot_be_read_is_named(configuration: Any, match: str) -> None:
    with pytest.raises(BadInput, match=match):
        parse_settings("chase", configuration)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(BadInput, match="kind: expected bracket or chase or dca or grid or twap, was 'martingale'"):
        parse_settings("martingale", {})


def test_a_short_bracket_is_for_perpetuals(perpetual: Instrument) -> None:
    short = {"side": "sell", "quantity": "1", "entry_price": "100", "stop_price": "110", "take_price": "90"}
    parse_settings("bracket", short).check(perpetual)
    with pytest.raises(BadInput, match="expected the reverse for a sell"):
        parse_settings("bracket", short | {"stop_price": "90", "take_price": "110"}).check(perpetual)


def test_levels_are_a_tick_apart_where_ticks_are_widest(spot: Instrument) -> None:
    """Of three significant figures, prices from 100 on go in steps of 1."""
    figured = msgspec.structs.replace(spot, price_figures=3)
    parse_settings("grid", GOOD["grid"]).check(figured)
    narrow = parse_settings("grid", GOOD["grid"] | {"upper_price": "110", "levels": 22})
    with pytest.raises(BadInput, match="levels at least a tick of 1 apart"):
        narrow.check(figured)
    narrow.check(spot)
