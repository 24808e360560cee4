"""Of the two ways out only one is ever at the venue."""

from decimal import Decimal

import msgspec
import pytest

from actors.executors.exits import STOP, TAKE, TOUCH_AGAIN_NS, exits, is_same, unprotected
from actors.executors.plan import Ended, Living, SlotView, View, Wanted
from engine.domain.identifiers import OrderId
from engine.domain.instrument import Instrument
from engine.domain.kinds import DoneReason, OrderType, Side, TimeInForce
from tests.support.cell_builders import an_id
from tests.support.plan_bench import START_NS

D = Decimal


def a_view(instrument: Instrument, bid: str = "100", **slots: SlotView) -> View:
    return View(
        now_ns=START_NS, started_ns=START_NS, instrument=instrument, slots=slots, bid=D(bid), ask=D(bid) + 1,
        is_spot=not instrument.is_perpetual,
    )  # fmt: skip


def a_living(order: Wanted, **changes: object) -> SlotView:
    living = Living(order_id=OrderId(an_id(1)), order=order, **changes)  # type: ignore[arg-type]
    return SlotView(generation=1, living=living)


def a_stop(quantity: str = "5") -> Wanted:
    return Wanted(side=Side.SELL, type=OrderType.STOP, quantity=D(quantity), stop_price=D(90), is_protective=True)


def test_the_stop_rests_while_the_target_is_far(spot: Instrument) -> None:
    assert set(exits(a_view(spot), Side.BUY, D(5), D(90), D(120))) == {STOP}


def test_the_target_takes_its_place_only_when_the_stop_has_ended(spot: Instrument) -> None:
    resting = a_view(spot, "121", stop=a_living(a_stop()))
    assert exits(resting, Side.BUY, D(5), D(90), D(120)) == {}
    gone = a_view(spot, "121", stop=SlotView(generation=1, ended=Ended(reason=DoneReason.CANCELLED, at_ns=START_NS)))
    (take,) = exits(gone, Side.BUY, D(5), D(90), D(120)).values()
    assert (take.price, take.time_in_force) == (D(120), TimeInForce.IOC)


def test_after_a_try_the_stop_guards_for_a_moment(spot: Instrument) -> None:
    tried = SlotView(generation=1, ended=Ended(reason=DoneReason.EXPIRED, at_ns=START_NS))
    view = a_view(spot, "121", take=tried)
    assert set(exits(view, Side.BUY, D(5), D(90), D(120))) == {STOP}
    later = msgspec.structs.replace(view, now_ns=START_NS + TOUCH_AGAIN_NS)
    assert set(exits(later, Side.BUY, D(5), D(90), D(120))) == {TAKE}


@pytest.mark.parametrize(
    ("stop", "take", "names"), [(D(90), None, {STOP}), (None, D(120), {TAKE}), (None, None, set())]
)
def test_one_alone_rests(stop: Decimal | None, take: Decimal | None, names: set[str], spot: Instrument) -> None:
    assert set(exits(a_view(spot), Side.BUY, D(5), stop, take)) == names


def test_nothing_is_wanted_for_what_cannot_be_sold(spot: Instrument) -> None:
    assert exits(a_view(spot), Side.BUY, D("0.001"), D(90), D(120)) == {}
    assert unprotected(a_view(spot), D("0.001"), D(90)) == 0


def test_only_a_confirmed_stop_protects(spot: Instrument) -> None:
    assert unprotected(a_view(spot), D(5), D(90)) == 5
    assert unprotected(a_view(spot, stop=a_living(a_stop())), D(5), D(90)) == 5
    assert unprotected(a_view(spot, stop=a_living(a_stop("4"), is_working=True)), D(5), D(90)) == 1
    assert unprotected(a_view(spot), D(5), None) == 0


def test_an_order_is_the_same_if_its_terms_and_its_rest_are() -> None:
    living = Living(order_id=OrderId(an_id(1)), order=a_stop("5"), filled=D(2))
    assert is_same(living, a_stop("3"))
    assert not is_same(living, a_stop("5"))
    assert not is_same(living, msgspec.structs.replace(a_stop("3"), stop_price=D(91)))
