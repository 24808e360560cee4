"""Amends are facts too: whichever order they and the fills come in, the order ends the same."""

from collections.abc import Callable
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.domain.kinds import DoneReason, Lifecycle, OrderStatus
from engine.domain.order import OrderState
from engine.domain.order_amend import AmendFact, apply_amend
from engine.domain.order_facts import Outcome
from tests.engine.domain.test_order import a_status
from tests.support.domain import a_fill, an_order

D = Decimal
Fact = Callable[[OrderState], Outcome]


def an_amend(at: int, quantity: str, price: str | None = None) -> AmendFact:
    return AmendFact(at_ns=at, quantity=D(quantity), price=None if price is None else D(price))


def test_the_newest_amend_counts() -> None:
    order = an_order()
    apply_amend(order, an_amend(20, "3"))
    assert not apply_amend(order, an_amend(10, "2")).changed
    assert order.quantity == D(3)


def test_a_larger_quantity_opens_what_only_its_fills_had_ended() -> None:
    order = an_order(quantity="1")
    order.apply_fill(a_fill("t1", quantity="1"))
    assert order.status is OrderStatus.FILLED
    apply_amend(order, an_amend(10, "2"))
    assert (order.status, order.open_quantity) == (OrderStatus.PARTIAL, D(1))


def test_an_end_that_the_venue_has_told_stays() -> None:
    order = an_order(quantity="1")
    order.apply_status(a_status(at=5, reason=DoneReason.CANCELLED))
    apply_amend(order, an_amend(10, "2"))
    assert order.lifecycle is Lifecycle.DONE


def test_a_quantity_below_what_is_filled_ends_it() -> None:
    order = an_order(quantity="1")
    order.apply_fill(a_fill("t1", quantity="0.6"))
    apply_amend(order, an_amend(10, "0.5"))
    assert (order.status, order.open_quantity) == (OrderStatus.FILLED, D(0))


amends = st.builds(an_amend, st.integers(1, 3), st.sampled_from(["0.3", "0.5", "1", "1.4"]))
FACTS: st.SearchStrategy[Fact] = st.one_of(
    amends.map(lambda fact: lambda order: apply_amend(order, fact)),
    st.sampled_from(["t1", "t2", "t3"]).map(
        lambda trade: lambda order: order.apply_fill(a_fill(trade, quantity="0.5"))
    ),
    st.builds(a_status, at=st.integers(0, 3), reason=st.sampled_from([None, None, DoneReason.CANCELLED])).map(
        lambda status: lambda order: order.apply_status(status)
    ),
    st.sampled_from(["t1", "t2"]).map(lambda trade: lambda order: order.apply_void(trade)),
    st.just(lambda order: order.apply_unknown()),
)


@given(facts=st.lists(FACTS, max_size=7), data=st.data())
def test_any_order_of_arrival_ends_in_one_order(facts: list[Fact], data: st.DataObject) -> None:
    first, second = an_order(quantity="1"), an_order(quantity="1")
    repeats = data.draw(st.lists(st.sampled_from(facts), max_size=3)) if facts else []
    for fact in facts:
        fact(first)
    for fact in data.draw(st.permutations([*facts, *repeats])):
        fact(second)
    assert second == first
