"""Signs of life, deadlines, and a venue that says what it should not or takes nothing."""

import asyncio
from typing import Any

import pytest

from connectors.remote import wire
from connectors.remote.frames import encode_frame
from engine.messages.remote import RemoteFrame, RemotePing, RemotePong
from engine.messages.venues import AccountQuery, CannotTell, VenueSubmit
from tests.connectors.remote.support import ACCOUNT, NOW_NS, Line, S, a_cancel, a_line, a_submit, accepted

pytestmark = pytest.mark.asyncio


async def pong(line: Line) -> None:
    ping = line.link.take(RemotePing).body
    assert isinstance(ping, RemotePing)
    await line.say(RemotePong(at_ns=ping.at_ns, venue_time_ns=NOW_NS), to=RemotePing)


async def test_it_pings_every_two_seconds_and_a_venue_that_answers_is_kept() -> None:
    async with a_line() as line:
        for count in range(1, 20):
            await line.wait(2)
            assert line.link.count(RemotePing) == count
            await pong(line)
        assert not line.link.is_closed
        assert line.venue.counts == {}


async def test_any_frame_is_a_sign_of_life() -> None:
    async with a_line() as line:
        for _ in range(20):
            await line.wait(2)
            await line.say(RemotePing(at_ns=1))
        assert not line.link.is_closed


async def test_a_half_open_connection_is_given_up_after_six_seconds() -> None:
    async with a_line() as line:
        await line.wait(5.5)
        assert not line.link.is_closed
        submit = a_submit()
        await line.tell(submit)
        await line.wait(0.6)
        assert line.links[0].is_closed
        assert line.connections[-1].reason == "silent for 6 s"
        assert [each.why for each in line.told()] == ["link lost: silent for 6 s"]


async def test_after_a_stall_of_our_own_the_venue_gets_its_time() -> None:
    async with a_line() as line:
        line.clock._now_ns += 30 * S
        line.clock.advance(0)  # Every timer that was due meanwhile runs now.
        await line.rest()
        assert not line.link.is_closed
        await line.wait(4)
        await line.say(RemotePing(at_ns=1))
        await line.wait(4)
        assert not line.link.is_closed


async def test_it_answers_pings() -> None:
    async with a_line() as line:
        line.link.say(RemotePing(at_ns=5), n=77)
        await line.rest()
        frame = line.link.sent[-1]
        assert (frame.re, frame.body) == (77, RemotePong(at_ns=5, venue_time_ns=line.clock.now_ns()))


@pytest.mark.parametrize(
    "garbage",
    [b"\xc1", b"\x81\xa4body\xc0", b"", encode_frame(RemoteFrame(re=1, body=accepted(a_submit(), venue_time_ns=-5)))],
)
async def test_garbage_ends_the_link_is_counted_and_dialled_again(garbage: bytes) -> None:
    async with a_line() as line:
        line.link.inbox.put_nowait(garbage)
        await line.rest()
        assert line.link.is_closed
        assert line.venue.counts["bad_frame"] == 1
        assert b'cival_remote_venue_oddities_total{kind="bad_frame",venue="mars"} 1.0' in line.metrics.render()
        await line.dialled(2)
        await line.welcome(ACCOUNT)
        assert line.connections[-1].connected


async def test_what_comes_after_garbage_is_not_read() -> None:
    async with a_line() as line:
        line.link.inbox.put_nowait(b"\xc1")
        line.link.say(accepted(a_submit()))
        await line.rest()
        assert line.told() == []


async def test_a_link_that_refuses_to_write_leaves_the_outcome_open() -> None:
    async with a_line() as line:
        line.link.is_closed = True
        await line.tell(a_submit())
        assert [type(each).__name__ for each in line.told()] == ["VenueUnknown"]
        assert not line.connections[-1].connected


async def test_a_question_without_an_answer_cannot_be_told() -> None:
    async with a_line() as line:
        reply = await line.ask(AccountQuery(account_id=ACCOUNT))
        for _ in range(10):
            await line.wait(1)
            await line.say(RemotePing(at_ns=1))
        assert await reply == CannotTell(why="no answer in time")


async def test_a_venue_that_takes_nothing_gets_no_more_orders_then_no_cancels_then_no_link(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_line() as line:
        monkeypatch.setattr(wire, "DRAIN_BYTES", 1_000)
        line.link.takes.clear()
        line.venue._undrained = wire.OUTBOUND_BYTES_MAX
        await line.tell(a_submit(1))
        await line.tell(a_submit(2))
        assert [each.why for each in line.told()] == ["busy"], "the first has left"
        assert await (await line.ask(AccountQuery(account_id=ACCOUNT))) == CannotTell(why="busy")
        await line.tell(a_cancel(a_submit(1)))
        assert line.told() == []
        line.link.takes.set()
        await line.rest()
        await line.tell(a_submit(3))
        assert line.told() == [], "it takes again"
        assert line.link.count(VenueSubmit) == 2


async def test_a_venue_that_takes_nothing_for_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_line() as line:
        monkeypatch.setattr(wire, "DRAIN_BYTES", 1)
        line.link.takes.clear()
        await line.tell(a_submit())
        for _ in range(8):
            await line.say(RemotePing(at_ns=1))
            await line.wait(1)
        assert line.links[0].is_closed
        assert line.connections[1].reason == "takes nothing for 6 s"


async def test_more_than_may_wait_ends_the_link() -> None:
    async with a_line() as line:
        line.venue._undrained = 2 * wire.OUTBOUND_BYTES_MAX
        await line.tell(a_cancel(a_submit()))
        assert line.link.is_closed
        assert line.connections[-1].reason.startswith("takes nothing:")


async def test_a_drain_that_fails_ends_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_line() as line:
        monkeypatch.setattr(wire, "DRAIN_BYTES", 1)

        async def drain() -> None:
            raise ConnectionResetError("reset")

        monkeypatch.setattr(line.link, "drain", drain)
        await line.tell(a_submit())
        assert line.connections[-1].reason == "reset"


async def test_a_flood_is_read_one_frame_at_a_time() -> None:
    async with a_line() as line:
        heard: list[Any] = []
        depth = 0

        def hear(message: Any) -> None:
            nonlocal depth
            heard.append(message)
            depth = max(depth, len(line.ref.actor_inbox))

        line.bus.subscribe(type(accepted(a_submit())), hear, ACCOUNT)
        for number in range(1, 501):
            await asyncio.sleep(0)
            line.ref.tell(a_submit(number))
        await line.rest()
        numbers = [frame.n for frame in line.link.sent if isinstance(frame.body, VenueSubmit)]
        for number, re in enumerate(numbers, start=1):
            line.link.say(accepted(a_submit(number)), re=re)
        while len(heard) < 500:
            await line.rest()
        assert [each.order_id.int for each in heard] == list(range(1, 501))
        assert depth <= 1
