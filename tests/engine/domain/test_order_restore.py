"""A restored order reacts to later facts as the one that never died."""

from uuid import UUID

from hypothesis import assume, given
from hypothesis import strategies as st

from engine.domain.kinds import DoneReason, Lifecycle, RequestKind, RequestState
from engine.domain.order import OrderState
from engine.domain.order_facts import FillFact, RequestFact
from engine.domain.order_restore import restore_order
from tests.engine.domain.test_order import a_sum
from tests.engine.domain.test_order_confluence import Fact, facts, replay
from tests.support.domain import a_fill, an_order


def stored_and_restored(order: OrderState, booked: list[FillFact]) -> OrderState:
    """Go through what the tables hold: the columns of the order, its booked trades, its tombstones."""
    voided = [fill for trade_id, fill in order.trades.items() if trade_id in order.voided]
    return restore_order(
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        lifecycle=order.lifecycle,
        done_reason=order.done_reason,
        external_order_id=order.external_order_id or None,
        venue_time_ns=order.venue_at[0],
        late_fill=order.is_late_fill,
        trades=[*booked, *voided],
        voided=order.voided,
        requests=order.requests,
    )


def test_a_working_order_comes_back_with_its_fills_and_requests() -> None:
    order = an_order()
    order.apply_accepted("v1", 10)
    order.apply_fill(a_fill("a"))
    order.apply_request(UUID(int=5), RequestKind.CANCEL, RequestState.REQUESTED)
    restored = stored_and_restored(order, [a_fill("a")])
    assert restored == order
    assert restored.requests == {UUID(int=5): RequestFact(RequestKind.CANCEL, RequestState.REQUESTED)}
    assert not restored.apply_fill(a_fill("a")).changed


def test_an_order_that_never_left_comes_back_as_it_was() -> None:
    for lifecycle in (Lifecycle.CREATED, Lifecycle.SUBMITTING, Lifecycle.UNKNOWN):
        order = an_order()
        order.lifecycle = lifecycle
        assert stored_and_restored(order, []) == order


def test_a_refused_order_still_knows_that_a_fill_is_late() -> None:
    order = an_order()
    order.apply_done(DoneReason.REJECTED)
    restored = stored_and_restored(order, [])
    restored.apply_fill(a_fill())
    assert (restored.is_late_fill, restored.done_reason) == (True, DoneReason.CANCELLED)


def test_an_inferred_fill_is_still_replaced_by_the_trade() -> None:
    order = an_order()
    order.apply_fill(a_fill("a", "0.1", "60000.1"))
    (inferred,) = order.apply_cumulative(a_sum("0.4", "60300.7", fee="0.7")).book
    restored = stored_and_restored(order, [a_fill("a", "0.1", "60000.1"), inferred])
    assert (restored.inferred, restored.filled_value) == (inferred, order.filled_value)
    outcome = restored.apply_fill(a_fill("b", "0.3", "60400"))
    assert (outcome.reverse, outcome.book) == ((inferred,), (a_fill("b", "0.3", "60400"),))
    assert restored.inferred is None


@given(st.lists(facts, max_size=8), st.lists(facts, max_size=4))
def test_a_restart_between_two_facts_changes_nothing_that_is_stored(before: list[Fact], after: list[Fact]) -> None:
    order, booked = replay(before)
    # Which refusal a late fill proved wrong is not stored; it reads as cancelled from then on.
    assume(not order.is_late_fill)
    restored = stored_and_restored(order, booked)
    seen: set[bytes] = set()
    for state in (order, restored):
        for fact in after:
            fact(state)
        seen.add(
            repr(
                (
                    state.status, state.status_detail, state.lifecycle, state.done_reason, state.is_overfilled,
                    state.filled_quantity.normalize(), state.traded_quantity.normalize(), sorted(state.voided),
                )
            ).encode()
        )  # fmt: skip
    assert len(seen) == 1
