"""The chase stays at the touch, within bounds, and never wants more than is left."""

from decimal import Decimal

import msgspec

from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderType
from tests.support.plan_bench import PlanBench

BUY = {"side": "buy", "quantity": "10", "repeg_ticks": 2, "max_distance_percent": "1"}


def test_it_rests_at_the_touch_and_moves_only_by_more_than_the_ticks(spot: Instrument) -> None:
    bench = PlanBench("chase", BUY, spot)
    order = bench.wanted()["chase"]
    assert (order.price, order.post_only) == (Decimal(100), True)
    bench.price = Decimal("100.2")
    bench.advance()
    assert not bench.order("chase").is_cancelling
    bench.price = Decimal("100.3")
    bench.advance()
    assert bench.order("chase").is_cancelling
    bench.fill("chase", "4")
    bench.end("chase")
    order = bench.wanted()["chase"]
    assert (order.price, order.quantity) == (Decimal("100.3"), Decimal(6))


def test_it_counts_in_the_ticks_of_the_price_at_which_it_is(spot: Instrument) -> None:
    """Of three significant figures, prices from 100 on go in steps of 1."""
    bench = PlanBench("chase", BUY | {"max_distance_percent": "10"}, msgspec.structs.replace(spot, price_figures=3))
    bench.advance()
    bench.price = Decimal(102)
    bench.advance()
    assert not bench.order("chase").is_cancelling
    bench.price = Decimal(103)
    bench.advance()
    assert bench.order("chase").is_cancelling


def test_it_follows_no_further_than_it_may(spot: Instrument) -> None:
    bench = PlanBench("chase", BUY, spot)
    bench.advance()
    bench.price = Decimal(150)
    bench.advance()
    bench.end("chase")
    assert bench.wanted()["chase"].price == 101


def test_it_ends_when_it_is_filled(spot: Instrument) -> None:
    bench = PlanBench("chase", BUY, spot)
    bench.advance()
    bench.fill("chase")
    assert bench.advance().finished == "filled"


def test_at_the_timeout_the_rest_is_taken_at_the_market_once_nothing_else_can_fill(spot: Instrument) -> None:
    bench = PlanBench("chase", BUY | {"timeout": 60, "then": "market"}, spot)
    bench.advance()
    bench.fill("chase", "4")
    bench.now_ns += 60_000_000_000
    assert bench.wanted() == {}
    bench.end("chase")
    rest = bench.wanted()["rest"]
    assert (rest.type, rest.quantity) == (OrderType.MARKET, Decimal(6))
    bench.fill("rest")
    assert bench.advance().finished == "filled"


def test_at_the_timeout_it_can_also_simply_end(spot: Instrument) -> None:
    bench = PlanBench("chase", BUY | {"timeout": 60}, spot)
    bench.advance()
    bench.now_ns += 60_000_000_000
    bench.advance()
    bench.end("chase")
    assert bench.advance().finished == "time_over"


def test_somebody_elses_cancel_ends_it(spot: Instrument) -> None:
    bench = PlanBench("chase", BUY, spot)
    bench.advance()
    bench.end("chase")
    assert bench.advance().finished == "cancelled_by_another"


def test_without_a_quote_it_waits(spot: Instrument) -> None:
    bench = PlanBench("chase", BUY, spot)
    view = bench.view()
    plan = bench.running.policy.plan(msgspec.structs.replace(view, bid=None, ask=None))
    assert (plan.wanted, plan.needs_market) == ({}, True)
