"""What leaves for a venue: only what is committed, once, under the living fence, and not against a halt."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from engine.domain.identifiers import AccountId, OrderId
from engine.domain.kinds import OrderType, Scope, Side, TradingState
from engine.messages.risk import HaltAnswer
from engine.messages.rows import OrderRow, TradingStateRow
from engine.messages.venues import VenueAmend, VenueCancel, VenueSubmit
from engine.simulation.ports import Fault
from tests.support.cell_builders import START_NS, USER
from tests.support.histories import VENUE, History, an_order_row, done, working


def a_submit(order: OrderRow, **changes: Any) -> VenueSubmit:
    """Return the order as it goes to the venue."""
    fields: dict[str, Any] = {
        "order_id": OrderId(order.id), "account_id": AccountId(order.account_id), "venue": VENUE,
        "venue_client_id": order.venue_client_id, "symbol": order.symbol, "side": Side(order.side),
        "type": OrderType(order.type), "quantity": order.quantity, "price": order.price,
        "valid_until_ns": START_NS + 5_000_000_000, "fence": 1,
    }  # fmt: skip
    return VenueSubmit(**fields | changes)


def a_history(*orders: OrderRow) -> History:
    """Return a history in which these orders are committed."""
    history = History()
    history.commit(*orders)
    return history


def test_a_committed_order_may_leave_once() -> None:
    order = an_order_row()
    history = a_history(order)
    history.auditor.on_send("a1", VENUE, a_submit(order))
    assert history.broken == []
    assert history.auditor.sends.submits == 1
    history.auditor.on_send("a1", VENUE, a_submit(order))
    assert history.broken == ["I2"]


def test_an_order_that_is_not_committed_is_found() -> None:
    history = a_history()
    history.auditor.on_send("a1", VENUE, a_submit(an_order_row()))
    assert history.broken == ["I3"]


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": Decimal(1)},
        {"price": None},
        {"side": Side.SELL},
        {"reduce_only": True},
        {"venue_client_id": "x"},
        {"valid_until_ns": START_NS + 9_000_000_000},
    ],
    ids=str,
)
def test_an_order_that_leaves_otherwise_than_it_is_stored_is_found(changes: dict[str, Any]) -> None:
    order = an_order_row()
    history = a_history(order)
    history.auditor.on_send("a1", VENUE, a_submit(order, **changes))
    assert history.broken == ["I3"]


def test_a_closed_order_that_leaves_is_found() -> None:
    order = an_order_row()
    history = a_history(order)
    history.commit(done(order, "cancelled"))
    history.auditor.on_send("a1", VENUE, a_submit(order))
    assert history.broken == ["I4"]


def test_an_order_that_leaves_after_its_time_is_found() -> None:
    order = an_order_row()
    history = a_history(order)
    history.clock.advance_to(START_NS + 6_000_000_000)
    history.auditor.on_send("a1", VENUE, a_submit(order))
    assert history.broken == ["I11"]


def test_a_clock_that_is_wrong_excuses_so_much() -> None:
    order = an_order_row()
    history = a_history(order)
    history.auditor.on_fault(Fault(kind="clock_skew", at_ns=0, value=-2_000_000_000))
    history.clock.advance_to(START_NS + 6_000_000_000)
    history.auditor.on_send("a1", VENUE, a_submit(order))
    assert history.broken == []


def test_an_order_under_a_fence_that_is_over_is_found() -> None:
    order = an_order_row()
    history = a_history(order)
    history.commit(n=1, fence=2, process="b1")
    history.auditor.on_send("a1", VENUE, a_submit(order))
    assert history.broken == ["I11"]


def a_cancel_message(order: OrderRow) -> VenueCancel:
    """Return a cancel under the first fence."""
    return VenueCancel(
        order_id=OrderId(order.id),
        account_id=AccountId(order.account_id),
        venue_client_id=order.venue_client_id,
        external_order_id=None,
        symbol=order.symbol,
        fence=1,
    )


def test_a_cancel_of_a_frozen_owner_that_wakes_is_found() -> None:
    order = an_order_row()
    history = a_history(order)
    history.commit(n=1, fence=2, process="b1")
    history.auditor.on_send("a1", VENUE, a_cancel_message(order))
    assert history.broken == ["I11"]


def test_while_the_database_is_away_cancels_may_leave() -> None:
    order = an_order_row()
    history = a_history(order)
    history.commit(n=1, fence=2, process="b1")
    history.auditor.on_fault(Fault(kind="db_away", at_ns=0, duration_ns=1_000_000_000))
    history.auditor.on_send("a1", VENUE, a_cancel_message(order))
    assert history.broken == []


def halt(history: History, scope: Scope = Scope.USER, scope_id: UUID = USER) -> None:
    """Let a halt be stored and acknowledged."""
    row = TradingStateRow(
        user_id=USER,
        scope=scope.value,
        scope_id=scope_id,
        state="halted",
        reason="look",
        changed_at=START_NS,
        changed_by="test",
    )
    history.commit(row)
    history.auditor.promises.halt_answered(scope, scope_id, HaltAnswer(state=TradingState.HALTED))


def test_a_new_order_after_a_halt_is_found() -> None:
    order = an_order_row()
    history = a_history(order)
    halt(history)
    history.auditor.on_send("a1", VENUE, a_submit(order))
    assert history.broken == ["I12"]


def test_what_only_reduces_may_leave_after_a_halt() -> None:
    order = an_order_row(reduce_only=True)
    history = a_history(order)
    halt(history)
    history.auditor.on_send("a1", VENUE, a_submit(order, reduce_only=True))
    assert history.broken == []


def test_an_amend_that_enlarges_after_a_halt_is_found() -> None:
    order = working(an_order_row())
    history = a_history(order)
    halt(history, Scope.ACCOUNT, order.account_id)
    amend = VenueAmend(
        request_id=order.id,
        order_id=OrderId(order.id),
        account_id=AccountId(order.account_id),
        venue_client_id=order.venue_client_id,
        external_order_id=None,
        symbol=order.symbol,
        quantity=Decimal(1),
        valid_until_ns=START_NS,
    )
    history.auditor.on_send("a1", VENUE, amend)
    assert history.broken == ["I3", "I12"]
    history.auditor.on_send("a1", VENUE, msgspec.structs.replace(amend, quantity=Decimal("0.01")))
    assert history.broken == ["I3", "I12", "I3"]
