"""Slices come at their times, carry over what was left, and never add up to more than the whole."""

from decimal import Decimal

from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderType
from tests.support.plan_bench import START_NS, PlanBench

S = 1_000_000_000
TEN = {"side": "buy", "quantity": "10", "duration": 100, "slices": 10}


def test_each_slice_is_an_equal_share_at_its_time(spot: Instrument) -> None:
    bench = PlanBench("twap", TEN, spot)
    for number in range(10):
        bench.now_ns = START_NS + number * 10 * S
        wanted = bench.wanted()
        assert {name: (each.quantity, each.type) for name, each in wanted.items()} == {
            f"slice:{number}": (Decimal(1), OrderType.MARKET)
        }
        bench.fill(f"slice:{number}")
    assert bench.advance().finished == "filled"


def test_it_wakes_for_the_next_slice(spot: Instrument) -> None:
    bench = PlanBench("twap", TEN, spot)
    wake_ns = bench.advance().wake_at_ns
    assert wake_ns is not None
    bench.fill("slice:0")
    bench.now_ns = wake_ns
    assert set(bench.wanted()) == {"slice:1"}


def test_what_a_limited_slice_leaves_goes_into_the_next_ones(spot: Instrument) -> None:
    bench = PlanBench("twap", TEN | {"limit_price": "101"}, spot)
    assert bench.wanted()["slice:0"].price == 100
    bench.fill("slice:0", "0.1")
    bench.now_ns += 10 * S
    assert bench.wanted() == {}  # The first may still fill.
    assert bench.order("slice:0").is_cancelling
    bench.fill("slice:0", "0.2")
    bench.end("slice:0")
    assert bench.wanted()["slice:1"].quantity == Decimal("1.07")


def test_a_limited_slice_never_pays_more_than_the_limit(spot: Instrument) -> None:
    bench = PlanBench("twap", TEN | {"limit_price": "99"}, spot)
    assert bench.wanted()["slice:0"].price == 99


def test_it_ends_at_its_time_with_what_it_has(spot: Instrument) -> None:
    bench = PlanBench("twap", TEN | {"limit_price": "99"}, spot)
    bench.advance()
    bench.now_ns += 100 * S
    plan = bench.advance()
    assert (plan.wanted, plan.finished) == ({}, None)
    bench.end("slice:0")
    assert bench.advance().finished == "time_over"


def test_a_share_below_the_minimum_waits_for_the_next(spot: Instrument) -> None:
    tiny = {"side": "buy", "quantity": "0.03", "duration": 30, "slices": 3}
    bench = PlanBench("twap", tiny, spot, price="40")  # 0.01 is worth less than the smallest notional.
    assert bench.wanted() == {}
    bench.now_ns += 20 * S
    assert bench.wanted()["slice:2"].quantity == Decimal("0.03")
