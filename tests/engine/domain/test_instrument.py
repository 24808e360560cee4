"""An instrument refuses contradictory rules and orders that its venue would refuse."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.errors import BadInput
from engine.domain.instrument import Instrument
from engine.domain.kinds import Liquidity, OrderType, Side
from tests.support.domain import a_perpetual, a_spot

D = Decimal


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("tick_size", D(0)), ("tick_size", D("NaN")), ("tick_size", D(-1)), ("tick_size", 0.01), ("tick_size", None),
        ("step_size", D("Infinity")), ("step_size", D("1E-19")), ("min_quantity", D("0.000015")),
        ("min_quantity", D(10_000)), ("max_quantity", D(0)), ("min_notional", D(-1)), ("contract_size", D(0)),
        ("maker_fee", D("NaN")), ("taker_fee", D(1)), ("taker_fee", 0.1), ("fee_decimals", 19), ("fee_decimals", True),
        ("initial_margin", D("1.5")), ("maintenance_margin", D(-1)), ("base", ""), ("quote", "US/DT"),
        ("settle", "BTC"), ("symbol", "BTCUSDT"), ("symbol", "BTC/USDT:USDT"), ("venue", ""),
    ],
)  # fmt: skip
def test_a_contradictory_rule_is_refused_at_birth(field: str, bad: Any) -> None:
    with pytest.raises(BadInput) as caught:
        a_spot(**{field: bad})
    assert caught.value.field == field


@pytest.mark.parametrize("maintenance", ["0", "0.06"])
def test_a_perpetual_needs_a_maintenance_margin_up_to_its_initial_margin(maintenance: str) -> None:
    with pytest.raises(BadInput, match="maintenance_margin"):
        a_perpetual(maintenance_margin=maintenance)


def test_an_instrument_round_trips_through_json_and_stays_equal() -> None:
    instrument = a_perpetual()
    assert instrument.is_perpetual  # A cached value must not leak into the encoding or into equality.
    copy = msgspec.json.decode(msgspec.json.encode(instrument), type=Instrument)
    assert copy == instrument
    assert copy.notional(D(100), D(2)) == D(200)


def test_notional_fee_and_margin_by_hand() -> None:
    perpetual = a_perpetual()
    notional = perpetual.notional(D("60000.1"), D("0.020"))
    assert notional == D("1200.002")
    assert str(perpetual.fee(notional, Liquidity.TAKER)) == "0.21600036"
    assert perpetual.fee(notional, Liquidity.MAKER) == D("0.24000040")
    assert perpetual.margin(notional) == D("60.0001")


def test_a_rebate_is_a_negative_fee() -> None:
    assert a_spot(maker_fee="-0.0001").fee(D(1000), Liquidity.MAKER) == D("-0.1")


def test_the_highest_fee_suffices_for_maker_and_taker_and_is_never_a_rebate() -> None:
    spot = a_spot(maker_fee="-0.001", taker_fee="0.00018", fee_decimals=2)
    assert spot.highest_fee(D(1000)) == D("0.18")
    assert spot.highest_fee(D(1001)) == D("0.19")
    assert a_spot(maker_fee="-0.001", taker_fee="-0.0001").highest_fee(D(1000)) == 0


def test_contracts_are_worth_their_size() -> None:
    assert a_perpetual(contract_size="0.01").notional(D(60_000), D(3)) == D(1800)


def test_a_notional_with_more_than_18_decimals_is_rounded_to_what_a_column_holds() -> None:
    token = a_spot(tick_size="0.0000000001", step_size="0.000000000000000001", min_quantity="0.000000000000000001")
    value = token.notional(D("0.0000000015"), D("1.000000000000000001"))
    assert value == D("0.0000000015")
    assert -value.as_tuple().exponent == 18  # type: ignore[operator]


def test_an_absurd_value_of_a_fine_token_is_a_violation_and_no_crash() -> None:
    token = a_spot(
        tick_size="1E-18",
        step_size="1E-18",
        min_quantity="1E-18",
        max_quantity="99999999999999999999",
        min_notional="0",
    )
    assert check(token, OrderType.LIMIT, "9999999999999999999.123456789012345678", "99999999999999999999") == [
        "max_notional"
    ]


def check(instrument: Instrument, type: OrderType, quantity: str, price: str | None = None, **more: Any) -> list[str]:
    found = instrument.check_order(type=type, quantity=D(quantity), price=None if price is None else D(price), **more)
    return [v.code for v in found]


def test_an_order_by_the_rules_passes() -> None:
    spot = a_spot()
    assert check(spot, OrderType.LIMIT, "0.01", "60000.01") == []
    assert check(spot, OrderType.MARKET, "0.01", reference_price=D(60_000)) == []
    assert check(spot, OrderType.STOP, "0.01", stop_price=D("59000.5")) == []
    assert check(spot, OrderType.STOP_LIMIT, "0.01", "58999", stop_price=D("59000.5")) == []
    assert check(spot, OrderType.TAKE_PROFIT, "0.01", stop_price=D("61000.5")) == []
    assert check(spot, OrderType.TAKE_PROFIT_LIMIT, "0.01", "60999", stop_price=D("61000.5")) == []


@pytest.mark.parametrize(
    ("type", "quantity", "price", "more", "codes"),
    [
        (OrderType.LIMIT, "0.000001", "60000", {}, ["min_quantity", "step_size"]),
        (OrderType.LIMIT, "0.000015", "600000", {}, ["step_size"]),
        (OrderType.LIMIT, "9001", "60000", {}, ["max_quantity"]),
        (OrderType.LIMIT, "1E+60", "60000", {}, ["max_quantity"]),
        (OrderType.LIMIT, "0.01", "60000.001", {}, ["tick_size"]),
        (OrderType.LIMIT, "0.01", "0", {}, ["price_range"]),
        (OrderType.LIMIT, "0.01", "-1", {}, ["price_range"]),
        (OrderType.LIMIT, "0.01", "1E+40", {}, ["price_range"]),
        (OrderType.LIMIT, "0.01", None, {}, ["price_missing"]),
        (OrderType.MARKET, "0.01", "60000", {}, ["price_not_allowed"]),
        (OrderType.MARKET, "0.01", None, {"stop_price": D(1)}, ["stop_price_not_allowed"]),
        (OrderType.STOP, "0.01", None, {}, ["stop_price_missing"]),
        (OrderType.STOP_LIMIT, "0.01", None, {}, ["price_missing", "stop_price_missing"]),
        (OrderType.TAKE_PROFIT, "0.01", None, {}, ["stop_price_missing"]),
        (OrderType.TAKE_PROFIT, "0.01", "60000", {"stop_price": D(1)}, ["price_not_allowed"]),
        (OrderType.TAKE_PROFIT_LIMIT, "0.01", None, {}, ["price_missing", "stop_price_missing"]),
        (OrderType.STOP, "0.01", None, {"stop_price": D("1.001")}, ["tick_size"]),
        (OrderType.LIMIT, "0.00008", "60000", {}, ["min_notional"]),
        (OrderType.MARKET, "0.00008", None, {"reference_price": D(60_000)}, ["min_notional"]),
        (OrderType.LIMIT, "9000", "99999999999999999999", {}, ["max_notional"]),
    ],
)
def test_an_order_against_the_rules_names_each_broken_rule(
    type: OrderType, quantity: str, price: str | None, more: dict[str, Any], codes: list[str]
) -> None:
    assert check(a_spot(), type, quantity, price, **more) == codes


def test_an_order_that_only_reduces_may_be_below_the_minimum_notional() -> None:
    assert check(a_perpetual(), OrderType.LIMIT, "0.001", "100", reduce_only=True) == []


def test_a_market_order_without_a_reference_price_skips_the_notional() -> None:
    assert check(a_spot(), OrderType.MARKET, "0.00001") == []


@given(
    st.decimals("0.01", "1000000", places=6),
    st.decimals("0.0001", "9000", places=8),
    st.sampled_from(list(Side)),
)
def test_what_we_round_ourselves_always_passes_tick_and_step(price: Decimal, quantity: Decimal, side: Side) -> None:
    spot = a_spot(min_notional="0")
    rounded_price, rounded_quantity = spot.round_price(price, side), spot.round_quantity(quantity)
    found = spot.check_order(type=OrderType.LIMIT, quantity=rounded_quantity, price=rounded_price)
    assert found == []


def a_figured(**changes: Any) -> Instrument:
    """Return a perpetual as Hyperliquid's BTC: five figures, at most one decimal."""
    return a_perpetual(tick_size="0.1", step_size="0.00001", min_quantity="0.00001", price_figures=5, **changes)


@pytest.mark.parametrize(
    ("price", "tick"),
    [("123456", "1"), ("63460", "1"), ("9999.5", "0.1"), ("99999", "1"), ("0.5", "0.1"), ("12.3", "0.1")],
)
def test_the_tick_grows_with_a_price_of_so_many_figures(price: str, tick: str) -> None:
    assert a_figured().tick_at(D(price)) == D(tick)
    assert a_perpetual(tick_size="0.1").tick_at(D(price)) == D("0.1")


def test_a_price_with_too_many_figures_breaks_the_rule_of_the_tick() -> None:
    found = a_figured().check_order(type=OrderType.LIMIT, quantity=D(1), price=D("63460.5"))
    assert [(each.code, each.limit) for each in found] == [("tick_size", "1")]
    assert not a_figured().check_order(type=OrderType.LIMIT, quantity=D(1), price=D("1234567"))


@given(st.decimals("0.0001", "999999", places=6), st.sampled_from(Side))
def test_a_rounded_price_has_few_figures_or_is_whole_and_is_never_worse(price: Decimal, side: Side) -> None:
    rounded = a_figured(max_quantity="1000000").round_price(price, side)
    assert rounded <= price if side is Side.BUY else rounded >= price
    assert abs(rounded - price) < max(D("0.1"), price * D("0.0001"))
    assert rounded == rounded.to_integral_value() or len(rounded.normalize().as_tuple().digits) <= 5


def test_prices_of_no_figure_are_refused_at_birth() -> None:
    with pytest.raises(BadInput, match="price_figures"):
        a_perpetual(price_figures=0)
