"""Without a refresh in time the venue cancels what an account has open."""

import pytest

from engine.messages.ports import VenueClaim
from engine.messages.venues import ArmDeadMan, CannotTell, DeadManArmed
from tests.connectors.paper.floor import Floor, a_floor
from tests.connectors.paper.support import ACCOUNT, NOW_NS, OTHER, TestStore

SECOND = 1_000_000_000
pytestmark = pytest.mark.asyncio


async def arm(floor: Floor, seconds: int) -> DeadManArmed | CannotTell:
    answer: DeadManArmed | CannotTell = await floor.ask(ArmDeadMan(account_id=ACCOUNT, timeout_ns=seconds * SECOND))
    return answer


async def pass_wall(floor: Floor, seconds: float) -> None:
    await floor.system.advance(floor.wall, floor.wall.now_ns() + int(seconds * SECOND))


async def test_a_refresh_puts_it_off_and_silence_cancels_everything_once() -> None:
    async with a_floor() as floor:
        await floor.open()
        await floor.send("buy 1 @ 99", number=1)
        floor.told()
        assert await arm(floor, 10) == DeadManArmed(account_id=ACCOUNT, until_ns=NOW_NS + 10 * SECOND)
        await pass_wall(floor, 6)
        await arm(floor, 10)
        await pass_wall(floor, 6)
        assert floor.told() == []
        await pass_wall(floor, 5)
        assert floor.told() == ["VenueOrderDone cancelled"]
        await floor.send("buy 1 @ 99", number=2)
        await pass_wall(floor, 60)
        assert floor.told() == ["VenueAccepted"]


async def test_a_switch_that_is_disarmed_cancels_nothing() -> None:
    async with a_floor() as floor:
        await floor.open()
        await floor.send("buy 1 @ 99", number=1)
        await arm(floor, 10)
        assert await arm(floor, 0) == DeadManArmed(account_id=ACCOUNT, until_ns=0)
        floor.told()
        await pass_wall(floor, 60)
        assert floor.told() == []


async def test_a_venue_that_is_not_ours_or_an_account_that_is_not_known_arms_nothing() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        await floor.open()
        assert await floor.ask(ArmDeadMan(account_id=OTHER, timeout_ns=1)) == CannotTell(why="unknown_account")
    store.claim_answer = VenueClaim(epoch=None, holder="pid 7")
    async with a_floor(store, seed=2) as floor:
        assert await arm(floor, 10) == CannotTell(why="pid 7 runs this venue")
