"""The private stream loses nothing that comparing does not find, and never stays away."""

import asyncio
from typing import Any

import pytest

from engine.messages.venues import VenueConnection, VenueFill, VenueOrderDone
from engine.runtime.clock import NS_PER_S, VirtualClock
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.rig import VenueRig

pytestmark = pytest.mark.venue_level("silver")


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", ["abort", "close"])
async def test_a_lost_connection_is_told_and_comes_back(rig: VenueRig, desk: LiveDesk, fault: str) -> None:
    submit = await desk.place()
    getattr(rig.server.sockets, fault)(rig.paths.user)
    await desk.until(lambda: not desk.is_connected(), "gone")
    await desk.ready()
    rig.server.exchange.fill(submit.venue_client_id)
    await desk.until(lambda: bool(desk.of(VenueFill, submit)), "the fill after it")


@pytest.mark.asyncio
async def test_frames_that_nobody_can_read_cost_one_comparison_each_time(rig: VenueRig, desk: LiveDesk) -> None:
    submit = await desk.place()
    frames: list[Any] = [*rig.odd_frames(), "{", "[]", "null", b"\xff\xfe\x00", ""]
    for frame in frames:
        rig.server.sockets.send(frame, rig.paths.user)
    rig.server.exchange.fill(submit.venue_client_id)
    await desk.until(lambda: bool(desk.of(VenueFill, submit)), "the fill behind them")
    assert sum(desk.actor.unread.values()) >= len(rig.odd_frames())
    compared = [each for each in desk.of(VenueConnection) if "could not be read" in each.reason]
    assert compared
    assert desk.is_connected()


@pytest.mark.asyncio
async def test_a_session_that_ends_without_a_word_of_the_socket_is_replaced(rig: VenueRig, desk: LiveDesk) -> None:
    if not rig.end_session():
        return
    await desk.until(lambda: not desk.is_connected(), "the session is over")
    await desk.ready()
    submit = await desk.place()
    rig.server.exchange.fill(submit.venue_client_id)
    await desk.until(lambda: bool(desk.of(VenueFill, submit)), "the fill in the new session")


@pytest.mark.asyncio
async def test_repeated_and_shuffled_events_are_told_once_each(rig: VenueRig, desk: LiveDesk) -> None:
    submit = await desk.place()
    rig.server.exchange.hold()
    for _ in range(4):
        rig.server.exchange.fill(submit.venue_client_id, rig.quantity / 4)
    events = rig.server.exchange.held or []
    rig.server.exchange.let_go([*reversed(events), *events])
    await desk.until(lambda: len(desk.of(VenueFill, submit)) >= 4, "four fills")
    await asyncio.sleep(0.2)
    fills = desk.of(VenueFill, submit)
    assert sorted(each.external_trade_id for each in fills) == sorted({each.external_trade_id for each in fills})
    assert sum(each.quantity for each in fills) == rig.quantity
    assert len(desk.of(VenueOrderDone, submit)) <= 1


@pytest.mark.asyncio
async def test_an_event_that_comes_before_the_answer_is_told_at_once(rig: VenueRig, desk: LiveDesk) -> None:
    rig.server.faults.add("after", rig.paths.submit, delay_s=0.3)
    submit = desk.a_submit(price=rig.market.best("ask"))
    desk.tell(submit)
    await desk.until(lambda: bool(desk.of(VenueFill, submit)), "its fill", 2.0)
    await desk.until(lambda: desk.external_id(submit) is not None, "accepted")


@pytest.mark.asyncio
@pytest.mark.slow
async def test_a_hundred_reconnects_leave_nothing_behind(rig: VenueRig) -> None:
    """In virtual time, since each further loss is waited out longer, up to 30 s."""
    clock = VirtualClock(1_800_000_000 * NS_PER_S)
    rig.server.clock._now_ns = clock.now_ns
    async with LiveDesk(rig, clock=clock) as desk:
        await come_back(desk)
        for number in range(100):
            rig.server.sockets.abort(rig.paths.user)
            await desk.until(lambda count=number: _losses(desk) > count, "gone")  # type: ignore[misc]
            await come_back(desk)
        submit = await desk.place()
        rig.server.exchange.fill(submit.venue_client_id)
        await desk.until(lambda: bool(desk.of(VenueFill, submit)), "a fill after all that")
        assert len(desk.of(VenueFill, submit)) == 1
        assert len(rig.server.sockets.on(rig.paths.user)) == len(desk.actor._streams)


@pytest.mark.asyncio
async def test_a_venue_that_says_nothing_more_is_noticed_within_thirty_seconds(rig: VenueRig) -> None:
    """The socket stays open, and not even a ping is answered."""
    clock = VirtualClock(1_800_000_000 * NS_PER_S)
    rig.server.clock._now_ns = clock.now_ns
    async with LiveDesk(rig, clock=clock) as desk:
        await come_back(desk)
        await pass_time(desk, 60, step_s=1)
        assert desk.is_connected()
        before = _losses(desk)
        rig.server.sockets.silence(rig.paths.user)
        await pass_time(desk, 30, step_s=1)
        await desk.until(lambda: _losses(desk) > before, "noticed")
        assert "silent for" in next(each.reason for each in reversed(desk.connections()) if not each.connected)
        await come_back(desk)


def _losses(desk: LiveDesk) -> int:
    return sum(not each.connected for each in desk.connections()[1:])


@pytest.mark.asyncio
@pytest.mark.slow
async def test_a_day_of_renewals_in_virtual_time(rig: VenueRig) -> None:
    """Keys, tokens and sockets grow old by the clock of both sides; events are heard all day."""
    clock = VirtualClock(1_800_000_000 * NS_PER_S)
    rig.server.clock._now_ns = clock.now_ns
    async with LiveDesk(rig, clock=clock) as desk:
        await come_back(desk)
        heard = 0
        for _hour in range(25):
            await pass_time(desk, 3_600, step_s=20)
            await come_back(desk)
            submit = await desk.place()
            rig.server.exchange.fill(submit.venue_client_id)
            await desk.until(lambda submit=submit: bool(desk.of(VenueFill, submit)), "a fill of this hour")  # type: ignore[misc]
            heard += 1
        assert heard == 25


async def come_back(desk: LiveDesk) -> None:
    for _ in range(300):
        if desk.is_connected():
            return
        await pass_time(desk, 1, step_s=1)
    raise AssertionError(f"not back: {desk.connections()[-1].reason}")


async def pass_time(desk: LiveDesk, seconds: float, *, step_s: float) -> None:
    """Let virtual time pass in steps, and the sockets do their work in between."""
    assert isinstance(desk.clock, VirtualClock)
    for _ in range(round(seconds / step_s)):
        desk.clock.advance(int(step_s * NS_PER_S))
        for _turn in range(3):
            await asyncio.sleep(0.001)
