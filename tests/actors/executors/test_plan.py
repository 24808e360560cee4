"""What a policy can ask of its facts."""

from decimal import Decimal

import pytest

from actors.executors.plan import Ended, SlotView, View, Wanted, opposite, total, tradable
from engine.domain.instrument import Instrument
from engine.domain.kinds import DoneReason, OrderType, Side
from tests.support.plan_bench import PlanBench

D = Decimal


@pytest.mark.parametrize(
    ("quantity", "price", "expected"),
    [
        ("1.239", "100", "1.23"),
        ("0.009", "100", "0"),
        ("0.01", "99", "0"),
        ("0.01", None, "0.01"),
        ("5000", "1", "1000"),
    ],
)
def test_an_amount_is_rounded_down_to_what_may_be_ordered(
    quantity: str, price: str | None, expected: str, spot: Instrument
) -> None:
    assert tradable(spot, D(quantity), None if price is None else D(price)) == D(expected)


def test_a_slot_is_over_when_its_order_has_run_its_course() -> None:
    assert not SlotView().is_over
    assert SlotView(generation=1, ended=Ended(reason=DoneReason.FILLED, at_ns=1)).is_over
    assert SlotView(generation=1, ended=Ended(reason=DoneReason.EXPIRED, at_ns=1)).is_over
    assert SlotView(generation=1, ended=Ended(reason=DoneReason.CANCELLED, at_ns=1, is_foreign=True)).is_over
    for reason in (DoneReason.REJECTED, DoneReason.DENIED, DoneReason.NEVER_EXISTED, DoneReason.CANCELLED):
        assert not SlotView(generation=1, ended=Ended(reason=reason, at_ns=1)).is_over


def test_sides_of_the_book(spot: Instrument) -> None:
    view: View = PlanBench("chase", {"side": "buy", "quantity": "1"}, spot).view()
    assert (view.touch(Side.BUY), view.touch(Side.SELL)) == (D(100), D("100.1"))
    assert (view.cross(Side.BUY), view.cross(Side.SELL)) == (D("100.1"), D(100))
    assert (opposite(Side.BUY), opposite(Side.SELL)) == (Side.SELL, Side.BUY)


def test_families_of_slots_add_up(spot: Instrument) -> None:
    bench = PlanBench("twap", {"side": "buy", "quantity": "1", "duration": 10, "slices": 2}, spot)
    bench.advance()
    bench.fill("slice:0", "0.2")
    assert total(bench.view(), "slice:") == D("0.2")
    assert total(bench.view(), "level:") == 0
    assert bench.view().slot("slice:0").average_price == 100
    assert bench.view().slot("slice:1").average_price is None


def test_what_lives_can_be_kept_as_it_is(spot: Instrument) -> None:
    bench = PlanBench("chase", {"side": "buy", "quantity": "1"}, spot)
    bench.advance()
    bench.fill("chase", "0.4")
    living = bench.view().slot("chase").living
    assert living is not None
    expected = Wanted(side=Side.BUY, type=OrderType.LIMIT, quantity=D("0.6"), price=D(100), post_only=True)
    assert living.keep() == expected
