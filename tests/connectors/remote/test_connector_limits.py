"""What a connector does not send: too old, fenced, withdrawn, or more than the venue takes."""

from typing import Any

import msgspec
import pytest

from connectors.remote import connector as module
from connectors.remote.connector import EXPIRED, FENCED, WITHDRAWN
from connectors.remote.messages import HoldOver
from engine.messages.remote import RemoteRefused
from engine.messages.venues import (
    AccountQuery,
    CannotTell,
    VenueAmend,
    VenueAmendRefused,
    VenueCancel,
    VenueCancelRefused,
    VenueNotSent,
    VenueSubmit,
)
from tests.connectors.remote.support import (
    ACCOUNT,
    NOW_NS,
    OTHER,
    USER,
    Line,
    S,
    a_cancel,
    a_line,
    a_submit,
    an_amend,
    stay,
)

pytestmark = pytest.mark.asyncio
replace = msgspec.structs.replace

SUBMIT = a_submit()
CANCEL = a_cancel(SUBMIT)
AMEND = an_amend(SUBMIT)
NAMES: dict[str, Any] = {"order_id": SUBMIT.order_id, "account_id": ACCOUNT}
LIMITED = RemoteRefused(code="rate_limited", retry_after_ns=3 * S)


# --- What must not leave ----------------------------------------------------------------------------------------------


async def test_nothing_leaves_late() -> None:
    async with a_line() as line:
        await line.tell(a_submit(valid_until_ns=line.clock.now_ns() - 1))
        await line.tell(an_amend(SUBMIT, valid_until_ns=line.clock.now_ns() - 1))
        assert line.told() == [
            VenueNotSent(**NAMES, why=EXPIRED),
            VenueAmendRefused(**NAMES, request_id=AMEND.request_id, code=EXPIRED, venue_time_ns=NOW_NS),
        ]
        assert line.link.count(VenueSubmit) + line.link.count(VenueAmend) == 0
        await line.tell(a_submit(valid_until_ns=line.clock.now_ns()))
        assert line.link.count(VenueSubmit) == 1


async def test_nothing_leaves_under_a_fence_that_is_over() -> None:
    async with a_line() as line:
        line.permit.sends = line.permit.cancels = lambda fence: fence == 8
        for command in (SUBMIT, CANCEL, AMEND):
            await line.tell(replace(command, fence=7))
        assert line.told() == [
            VenueNotSent(**NAMES, why=FENCED),
            VenueCancelRefused(**NAMES, code=FENCED, venue_time_ns=NOW_NS),
            VenueAmendRefused(**NAMES, request_id=AMEND.request_id, code=FENCED, venue_time_ns=NOW_NS),
        ]
        assert line.permit.asked == [(USER, 7)] * 3
        for command in (SUBMIT, CANCEL, AMEND):
            await line.tell(replace(command, fence=8))
        assert line.told() == []
        assert [line.link.count(kind) for kind in (VenueSubmit, VenueCancel, VenueAmend)] == [1, 1, 1]


async def test_while_only_cancels_may_leave_only_cancels_do() -> None:
    async with a_line() as line:
        line.permit.sends = lambda _fence: False
        await line.tell(replace(CANCEL, fence=7))
        await line.tell(replace(SUBMIT, fence=7))
        assert line.told() == [VenueNotSent(**NAMES, why=FENCED)]
        assert line.link.count(VenueCancel) == 1


async def test_without_a_connection_everything_is_answered_at_once() -> None:
    async with a_line() as line:
        line.link.inbox.put_nowait(EOFError("gone"))
        await line.rest()
        for command in (SUBMIT, CANCEL, AMEND):
            await line.tell(command)
        assert line.told() == [
            VenueNotSent(**NAMES, why="not_connected"),
            VenueCancelRefused(**NAMES, code="unknown", venue_time_ns=NOW_NS),
            VenueAmendRefused(**NAMES, request_id=AMEND.request_id, code="not_connected", venue_time_ns=NOW_NS),
        ]


async def test_an_account_that_nobody_opened_sends_nothing() -> None:
    async with a_line() as line:
        heard: list[Any] = []
        line.bus.subscribe(VenueNotSent, heard.append, OTHER)
        await line.tell(a_submit(account_id=OTHER))
        assert [each.why for each in heard] == ["unknown_account"]
        reply = await line.ask(AccountQuery(account_id=OTHER))
        assert await reply == CannotTell(why="unknown_account")


async def test_more_orders_than_may_be_on_their_way_are_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.remote.requests.OPENS_MAX", 2)
    async with a_line() as line:
        for number in (1, 2, 3):
            await line.tell(a_submit(number))
        assert [each.why for each in line.told()] == ["busy"]
        await line.tell(CANCEL)
        assert line.link.count(VenueCancel) == 1


# --- Rate limits ------------------------------------------------------------------------------------------------------


async def limited(line: Line) -> None:
    await line.tell(a_submit(90))
    await line.say(LIMITED, to=VenueSubmit)
    line.told()


async def test_a_rate_limit_holds_opens_in_order_and_lets_cancels_through() -> None:
    async with a_line() as line:
        await limited(line)
        await line.tell(a_submit(1))
        await line.tell(an_amend(a_submit(2)))
        await line.tell(a_cancel(a_submit(3)))
        assert [line.link.count(kind) for kind in (VenueSubmit, VenueAmend, VenueCancel)] == [1, 0, 1]
        await line.wait(2.9)
        assert line.link.count(VenueSubmit) == 1
        await line.wait(0.2)
        assert [type(frame.body) for frame in line.link.sent if isinstance(frame.body, VenueSubmit | VenueAmend)][
            1:
        ] == [VenueSubmit, VenueAmend]
        assert line.told() == []


async def test_a_timer_that_rings_early_keeps_nothing_back_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that counts in milliseconds may ring a part of one too early."""
    later = module.RemoteVenue._later

    def early(self: module.RemoteVenue, delay_ns: int, message: Any) -> Any:
        return later(
            self, delay_ns - 1_000_000 if isinstance(message, HoldOver) and delay_ns > S else delay_ns, message
        )

    monkeypatch.setattr(module.RemoteVenue, "_later", early)
    async with a_line() as line:
        await limited(line)
        await line.tell(a_submit(1))
        await line.wait(3.1)
        await line.tell(a_submit(2))
        assert line.link.count(VenueSubmit) == 3


async def test_what_would_be_too_old_after_the_limit_is_not_held() -> None:
    async with a_line() as line:
        await limited(line)
        await line.tell(a_submit(valid_until_ns=NOW_NS + 2 * S))
        assert line.told() == [VenueNotSent(**NAMES, why="rate_limited")]


async def test_a_limit_that_is_prolonged_holds_longer_and_what_is_held_is_checked_when_it_leaves() -> None:
    async with a_line() as line:
        await limited(line)
        await line.tell(a_submit(1, valid_until_ns=NOW_NS + 4 * S))
        await line.tell(replace(a_submit(2), fence=7))
        await line.tell(a_cancel(a_submit(50)))
        await line.wait(2)
        await line.say(LIMITED, to=VenueCancel)
        line.told()
        await line.wait(2)
        assert line.told() == []
        line.permit.sends = lambda _fence: False
        await line.wait(1.1)
        assert [each.why for each in line.told()] == [EXPIRED, FENCED]
        assert line.link.count(VenueSubmit) == 1


async def test_a_limit_without_a_time_lasts_a_second_and_none_lasts_for_ever() -> None:
    async with a_line() as line:
        await line.tell(a_submit(1))
        await line.say(RemoteRefused(code="rate_limited"), to=VenueSubmit)
        await line.tell(a_submit(2))
        assert line.link.count(VenueSubmit) == 1
        await line.wait(1)
        assert line.link.count(VenueSubmit) == 2
        await line.say(RemoteRefused(code="maintenance", retry_after_ns=10**18), to=VenueSubmit)
        await line.tell(a_submit(3))
        await stay(line, 61)
        assert line.link.count(VenueSubmit) == 3


async def test_a_cancel_withdraws_an_order_that_is_held() -> None:
    async with a_line() as line:
        await limited(line)
        await line.tell(SUBMIT)
        await line.tell(AMEND)
        await line.tell(CANCEL)
        assert line.told() == [
            VenueNotSent(**NAMES, why=WITHDRAWN),
            VenueAmendRefused(**NAMES, request_id=AMEND.request_id, code=WITHDRAWN, venue_time_ns=NOW_NS),
            VenueCancelRefused(**NAMES, code="unknown_order", venue_time_ns=NOW_NS),
        ]
        await line.wait(5)
        assert line.link.count(VenueSubmit) == 1
        assert line.link.count(VenueCancel) == 0


async def test_a_cancel_of_a_working_order_withdraws_its_held_amend_and_leaves() -> None:
    async with a_line() as line:
        await limited(line)
        await line.tell(AMEND)
        await line.tell(CANCEL)
        assert line.kinds() == ["VenueAmendRefused"]
        assert line.link.count(VenueCancel) == 1


async def test_more_than_may_be_held_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HELD_MAX", 2)
    async with a_line() as line:
        await limited(line)
        for number in (1, 2, 3):
            await line.tell(a_submit(number))
        assert [(each.order_id.int, each.why) for each in line.told()] == [(3, "rate_limited")]


async def test_what_is_held_when_the_link_is_lost_was_not_sent() -> None:
    async with a_line() as line:
        await limited(line)
        await line.tell(SUBMIT)
        line.link.inbox.put_nowait(EOFError("gone"))
        await line.rest()
        assert line.told() == [VenueNotSent(**NAMES, why="not_connected")]
