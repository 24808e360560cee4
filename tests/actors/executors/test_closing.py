"""What an executor holds is closed once, and what was closed too much is taken back, each in a slot of its own side."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from actors.executors.closing import BACK, FLATTEN, closing
from engine.domain.identifiers import OrderId
from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderType, Side
from tests.support.plan_bench import PlanBench

LONG = {"side": "buy", "quantity": "10", "entry_price": "100", "stop_price": "90"}
MARKS = cast("Any", SimpleNamespace(price=lambda *_: Decimal(100)))


def closed(bench: PlanBench, *, is_asked: bool = True) -> dict[str, tuple[Side, Decimal]]:
    wanted = closing(bench.running, MARKS, is_asked=is_asked)
    for order in wanted.values():
        assert (order.type, order.is_protective) in ((OrderType.MARKET, True), (OrderType.LIMIT, False))
    return {name: (order.side, order.quantity) for name, order in wanted.items()}


def holding(perpetual: Instrument, quantity: str = "4") -> PlanBench:
    """Return a bracket that has bought so much, and whose entry has ended."""
    bench = PlanBench("bracket", LONG, perpetual)
    bench.advance()
    bench.fill("entry", quantity)
    bench.end("entry")
    return bench


def test_what_is_held_is_closed_when_somebody_asks(perpetual: Instrument) -> None:
    bench = holding(perpetual)
    assert closed(bench) == {FLATTEN: (Side.SELL, Decimal(4))}
    assert closed(bench, is_asked=False) == {}


def test_nothing_is_closed_while_an_order_may_still_fill(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    bench.advance()
    bench.fill("entry", "4")
    assert closed(bench) == {}


@pytest.mark.parametrize("is_asked", [True, False])
def test_the_order_that_closes_is_left_alone(*, is_asked: bool, perpetual: Instrument) -> None:
    bench = holding(perpetual)
    order = closing(bench.running, MARKS, is_asked=True)[FLATTEN]
    bench.running.placed(FLATTEN, OrderId(bench.running.row.id), order)
    assert closed(bench, is_asked=is_asked) == {FLATTEN: (Side.SELL, Decimal(4))}


def test_what_an_overfill_has_closed_too_much_is_taken_back_once(perpetual: Instrument) -> None:
    bench = holding(perpetual)
    order = closing(bench.running, MARKS, is_asked=True)[FLATTEN]
    bench.running.placed(FLATTEN, OrderId(bench.running.row.id), order)
    bench.order(FLATTEN).terms = order
    bench.fill(FLATTEN)
    bench.running.slots[FLATTEN].filled += Decimal("0.5")
    assert closed(bench) == {BACK: (Side.BUY, Decimal("0.5"))}
    bench.running.placed(BACK, OrderId(bench.running.row.id), closing(bench.running, MARKS, is_asked=True)[BACK])
    bench.fill(BACK)
    assert bench.running.net_quantity == 0
    assert closed(bench) == {}
