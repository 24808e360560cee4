"""An order that the venue knows no more is over, until it shows again."""

from decimal import Decimal

from engine.domain.kinds import DoneReason, OrderStatus
from engine.domain.order_gone import apply_gone, apply_return, is_back
from tests.engine.domain.test_order import a_status
from tests.support.domain import a_fill, an_order

D = Decimal


def test_an_order_that_is_gone_reads_as_cancelled_and_holds_nothing() -> None:
    order = an_order(quantity="1")
    order.apply_status(a_status(at=5))
    assert apply_gone(order).changed
    assert (order.status, order.status_detail, order.open_quantity) == (OrderStatus.CANCELLED, "gone", D(0))
    assert is_back(order)


def test_fills_that_come_late_are_booked_and_may_fill_it() -> None:
    order = an_order(quantity="1")
    order.apply_status(a_status(at=5))
    apply_gone(order)
    order.apply_fill(a_fill("t1", quantity="1"))
    assert (order.status, order.status_detail) == (OrderStatus.FILLED, None)


def test_an_order_that_is_back_counts_until_the_venue_ends_it() -> None:
    order = an_order(quantity="1")
    order.apply_status(a_status(at=5))
    apply_gone(order)
    apply_return(order)
    assert (order.is_phantom, order.open_quantity, order.status_detail) == (True, D(1), "exists_after_all")
    order.apply_status(a_status(at=9, reason=DoneReason.CANCELLED))
    assert (order.is_phantom, order.status, order.status_detail) == (False, OrderStatus.CANCELLED, None)
    assert not is_back(order)
