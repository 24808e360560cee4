"""The ledger: entries that sum to zero, one per trade, balances and positions that are sums of lines."""

from decimal import Decimal

import msgspec
import pytest

from engine.messages.rows import LedgerLineRow, OrderRow, Row
from tests.support.cell_builders import an_id
from tests.support.histories import (
    History,
    a_balance,
    a_position,
    an_order_row,
    done,
    lines_of,
    opening,
)


def a_purchase(history: History, *, leave_out: int | None = None, instead: Row | None = None) -> None:
    """Commit a purchase of 0.1 BTC for 6,000 and 1 USDT, with one row left out or another in its place."""
    order: OrderRow = an_order_row()
    history.commit(order, *opening("USDT", "10000"))
    rows = [
        done(order, "filled", "0.1"),
        *history.fill(order),
        a_balance("BTC", "0.1"),
        a_balance("USDT", "3999"),
        a_position("0.1"),
    ]
    if leave_out is not None:
        rows[leave_out : leave_out + 1] = [] if instead is None else [instead]
    history.commit(*rows)


def test_a_purchase_adds_up() -> None:
    history = History()
    a_purchase(history)
    assert history.broken == []
    assert {held[1]: amount for held, amount in history.auditor.books.cash.items()} == {
        "USDT": Decimal(3999),
        "BTC": Decimal("0.1"),
    }


@pytest.mark.parametrize(
    ("place", "expected"),
    [(2, "I5"), (3, "I8"), (4, "I8"), (9, "I8"), (10, "I8"), (11, "I8")],
    ids=["head", "cash line", "trading line", "balance of a new asset", "balance", "position"],
)
def test_a_row_that_is_forgotten_is_found(place: int, expected: str) -> None:
    history = History()
    a_purchase(history, leave_out=place)
    assert expected in history.broken


@pytest.mark.parametrize(
    ("place", "instead"),
    [(10, a_balance("USDT", "4000")), (11, a_position("0.2")), (9, a_balance("BTC", "0.09"))],
    ids=["balance", "position", "bought"],
)
def test_a_projection_that_is_not_the_sum_of_its_lines_is_found(place: int, instead: Row) -> None:
    history = History()
    a_purchase(history, leave_out=place, instead=instead)
    assert history.broken == ["I8"]


def test_free_and_locked_that_are_not_the_total_are_found() -> None:
    history = History()
    *rows, balance = opening("USDT", "10000")
    history.commit(*rows, msgspec.structs.replace(balance, locked=Decimal(1)))
    assert history.broken == ["I8"]


def test_an_entry_that_does_not_sum_to_zero_is_found() -> None:
    history = History()
    head, cash, other, _ = opening("USDT", "10000")
    assert isinstance(other, LedgerLineRow)
    history.commit(head, cash, msgspec.structs.replace(other, amount=Decimal(-9999)), a_balance("USDT", "10000"))
    assert history.broken == ["I8"]


def test_lines_without_a_head_are_found() -> None:
    history = History()
    history.commit(*lines_of(an_id(1), ("assets:cash", "USDT", Decimal(1)), ("equity:opening", "USDT", Decimal(-1))))
    assert history.broken == ["I8"]


def test_money_that_moves_by_another_amount_than_the_trade_says_is_found() -> None:
    history = History()
    order = an_order_row()
    history.commit(order, *opening("USDT", "10000"))
    trade, head, *lines = history.fill(order)
    dearer = [
        msgspec.structs.replace(line, amount=line.amount * 2)
        if isinstance(line, LedgerLineRow) and line.asset == "USDT"
        else line
        for line in lines
    ]
    history.commit(
        done(order, "filled", "0.1"),
        trade,
        head,
        *dearer,
        a_balance("BTC", "0.1"),
        a_balance("USDT", "-2002"),
        a_position("0.1"),
    )
    assert history.broken == ["I8"]


def test_a_trade_that_is_booked_twice_is_found() -> None:
    history = History()
    a_purchase(history)
    _, head, *lines = history.fill(an_order_row())
    new_id = an_id(6_999)
    again = [msgspec.structs.replace(line, entry_id=new_id) for line in lines if isinstance(line, LedgerLineRow)]
    history.commit(
        msgspec.structs.replace(head, id=new_id),
        *again,
        a_balance("BTC", "0.2"),
        a_balance("USDT", "-2002"),
        a_position("0.2"),
    )
    assert history.broken == ["I5"]
