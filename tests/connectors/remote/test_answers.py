"""What may answer what, and what a request without an answer comes to."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from connectors.remote.answers import ANSWERS, misfit, not_sent, refused, without_answer
from engine.domain.identifiers import OrderId
from engine.domain.kinds import DoneReason, Liquidity, Side
from engine.messages.base import Message
from engine.messages.remote import RemoteRefused
from engine.messages.venues import (
    AccountOpened,
    AccountQuery,
    ArmDeadMan,
    CannotTell,
    DeadManArmed,
    FillsQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueAmended,
    VenueAmendRefused,
    VenueCancelRefused,
    VenueFill,
    VenueFills,
    VenueNotSent,
    VenueOrderDone,
    VenueUnknown,
)
from tests.connectors.remote.support import (
    ACCOUNT,
    NOW_NS,
    OTHER,
    VENUE,
    a_cancel,
    a_submit,
    accepted,
    an_account,
    an_amend,
)
from tests.connectors.remote.test_checks import an_order

replace = msgspec.structs.replace
SUBMIT = a_submit()
CANCEL = a_cancel(SUBMIT)
AMEND = an_amend(SUBMIT)
ORDER = OrderQuery(account_id=ACCOUNT, symbol=SUBMIT.symbol, venue_client_id=SUBMIT.venue_client_id)
FOUND = OrderFound(order=an_order(venue_client_id=SUBMIT.venue_client_id, symbol=SUBMIT.symbol))
DONE = VenueOrderDone(
    account_id=ACCOUNT, venue_client_id=SUBMIT.venue_client_id, external_order_id="1", symbol=SUBMIT.symbol,
    reason=DoneReason.CANCELLED, filled_quantity=Decimal(0), venue_time_ns=NOW_NS,
)  # fmt: skip
AMENDED = VenueAmended(
    request_id=AMEND.request_id, order_id=AMEND.order_id, account_id=ACCOUNT, external_order_id="1",
    quantity=Decimal(2), price=None, stop_price=None, venue_time_ns=NOW_NS,
)  # fmt: skip
FILL = VenueFill(
    account_id=ACCOUNT, venue=VENUE, symbol=SUBMIT.symbol, side=Side.BUY, venue_client_id=SUBMIT.venue_client_id,
    external_order_id="1", external_trade_id="t1", price=Decimal(5), quantity=Decimal(1), fee=Decimal(0),
    fee_asset="USDT", liquidity=Liquidity.TAKER, executed_at_ns=NOW_NS, cursor="1",
)  # fmt: skip
FILLS = FillsQuery(account_id=ACCOUNT, cursor=None)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (SUBMIT, accepted(SUBMIT)), (CANCEL, DONE), (AMEND, AMENDED), (ORDER, FOUND),
        (ORDER, OrderAbsent(venue_time_ns=1)), (FILLS, VenueFills(fills=(FILL,), cursor="1")),
        (replace(FILLS, venue_client_id="c"), VenueFills(fills=(replace(FILL, venue_client_id="c"),), cursor="1")),
        (ArmDeadMan(account_id=ACCOUNT, timeout_ns=5), DeadManArmed(account_id=ACCOUNT, until_ns=6)),
        (an_account(), AccountOpened(account_id=ACCOUNT, created=True)),
        (AccountQuery(account_id=ACCOUNT), CannotTell(why="x")),
    ],
)  # fmt: skip
def test_an_answer_to_the_request_fits(request_: Message, answer: Message) -> None:
    assert misfit(request_, answer, VENUE) is None


@pytest.mark.parametrize(
    ("request_", "answer", "says"),
    [
        (SUBMIT, DONE, "VenueOrderDone to VenueSubmit"),
        (SUBMIT, accepted(SUBMIT, account_id=OTHER), "another account_id in VenueAccepted"),
        (SUBMIT, accepted(a_submit(2)), "another order_id in VenueAccepted"),
        (CANCEL, replace(DONE, venue_client_id="c"), "another venue_client_id in VenueOrderDone"),
        (CANCEL, replace(DONE, symbol="ETH/USDT"), "another symbol in VenueOrderDone"),
        (AMEND, replace(AMENDED, request_id=OrderId(AMEND.order_id)), "another request_id in VenueAmended"),
        (ORDER, replace(FOUND, order=replace(FOUND.order, venue_client_id="c")), "another venue_client_id in Order"),
        (FILLS, VenueFills(fills=(replace(FILL, account_id=OTHER),), cursor="1"), "another account_id in VenueFills"),
        (FILLS, VenueFills(fills=(replace(FILL, venue="x"),), cursor="1"), "another venue in VenueFills"),
        (replace(FILLS, venue_client_id="c"), VenueFills(fills=(FILL,), cursor="1"), "another venue_client_id in"),
        (an_account(), AccountOpened(account_id=OTHER, created=True), "another account_id in AccountOpened"),
        (AccountQuery(account_id=ACCOUNT), VenueFills(fills=(), cursor=None), "VenueFills to AccountQuery"),
    ],
)
def test_the_answer_to_another_request_does_not(request_: Message, answer: Message, says: str) -> None:
    found = misfit(request_, answer, VENUE)
    assert found is not None
    assert found.startswith(says)


def kind(message: Any) -> tuple[str, str]:
    return type(message).__name__, getattr(message, "code", getattr(message, "why", ""))


@pytest.mark.parametrize(
    ("code", "outcomes"),
    [
        ("rate_limited", ["VenueNotSent rate_limited", "VenueAmendRefused rate_limited", "CannotTell rate_limited"]),
        ("maintenance", ["VenueNotSent maintenance", "VenueAmendRefused maintenance", "CannotTell maintenance"]),
        ("not_ready", ["VenueNotSent not_ready", "VenueAmendRefused not_ready", "CannotTell not_ready"]),
        ("malformed", ["VenueUnknown malformed", "VenueAmendRefused unknown", "CannotTell malformed"]),
        ("what_is_this", ["VenueUnknown what_is_this", "VenueAmendRefused unknown", "CannotTell what_is_this"]),
    ],
)
def test_only_some_refusals_promise_that_nothing_was_done(code: str, outcomes: list[str]) -> None:
    refusal = RemoteRefused(code=code)
    assert [" ".join(kind(refused(each, refusal, NOW_NS))) for each in (SUBMIT, AMEND, ORDER)] == outcomes
    assert kind(refused(CANCEL, refusal, NOW_NS)) == ("VenueCancelRefused", "unknown")


def test_what_has_left_is_unknown_and_what_has_not_was_not_sent() -> None:
    assert without_answer(SUBMIT, "w", 1) == VenueUnknown(order_id=SUBMIT.order_id, account_id=ACCOUNT, why="w")
    assert not_sent(SUBMIT, "w", 1) == VenueNotSent(order_id=SUBMIT.order_id, account_id=ACCOUNT, why="w")
    names: dict[str, Any] = {"order_id": SUBMIT.order_id, "account_id": ACCOUNT, "venue_time_ns": 1}
    for outcome in (without_answer(CANCEL, "w", 1), not_sent(CANCEL, "w", 1)):
        assert outcome == VenueCancelRefused(**names, code="unknown")
    assert without_answer(AMEND, "w", 1) == VenueAmendRefused(**names, request_id=AMEND.request_id, code="unknown")
    assert not_sent(AMEND, "w", 1) == VenueAmendRefused(**names, request_id=AMEND.request_id, code="w")
    assert without_answer(ORDER, "w", 1) == CannotTell(why="w")


def test_every_request_has_answers() -> None:
    assert all(answers for answers in ANSWERS.values())
