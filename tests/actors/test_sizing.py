from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from actors.sizing import Holding, PendingOrder, clip_target, order_for
from engine.domain.identifiers import OrderId
from engine.domain.kinds import Side
from tests.actors.test_exposures import booked, changed
from tests.support.cell_builders import an_id, an_intent
from tests.support.domain import a_perpetual, a_spot

D = Decimal
PERPETUAL = a_perpetual()


def test_a_flip_orders_twice_the_size() -> None:
    assert order_for(D("-0.010"), D("0.010"), PERPETUAL) == (Side.SELL, D("0.020"))


def test_what_is_missing_is_rounded_down_to_the_step() -> None:
    assert order_for(D("0.0109"), D(0), PERPETUAL) == (Side.BUY, D("0.010"))


def test_nothing_is_ordered_for_less_than_the_smallest_order() -> None:
    assert order_for(D("0.0104"), D("0.010"), PERPETUAL) is None
    assert order_for(D("0.010"), D("0.010"), PERPETUAL) is None


def test_spot_is_never_short() -> None:
    assert clip_target(D(-1), a_spot(), D(100), None) == D(0)
    assert clip_target(D(-1), PERPETUAL, D(100), None) == D(-1)


def test_an_allocation_bounds_the_position() -> None:
    assert clip_target(D(1), PERPETUAL, D(60_000), D(6_000)) == D("0.1")
    assert clip_target(D(-1), PERPETUAL, D(60_000), D(6_030)) == D("-0.1")
    assert clip_target(D("0.05"), PERPETUAL, D(60_000), D(6_000)) == D("0.05")


def holding(**intent: Any) -> Holding:
    held = Holding()
    held.ordered(an_intent(**intent))
    return held


def test_an_order_on_its_way_counts_as_held() -> None:
    held = holding(quantity="0.1")
    assert held.size(PERPETUAL.symbol) == D(0)
    assert held.foreseen(PERPETUAL.symbol) == D("0.1")
    assert holding(quantity="0.1", side=Side.SELL).foreseen(PERPETUAL.symbol) == D("-0.1")


@pytest.mark.parametrize("is_end_first", [True, False])
def test_the_end_may_come_before_the_fill_and_after_it(is_end_first: bool) -> None:
    held = holding()
    end = changed(is_done=True, filled_quantity="0.04", expected_quantity="0.04")
    steps: list[Callable[[], object]] = [
        partial(held.changed, end),
        partial(held.filled, booked("0.04").fill, PERPETUAL),
    ]
    for step in steps if is_end_first else reversed(steps):
        step()
    assert held.foreseen(PERPETUAL.symbol) == held.size(PERPETUAL.symbol) == D("0.04")
    assert held.pending == {}


def test_a_status_that_tells_of_missing_fills_keeps_the_order_pending() -> None:
    held = holding()
    held.changed(changed(is_done=True, filled_quantity="0", expected_quantity="0.1"))
    assert held.foreseen(PERPETUAL.symbol) == D("0.1")


def test_a_fill_after_the_order_was_over_is_held() -> None:
    held = Holding()
    held.filled(booked("0.1").fill, PERPETUAL)
    assert held.size(PERPETUAL.symbol) == D("0.1")


def test_a_pending_order_of_a_restart_expects_its_rest() -> None:
    held = Holding()
    held.pending[OrderId(an_id(1))] = PendingOrder(PERPETUAL.symbol, Side.BUY, D("0.1"), booked=D("0.03"))
    assert held.foreseen(PERPETUAL.symbol) == D("0.07")
