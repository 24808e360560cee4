"""Lots close oldest first, and their sum is the position."""

from decimal import Decimal

from hypothesis import given

from engine.domain.kinds import Side
from engine.domain.lots import Lot, Lots
from engine.domain.position import Position
from tests.engine.domain.test_position import FillTuple, fills
from tests.support.domain import a_perpetual

D = Decimal


def apply(lots: Lots, number: int, side: Side, price: Decimal, quantity: Decimal) -> list[tuple[str, Decimal, Decimal]]:
    closed = lots.apply_fill(trade_id=f"t{number}", side=side, price=price, quantity=quantity, at_ns=number)
    return [(lot.opening_trade_id, lot.quantity, lot.gain) for lot in closed]


def test_the_oldest_lots_close_first_by_hand() -> None:
    lots = Lots(a_perpetual())
    assert apply(lots, 1, Side.BUY, D(100), D(1)) == []
    assert apply(lots, 2, Side.BUY, D(110), D(2)) == []
    assert apply(lots, 3, Side.SELL, D(120), D("1.5")) == [("t1", D(1), D(20)), ("t2", D("0.5"), D(5))]
    assert [(lot.trade_id, lot.quantity, lot.opened_at_ns) for lot in lots] == [("t2", D("1.5"), 2)]
    assert apply(lots, 4, Side.SELL, D(100), D(2)) == [("t2", D("1.5"), D(-15))]
    assert [(lot.trade_id, lot.side, lot.quantity) for lot in lots] == [("t4", Side.SELL, D("0.5"))]
    assert apply(lots, 5, Side.BUY, D(90), D("0.5")) == [("t4", D("0.5"), D(5))]
    assert (len(lots), lots.size) == (0, D(0))


def test_a_closed_lot_says_when_it_was_opened_and_closed() -> None:
    lots = Lots(a_perpetual())
    apply(lots, 1, Side.BUY, D(100), D(1))
    (closed,) = lots.apply_fill(trade_id="x", side=Side.SELL, price=D(101), quantity=D(1), at_ns=99)
    assert (closed.opened_at_ns, closed.closed_at_ns, closed.closing_trade_id) == (1, 99, "x")
    assert (closed.side, closed.open_price, closed.close_price) == (Side.BUY, D(100), D(101))


def test_stored_lots_continue() -> None:
    stored = [
        Lot(trade_id="a", opened_at_ns=1, side=Side.BUY, quantity=D(2), price=D(100)),
        Lot(trade_id="b", opened_at_ns=2, side=Side.BUY, quantity=D(1), price=D(50)),
    ]
    lots = Lots(a_perpetual(), stored)
    assert lots.size == 3
    assert apply(lots, 3, Side.SELL, D(100), D(3)) == [("a", D(2), D(0)), ("b", D(1), D(50))]


@given(fills)
def test_lots_sum_to_the_position_and_are_on_its_side(some_fills: list[FillTuple]) -> None:
    lots, position = Lots(a_perpetual()), Position(instrument=a_perpetual())
    for number, (side, price, quantity) in enumerate(some_fills):
        apply(lots, number, side, price, quantity)
        position.apply_fill(side, price, quantity)
        assert lots.size == position.size == sum((lot.side.sign * lot.quantity for lot in lots), D(0))
        assert len({lot.side for lot in lots}) <= 1
        assert all(lot.quantity > 0 for lot in lots)


@given(fills)
def test_gains_of_a_finished_round_trip_equal_the_positions_profit(some_fills: list[FillTuple]) -> None:
    lots, position = Lots(a_perpetual()), Position(instrument=a_perpetual())
    gains = D(0)
    size = sum((side.sign * quantity for side, _, quantity in some_fills), D(0))
    closing = [(Side.SELL if size > 0 else Side.BUY, D(100), abs(size))] if size else []
    for number, (side, price, quantity) in enumerate(some_fills + closing):
        gains += sum((gain for _, _, gain in apply(lots, number, side, price, quantity)), D(0))
        position.apply_fill(side, price, quantity)
    assert not len(lots)
    assert not position.size
    assert gains == position.realized_pnl
