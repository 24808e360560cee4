"""Commands, answers and events between a cell and a venue in another process."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.domain.kinds import OrderType
from engine.messages.base import Message
from engine.messages.remote import RemoteRefused
from engine.messages.venues import (
    AccountQuery,
    ArmDeadMan,
    CannotTell,
    DeadManArmed,
    FillsQuery,
    OpenOrdersQuery,
    OrderAbsent,
    OrderQuery,
    VenueAmendRefused,
    VenueCancel,
    VenueCancelRefused,
    VenueFills,
    VenueNotSent,
    VenueOrderUpdate,
    VenueRejected,
    VenueSubmit,
    VenueTradeVoided,
    VenueUnknown,
)
from engine.runtime.errors import Timeout
from tests.connectors.remote.support import (
    ACCOUNT,
    NOW_NS,
    OTHER,
    S,
    a_cancel,
    a_line,
    a_submit,
    accepted,
    an_amend,
    stay,
)
from tests.connectors.remote.test_answers import AMENDED, DONE, FILL
from tests.connectors.remote.test_checks import an_order

pytestmark = pytest.mark.asyncio
replace = msgspec.structs.replace

SUBMIT = a_submit()
CANCEL = a_cancel(SUBMIT)
AMEND = an_amend(SUBMIT)
NAMES: dict[str, Any] = {"order_id": SUBMIT.order_id, "account_id": ACCOUNT}
LIMITED = RemoteRefused(code="rate_limited", retry_after_ns=3 * S)


# --- Commands and their answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (SUBMIT, accepted(SUBMIT)),
        (SUBMIT, VenueRejected(**NAMES, code="funds", venue_time_ns=NOW_NS)),
        (CANCEL, DONE),
        (CANCEL, VenueCancelRefused(**NAMES, code="already_done", venue_time_ns=NOW_NS)),
        (AMEND, AMENDED),
        (AMEND, VenueAmendRefused(**NAMES, request_id=AMEND.request_id, code="too_late", venue_time_ns=NOW_NS)),
    ],
)
async def test_a_command_is_sent_once_and_its_answer_published(command: Message, answer: Message) -> None:
    async with a_line() as line:
        await line.tell(command)
        assert line.link.take(type(command)).body == command
        await line.say(answer, to=type(command))
        assert line.told() == [answer]
        await line.say(answer, to=type(command))
        assert line.told() == [], "answered twice: nobody has asked a second time"
        assert line.venue.counts["unknown_request"] == 1
        await stay(line, 20)
        assert (line.told(), line.link.count(type(command))) == ([], 1)


async def test_a_submit_without_an_answer_is_unknown_and_never_sent_again_but_a_late_answer_is_a_fact() -> None:
    async with a_line() as line:
        await line.tell(SUBMIT)
        number = line.link.take(VenueSubmit).n
        await stay(line, 6)
        assert line.told() == [VenueUnknown(**NAMES, why="no answer in time")]
        await line.say(accepted(SUBMIT), re=number)
        assert line.told() == [accepted(SUBMIT)]
        assert line.venue.counts["late_answer"] == 1
        await line.say(accepted(SUBMIT), re=number)
        assert line.told() == []
        assert line.link.count(VenueSubmit) == 1


async def test_late_answers_to_cancels_are_facts_and_late_refusals_nothing() -> None:
    async with a_line() as line:
        await line.tell(CANCEL)
        number = line.link.take(VenueCancel).n
        await stay(line, 6)
        assert line.told() == [VenueCancelRefused(**NAMES, code="unknown", venue_time_ns=NOW_NS + 5 * S)]
        await line.say(DONE, re=number)
        assert line.told() == [DONE]
        await line.tell(SUBMIT)
        number = line.link.take(VenueSubmit).n
        await stay(line, 6)
        line.told()
        await line.say(RemoteRefused(code="rate_limited"), re=number)
        assert line.told() == []


async def test_an_answer_of_an_earlier_connection_is_taken_for_nobodys() -> None:
    async with a_line() as line:
        await line.tell(SUBMIT)
        number = line.link.take(VenueSubmit).n
        line.link.inbox.put_nowait(EOFError("gone"))
        await line.dialled(2)
        await line.welcome(ACCOUNT)
        line.told()
        await line.tell(a_submit(2))
        await line.say(accepted(SUBMIT), re=number)
        assert line.told() == []
        assert line.venue.counts["unknown_request"] == 1


@pytest.mark.parametrize(
    ("code", "why"),
    [("rate_limited", "rate_limited"), ("maintenance", "maintenance"), ("not_ready", "not_ready")],
)
async def test_a_refusal_that_did_nothing_means_not_sent(code: str, why: str) -> None:
    async with a_line() as line:
        await line.tell(SUBMIT)
        await line.say(RemoteRefused(code=code), to=VenueSubmit)
        assert line.told() == [VenueNotSent(**NAMES, why=why)]


async def test_any_other_refusal_leaves_the_outcome_open() -> None:
    async with a_line() as line:
        await line.tell(SUBMIT)
        await line.say(RemoteRefused(code="malformed", message="what?"), to=VenueSubmit)
        await line.tell(CANCEL)
        await line.say(RemoteRefused(code="rate_limited"), to=VenueCancel)
        assert line.told() == [
            VenueUnknown(**NAMES, why="malformed: what?"),
            VenueCancelRefused(**NAMES, code="unknown", venue_time_ns=NOW_NS),
        ]


# --- Questions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (OrderQuery(account_id=ACCOUNT, symbol="BTC/USDT", venue_client_id="c"), OrderAbsent(venue_time_ns=5)),
        (FillsQuery(account_id=ACCOUNT, cursor=None), VenueFills(fills=(FILL,), cursor="1", has_more=True)),
        (OpenOrdersQuery(account_id=ACCOUNT, after="9"), CannotTell(why="away")),
        (ArmDeadMan(account_id=ACCOUNT, timeout_ns=5), DeadManArmed(account_id=ACCOUNT, until_ns=6)),
    ],
)
async def test_a_question_gets_the_venues_answer(query: Message, answer: Message) -> None:
    async with a_line() as line:
        reply = await line.ask(query)
        assert line.link.take(type(query)).body == query
        await line.say(answer, to=type(query))
        assert await reply == answer
        assert line.told() == []


async def test_a_question_that_is_refused_cannot_be_told_and_slows_orders_down() -> None:
    async with a_line() as line:
        reply = await line.ask(AccountQuery(account_id=ACCOUNT))
        await line.say(LIMITED, to=AccountQuery)
        assert await reply == CannotTell(why="rate_limited")
        await line.tell(SUBMIT)
        assert line.link.count(VenueSubmit) == 0
        await line.ask(AccountQuery(account_id=ACCOUNT))
        assert line.link.count(AccountQuery) == 2


async def test_an_asker_that_has_given_up_does_not_mind_the_answer() -> None:
    async with a_line() as line:
        reply = line.ref.ask(AccountQuery(account_id=ACCOUNT), timeout_s=1)
        await line.wait(2)
        with pytest.raises(Timeout):
            await reply
        await line.say(CannotTell(why="x"), to=AccountQuery)
        assert line.connections[-1].connected


# --- Events -----------------------------------------------------------------------------------------------------------


async def test_what_the_venue_pushes_is_published_as_it_came() -> None:
    async with a_line() as line:
        voided = VenueTradeVoided(
            account_id=ACCOUNT, symbol=FILL.symbol, side=FILL.side, venue_client_id="c", external_order_id="1",
            external_trade_id="t1", venue_time_ns=NOW_NS,
        )  # fmt: skip
        update = VenueOrderUpdate(account_id=ACCOUNT, order=an_order())
        pushed = [FILL, DONE, FILL, update, FILL, voided, DONE]
        for event in pushed:
            line.link.say(event)
        await line.rest()
        assert line.told() == pushed


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (replace(FILL, account_id=OTHER), "foreign_account"),
        (replace(FILL, venue="venus"), "foreign_venue"),
        (accepted(SUBMIT), "unexpected_event"),
        (AccountQuery(account_id=ACCOUNT), "unexpected_event"),
        (RemoteRefused(code="x"), "unexpected_event"),
    ],
)
async def test_what_is_not_ours_is_counted_and_dropped(event: Message, kind: str) -> None:
    async with a_line() as line:
        heard: list[Any] = []
        for told in (type(event), VenueUnknown):
            line.bus.subscribe(told, heard.append)
        await line.say(event)
        assert heard == []
        assert line.venue.counts == {kind: 1}
        assert not line.link.is_closed


@pytest.mark.parametrize(
    "answer",
    [accepted(SUBMIT, account_id=OTHER), accepted(a_submit(2)), DONE, CannotTell(why="x")],
)
async def test_an_answer_that_is_not_to_the_request_settles_nothing(answer: Message) -> None:
    async with a_line() as line:
        await line.tell(SUBMIT)
        await line.say(answer, to=VenueSubmit)
        assert line.told() == []
        assert line.venue.counts == {"foreign_answer": 1}
        await line.say(accepted(SUBMIT), to=VenueSubmit)
        assert line.told() == [accepted(SUBMIT)]


async def test_before_the_welcome_nothing_is_believed() -> None:
    async with a_line() as line:
        line.link.inbox.put_nowait(EOFError("gone"))
        await line.dialled(2)
        await line.say(FILL)
        assert line.told() == []
        assert line.venue.counts["unexpected_event"] == 1


async def test_a_request_of_the_venue_is_refused() -> None:
    async with a_line() as line:
        line.link.say(SUBMIT, n=5)
        await line.rest()
        frame = line.link.sent[-1]
        assert frame.re == 5
        assert isinstance(frame.body, RemoteRefused)
        assert line.venue.counts == {"unexpected_request": 1}


async def test_many_oddities_are_few_lines(capfd: pytest.CaptureFixture[str]) -> None:
    async with a_line() as line:
        capfd.readouterr()
        for _ in range(100):
            line.link.say(accepted(SUBMIT))
        for _ in range(10):
            await line.rest()
        assert line.venue.counts["unexpected_event"] == 100
        assert len(capfd.readouterr().err.splitlines()) == 7, "the 1st, 2nd, 4th ... 64th"


async def test_an_order_that_rests_keeps_all_its_fields() -> None:
    async with a_line() as line:
        submit = a_submit(
            type=OrderType.STOP_LIMIT, price=Decimal("0.1"), stop_price=Decimal("0.10000000"), post_only=True, fence=3
        )
        await line.tell(submit)
        body = line.link.take(VenueSubmit).body
        assert body == submit
        assert str(body.stop_price) == "0.10000000"
