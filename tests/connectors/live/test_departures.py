"""The last look: lease, time, and what was withdrawn."""

import pytest

from connectors.bridge.departure import Free, Priority
from connectors.bridge.errors import NotSent
from connectors.live.departures import Command, CommandDeparture, QueryDeparture
from engine.messages.venues import AccountQuery, VenueCancel
from engine.runtime import fault_points
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.plain_rig import PlainRig
from tests.support.venues.rig import RIG_ACCOUNT

DESK = LiveDesk(PlainRig())


def a_cancel() -> VenueCancel:
    return DESK.a_cancel(DESK.a_submit())


def departure(command: Command, *, now_ns: int = 0, is_fenced: bool = False) -> CommandDeparture:
    return CommandDeparture(command, now_ns=lambda: now_ns, is_fenced=lambda _: is_fenced)


def code_of(leave: CommandDeparture) -> str:
    with pytest.raises(NotSent) as error:
        leave.leaving()
    assert not leave.has_left
    return error.value.code


def test_an_order_leaves_until_its_time_is_over() -> None:
    submit = DESK.a_submit(valid_until_ns=100)
    departure(submit, now_ns=100).leaving()
    assert code_of(departure(submit, now_ns=101)) == "expired_before_send"


def test_a_cancel_leaves_whatever_the_time() -> None:
    departure(a_cancel(), now_ns=10**30).leaving()


def test_nothing_leaves_without_its_lease() -> None:
    assert code_of(departure(DESK.a_submit(), is_fenced=True)) == "fenced"
    assert code_of(departure(a_cancel(), is_fenced=True)) == "fenced"


def test_what_was_withdrawn_or_given_up_does_not_leave() -> None:
    leave = departure(DESK.a_submit())
    leave.is_withdrawn = True
    assert code_of(leave) == "cancelled_before_send"
    leave = departure(DESK.a_submit())
    leave.is_given_up = True
    assert code_of(leave) == "expired_before_send"


def test_cancels_and_reductions_go_before_what_opens_risk() -> None:
    assert departure(a_cancel()).priority is Priority.CANCEL
    assert departure(DESK.a_submit(reduce_only=True)).priority is Priority.REDUCE
    assert departure(DESK.a_submit()).priority is Priority.OPEN
    assert departure(DESK.an_amend(DESK.a_submit())).priority is Priority.OPEN


def test_commands_and_queries_pass_their_fault_points() -> None:
    passed: list[str] = []
    fault_points.arm(passed.append)
    try:
        for leave in (departure(DESK.a_submit()), departure(a_cancel()), departure(DESK.an_amend(DESK.a_submit()))):
            leave.leaving()
            leave.left()
        query = QueryDeparture(AccountQuery(account_id=RIG_ACCOUNT))
        query.leaving()
        query.left()
    finally:
        fault_points.arm(None)
    assert passed == [
        f"{path}.{step}" for path in ("submit", "cancel", "amend", "query") for step in ("sending", "sent")
    ]


def test_a_query_may_leave_again() -> None:
    assert isinstance(QueryDeparture(AccountQuery(account_id=RIG_ACCOUNT)), Free)
