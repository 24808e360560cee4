"""A position is a function of the set of its fills: none is hidden in it, whatever came late or was taken back."""

from decimal import Decimal
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.instrument import Instrument
from engine.domain.kinds import Side
from engine.domain.lots import Lot, Lots
from engine.domain.position import Position
from engine.domain.position_history import KEPT_MAX, Deal, PositionHistory
from tests.support.domain import a_perpetual, a_spot

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


def a_deal(number: int, side: Side = BUY, quantity: str = "1", price: str = "100") -> Deal:
    return Deal(
        row_id=UUID(int=number), trade_id=f"t{number}", at_ns=number * 1000, side=side, price=D(price),
        quantity=D(quantity),
    )  # fmt: skip


def flat() -> PositionHistory:
    return PositionHistory(Position(instrument=a_perpetual()))


def test_a_deal_that_is_taken_back_leaves_what_would_be_without_it() -> None:
    history = flat()
    history.add(a_deal(1, price="50"))
    history.add(a_deal(2, price="100"))
    effect = history.remove(a_deal(2, price="100"))
    assert (history.position.size, history.position.cost, history.position.realized_pnl) == (D(1), D(50), D(0))
    assert effect.realized_pnl == 0


def test_what_later_deals_have_realised_follows() -> None:
    history = flat()
    first, second, closing = a_deal(1, price="50"), a_deal(2, price="150"), a_deal(3, SELL, price="200")
    assert [history.add(deal).realized_pnl for deal in (first, second, closing)] == [D(0), D(0), D(100)]
    effect = history.remove(first)
    assert (effect.realized_pnl, effect.revalued, closing.realized_pnl) == (D(-50), (closing,), D(50))
    assert (history.position.size, history.position.realized_pnl) == (D(0), D(50))


def test_a_late_deal_counts_where_it_happened() -> None:
    history = flat()
    history.add(a_deal(1, price="50"))
    closing = a_deal(3, SELL, price="200")
    history.add(closing)
    effect = history.add(a_deal(2, price="150"))
    assert (effect.own, effect.realized_pnl, closing.realized_pnl) == (D(0), D(-50), D(100))
    assert (history.position.size, history.position.cost) == (D(1), D(100))


def test_a_deal_older_than_what_is_kept_is_taken_out_of_what_was_before() -> None:
    history = flat()
    for number in range(1, 2 * KEPT_MAX + 1):
        history.add(a_deal(number, price="50"))
    assert len(history) == KEPT_MAX
    history.remove(a_deal(1, price="50"))
    assert (history.position.size, history.position.cost) == (D(2 * KEPT_MAX - 1), D(50) * (2 * KEPT_MAX - 1))


def test_a_position_changed_by_something_else_can_forget() -> None:
    history = flat()
    history.add(a_deal(1))
    history.forget()
    assert len(history) == 0
    assert history.add(a_deal(0)).revalued == ()


SHAPES = st.lists(
    st.tuples(st.sampled_from([BUY, SELL]), st.integers(1, 9_999), st.integers(1, 50)), min_size=1, max_size=14
)


def lots_of(lots: Lots) -> list[tuple[UUID, Side, Decimal, Decimal, Decimal]]:
    return [(lot.id, lot.side, lot.quantity, lot.remaining, lot.price) for lot in lots]


def state_of(position: Position) -> tuple[Decimal, Decimal, Decimal]:
    return position.size, position.cost, position.realized_pnl


@given(
    shapes=SHAPES,
    instrument=st.sampled_from([a_perpetual(), a_perpetual(contract_size="0.01"), a_spot()]),
    data=st.data(),
)
def test_any_arrival_and_any_reversal_end_in_what_is_left(
    shapes: list[tuple[Side, int, int]], instrument: Instrument, data: st.DataObject
) -> None:
    deals = [
        Deal(
            row_id=UUID(int=n), trade_id=str(n), at_ns=n // 2, side=side, price=D(ticks) / 10, quantity=D(steps) / 1000
        )
        for n, (side, ticks, steps) in enumerate(shapes)
    ]
    gone = data.draw(st.sets(st.integers(0, len(deals) - 1)))
    steps = data.draw(st.permutations([("add", n) for n in range(len(deals))] + [("remove", n) for n in gone]))
    played = PositionHistory(Position(instrument=instrument))
    wanted: list[Deal] = []
    stored: dict[UUID, Lot] = {}
    change = D(0)
    for word, n in steps:
        if word == "add" and not any(d.row_id == deals[n].row_id for d in wanted):
            deal = msgspec.structs.replace(deals[n])
            wanted.append(deal)
            change += played.add(deal).realized_pnl
        elif word == "remove" and any(d.row_id == deals[n].row_id for d in wanted):
            wanted = [d for d in wanted if d.row_id != deals[n].row_id]
            change += played.remove(deals[n]).realized_pnl
        stored |= {lot.id: msgspec.structs.replace(lot) for lot in played.lots.take_changed()}
        if data.draw(st.booleans()):  # A restart.
            place = {deal.row_id: deal.key for deal in deals}
            lots = sorted((msgspec.structs.replace(lot) for lot in stored.values()), key=lambda lot: place[lot.id])
            played = PositionHistory(played.position, wanted, Lots(instrument, lots))
    plain, plain_lots = Position(instrument=instrument), Lots(instrument)
    for deal in sorted(wanted, key=lambda each: each.key):
        plain_lots.apply(deal.row_id, deal.side, deal.price, deal.quantity, deal.at_ns, deal.row_id)
        assert deal.realized_pnl == plain.apply_fill(deal.side, deal.price, deal.quantity)
    assert state_of(played.position) == state_of(plain)
    assert change == plain.realized_pnl
    assert lots_of(played.lots) == lots_of(plain_lots)
    gains = {lot.id: lot.gain for lot in plain_lots.take_changed()}
    assert {lot.id: lot.gain for lot in stored.values() if lot.quantity} == gains
    assert played.lots.size == plain.size
    assert sum(gains.values(), D(0)) - plain_lots.cost == plain.realized_pnl - plain.cost


def test_what_was_there_before_is_a_lot_without_a_trade() -> None:
    history = flat()
    history.add(a_deal(1))
    history.adopt(UUID(int=9), BUY, D(40), D(3), 5)
    assert len(history) == 0
    assert (history.position.size, history.lots.size) == (D(4), D(4))
    assert [(lot.id.int, lot.trade_id) for lot in history.lots] == [(1, UUID(int=1)), (9, None)]


def test_a_position_without_lots_gets_one_for_what_is_missing() -> None:
    position = Position(instrument=a_perpetual())
    position.apply_fill(BUY, D(100), D(3))
    history = PositionHistory(position)
    assert history.complete(lambda: UUID(int=9), 7)
    assert [(lot.id.int, lot.trade_id, lot.remaining, lot.price) for lot in history.lots] == [(9, None, D(3), D(100))]
    assert not history.complete(lambda: UUID(int=10), 8)
