"""Whatever a venue does with the orders, no policy ever wants too much, nor ends while something may still happen."""

from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.executors.policies import policy_of
from actors.executors.settings import KINDS, ExecutorSettings
from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderStatus, Side
from tests.support.domain import a_perpetual, a_spot
from tests.support.plan_bench import PlanBench

S: Final = 1_000_000_000
RULES: Final = {"tick_size": "0.1", "step_size": "0.01", "min_quantity": "0.01", "min_notional": "1"}
SPOT, PERPETUAL = a_spot(**RULES), a_perpetual(**RULES)

PLANS: Final[dict[str, dict[str, Any]]] = {
    "bracket": {"quantity": "2", "entry_price": "100", "stop_price": "90", "take_price": "110", "entry_timeout": 900},
    "twap": {"quantity": "5", "duration": 600, "slices": 6, "limit_price": "105"},
    "grid": {"quantity": "1", "lower_price": "90", "upper_price": "110", "levels": 4, "stop_price": "80"},
    "dca": {"quantity": "1", "safety_orders": 3, "step_percent": "2", "take_percent": "2", "stop_percent": "12"},
    "chase": {"quantity": "3", "timeout": 900, "then": "market"},
}
MOST: Final = {"bracket": Decimal(2), "twap": Decimal(5), "dca": Decimal(4), "chase": Decimal(3)}
"""What a plan may enter at most; a grid trades again and again, three cells of one unit at a time."""
HELD_MOST: Final = MOST | {"grid": Decimal(3)}


def bench_of(kind: str, instrument: Instrument) -> PlanBench:
    return PlanBench(kind, {"side": "buy", **PLANS[kind]}, instrument)


def step(bench: PlanBench, data: st.DataObject) -> None:
    """Let the venue, the market or time do one thing."""
    living = [name for name, _ in bench.living()]
    what = data.draw(st.sampled_from(["accept", "fill", "part", "end", "refuse", "expire", "market", "time"]))
    if what == "market":
        bench.price = Decimal(data.draw(st.integers(70, 130)))
    elif what == "time":
        bench.now_ns += data.draw(st.integers(1, 200)) * S
    elif living:
        name = data.draw(st.sampled_from(sorted(living)))
        if what == "accept":
            bench.accept(name)
        elif what == "fill":
            bench.fill(name)
        elif what == "part":
            bench.fill(name, data.draw(st.sampled_from(["0.01", "0.005", "0.5"])))
        else:
            ends = {"end": OrderStatus.CANCELLED, "refuse": OrderStatus.REJECTED, "expire": OrderStatus.EXPIRED}
            bench.end(name, ends[what])


def check_orders(bench: PlanBench, seen: int) -> int:
    """Check every order that was placed since the last look: the venue would take it, and there is reason for it."""
    for name, order in bench.placed[seen:]:
        broken = bench.instrument.check_order(
            type=order.type, quantity=order.quantity, price=order.price, stop_price=order.stop_price,
            reference_price=bench.price, reduce_only=True,
        )  # fmt: skip
        assert not broken, (name, order, broken)
    return len(bench.placed)


@pytest.mark.parametrize("instrument", [SPOT, PERPETUAL], ids=["spot", "perpetual"])
@pytest.mark.parametrize("kind", sorted(PLANS))
@given(data=st.data())
def test_nothing_ever_adds_up_to_too_much(kind: str, instrument: Instrument, data: st.DataObject) -> None:
    bench = bench_of(kind, instrument)
    seen = 0
    for _ in range(data.draw(st.integers(1, 40))):
        plan = bench.advance()
        seen = check_orders(bench, seen)
        bought, sold = bench.filled(Side.BUY), bench.filled(Side.SELL)
        may_buy = sum((o.terms.quantity - o.booked for _, o in bench.living() if o.terms.side is Side.BUY), Decimal(0))
        assert bought - sold + may_buy <= HELD_MOST[kind], "more could be held than was asked for"
        if kind in MOST:
            assert bought + may_buy <= MOST[kind], "more could be bought than was asked for"
        resting = [o.terms.quantity - o.booked for _, o in bench.living() if o.terms.side is Side.SELL]
        if not instrument.is_perpetual:
            assert sum(resting, Decimal(0)) <= bought - sold, "more could be sold than is held"
        for left in resting:
            assert left <= bought - sold or instrument.is_perpetual
        if plan.finished is not None:
            assert not bench.living(), "it ended while an order could still fill"
            return
        step(bench, data)


@pytest.mark.parametrize("instrument", [SPOT, PERPETUAL], ids=["spot", "perpetual"])
@pytest.mark.parametrize("kind", sorted(set(PLANS) - {"grid"}))
@given(data=st.data())
def test_every_plan_comes_to_an_end(kind: str, instrument: Instrument, data: st.DataObject) -> None:
    """Where the venue at last does what it is told and the market rises, a plan ends too."""
    bench = bench_of(kind, instrument)
    for _ in range(data.draw(st.integers(0, 15))):
        if bench.advance().finished is not None:
            return
        step(bench, data)
    bench.price = Decimal(125)
    for _ in range(60):
        if bench.advance().finished is not None:
            return
        bench.now_ns += 100 * S
        bench.price += 2
        for name, order in bench.living():
            if order.is_cancelling:
                bench.end(name)
            elif order.terms.stop_price is None:
                bench.fill(name)
    pytest.fail(f"no end: {bench.plan}")


def test_every_kind_has_a_policy() -> None:
    assert set(PLANS) == set(KINDS)
    with pytest.raises(TypeError, match="settings of a known kind"):
        policy_of(ExecutorSettings(side=Side.BUY))
