"""Money arithmetic is exact, ours alone, and refuses what is not a number."""

import decimal
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import values
from engine.domain.errors import BadInput
from engine.domain.kinds import Side

D = Decimal

storable = st.decimals(min_value=D("-1e12"), max_value=D("1e12"), places=8)
prices = st.decimals(min_value=D("0.01"), max_value=D(10_000_000), places=8)
steps = st.sampled_from([D("0.00000001"), D("0.0001"), D("0.05"), D("0.1"), D("0.25"), D(1), D(5), D("1E+1")])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", "1"),
        ("-0.00000001", "-0.00000001"),
        ("+12.50", "12.50"),
        ("1e-8", "0.00000001"),
        ("1E+3", "1000"),
        (7, "7"),
        (D("3.5"), "3.5"),
        ("0e-30", "0"),
        ("99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"),
        ("1.500000000000000000000", "1.5"),
    ],
)
def test_a_number_from_outside_is_read_exactly(text: object, value: str) -> None:
    assert values.parse_decimal(text, field="x") == D(value)


@pytest.mark.parametrize(
    "text",
    [
        "", " 1", "1 ", "1_000", "1,5", ".5", "5.", "0x10", "NaN", "nan", "sNaN", "Infinity", "-inf", "1e", "\u0661",
        "1e20", "1e-19", "0.0000000000000000001", "1e999", "123456789012345678901234567890123456789",
        1.5, True, None, b"1", float("nan"), D("NaN"), D("Infinity"), D("-Infinity"), D("sNaN"), D("1e20"), 10**38,
        "1" * 65, [], "1\n",
    ],
)  # fmt: skip
def test_what_is_not_a_storable_number_is_refused_with_its_field(text: object) -> None:
    with pytest.raises(BadInput) as caught:
        values.parse_decimal(text, field="order.price")
    assert caught.value.field == "order.price"


def test_ten_thousand_digits_are_refused_with_a_short_message() -> None:
    for huge in ("9" * 10_000, 10**10_000, "0." + "1" * 10_000):
        with pytest.raises(BadInput) as caught:
            values.parse_decimal(huge, field="quantity")
        assert len(str(caught.value)) < 250


@given(storable)
def test_canonical_text_reads_back_and_has_no_exponent_or_trailing_zero(value: Decimal) -> None:
    text = values.text_of(value)
    assert values.parse_decimal(text, field="x") == value
    assert "E" not in text
    assert not ("." in text and text.endswith("0"))


@pytest.mark.parametrize(
    ("value", "text"),
    [("1.500", "1.5"), ("-0", "0"), ("-0.00", "0"), ("1E+3", "1000"), ("1E-8", "0.00000001"), ("100", "100")],
)
def test_equal_numbers_have_one_text(value: str, text: str) -> None:
    assert values.text_of(D(value)) == text


@given(prices, steps)
def test_a_buy_never_rounds_up_and_a_sell_never_down(price: Decimal, tick: Decimal) -> None:
    buy = values.round_to_tick(price, tick, Side.BUY)
    sell = values.round_to_tick(price, tick, Side.SELL)
    assert buy <= price <= sell
    assert values.is_multiple(buy, tick)
    assert values.is_multiple(sell, tick)
    assert sell - buy == (0 if values.is_multiple(price, tick) else tick)


@given(prices, steps)
def test_a_quantity_rounds_down_by_less_than_a_step(quantity: Decimal, step: Decimal) -> None:
    rounded = values.floor_to_step(quantity, step)
    assert 0 <= quantity - rounded < step
    assert values.is_multiple(rounded, step)


@given(st.integers(0, 10**9), steps)
def test_every_whole_number_of_steps_is_a_multiple_and_half_a_step_more_is_not(count: int, step: Decimal) -> None:
    assert values.is_multiple(count * step, step)
    assert not values.is_multiple(count * step + step / 2, step)


@pytest.mark.parametrize(
    ("value", "decimals", "rounded"),
    [("0.125", 2, "0.12"), ("0.135", 2, "0.14"), ("-0.125", 2, "-0.12"), ("1.5", 0, "2"), ("2", 8, "2.00000000")],
)
def test_money_rounds_half_to_even(value: str, decimals: int, rounded: str) -> None:
    assert str(values.round_money(D(value), decimals)) == rounded


@pytest.mark.parametrize(
    ("value", "decimals", "rounded"),
    [("0.1201", 2, "0.13"), ("0.12", 2, "0.12"), ("-0.129", 2, "-0.12"), ("1.1", 0, "2")],
)
def test_what_must_suffice_is_rounded_up(value: str, decimals: int, rounded: str) -> None:
    assert str(values.round_money_up(D(value), decimals)) == rounded


@pytest.mark.parametrize(("value", "scale"), [("0.10", 1), ("5", 0), ("1E+2", 0), ("0.00000001", 8), ("0.000", 0)])
def test_the_scale_ignores_trailing_zeros(value: str, scale: int) -> None:
    assert values.scale_of(D(value)) == scale


def test_arithmetic_does_not_read_the_threads_context() -> None:
    with decimal.localcontext() as context:
        context.prec = 3
        context.rounding = decimal.ROUND_UP
        assert values.multiply(D("61837.63"), D("0.02")) == D("1236.7526")
        assert values.add(D("100000.00000001"), D("0.00000001")) == D("100000.00000002")
        assert values.round_to_tick(D("61837.637"), D("0.01"), Side.SELL) == D("61837.64")
        assert values.round_money(D("123456.123456785"), 8) == D("123456.12345678")
        assert values.is_multiple(D("61837.637"), D("0.001"))


@pytest.mark.parametrize("operation", [lambda: values.divide(D(1), D(0)), lambda: values.add(D("sNaN"), D(1))])
def test_a_senseless_operation_raises_instead_of_giving_nan(operation: Callable[[], Decimal]) -> None:
    with pytest.raises(decimal.DecimalException):
        operation()


REQUIREMENTS: list[tuple[Callable[..., None], list[object], list[object]]] = [
    (values.require_decimal, [D(0), D("-1.5")], [D("NaN"), D("Infinity"), 1, 1.0, "1", None]),
    (values.require_positive, [D("1E-18")], [D(0), D("-1"), D("NaN"), D("Infinity"), 1, 1.0, None]),
    (values.require_not_negative, [D(0), D(3)], [D("-1E-18"), D("NaN"), D("-Infinity"), 0, None]),
    (values.require_fraction, [D(0), D(1), D("0.5")], [D("1.01"), D("-0.1"), D("NaN"), 0.5]),
    (values.require_ns, [0, values.NS_MAX], [-1, values.NS_MAX + 1, 1.0, True, None, D(1)]),
]


@pytest.mark.parametrize(("require", "good", "bad"), REQUIREMENTS, ids=lambda x: getattr(x, "__name__", ""))
def test_a_requirement_passes_the_good_and_names_the_field_of_the_bad(
    require: Callable[..., None], good: list[object], bad: list[object]
) -> None:
    for value in good:
        require(value, field="f")
    for value in bad:
        with pytest.raises(BadInput, match=r"^f: expected"):
            require(value, field="f")
