"""What market sources share."""

import asyncio

import pytest

from connectors.base import TURN_NS, Pace, Progress, Turns, parse_speed
from engine.domain.errors import BadInput
from engine.runtime.clock import VirtualClock

SECOND = 1_000_000_000


@pytest.mark.parametrize(("text", "speed"), [("1", 1.0), ("20", 20.0), ("20x", 20.0), ("0.5", 0.5), ("max", None)])
def test_a_speed_is_a_factor_or_max(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "fast", "0", "-1", "nan", "inf", "1e99", "x"])
def test_anything_else_is_no_speed(text: str) -> None:
    with pytest.raises(BadInput, match="a factor from"):
        parse_speed(text)


@pytest.mark.asyncio
async def test_market_time_runs_as_many_times_as_fast_as_the_wall() -> None:
    wall = VirtualClock(100 * SECOND)
    pace = Pace(wall, 20.0)
    pace.begin(7 * SECOND)
    waiting = asyncio.create_task(pace.wait_for(27 * SECOND))
    await asyncio.sleep(0)
    wall.advance(SECOND - 1)
    await asyncio.sleep(0)
    assert not waiting.done()
    wall.advance(1)
    await waiting
    assert pace.now_ns() == 27 * SECOND


@pytest.mark.asyncio
async def test_what_is_late_waits_for_nothing() -> None:
    wall = VirtualClock()
    pace = Pace(wall, 1.0)
    pace.begin(0)
    wall.advance(5 * SECOND)
    await asyncio.wait_for(pace.wait_for(3 * SECOND), 1)
    assert wall.next_timer_ns() is None


@pytest.mark.asyncio
async def test_a_turn_is_shared_when_it_has_lasted_long_enough() -> None:
    wall = VirtualClock()
    turns = Turns(wall)
    turned = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(turned.set_result, None)
    await turns.share()
    assert not turned.done()
    wall.advance(TURN_NS)
    sharing = asyncio.create_task(turns.share())
    await asyncio.sleep(0)
    wall.advance(0)
    await sharing
    assert turned.done()


def test_progress_is_a_share_of_the_frames() -> None:
    def at(frame: int, frames: int) -> Progress:
        return Progress(session="s", frame=frame, frames=frames, errors=0, ignored=0, at_ns=0, is_finished=False)

    assert at(50, 200).percent == 25
    assert at(0, 0).percent == 100
