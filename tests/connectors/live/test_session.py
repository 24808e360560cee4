"""An account is there or it is not, for one reason that a person can read."""

import asyncio

import msgspec
import pytest

from connectors.bridge.errors import AuthRefused
from connectors.live.adapter import AccountModes
from connectors.live.messages import StreamState
from connectors.live.session import _check
from engine.domain.errors import NotReady
from engine.messages.venues import VenueConnection, VenueNotSent, VenueOrderDone
from engine.runtime.clock import NS_PER_S
from tests.support.venues.live_desk import QUICK, LiveDesk
from tests.support.venues.plain_rig import PlainRig


@pytest.mark.parametrize(
    ("modes", "line"),
    [
        (AccountModes(can_trade=True, position_mode="hedge"), "the account is in hedge mode: set it to one-way mode"),
        (
            AccountModes(can_trade=True, clock_offset_ns=600 * NS_PER_S),
            "our clock is 600 s behind the venue's: set it right",
        ),
        (
            AccountModes(can_trade=True, clock_offset_ns=-31 * NS_PER_S),
            "our clock is 31 s ahead of the venue's: set it right",
        ),
    ],
)
def test_an_account_that_we_must_not_trade_with_says_why(modes: AccountModes, line: str) -> None:
    with pytest.raises(NotReady) as error:
        _check(modes)
    assert error.value.why == line


def test_a_key_that_may_only_read_is_no_key_to_trade_with() -> None:
    with pytest.raises(AuthRefused) as error:
        _check(AccountModes(can_trade=False))
    assert error.value.line == "the key may not trade (it may only read)"


def test_a_usual_account_may_trade() -> None:
    _check(AccountModes(can_trade=True, clock_offset_ns=NS_PER_S))


@pytest.mark.asyncio
async def test_while_the_stream_is_away_only_what_closes_risk_leaves() -> None:
    async with PlainRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        submit = await desk.place()
        rig.server.faults.add("status", "WS /user", status=503, times=-1)
        rig.server.sockets.abort()
        await desk.until(lambda: not desk.is_connected(), "the stream is away")
        answer = await desk.answer_to(desk.a_submit())
        assert isinstance(answer, VenueNotSent)
        assert answer.why == "not_connected"
        assert isinstance(await desk.answer_to(desk.a_cancel(submit)), VenueOrderDone)


@pytest.mark.asyncio
async def test_an_outage_is_said_once_however_often_it_is_dialled() -> None:
    async with PlainRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        rig.server.faults.add("drop", "WS /user", times=4)
        rig.server.sockets.abort()
        await desk.until(lambda: not desk.is_connected(), "the stream is away")
        await desk.ready()
        assert [each.connected for each in desk.connections()] == [False, True, False, True]
        assert len(rig.server.log.dials("/user")) == 6


@pytest.mark.asyncio
async def test_frames_that_cannot_be_read_make_it_compare_but_not_all_the_time() -> None:
    async with PlainRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        before = len(desk.connections())
        for _ in range(50):
            rig.server.sockets.send("[]")
        await desk.until(lambda: len(desk.connections()) >= before + 4, "compared now and once more")
        await asyncio.sleep(0.3)
        said = desk.connections()[before:]
        assert [each.connected for each in said] == [False, True, False, True]
        assert said[0].reason == "a message of the venue could not be read"
        assert sum(desk.actor.unread.values()) == 50


@pytest.mark.asyncio
async def test_what_is_said_of_an_account_names_it_and_what_it_can_do() -> None:
    async with PlainRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        said: VenueConnection = desk.connections()[-1]
        assert said.is_private
        assert said.account_id == desk.actor._account_id
        assert said.capabilities == rig.capabilities


@pytest.mark.asyncio
async def test_an_account_that_is_switched_to_another_mode_while_we_trade_is_shut_and_comes_back() -> None:
    often = msgspec.structs.replace(QUICK, prove_ns=NS_PER_S // 10)
    async with PlainRig() as rig, LiveDesk(rig, times=often) as desk:
        await desk.ready()
        rig.account.is_hedged = True
        await desk.until(lambda: not desk.is_connected(), "shut")
        assert desk.connections()[-1].reason == "the account is in hedge mode: set it to one-way mode"
        rig.account.is_hedged = False
        await desk.ready()


@pytest.mark.asyncio
async def test_a_proof_that_fails_on_the_way_proves_nothing_against_the_account() -> None:
    often = msgspec.structs.replace(QUICK, prove_ns=NS_PER_S // 10)
    async with PlainRig() as rig, LiveDesk(rig, times=often) as desk:
        await desk.ready()
        fault = rig.server.faults.add("status", rig.paths.account, status=502, times=3)
        await desk.until(lambda: fault.struck == 3, "three proofs failed")
        assert [each.connected for each in desk.connections()] == [False, True]
        await desk.place()


@pytest.mark.asyncio
async def test_a_stream_that_was_away_for_a_moment_makes_the_account_compared() -> None:
    # A burst may keep the news waiting until the stream is there again: what it missed is missed all the same.
    async with PlainRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        before = len(desk.connections())
        assert desk.ref is not None
        desk.ref.tell(StreamState("user", is_ready=False, why="closed by the venue"))
        desk.ref.tell(StreamState("user", is_ready=True, why=""))
        await desk.until(lambda: len(desk.connections()) == before + 2, "it was away and is back")
        assert [each.connected for each in desk.connections()[before:]] == [False, True]
