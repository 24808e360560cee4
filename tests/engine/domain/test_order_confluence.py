"""The same facts in any order of arrival, with any repeats, end in one order."""

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from engine.domain.kinds import DoneReason, Liquidity, RequestKind, RequestState
from engine.domain.order import OrderState
from engine.domain.order_facts import UNCHANGED, FillFact, Outcome
from tests.engine.domain.test_order import a_status, a_sum
from tests.support.domain import a_fill, an_order

D = Decimal
Fact = Callable[[OrderState], Outcome]


def fill_fact(fill: FillFact) -> Fact:
    return lambda order: order.apply_fill(fill)


fills = st.builds(
    a_fill,
    trade_id=st.sampled_from(["t1", "t2", "t3"]),
    quantity=st.sampled_from(["0.1", "0.3", "0.6", "1"]),
    price=st.sampled_from(["60000", "61000.5", "1"]),
    fee=st.sampled_from(["0", "0.5", "-0.1"]),
    fee_asset=st.sampled_from(["USDT", "BNB"]),
    liquidity=st.sampled_from(list(Liquidity)),
    executed_at_ns=st.sampled_from([1, 2]),
)
statuses = st.builds(
    a_status,
    at=st.integers(0, 3),
    filled=st.sampled_from(["0", "0.1", "1"]),
    reason=st.sampled_from([None, None, *DoneReason]),
    sequence=st.integers(0, 1),
    external_order_id=st.sampled_from(["", "v1", "v2"]),
)
sums = st.builds(
    a_sum,
    quantity=st.sampled_from(["0.2", "0.7", "1"]),
    price=st.sampled_from(["60000", "7"]),
    fee=st.sampled_from(["0", "0.3"]),
    at_ns=st.integers(1, 2),
)
facts: st.SearchStrategy[Fact] = st.one_of(
    st.just(lambda order: order.apply_submitted()),
    st.just(lambda order: order.apply_unknown()),
    fills.map(fill_fact),
    fills.map(fill_fact),
    st.sampled_from(["t1", "t2", "t3"]).map(lambda trade_id: lambda order: order.apply_void(trade_id)),
    statuses.map(lambda status: lambda order: order.apply_status(status)),
    sums.map(lambda fact: lambda order: order.apply_cumulative(fact)),
    st.sampled_from(list(DoneReason)).map(lambda reason: lambda order: order.apply_done(reason)),
    st.tuples(st.integers(1, 2), st.sampled_from(list(RequestState))).map(
        lambda pair: lambda order: order.apply_request(UUID(int=pair[0]), RequestKind.CANCEL, pair[1])
    ),
)


def replay(some_facts: list[Fact]) -> tuple[OrderState, list[FillFact]]:
    """Apply facts to a fresh order; return it and what is booked after all reversals."""
    order, booked = an_order(), list[FillFact]()
    for fact in some_facts:
        outcome = fact(order)
        for fill in outcome.reverse:
            booked.remove(fill)
        booked += outcome.book
    return order, booked


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Fact], list[Fact]]:
    """Draw a set of facts, and the same facts in another order with some of them repeated."""
    some = draw(st.lists(facts, max_size=8))
    repeats = draw(st.lists(st.sampled_from(some), max_size=4)) if some else []
    return some, draw(st.permutations(some + repeats))


@given(arrivals())
def test_any_order_of_arrival_and_any_repeats_end_in_one_state(both: tuple[list[Fact], list[Fact]]) -> None:
    (one, booked_one), (other, booked_other) = replay(both[0]), replay(both[1])
    assert one == other
    assert sorted(booked_one, key=lambda fill: fill.trade_id) == sorted(booked_other, key=lambda fill: fill.trade_id)
    assert (one.status, one.status_detail, one.done_reason) == (other.status, other.status_detail, other.done_reason)
    assert (one.average_price, one.is_late_fill, one.is_overfilled) == (
        other.average_price,
        other.is_late_fill,
        other.is_overfilled,
    )


@given(st.lists(facts, max_size=10))
def test_what_is_booked_is_what_the_order_counts(some: list[Fact]) -> None:
    order, booked = replay(some)
    assert sum((fill.quantity for fill in booked), D(0)) == order.filled_quantity
    assert sum((fill.value for fill in booked), D(0)) == order.filled_value
    fees: dict[str, Decimal] = {}
    for fill in booked:
        fees[fill.fee_asset] = fees.get(fill.fee_asset, D(0)) + fill.fee
    assert {asset: fee for asset, fee in fees.items() if fee} == order.fees


@given(st.lists(facts, max_size=10))
def test_the_lifecycle_never_falls_and_an_end_always_has_a_reason(some: list[Fact]) -> None:
    order = an_order()
    for fact in some:
        before = order.lifecycle
        fact(order)
        assert order.lifecycle >= before
        assert (order.done_reason is not None) == order.is_done
        assert order.open_quantity >= 0


@given(st.lists(facts, max_size=8), facts)
def test_a_repeat_of_a_fact_changes_nothing(some: list[Fact], fact: Fact) -> None:
    order, _ = replay([*some, fact])
    outcome = fact(order)
    assert outcome == UNCHANGED
    assert order == replay([*some, fact])[0]
