"""Every rule of an order's life by hand."""

from decimal import Decimal
from uuid import UUID

import pytest

from engine.domain.errors import BadInput
from engine.domain.kinds import DoneReason, Lifecycle, OrderStatus, RequestKind, RequestState
from engine.domain.order_facts import (
    CHANGED,
    UNCHANGED,
    Alarm,
    CumulativeFact,
    Outcome,
    RequestFact,
    StatusFact,
)
from tests.support.domain import a_fill, an_order

D = Decimal


def a_sum(quantity: str, price: str = "60000", fee: str = "0", at_ns: int = 5) -> CumulativeFact:
    return CumulativeFact(quantity=D(quantity), average_price=D(price), fee=D(fee), fee_asset="USDT", at_ns=at_ns)


def a_status(at: int, filled: str = "0", reason: DoneReason | None = None, **more: object) -> StatusFact:
    return StatusFact(venue_time_ns=at, filled_quantity=D(filled), done_reason=reason, **more)  # type: ignore[arg-type]


# --- The usual lives -------------------------------------------------------------------------------------------------


def test_an_order_that_is_accepted_and_filled_in_two_parts() -> None:
    order = an_order("0.3")
    seen = [(order.status, order.status_detail)]
    order.apply_submitted()
    seen.append((order.status, order.status_detail))
    order.apply_accepted("v1", 10)
    seen.append((order.status, order.status_detail))
    assert order.apply_fill(a_fill("t1", "0.1", "60000")) == Outcome(changed=True, book=(a_fill("t1", "0.1", "60000"),))
    seen.append((order.status, order.status_detail))
    order.apply_fill(a_fill("t2", "0.2", "60300", fee="1.5"))
    seen.append((order.status, order.status_detail))
    assert seen == [
        (OrderStatus.PENDING, "created"),
        (OrderStatus.PENDING, "submitting"),
        (OrderStatus.OPEN, None),
        (OrderStatus.PARTIAL, None),
        (OrderStatus.FILLED, None),
    ]
    assert (order.lifecycle, order.done_reason) == (Lifecycle.DONE, DoneReason.FILLED)
    assert (order.filled_quantity, order.average_price, order.fees) == (D("0.3"), D(60200), {"USDT": D("2.0")})
    assert order.external_order_id == "v1"
    assert order.open_quantity == 0


def test_the_average_price_is_rounded_to_what_a_column_holds() -> None:
    order = an_order("3")
    assert order.average_price is None
    order.apply_fill(a_fill("a", "1", "100"))
    order.apply_fill(a_fill("b", "2", "101"))
    assert order.average_price == D("100.666666666666666667")


def test_a_fill_before_the_acknowledgement_implies_it() -> None:
    order = an_order()
    order.apply_submitted()
    order.apply_fill(a_fill())
    assert (order.lifecycle, order.status) == (Lifecycle.WORKING, OrderStatus.PARTIAL)


def test_unknown_is_left_on_evidence_only_and_never_entered_from_working() -> None:
    order = an_order()
    order.apply_submitted()
    assert order.apply_unknown() == CHANGED
    assert (order.status, order.status_detail, order.open_quantity) == (OrderStatus.PENDING, "unknown", D(1))
    assert order.apply_submitted() == UNCHANGED
    order.apply_accepted("v1", 10)
    assert order.apply_unknown() == UNCHANGED
    assert order.lifecycle is Lifecycle.WORKING


@pytest.mark.parametrize(
    ("reason", "status", "detail"),
    [
        (DoneReason.CANCELLED, OrderStatus.CANCELLED, None),
        (DoneReason.EXPIRED, OrderStatus.EXPIRED, None),
        (DoneReason.REJECTED, OrderStatus.REJECTED, None),
        (DoneReason.DENIED, OrderStatus.REJECTED, "denied"),
        (DoneReason.NEVER_EXISTED, OrderStatus.REJECTED, "never_existed"),
        (DoneReason.FILLED, OrderStatus.FILLED, None),
    ],
)
def test_every_end_has_its_word(reason: DoneReason, status: OrderStatus, detail: str | None) -> None:
    order = an_order()
    assert order.apply_done(reason).changed
    assert (order.is_done, order.done_reason, order.status, order.status_detail) == (True, reason, status, detail)
    assert order.apply_done(reason) == UNCHANGED


# --- Late, double, contradictory -------------------------------------------------------------------------------------


def test_a_fill_ten_minutes_after_the_cancel_is_booked() -> None:
    order = an_order()
    order.apply_status(a_status(10, reason=DoneReason.CANCELLED))
    late = a_fill(executed_at_ns=600_000_000_000)
    assert order.apply_fill(late) == Outcome(changed=True, book=(late,))
    assert (order.status, order.filled_quantity, order.is_late_fill) == (OrderStatus.CANCELLED, D("0.1"), False)


@pytest.mark.parametrize("reason", [DoneReason.REJECTED, DoneReason.NEVER_EXISTED, DoneReason.DENIED])
@pytest.mark.parametrize(("quantity", "end"), [("0.1", DoneReason.CANCELLED), ("1", DoneReason.FILLED)])
def test_a_fill_proves_a_refusal_wrong(reason: DoneReason, quantity: str, end: DoneReason) -> None:
    order = an_order()
    order.apply_done(reason)
    outcome = order.apply_fill(a_fill(quantity=quantity))
    assert (outcome.alarms, outcome.book) == ((Alarm.LATE_FILL,), (a_fill(quantity=quantity),))
    assert (order.done_reason, order.is_late_fill) == (end, True)


def test_a_refusal_after_a_fill_raises_the_same_alarm() -> None:
    order = an_order()
    order.apply_fill(a_fill())
    assert order.apply_done(DoneReason.REJECTED).alarms == (Alarm.LATE_FILL,)
    assert (order.done_reason, order.is_late_fill) == (DoneReason.CANCELLED, True)


def test_an_order_that_shows_up_after_a_refusal_is_alarmed_once() -> None:
    order = an_order()
    order.apply_done(DoneReason.NEVER_EXISTED)
    assert order.apply_accepted("v1", 10).alarms == (Alarm.EXISTS_AFTER_ALL,)
    assert order.apply_accepted("v1", 11).alarms == ()
    assert order.is_done


def test_a_repeated_trade_changes_nothing() -> None:
    order = an_order()
    order.apply_fill(a_fill())
    assert order.apply_fill(a_fill(price="60000.00")) == UNCHANGED
    assert order.filled_quantity == D("0.1")


def test_a_trade_with_two_contents_is_booked_once_and_the_other_kept_as_evidence() -> None:
    order = an_order()
    small, large = a_fill(quantity="0.1"), a_fill(quantity="0.2")
    order.apply_fill(small)
    outcome = order.apply_fill(large)
    assert (outcome.reverse, outcome.book, outcome.alarms) == ((small,), (large,), (Alarm.CONFLICTING_TRADE,))
    assert order.apply_fill(small) == UNCHANGED
    smaller = a_fill(quantity="0.05")
    assert order.apply_fill(smaller) == Outcome(changed=True, alarms=(Alarm.CONFLICTING_TRADE,), evidence=(smaller,))
    assert (order.filled_quantity, set(order.evidence)) == (D("0.2"), {small, smaller})


def test_an_overfill_is_booked_and_alarmed_once() -> None:
    order = an_order("0.1")
    order.apply_fill(a_fill("a", "0.1"))
    outcome = order.apply_fill(a_fill("b", "0.1"))
    assert (outcome.book, outcome.alarms) == ((a_fill("b", "0.1"),), (Alarm.OVERFILL,))
    assert order.apply_fill(a_fill("c", "0.1")).alarms == ()
    assert (order.is_overfilled, order.filled_quantity, order.status) == (True, D("0.3"), OrderStatus.FILLED)


def test_a_void_of_a_known_trade_reverses_it_and_of_an_unknown_one_leaves_a_tombstone() -> None:
    order = an_order()
    order.apply_fill(a_fill("a"))
    assert order.apply_void("a") == Outcome(changed=True, reverse=(a_fill("a"),), alarms=(Alarm.VOIDED,))
    assert order.apply_void("a") == UNCHANGED
    assert order.apply_fill(a_fill("a")) == UNCHANGED
    assert order.apply_void("b") == CHANGED
    assert order.apply_fill(a_fill("b")) == Outcome(changed=True)
    assert (order.filled_quantity, order.average_price) == (D(0), None)
    assert not order.fees


def test_a_filled_order_of_which_a_trade_was_voided_stays_filled() -> None:
    order = an_order("0.1")
    order.apply_fill(a_fill("a"))
    order.apply_void("a")
    assert (order.status, order.filled_quantity) == (OrderStatus.FILLED, D(0))


# --- Statuses --------------------------------------------------------------------------------------------------------


def test_a_status_never_sets_the_filled_quantity_but_tells_what_is_missing() -> None:
    order = an_order()
    order.apply_fill(a_fill("a", "0.1"))
    order.apply_status(a_status(10, filled="0.4"))
    assert (order.filled_quantity, order.missing_quantity) == (D("0.1"), D("0.3"))
    order.apply_fill(a_fill("b", "0.3"))
    assert (order.filled_quantity, order.missing_quantity, order.open_quantity) == (D("0.4"), D(0), D("0.6"))


def test_filled_without_trades_then_the_trades_are_booked_once() -> None:
    order = an_order("0.2")
    order.apply_status(a_status(10, filled="0.2", reason=DoneReason.FILLED))
    assert (order.status, order.filled_quantity, order.open_quantity) == (OrderStatus.FILLED, D(0), D("0.2"))
    order.apply_fill(a_fill("a"))
    assert order.apply_fill(a_fill("a")) == UNCHANGED
    order.apply_fill(a_fill("b"))
    assert (order.filled_quantity, order.open_quantity, order.is_overfilled) == (D("0.2"), D(0), False)


def test_an_older_status_changes_nothing() -> None:
    order = an_order()
    order.apply_status(a_status(10, filled="0.2", sequence=3, external_order_id="new"))
    before = order.venue_at
    assert order.apply_status(a_status(10, filled="0.1", sequence=2, external_order_id="old")) == UNCHANGED
    assert order.apply_status(a_status(9, filled="0.2")) == UNCHANGED
    assert (order.venue_at, order.external_order_id, order.reported_quantity) == (before, "new", D("0.2"))


def test_an_end_told_by_an_older_status_still_ends_the_order() -> None:
    order = an_order()
    order.apply_status(a_status(10))
    assert order.apply_status(a_status(9, reason=DoneReason.CANCELLED)).changed
    assert (order.status, order.venue_at) == (OrderStatus.CANCELLED, (10, 0))


@pytest.mark.parametrize("ended_at_ns", [10, 9])
def test_the_end_says_what_is_filled_whatever_a_living_status_says_beside_it(ended_at_ns: int) -> None:
    """The last word carries no sequence, and may come from a clock that was set back."""
    facts = [
        a_status(10, filled="0.1", sequence=3),
        a_status(ended_at_ns, filled="0.2", reason=DoneReason.FILLED),
    ]
    for order_of_arrival in (facts, facts[::-1]):
        order = an_order("0.2")
        order.apply_fill(a_fill("a"))
        for status in order_of_arrival:
            order.apply_status(status)
        assert (order.missing_quantity, order.open_quantity) == (D("0.1"), D("0.1"))


def test_a_stronger_reason_replaces_a_weaker_one_and_not_the_other_way() -> None:
    order = an_order()
    order.apply_status(a_status(10, reason=DoneReason.EXPIRED))
    assert order.apply_status(a_status(11, reason=DoneReason.CANCELLED)).changed
    order.apply_status(a_status(12, reason=DoneReason.EXPIRED))
    assert order.done_reason is DoneReason.CANCELLED


# --- Inferred fills --------------------------------------------------------------------------------------------------


def test_an_inferred_fill_stands_in_for_missing_trades_until_they_come() -> None:
    order = an_order()
    order.apply_fill(a_fill("a", "0.1", "60000"))
    first = order.apply_cumulative(a_sum("0.4", "60300", fee="0.8"))
    (inferred,) = first.book
    assert (inferred.quantity, inferred.price, inferred.fee, inferred.inferred) == (D("0.3"), D(60400), D("0.3"), True)
    assert (order.filled_quantity, order.average_price) == (D("0.4"), D(60300))
    real = a_fill("b", "0.2", "60500")
    second = order.apply_fill(real)
    assert second.reverse == (inferred,)
    assert second.book[0] == real
    assert [(fill.quantity, fill.price) for fill in second.book[1:]] == [(D("0.1"), D(60200))]
    last = order.apply_fill(a_fill("c", "0.1", "60200"))
    assert (last.reverse, last.book) == (second.book[1:], (a_fill("c", "0.1", "60200"),))
    assert (order.inferred, order.filled_quantity, order.average_price) == (None, D("0.4"), D(60300))


def test_a_sum_that_the_trades_explain_books_nothing() -> None:
    order = an_order()
    order.apply_fill(a_fill("a", "0.4"))
    assert order.apply_cumulative(a_sum("0.4")) == Outcome(changed=True)
    assert order.apply_cumulative(a_sum("0.3")) == UNCHANGED


def test_a_larger_sum_replaces_the_inferred_fill() -> None:
    order = an_order()
    (first,) = order.apply_cumulative(a_sum("0.4")).book
    outcome = order.apply_cumulative(a_sum("1"))
    assert outcome.reverse == (first,)
    assert [fill.quantity for fill in outcome.book] == [D(1)]
    assert order.status is OrderStatus.FILLED


def test_a_sum_that_contradicts_the_trades_is_booked_at_its_own_price() -> None:
    order = an_order()
    order.apply_fill(a_fill("a", "0.5", "60000"))
    (inferred,) = order.apply_cumulative(a_sum("0.6", "100")).book
    assert (inferred.quantity, inferred.price) == (D("0.1"), D(100))


def test_a_voided_trade_is_not_inferred_again() -> None:
    order = an_order()
    order.apply_cumulative(a_sum("0.1"))
    order.apply_fill(a_fill("a", "0.1"))
    order.apply_void("a")
    assert (order.inferred, order.filled_quantity) == (None, D(0))


# --- Requests --------------------------------------------------------------------------------------------------------


def test_a_cancel_request_has_its_own_life_and_hides_no_fill() -> None:
    order = an_order()
    order.apply_accepted("v1", 1)
    request_id = UUID(int=7)
    for state in (RequestState.REQUESTED, RequestState.UNKNOWN, RequestState.REFUSED):
        assert order.apply_request(request_id, RequestKind.CANCEL, state) == CHANGED
    assert order.apply_request(request_id, RequestKind.CANCEL, RequestState.UNKNOWN) == UNCHANGED
    order.apply_fill(a_fill())
    assert order.status is OrderStatus.PARTIAL
    assert order.requests == {request_id: RequestFact(RequestKind.CANCEL, RequestState.REFUSED)}


# --- Refused at birth ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "Infinity"])
def test_an_order_without_a_quantity_is_refused(quantity: str) -> None:
    with pytest.raises(BadInput, match="quantity"):
        an_order(quantity)


@pytest.mark.parametrize(
    ("field", "bad"),
    [("price", "0"), ("price", "NaN"), ("quantity", "-1"), ("fee", "Infinity"), ("executed_at_ns", -1)],
)
def test_an_impossible_fill_is_refused(field: str, bad: object) -> None:
    with pytest.raises(BadInput, match=field):
        a_fill(**{field: bad})  # type: ignore[arg-type]


def test_an_inferred_fill_is_no_trade() -> None:
    with pytest.raises(BadInput, match="inferred"):
        an_order().apply_fill(a_fill(inferred=True))


def test_what_the_venue_takes_back_before_it_shows_it_is_not_missed_for_ever() -> None:
    order = an_order()
    order.apply_status(a_status(at=5, filled="0.4"))
    order.apply_fill(a_fill("t1", quantity="0.3"))
    order.apply_void("t2")
    assert order.missing_quantity == D("0.1")
    order.apply_status(a_status(at=6, filled="0.3"))
    order.apply_status(a_status(at=5, filled="0.4"))
    assert order.missing_quantity == D(0)
