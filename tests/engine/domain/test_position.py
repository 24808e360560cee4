"""Profit and cash add up exactly, whatever the fills."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.domain.instrument import Instrument
from engine.domain.kinds import Side
from engine.domain.position import Position
from tests.support.domain import a_perpetual, a_spot

D = Decimal
BUY, SELL = Side.BUY, Side.SELL

FillTuple = tuple[Side, Decimal, Decimal]

instruments = st.sampled_from([a_perpetual(), a_perpetual(contract_size="0.01"), a_spot()])
fills = st.lists(
    st.tuples(
        st.sampled_from([BUY, SELL]),
        st.integers(1, 999_999).map(lambda ticks: D(ticks) / 10),
        st.integers(1, 9_999).map(lambda steps: D(steps) / 1000),
    ),
    max_size=30,
)
marks = st.integers(1, 999_999).map(lambda ticks: D(ticks) / 10)


def numbers(*values: int | str) -> tuple[Decimal, ...]:
    return tuple(D(value) for value in values)


def played(instrument: Instrument, some_fills: list[FillTuple]) -> Position:
    position = Position(instrument=instrument)
    for fill in some_fills:
        position.apply_fill(*fill)
    return position


def test_opening_adding_reducing_and_closing_by_hand() -> None:
    position = Position(instrument=a_perpetual())
    assert position.apply_fill(BUY, D(100), D(1)) == 0
    assert position.apply_fill(BUY, D(110), D(3)) == 0
    assert (position.size, position.average_price, position.cost) == numbers(4, "107.5", 430)
    assert position.apply_fill(SELL, D(120), D(1)) == D("12.5")
    assert (position.size, position.average_price, position.realized_pnl) == numbers(3, "107.5", "12.5")
    assert position.unrealized_pnl(D(100)) == D("-22.5")
    assert position.market_value(D(100)) == 300
    assert position.apply_fill(SELL, D(100), D(3)) == D("-22.5")
    assert (position.size, position.cost, position.average_price, position.realized_pnl) == numbers(0, 0, 0, -10)


def test_a_short_gains_when_the_price_falls() -> None:
    position = Position(instrument=a_perpetual())
    position.apply_fill(SELL, D(100), D(2))
    assert (position.size, position.cost, position.average_price) == numbers(-2, -200, 100)
    assert position.unrealized_pnl(D(90)) == 20
    assert position.apply_fill(BUY, D(90), D(1)) == 10
    assert (position.size, position.average_price) == numbers(-1, 100)


def test_a_flip_closes_everything_and_opens_the_rest_at_the_new_price() -> None:
    position = Position(instrument=a_perpetual())
    position.apply_fill(BUY, D(100), D("0.010"))
    assert position.apply_fill(SELL, D(110), D("0.020")) == D("0.1")
    assert (position.size, position.average_price, position.cost) == numbers("-0.010", 110, "-1.1")
    assert position.apply_fill(BUY, D(100), D("0.030")) == D("0.1")
    assert (position.size, position.average_price) == numbers("0.020", 100)


def test_a_share_that_cannot_be_divided_leaves_its_rest_in_the_cost() -> None:
    position = Position(instrument=a_perpetual())
    position.apply_fill(BUY, D(1), D("0.001"))
    position.apply_fill(BUY, D("1.1"), D("0.002"))
    first = position.apply_fill(SELL, D(2), D("0.001"))
    second = position.apply_fill(SELL, D(2), D("0.002"))
    assert first == D("0.00093333")
    assert first + second == D("0.0028")
    assert (position.size, position.cost) == numbers(0, 0)


def test_contracts_are_worth_their_size() -> None:
    position = Position(instrument=a_perpetual(contract_size="0.01"))
    position.apply_fill(BUY, D(60_000), D(3))
    assert (position.cost, position.average_price) == numbers(1800, 60_000)
    assert position.apply_fill(SELL, D(61_000), D(3)) == 30


def test_fees_are_counted_apart_and_a_rebate_reduces_them() -> None:
    position = Position(instrument=a_spot())
    position.add_fee(D("1.5"))
    position.add_fee(D("-0.5"))
    assert (position.fees_paid, position.realized_pnl) == numbers(1, 0)


@given(instruments, fills, marks)
def test_realised_and_unrealised_profit_equal_cash_flow_and_value(
    instrument: Instrument, some_fills: list[FillTuple], mark: Decimal
) -> None:
    position = played(instrument, some_fills)
    cash = sum((-side.sign * instrument.notional(price, quantity) for side, price, quantity in some_fills), D(0))
    value = instrument.notional(mark, position.size)
    assert position.realized_pnl + position.unrealized_pnl(mark) == cash + value
    assert position.size == sum((side.sign * quantity for side, _, quantity in some_fills), D(0))


@given(instruments, fills)
def test_a_position_survives_its_row_exactly(instrument: Instrument, some_fills: list[FillTuple]) -> None:
    position = played(instrument, some_fills)
    copy = Position.restored(
        instrument, size=position.size, average_price=position.average_price, realized_pnl=position.realized_pnl
    )
    assert copy == position


@given(instruments, fills)
def test_returned_profits_sum_to_the_realised_profit(instrument: Instrument, some_fills: list[FillTuple]) -> None:
    position = Position(instrument=instrument)
    assert sum((position.apply_fill(*fill) for fill in some_fills), D(0)) == position.realized_pnl


@given(instruments, fills)
def test_cost_has_the_sign_of_the_size_and_a_flat_position_costs_nothing(
    instrument: Instrument, some_fills: list[FillTuple]
) -> None:
    position = played(instrument, some_fills)
    assert position.cost * position.size >= 0
    assert position.size != 0 or position.cost == 0


@given(instruments, fills, marks)
def test_a_mirrored_history_gives_the_mirrored_position(
    instrument: Instrument, some_fills: list[FillTuple], mark: Decimal
) -> None:
    position = played(instrument, some_fills)
    mirror = played(instrument, [(side.opposite, price, quantity) for side, price, quantity in some_fills])
    assert (mirror.size, mirror.cost, mirror.realized_pnl) == (-position.size, -position.cost, -position.realized_pnl)
    assert mirror.unrealized_pnl(mark) == -position.unrealized_pnl(mark)
