"""Lots close oldest first, their sum is the position, and a fill that is undone leaves no trace."""

from decimal import Decimal
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.instrument import Instrument
from engine.domain.kinds import Side
from engine.domain.lots import Lot, Lots
from engine.domain.position import Position
from tests.engine.domain.test_position import FillTuple, fills
from tests.support.domain import a_perpetual, a_spot

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


def an_id(number: int) -> UUID:
    return UUID(int=number)


def apply(lots: Lots, number: int, side: Side, price: str, quantity: str) -> list[tuple[int, Decimal, Decimal]]:
    """Apply a fill; return number, rest and gain of each lot that it has changed."""
    lots.apply(an_id(number), side, D(price), D(quantity), number, an_id(number))
    return changed(lots)


def changed(lots: Lots) -> list[tuple[int, Decimal, Decimal]]:
    return [(lot.id.int, lot.remaining, lot.gain) for lot in lots.take_changed()]


def undo(lots: Lots, number: int, side: Side, price: str, quantity: str) -> list[tuple[int, Decimal, Decimal]]:
    lots.undo(an_id(number), side, D(price), D(quantity), number)
    return changed(lots)


def test_the_oldest_lots_close_first_by_hand() -> None:
    lots = Lots(a_perpetual())
    assert apply(lots, 1, BUY, "100", "1") == [(1, D(1), D(0))]
    assert apply(lots, 2, BUY, "110", "2") == [(2, D(2), D(0))]
    assert apply(lots, 3, SELL, "120", "1.5") == [(1, D(0), D(20)), (2, D("1.5"), D(5))]
    assert [(lot.id.int, lot.remaining, lot.opened_at_ns) for lot in lots] == [(2, D("1.5"), 2)]
    assert apply(lots, 4, SELL, "100", "2") == [(2, D(0), D(-10)), (4, D("0.5"), D(0))]
    assert [(lot.side, lot.quantity) for lot in lots] == [(SELL, D("0.5"))]
    assert apply(lots, 5, BUY, "90", "0.5") == [(4, D(0), D(5))]
    assert (len(lots), lots.size, lots.cost) == (0, D(0), D(0))
    assert lots.take_changed() == []


def test_a_lot_says_which_trade_opened_it_and_when_it_was_closed() -> None:
    lots = Lots(a_perpetual())
    lots.apply(an_id(1), BUY, D(100), D(1), 7, an_id(1))
    (lot,) = lots.take_changed()
    assert (lot.trade_id, lot.opened_at_ns, lot.closed_at_ns, lot.quantity) == (an_id(1), 7, None, D(1))
    lots.apply(an_id(2), SELL, D(101), D(1), 99, an_id(2))
    (lot,) = lots.take_changed()
    assert (lot.id, lot.closed_at_ns, lot.quantity) == (an_id(1), 99, D(1))


def a_lot(number: int, quantity: str, remaining: str = "", price: str = "100", side: Side = BUY) -> Lot:
    return Lot(
        id=an_id(number), trade_id=an_id(number), opened_at_ns=number, side=side, quantity=D(quantity),
        remaining=D(remaining or quantity), price=D(price),
    )  # fmt: skip


def test_stored_lots_continue() -> None:
    lots = Lots(a_perpetual(), [a_lot(1, "2"), a_lot(2, "1", price="50")])
    assert (lots.size, lots.cost) == (D(3), D(250))
    assert apply(lots, 3, SELL, "100", "3") == [(1, D(0), D(0)), (2, D(0), D(50))]


def test_what_a_fill_has_closed_is_open_again_when_it_is_undone() -> None:
    lots = Lots(a_perpetual())
    apply(lots, 1, BUY, "100", "1")
    apply(lots, 2, BUY, "110", "2")
    apply(lots, 3, SELL, "120", "4")
    assert lots.size == -1
    assert undo(lots, 3, SELL, "120", "4") == [(3, D(0), D(0)), (2, D(2), D(0)), (1, D(1), D(0))]
    assert [(lot.id.int, lot.remaining, lot.closed_at_ns) for lot in lots] == [(1, D(1), None), (2, D(2), None)]
    assert undo(lots, 2, BUY, "110", "2") == [(2, D(0), D(0))]
    assert lots.size == 1


def test_after_a_restart_the_closed_lots_that_were_loaded_open_again() -> None:
    lots = Lots(a_perpetual(), [a_lot(1, "0", "0"), a_lot(2, "1", "0"), a_lot(3, "2", "0.5")])
    assert undo(lots, 4, SELL, "120", "2") == [(3, D(2), D(-30)), (2, D("0.5"), D(-10))]
    assert lots.size == D("2.5")


def test_where_nothing_is_known_of_what_was_closed_a_lot_of_its_price_takes_the_place() -> None:
    lots = Lots(a_perpetual())
    lots.undo(an_id(4), SELL, D(120), D(2), 4)
    (lot,) = lots.take_changed()
    assert (lot.trade_id, lot.side, lot.remaining, lot.price, lot.gain) == (None, BUY, D(2), D(120), D(0))
    assert lots.size == 2


def test_where_nothing_is_known_of_what_was_opened_the_oldest_lots_shrink() -> None:
    lots = Lots(a_perpetual(), [a_lot(1, "5")])
    assert undo(lots, 4, BUY, "100", "2") == [(1, D(3), D(0))]
    assert lots.size == 3


def test_a_fill_that_is_too_old_to_be_undone_is_taken_out_of_its_lot_or_of_the_others() -> None:
    lots = Lots(a_perpetual(), [a_lot(1, "5", "2"), a_lot(2, "4")])
    lots.take_out(an_id(1), BUY, D(100), D(5), 9)
    assert changed(lots) == [(1, D(0), D(0)), (2, D(1), D(0))]
    assert [(lot.id.int, lot.remaining) for lot in lots] == [(2, D(1))]
    assert lots.size == 1


def test_what_is_written_off_realises_nothing() -> None:
    lots = Lots(a_perpetual(), [a_lot(1, "2")])
    lots.write_off(an_id(8), D("-0.5"), D(70), 8)
    lots.write_off(an_id(9), D("-2"), D(70), 9)
    assert changed(lots) == [(1, D(0), D(0)), (9, D("0.5"), D(0))]
    assert (lots.size, lots.cost) == (D("-0.5"), D(-35))


@given(fills)
def test_lots_sum_to_the_position_and_are_on_its_side(some_fills: list[FillTuple]) -> None:
    lots, position = Lots(a_perpetual()), Position(instrument=a_perpetual())
    gains: dict[UUID, Decimal] = {}
    for number, (side, price, quantity) in enumerate(some_fills):
        lots.apply(an_id(number), side, price, quantity, number, an_id(number))
        position.apply_fill(side, price, quantity)
        gains |= {lot.id: lot.gain for lot in lots.take_changed()}
        assert lots.size == position.size == sum((lot.side.sign * lot.remaining for lot in lots), D(0))
        assert len({lot.side for lot in lots}) <= 1
        assert all(lot.remaining > 0 for lot in lots)
        assert sum(gains.values(), D(0)) - lots.cost == position.realized_pnl - position.cost


@given(fills, st.sampled_from([a_perpetual(), a_perpetual(contract_size="0.01"), a_spot()]), st.data())
def test_undoing_gives_back_what_was_before(
    some_fills: list[FillTuple], instrument: Instrument, data: st.DataObject
) -> None:
    lots = Lots(instrument)
    seen: list[dict[UUID, Lot]] = [{}]
    for number, (side, price, quantity) in enumerate(some_fills):
        lots.apply(an_id(number), side, price, quantity, number, an_id(number))
        stored = seen[-1] | {lot.id: msgspec.structs.replace(lot) for lot in lots.take_changed()}
        seen.append(stored)
    stored = dict(seen[-1])
    if data.draw(st.booleans()):  # A restart.
        lots = Lots(instrument, [msgspec.structs.replace(lot) for lot in stored.values()])
    for number, (side, price, quantity) in reversed(list(enumerate(some_fills))):
        lots.undo(an_id(number), side, price, quantity, number)
        stored |= {lot.id: msgspec.structs.replace(lot) for lot in lots.take_changed()}
        before = {lot_id: (lot.remaining, lot.gain) for lot_id, lot in seen[number].items()}
        assert {lot.id: (lot.remaining, lot.gain) for lot in stored.values() if lot.quantity} == before
    assert (len(lots), lots.size) == (0, D(0))
