"""Lots that do not add up to what is held, or to what was paid, are found."""

from decimal import Decimal

import msgspec
import pytest

from engine.messages.rows_trades import LotRow
from engine.simulation.auditor_books import Books
from engine.simulation.auditor_findings import Findings
from engine.simulation.auditor_lots import MadeOf
from engine.simulation.auditor_orders import Orders
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id
from tests.support.domain import a_perpetual

D = Decimal
PERPETUAL = a_perpetual(contract_size="0.01")
HELD = (ACCOUNT, PERPETUAL.symbol)


def a_lot(number: int, remaining: str, *, gain: str = "0", quantity: str = "5", side: str = "buy") -> LotRow:
    return LotRow(
        id=an_id(number), user_id=USER, account_id=ACCOUNT, symbol=PERPETUAL.symbol, position_side="net",
        trade_id=an_id(number), side=side, quantity=D(quantity), remaining=D(remaining), price=D(100),
        realized_pnl=D(gain), opened_at=START_NS, closed_at=None, updated_at=START_NS,
    )  # fmt: skip


def judged(*lots: LotRow, size: str, flow: str | None, moved: bool = False) -> list[str]:
    findings = Findings()
    made_of = MadeOf(findings)
    made_of.use({PERPETUAL.symbol: PERPETUAL})
    for lot in lots:
        made_of.row(lot)
    if moved:
        made_of.end_of_unit((), {HELD: D(size)}, {})
        size = "7"
    made_of.end_of_unit([HELD] if moved else (), {HELD: D(size)}, {} if flow is None else {HELD: D(flow)})
    return [each.detail.split(f"{ACCOUNT} ")[1] for each in findings.found]


def test_lots_that_add_up_are_well() -> None:
    assert judged(a_lot(1, "5"), a_lot(2, "3"), a_lot(1, "2", gain="4"), size="5", flow="1") == []


@pytest.mark.parametrize(
    ("lots", "size", "flow", "expected"),
    [
        ([a_lot(1, "5")], "4", None, "sum to 5, the trades to 4"),
        ([a_lot(1, "5")], "5", "6", "cost 5.00 and gained 0, the trades paid 6"),
        ([a_lot(1, "5"), a_lot(2, "1", side="sell")], "4", None, "sum to 4 and are open on both sides"),
        ([a_lot(1, "1"), a_lot(2, "1", side="sell")], "0", None, "sum to 0 and are open on both sides"),
    ],
)
def test_lots_that_do_not_are_found(lots: list[LotRow], size: str, flow: str | None, expected: str) -> None:
    assert judged(*lots, size=size, flow=flow) == [expected]


def test_a_lot_that_was_not_written_is_found_when_the_position_moves() -> None:
    assert judged(a_lot(1, "5"), size="5", flow=None, moved=True) == ["sum to 5, the trades to 7"]


def test_the_books_hand_over_what_they_sum_up() -> None:
    findings = Findings()
    books = Books(findings, Orders(findings))
    books.use([PERPETUAL])
    books.lots.row(msgspec.structs.replace(a_lot(1, "5"), symbol=PERPETUAL.symbol))
    books.end_of_unit()
    assert [each.invariant for each in findings.found] == ["I17"]
