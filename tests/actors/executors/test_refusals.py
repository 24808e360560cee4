"""Whoever is refused waits longer each time; what does not protect gives up, and so does what has nothing to close."""

from decimal import Decimal

import pytest

from actors.executors.closing import FLATTEN
from actors.executors.plan import NS_PER_S, Wanted
from actors.executors.refusals import REFUSALS_MAX, RETRY_MAX_NS, wait, why_given_up
from actors.executors.running import SlotOrder
from engine.domain.identifiers import OrderId
from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderType, Side
from tests.support.plan_bench import PlanBench

LONG = {"side": "buy", "quantity": "10", "entry_price": "100", "stop_price": "90"}


def refused(bench: PlanBench, slot: str, times: int, *, is_protective: bool = False) -> SlotOrder:
    """Return the order of a slot that was refused so often in a row."""
    terms = Wanted(side=Side.SELL, type=OrderType.MARKET, quantity=Decimal(1), is_protective=is_protective)
    bench.running.placed(slot, OrderId(bench.running.row.id), terms)
    bench.running.slot(slot).refusals = times
    return SlotOrder(slot, OrderId(bench.running.row.id), terms)


def test_the_wait_doubles_up_to_its_limit(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    refused(bench, "entry", 1)
    slot = bench.running.slot("entry")
    waits = []
    for slot.refusals in (1, 2, 3, 7, 50):
        wait(slot, 0)
        waits.append(slot.retry_at_ns)
    assert waits == [NS_PER_S, 2 * NS_PER_S, 4 * NS_PER_S, RETRY_MAX_NS, RETRY_MAX_NS]


@pytest.mark.parametrize("times", [REFUSALS_MAX - 1, REFUSALS_MAX])
def test_what_does_not_protect_gives_up(times: int, perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    reason = why_given_up(bench.running, refused(bench, "entry", times), "margin")
    assert reason == (None if times < REFUSALS_MAX else f"entry: refused {times} times, margin")


def test_what_protects_never_gives_up(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    assert why_given_up(bench.running, refused(bench, "stop", 100, is_protective=True), "reduce_only") is None


@pytest.mark.parametrize(("code", "gives_up"), [("reduce_only", True), ("balance", True), ("account_not_ready", False)])
def test_a_position_that_somebody_else_has_closed_is_not_closed_for_ever(
    code: str, gives_up: bool, perpetual: Instrument
) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    order = refused(bench, FLATTEN, REFUSALS_MAX, is_protective=True)
    assert (why_given_up(bench.running, order, code) is not None) is gives_up
