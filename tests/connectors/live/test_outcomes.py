"""A refusal is told only on proof; all else is unknown, or did not leave."""

from typing import Any

import pytest

from connectors.bridge.errors import (
    AuthRefused,
    ClockOff,
    Duplicate,
    Limited,
    Maintenance,
    NotSent,
    Refused,
    Unknown,
)
from connectors.live.departures import Command, CommandDeparture
from connectors.live.outcomes import cannot_tell, outcome
from engine.messages.venues import (
    VenueAmendRefused,
    VenueCancelRefused,
    VenueNotSent,
    VenueRejected,
    VenueUnknown,
)
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.plain_rig import PlainRig

DESK = LiveDesk(PlainRig())
SUBMIT = DESK.a_submit()
CANCEL = DESK.a_cancel(SUBMIT)
AMEND = DESK.an_amend(SUBMIT)


def comes_to(command: Command, error: Exception, *, has_left: bool = True) -> Any:
    departure = CommandDeparture(command, now_ns=lambda: 0, is_fenced=lambda _: False)
    departure.has_left = has_left
    return outcome(departure, error, 5)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("insufficient_funds"), "insufficient_funds"),
        (AuthRefused("no_permission"), "auth_no_permission"),
        (ClockOff("-1021"), "clock_off"),
    ],
)
def test_a_proven_refusal_is_a_rejection(error: Exception, code: str) -> None:
    rejected = comes_to(SUBMIT, error)
    assert isinstance(rejected, VenueRejected)
    assert rejected.code == code
    assert rejected.order_id == SUBMIT.order_id
    refused = comes_to(AMEND, error)
    assert isinstance(refused, VenueAmendRefused)
    assert (refused.code, refused.request_id) == (code, AMEND.request_id)


@pytest.mark.parametrize(
    "error", [Unknown("timeout"), Duplicate("-4116"), Maintenance(), KeyError("price"), ZeroDivisionError(), OSError()]
)
def test_what_proves_nothing_is_unknown_once_it_has_left(error: Exception) -> None:
    assert isinstance(comes_to(SUBMIT, error), VenueUnknown)
    assert comes_to(CANCEL, error).code == "unknown"
    assert comes_to(AMEND, error).code == "unknown"


@pytest.mark.parametrize("error", [Unknown("timeout"), NotSent("fenced"), KeyError("price"), Limited(1)])
def test_what_has_not_left_was_not_sent_whatever_the_error(error: Exception) -> None:
    assert isinstance(comes_to(SUBMIT, error, has_left=False), VenueNotSent)


def test_a_cancel_of_what_the_venue_does_not_list_is_refused_though_it_has_not_left() -> None:
    # Where cancels go by the venue's own id, the order is looked for first.
    refused = comes_to(CANCEL, Refused("unknown_order"), has_left=False)
    assert isinstance(refused, VenueCancelRefused)
    assert refused.code == "unknown_order"
    assert comes_to(CANCEL, Unknown("timeout"), has_left=False).code == "unknown"


@pytest.mark.parametrize("error", [Limited(1), Maintenance(is_definite=True), NotSent("busy")])
def test_what_the_venue_did_not_look_at_counts_as_not_sent(error: Exception) -> None:
    assert isinstance(comes_to(SUBMIT, error), VenueNotSent)


def test_a_cancel_is_refused_by_the_venues_word_or_unknown() -> None:
    refused = comes_to(CANCEL, Refused("already_done"))
    assert isinstance(refused, VenueCancelRefused)
    assert refused.code == "already_done"
    assert comes_to(CANCEL, AuthRefused("bad_key")).code == "unknown"
    assert comes_to(CANCEL, NotSent("fenced"), has_left=False).code == "fenced"
    assert comes_to(CANCEL, NotSent("rate_limited"), has_left=False).code == "unknown"


def test_a_query_without_an_answer_cannot_tell() -> None:
    assert cannot_tell(Unknown("timeout", "no answer")).why == "timeout no answer"
    assert cannot_tell(KeyError("x")).why == "unreadable answer (KeyError)"
