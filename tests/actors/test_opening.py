"""What the venue has and the books do not: before the first entry it is an opening, later a discrepancy."""

from decimal import Decimal
from typing import Any

import pytest

from actors.books import AccountBooks
from actors.cell import Cell
from actors.opening import Comparison, Found
from engine.domain.identifiers import OrderId
from engine.domain.kinds import Liquidity, PositionSide, Side
from engine.messages.orders import Fill
from engine.messages.portfolio import WriteOffDiscrepancy
from engine.messages.rows import DiscrepancyRow
from engine.messages.venues import VenueAccount, VenueBalance, VenuePosition
from engine.messages.writing import UnitNumbers
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id
from tests.support.domain import a_perpetual

D = Decimal
PERPETUAL = a_perpetual()


def a_booked_fill() -> Fill:
    return Fill(
        external_trade_id="t1",
        order_id=OrderId(an_id(50)),
        account_id=ACCOUNT,
        venue="binance",
        symbol=PERPETUAL.symbol,
        side=Side.BUY,
        position_side=PositionSide.NET,
        price=D(60_000),
        quantity=D(1),
        fee=D(1),
        fee_asset="USDT",
        liquidity=Liquidity.TAKER,
        executed_at_ns=START_NS,
    )


class Books:
    def __init__(self, totals: dict[str, Decimal] | None = None, *, is_opened: bool = False) -> None:
        clock = VirtualClock(START_NS)
        ids = Ids(clock, seeded_rng(1))
        writer: Any = None
        cell = Cell(numbers=UnitNumbers(USER, 1, ids), clock=clock, wall=clock, ids=ids, bus=Bus(), writer=writer)
        self.books = AccountBooks("binance", {(PERPETUAL.venue, PERPETUAL.symbol): PERPETUAL}, totals or {})
        self.comparison = Comparison(
            cell=cell, account_id=ACCOUNT, books=self.books, discrepancies=(), is_opened=is_opened
        )

    def compare(self, balances: dict[str, str], position: str = "0") -> Found:
        account = VenueAccount(
            balances=tuple(VenueBalance(asset=name, free=D(free), locked=D(0)) for name, free in balances.items()),
            positions=(
                VenuePosition(
                    symbol=PERPETUAL.symbol, position_side=PositionSide.NET, size=D(position), entry_price=D(60_000)
                ),
            )
            if D(position)
            else (),
            cursor=None,
            venue_time_ns=START_NS,
        )
        return self.comparison.compare(account, START_NS, START_NS + 5)


def test_the_first_comparison_opens_what_was_there_before_us() -> None:
    mine = Books()
    found = mine.compare({"USDT": "1000", "BTC": "2"}, position="-0.5")
    assert [entry.kind for entry, _ in found.entries] == ["opening", "opening", "opening"]
    assert mine.books.balance("USDT").total == D(1_000)
    assert mine.books.position(PERPETUAL.symbol).size == D("-0.5")
    assert found.discrepancies == []
    assert mine.compare({"USDT": "1000", "BTC": "2"}, position="-0.5").entries == []


def test_what_fills_have_moved_is_not_opened_again() -> None:
    mine = Books({"USDT": D(-100)})
    mine.compare({"USDT": "900"})
    assert mine.books.balance("USDT").total == D(900)


def test_later_a_difference_is_a_discrepancy_and_the_books_stay() -> None:
    mine = Books({"USDT": D(1_000)}, is_opened=True)
    found = mine.compare({"USDT": "990"})
    (row,) = found.discrepancies
    assert (row.kind, row.asset, row.ours, row.venue, row.state) == ("balance", "USDT", D(1_000), D(990), "open")
    assert found.entries == []
    assert mine.books.balance("USDT").total == D(1_000)
    assert [event.type for event in found.events] == ["DiscrepancyFound"]


def test_a_discrepancy_is_told_once_and_again_when_it_changes() -> None:
    mine = Books({"USDT": D(1_000)}, is_opened=True)
    (first,) = mine.compare({"USDT": "990"}).discrepancies
    assert mine.compare({"USDT": "990"}).discrepancies == []
    (second,) = mine.compare({"USDT": "980"}).discrepancies
    assert second.id == first.id
    assert [row.venue for row in mine.comparison.open] == [D(980)]


def test_a_discrepancy_that_vanishes_is_explained() -> None:
    mine = Books({"USDT": D(1_000)}, is_opened=True)
    mine.compare({"USDT": "990"})
    found = mine.compare({"USDT": "1000"})
    assert [row.state for row in found.discrepancies] == ["explained"]
    assert mine.comparison.open == ()


@pytest.mark.parametrize(("ours", "venue"), [("0", "0.5"), ("0.5", "0")])
def test_positions_are_compared_too(ours: str, venue: str) -> None:
    mine = Books(is_opened=False)
    mine.compare({"USDT": "1"}, position=ours)
    (row,) = mine.compare({"USDT": "1"}, position=venue).discrepancies
    assert (row.kind, row.ours, row.venue) == ("position", D(ours), D(venue))


def test_an_account_is_opened_once_even_if_nothing_was_there() -> None:
    mine = Books()
    (mark,) = mine.compare({}).marks
    assert mark.kind == "opened"
    found = mine.compare({"USDT": "50"})
    assert (found.entries, found.marks) == ([], [])
    assert [row.guess for row in found.discrepancies] == ["deposit"]


def test_fills_that_were_booked_before_the_first_comparison_do_not_make_an_opening_a_discrepancy() -> None:
    mine = Books({"USDT": D("-60"), "BTC": D("0.001")})
    found = mine.compare({"USDT": "940", "BTC": "0.001"})
    assert found.discrepancies == []
    assert next((line.asset, line.amount) for line in found.entries[0][0].lines) == ("USDT", D(1_000))


def test_what_is_too_small_to_be_shown_is_no_discrepancy() -> None:
    mine = Books({"USDT": D("10.000000009")}, is_opened=True)
    assert mine.compare({"USDT": "10"}).discrepancies == []
    assert len(mine.compare({"USDT": "10.0000001"}).discrepancies) == 1


def test_a_fill_that_came_late_explains_what_it_moved() -> None:
    mine = Books({"USDT": D(1_000)}, is_opened=True)
    mine.compare({"USDT": "990"})
    mine.comparison.booked([a_booked_fill()])
    (row,) = mine.compare({"USDT": "1000"}).discrepancies
    assert (row.state, row.detail, row.resolved_at) == (
        "explained", {"explained_by": "a fill that came late"}, START_NS + 5,
    )  # fmt: skip


def wish(row: DiscrepancyRow, *, back: bool = False) -> WriteOffDiscrepancy:
    return WriteOffDiscrepancy(
        account_id=ACCOUNT, discrepancy_id=row.id, reason="gift", by="ann", takes_back=row if back else None
    )


def test_a_difference_that_is_written_off_is_open_no_more_and_can_be_opened_again() -> None:
    mine = Books({"USDT": D(1_000)}, is_opened=True)
    (row,) = mine.compare({"USDT": "990"}).discrepancies
    done = mine.comparison.write_off(wish(row), START_NS, START_NS)
    assert done is not None
    written, event = done
    assert (event.type, mine.comparison.open) == ("DiscrepancyWrittenOff", ())
    assert mine.compare({"USDT": "990"}).discrepancies == []
    assert mine.comparison.write_off(wish(row), START_NS, START_NS) is None
    assert mine.comparison.write_off(wish(row, back=True), START_NS, START_NS) is None, "it is not written off there"
    assert mine.comparison.write_off(wish(written.row, back=True), START_NS, START_NS) is not None
    assert [each.id for each in mine.comparison.open] == [row.id]
    assert mine.books.total("USDT") == D(1_000)
    assert mine.compare({"USDT": "1000"}).discrepancies[0].state == "explained"
