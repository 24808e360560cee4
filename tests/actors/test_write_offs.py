"""A difference is booked away by an entry of its own kind, and back."""

from decimal import Decimal
from typing import Any

import pytest

from actors.books import AccountBooks
from actors.write_offs import take_back, write_off
from engine.domain.journal import ADJUSTMENTS, sums_of
from engine.domain.kinds import Side
from engine.messages.rows import DiscrepancyRow
from tests.actors.test_discrepancy_watch import a_difference
from tests.support.cell_builders import START_NS, an_id
from tests.support.domain import a_perpetual

D = Decimal
PERPETUAL = a_perpetual()
SYMBOL = PERPETUAL.symbol


def some_books(usdt: str = "100", size: str = "0") -> AccountBooks:
    books = AccountBooks("binance", {(PERPETUAL.venue, SYMBOL): PERPETUAL}, {"USDT": D(usdt)})
    if D(size):
        side = Side.BUY if D(size) > 0 else Side.SELL
        books.history(SYMBOL).adopt(an_id(1), side, D(50_000), abs(D(size)), START_NS)
    return books


def off(row: DiscrepancyRow, books: AccountBooks, entry_price: str = "0") -> Any:
    return write_off(row, books, D(entry_price), entry_id=an_id(9), reason="gift", by="ann", at_ns=START_NS + 1)


def back(row: DiscrepancyRow, books: AccountBooks) -> Any:
    return take_back(row, books, entry_id=an_id(10), reason="mistake", by="bob", at_ns=START_NS + 2)


def test_a_balance_agrees_after_it_is_written_off_and_not_after_that_is_taken_back() -> None:
    books = some_books()
    written = off(a_difference(), books)
    assert books.total("USDT") == D(90)
    assert (written.entry.kind, written.memo) == ("adjustment", "written off: gift")
    assert sums_of([written.entry])[ADJUSTMENTS, "USDT"] == D(10)
    row = written.row
    assert (row.state, row.ours, row.venue, row.resolved_by, row.resolved_at) == (
        "written_off", D(90), D(90), "ann", START_NS + 1,
    )  # fmt: skip
    undone = back(row, books)
    assert books.total("USDT") == D(100)
    assert (undone.entry.kind, undone.reverses) == ("reversal", an_id(9))
    assert sums_of([written.entry, undone.entry]) == {}
    assert (undone.row.state, undone.row.ours, undone.row.venue) == ("open", D(100), D(90))
    assert (undone.row.detail["reason"], undone.row.detail["taken_back"]["by"]) == ("gift", "bob")


@pytest.mark.parametrize(
    ("ours", "venue", "entry_price", "cost"),
    [
        ("0", "0.5", "60000", "30000"),  # Opened by nobody knows whom, at the venue's price.
        ("0.2", "0.5", "60000", "28000"),
        ("0.2", "0.5", "0", "25000"),  # The venue does not say: at what ours has cost.
        ("0.5", "0.2", "60000", "10000"),
        ("0.5", "0", "0", "0"),
        ("0.5", "-0.1", "60000", "-6000"),
    ],
)
def test_a_position_takes_the_venues_size_and_realises_nothing(
    ours: str, venue: str, entry_price: str, cost: str
) -> None:
    books = some_books(size=ours)
    row = a_difference(kind="position", asset=SYMBOL, ours=D(ours), venue=D(venue))
    written = off(row, books, entry_price)
    position = books.position(SYMBOL)
    assert (position.size, position.cost, position.realized_pnl) == (D(venue), D(cost), D(0))
    assert sums_of([written.entry])[f"positions:{SYMBOL}", "BTC"] == D(venue) - D(ours)
    back(written.row, books)
    assert (position.size, position.realized_pnl) == (D(ours), D(0))
    assert books.total("USDT") == D(100)
