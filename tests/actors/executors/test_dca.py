"""Averaging in: steps below, one target that follows the average, and one way out."""

from decimal import Decimal

from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderType
from tests.support.plan_bench import PlanBench

PLAN = {
    "side": "buy", "quantity": "1", "safety_orders": 2, "step_percent": "2", "step_scale": "2", "size_scale": "2",
    "take_percent": "1",
}  # fmt: skip


def test_it_enters_then_rests_deeper_and_larger(perpetual: Instrument) -> None:
    bench = PlanBench("dca", PLAN, perpetual)
    assert {name: each.type for name, each in bench.wanted().items()} == {"base": OrderType.MARKET}
    bench.fill("base", price=Decimal(100))
    wanted = bench.wanted()
    assert {name: (each.price, each.quantity) for name, each in wanted.items()} == {
        "safety:0": (Decimal(98), Decimal(2)),
        "safety:1": (Decimal(94), Decimal(4)),
        "take": (Decimal(101), Decimal(1)),
    }


def test_the_target_follows_the_average(perpetual: Instrument) -> None:
    bench = PlanBench("dca", PLAN, perpetual)
    bench.advance()
    bench.fill("base", price=Decimal(101))
    bench.advance()
    bench.fill("safety:0", price=Decimal(98))
    bench.advance()
    assert bench.order("take").is_cancelling
    bench.end("take")
    take = bench.wanted()["take"]
    assert (take.price, take.quantity) == (Decimal("100.0"), Decimal(3))  # 99 and one per cent, on the tick.


def test_the_target_ends_it(perpetual: Instrument) -> None:
    bench = PlanBench("dca", PLAN, perpetual)
    bench.advance()
    bench.fill("base", price=Decimal(100))
    bench.advance()
    bench.fill("take")
    assert bench.wanted() == {}
    for name in ("safety:0", "safety:1"):
        bench.end(name)
    assert bench.advance().finished == "target_reached"
    assert bench.running.realized_pnl == 1


def test_a_safety_order_that_ended_is_not_made_again(perpetual: Instrument) -> None:
    bench = PlanBench("dca", PLAN, perpetual)
    bench.advance()
    bench.fill("base", price=Decimal(100))
    bench.advance()
    bench.end("safety:0")
    assert set(bench.wanted()) == {"safety:1", "take"}


def test_a_stop_guards_all_of_it(perpetual: Instrument) -> None:
    bench = PlanBench("dca", PLAN | {"stop_percent": "10"}, perpetual)
    bench.advance()
    bench.fill("base", price=Decimal(100))
    plan = bench.advance()
    assert (plan.wanted["stop"].stop_price, plan.unprotected) == (Decimal(90), Decimal(1))
