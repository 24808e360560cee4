"""The life of a connection: greeting, accounts, loss and return."""

from typing import Any

import pytest

from connectors.remote.backoff import MAX_NS
from engine.messages.remote import RemoteHello, RemotePing, RemoteRefused
from engine.messages.venues import AccountOpened, AccountQuery, CannotTell, OpenAccount, VenueUnknown
from engine.runtime.secret import Secret
from tests.connectors.remote.support import ACCOUNT, OTHER, Line, S, a_line, a_submit, a_welcome, an_account

pytestmark = pytest.mark.asyncio


def connected(line: Line) -> list[bool]:
    return [each.connected for each in line.connections]


async def test_it_greets_with_version_name_and_token() -> None:
    async with a_line(is_open=False, engine="cival 9", token=Secret("sesame")) as line:
        (frame,) = line.link.sent
        assert frame.body == RemoteHello(version=1, engine="cival 9", token="sesame")
        assert frame.n == 1


async def test_the_venue_is_there_when_it_has_welcomed_us() -> None:
    async with a_line(is_open=False) as line:
        assert connected(line) == []
        await line.welcome()
        assert connected(line) == [True]
        assert line.connections[0].capabilities == a_welcome().capabilities


async def test_an_account_is_opened_with_what_the_venue_can_do() -> None:
    async with a_line(is_open=False) as line:
        reply = await line.ask(an_account())
        assert line.link.count(OpenAccount) == 0, "not before the welcome"
        await line.welcome(ACCOUNT)
        opened = await reply
        assert (opened.account_id, opened.capabilities) == (ACCOUNT, a_welcome().capabilities)
        again = await line.ask(an_account())
        await line.say(AccountOpened(account_id=ACCOUNT, created=False), to=OpenAccount)
        assert isinstance(await again, AccountOpened)


async def test_a_venue_that_is_down_answers_at_once_and_is_dialled_for_ever() -> None:
    line = Line()
    line.dial_error = ConnectionRefusedError("nobody listens")
    await line.begin()
    reply = await line.ask(an_account())
    assert await reply == CannotTell(why="nobody listens")
    assert await (await line.ask(AccountQuery(account_id=ACCOUNT))) == CannotTell(why="not connected: nobody listens")
    await line.wait(3_600)
    assert connected(line) == [False], "said once"
    line.dial_error = None
    await line.dialled(1)
    await line.welcome(ACCOUNT)
    assert connected(line) == [False, True]
    assert line.connections[-1].capabilities is not None
    await line.system.stop_all()


async def test_a_dial_that_hangs_is_given_up() -> None:
    line = Line()
    line.dial_hangs = True
    await line.begin()
    reply = await line.ask(an_account())
    await line.wait(4)
    assert not reply.done()
    await line.wait(2)
    assert await reply == CannotTell(why="no welcome in time")
    line.dial_hangs = False
    await line.dialled(1)
    await line.system.stop_all()


async def test_a_venue_that_does_not_welcome_is_given_up() -> None:
    async with a_line(is_open=False) as line:
        await line.wait(5)
        assert line.link.is_closed
        assert [each.reason for each in line.connections] == ["no welcome in time"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (a_welcome(version=2), "welcome.version: expected protocol version 1, was 2"),
        (a_welcome(venue="venus"), "welcome.venue: expected mars, was 'venus'"),
        (RemoteRefused(code="unauthorized", message="who are you"), "refused by the venue: unauthorized who are you"),
    ],
)
async def test_a_greeting_that_fails_is_one_clear_line_and_tried_again_slowly(
    answer: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_line(is_open=False, token=Secret("sesame")) as line:
        for _ in range(3):
            await line.say(answer, to=RemoteHello)
            assert line.link.is_closed
            await line.wait(MAX_NS / S - 1)
            links = len(line.links)
            await line.wait(1.5)
            assert len(line.links) == links + 1, "not before half a minute"
        assert [each.reason for each in line.connections] == [reason]
        assert "sesame" not in caplog.text


async def test_a_venue_that_asks_for_more_time_gets_it_but_not_for_ever() -> None:
    async with a_line(is_open=False) as line:
        await line.say(RemoteRefused(code="maintenance", retry_after_ns=100 * S), to=RemoteHello)
        await line.wait(99)
        assert len(line.links) == 1
        await line.wait(2)
        assert len(line.links) == 2
        await line.say(RemoteRefused(code="maintenance", retry_after_ns=10**18), to=RemoteHello)
        await line.wait(10 * MAX_NS / S + 1)
        assert len(line.links) == 3


async def test_a_lost_link_settles_everything_and_comes_back_when_all_accounts_are_open() -> None:
    async with a_line() as line:
        other = await line.ask(an_account(OTHER))
        await line.say(AccountOpened(account_id=OTHER, created=True), to=OpenAccount)
        await other
        submit = a_submit()
        await line.tell(submit)
        question = await line.ask(AccountQuery(account_id=ACCOUNT))
        line.link.inbox.put_nowait(EOFError("closed by the venue"))
        await line.rest()
        why = "link lost: closed by the venue"
        assert line.told() == [VenueUnknown(order_id=submit.order_id, account_id=ACCOUNT, why=why)]
        assert await question == CannotTell(why=why)
        assert connected(line) == [True, False]
        await line.wait(0.3)
        assert len(line.links) == 2
        await line.welcome(ACCOUNT)
        assert connected(line) == [True, False], "one account is still closed"
        await line.say(AccountOpened(account_id=OTHER, created=False), to=OpenAccount)
        assert connected(line) == [True, False, True]


async def test_an_account_that_the_venue_does_not_open_holds_no_other_back_and_is_tried_again() -> None:
    async with a_line(is_open=False) as line:
        first, second = await line.ask(an_account()), await line.ask(an_account(OTHER))
        await line.say(a_welcome(), to=RemoteHello)
        numbers = {each.body.account_id: each.n for each in line.link.sent if isinstance(each.body, OpenAccount)}
        await line.say(RemoteRefused(code="unknown_account"), re=numbers[ACCOUNT])
        assert connected(line) == []
        await line.say(AccountOpened(account_id=OTHER, created=True), re=numbers[OTHER])
        assert connected(line) == [True]
        assert await first == CannotTell(why="unknown_account")
        assert isinstance(await second, AccountOpened)
        await line.tell(a_submit())
        assert [each.why for each in line.told()] == ["account_not_open"]
        await line.wait(5)
        await line.say(AccountOpened(account_id=ACCOUNT, created=True), to=OpenAccount)
        await line.tell(a_submit())
        assert line.told() == []


async def test_an_account_whose_opening_is_not_answered_is_open_when_the_answer_comes_late() -> None:
    async with a_line(is_open=False) as line:
        reply = await line.ask(an_account())
        await line.say(a_welcome(), to=RemoteHello)
        number = line.link.take(OpenAccount).n
        for _ in range(12):
            line.link.say(RemoteRefused(code="malformed"))
            await line.wait(1)
        assert isinstance(await reply, CannotTell)
        await line.say(AccountOpened(account_id=ACCOUNT, created=True), re=number)
        await line.tell(a_submit())
        assert line.told() == []


async def test_a_short_connection_does_not_make_the_next_wait_short() -> None:
    async with a_line(is_open=False) as line:
        for _ in range(12):
            links = len(line.links)
            await line.welcome()
            line.link.inbox.put_nowait(b"garbage")
            await line.rest()
            await line.dialled(links + 1)
        started_ns = line.clock.now_ns()
        line.link.inbox.put_nowait(b"garbage")
        await line.rest()
        await line.dialled(14)
        assert line.clock.now_ns() - started_ns >= 14 * S
        assert line.venue.counts["bad_frame"] == 13


async def test_a_clock_that_is_off_is_worth_a_warning() -> None:
    async with a_line(is_open=False) as line:
        await line.say(a_welcome(venue_time_ns=line.clock.now_ns() - 2 * S), to=RemoteHello)
        assert line.venue.counts["clock_offset"] == 1


async def test_it_stops_while_it_dials_and_while_it_is_connected() -> None:
    line = Line()
    line.dial_hangs = True
    await line.begin()
    assert await line.ref.stop()
    async with a_line() as other:
        assert await other.ref.stop()
        assert other.link.is_closed


async def test_an_account_that_was_given_up_is_told_of_when_it_opens() -> None:
    async with a_line() as line:
        reply = await line.ask(an_account(OTHER))
        await line.say(RemoteRefused(code="unknown_account"), to=OpenAccount)
        assert await reply == CannotTell(why="unknown_account")
        assert connected(line) == [True]
        await line.wait(1)
        await line.say(AccountOpened(account_id=OTHER, created=True), to=OpenAccount)
        assert connected(line) == [True, True], "whoever has done without it may ask again"


async def test_an_account_that_is_open_is_open_whatever_becomes_of_asking_again() -> None:
    async with a_line() as line:
        answer = await (await line.ask(an_account()))
        assert isinstance(answer, AccountOpened)
        assert answer.capabilities is not None
        assert any(isinstance(each.body, OpenAccount) for each in line.link.sent), "it may have something to tell"


async def test_a_venue_that_cannot_tell_now_what_it_has_to_tell_is_asked_again() -> None:
    async with a_line() as line:
        await (await line.ask(an_account()))
        await line.say(RemoteRefused(code="rate_limited"), to=OpenAccount)
        line.link.sent.clear()
        await line.wait(1)
        assert [type(each.body) for each in line.link.sent if not isinstance(each.body, RemotePing)] == [OpenAccount]
        await line.say(AccountOpened(account_id=ACCOUNT, created=False), to=OpenAccount)
        line.link.sent.clear()
        await line.wait(1)
        assert not any(isinstance(each.body, OpenAccount) for each in line.link.sent)
