"""Orders and trades as they are committed: ranks only rise, quantities are sums of trades."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.messages.rows import OrderRow
from engine.messages.rows_trades import TradeChangeRow
from tests.support.cell_builders import USER, an_id
from tests.support.histories import (
    History,
    a_balance,
    a_cancel,
    a_position,
    a_trade_row,
    an_order_row,
    done,
    entry_of,
    opening,
    working,
)


def bought(history: History, order: OrderRow) -> None:
    """Commit the opening and a first fill of 0.1 at 60,000."""
    history.commit(order, *opening("USDT", "10000"))
    history.commit(
        done(order, "filled", "0.1"),
        *history.fill(order),
        a_balance("BTC", "0.1"),
        a_balance("USDT", "3999"),
        a_position("0.1"),
    )


def test_a_life_as_it_should_be() -> None:
    history = History()
    bought(history, an_order_row())
    assert history.broken == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (working(an_order_row()), an_order_row()),
        (done(an_order_row(), "cancelled"), working(an_order_row())),
        (done(an_order_row(), "cancelled"), done(an_order_row(), "rejected")),
        (an_order_row(), an_order_row(symbol="ETH/USDT")),
        (an_order_row(), an_order_row(intent_key="other")),
        (an_order_row(), msgspec.structs.replace(an_order_row(), status="open")),
        (an_order_row(), msgspec.structs.replace(working(an_order_row()), status="partial")),
        (an_order_row(), msgspec.structs.replace(done(an_order_row(), "filled"), done_reason=None)),
    ],
    ids=["back", "alive again", "weaker end", "symbol", "decision", "shown", "shown as partial", "no reason"],
)
def test_a_life_that_contradicts_itself_is_found(first: OrderRow, second: OrderRow) -> None:
    history = History()
    history.commit(first)
    assert history.broken == []
    history.commit(second)
    assert set(history.broken) == {"I4"}


@pytest.mark.parametrize("after", [working, lambda row, filled: done(row, "cancelled", filled)])
def test_an_order_that_turns_out_to_be_larger_than_its_fills_is_not_filled(
    after: Callable[[OrderRow, str], OrderRow],
) -> None:
    history = History()
    bought(history, order := an_order_row())
    history.commit(after(msgspec.structs.replace(order, quantity=Decimal("0.2")), "0.1"))
    assert history.broken == []


@pytest.mark.parametrize("quantity", ["0.1", "0.05"])
def test_a_filled_order_that_is_no_larger_stays_filled(quantity: str) -> None:
    history = History()
    bought(history, order := an_order_row())
    history.commit(done(msgspec.structs.replace(order, quantity=Decimal(quantity)), "cancelled", "0.1"))
    assert history.broken == ["I4"]


def test_a_refusal_that_a_fill_proved_wrong_may_end_otherwise() -> None:
    history = History()
    late = msgspec.structs.replace(an_order_row(), late_fill=True)
    history.commit(done(late, "cancelled"))
    history.commit(done(late, "expired"))
    assert history.broken == []


@pytest.mark.parametrize("field", ["intent_key", "venue_client_id"])
def test_two_orders_for_one_decision_or_id_are_found(field: str) -> None:
    history = History()
    changes: dict[str, Any] = {field: "same"}
    history.commit(an_order_row(1, **changes))
    history.commit(an_order_row(2, **changes))
    assert history.broken == ["I2"]


def test_an_order_of_another_fence_is_found() -> None:
    history = History()
    history.commit(an_order_row(fence=7))
    assert history.broken == ["I3"]


def test_a_filled_quantity_without_trades_is_found() -> None:
    history = History()
    history.commit(working(an_order_row(), "0.05"))
    assert history.broken == ["I7"]


def test_a_trade_without_its_order_row_is_found() -> None:
    history = History()
    order = an_order_row()
    history.commit(order, *opening("USDT", "10000"))
    history.commit(*history.fill(order), a_balance("BTC", "0.1"), a_balance("USDT", "3999"), a_position("0.1"))
    assert history.broken == ["I7"]


def test_a_trade_of_no_order_is_found() -> None:
    history = History()
    history.commit(*opening("USDT", "10000"))
    fill = history.fill(an_order_row())
    history.commit(*fill, a_balance("BTC", "0.1"), a_balance("USDT", "3999"), a_position("0.1"))
    assert history.broken == ["I7"]


def test_a_trade_id_that_is_booked_twice_is_found() -> None:
    history = History()
    order = an_order_row(quantity="1")
    bought(history, order)
    again = a_trade_row(order, 2, external_trade_id="t1")
    history.commit(again)
    assert "I5" in history.broken


def test_a_trade_that_is_not_a_number_is_found() -> None:
    history = History()
    order = an_order_row()
    history.commit(order)
    history.commit(msgspec.structs.replace(a_trade_row(order), price=Decimal("NaN")))
    assert history.broken[0] == "I19"


def test_a_trade_that_is_taken_back_counts_no_more() -> None:
    history = History()
    order = an_order_row(quantity="0.2")
    bought(history, order)
    assert set(history.broken) == set()
    void = TradeChangeRow(id=a_trade_row(order).id, user_id=USER, realized_pnl=Decimal(0), voided_by=an_id(5_001))
    reversal = entry_of(a_trade_row(order), 2, kind="reversal", sign=-1)
    row = done(order, "filled", "0")
    history.commit(row, void, *reversal, a_balance("BTC", "0"), a_balance("USDT", "10000"), a_position("0"))
    assert history.broken == []
    history.commit(msgspec.structs.replace(void, voided_by=None))
    assert history.broken == ["I5"]


def test_a_trade_that_was_taken_back_before_it_was_stored_never_counts() -> None:
    history = History()
    order = an_order_row()
    history.commit(working(order), a_trade_row(order, voided_by=a_trade_row(order).id))
    assert history.broken == []


def test_a_change_of_an_unknown_trade_is_found() -> None:
    history = History()
    history.commit(TradeChangeRow(id=an_id(1), user_id=USER, realized_pnl=Decimal(0), voided_by=an_id(1)))
    assert history.broken[0] == "I5"


def test_a_request_that_goes_back_is_found() -> None:
    history = History()
    order = working(an_order_row())
    history.commit(order, a_cancel(order))
    history.commit(a_cancel(order, "acked"))
    assert history.broken == []
    history.commit(a_cancel(order, "unknown"))
    assert history.broken == ["I4"]


def test_a_request_about_no_order_is_found() -> None:
    history = History()
    history.commit(a_cancel(an_order_row()))
    assert history.broken == ["I4"]


def test_a_row_of_somebody_else_is_found() -> None:
    history = History()
    history.commit(an_order_row(user_id=an_id(77)))
    assert "I16" in history.broken
