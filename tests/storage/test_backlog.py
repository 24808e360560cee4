import asyncio

import pytest

from storage.backlog import Backlog

pytestmark = pytest.mark.asyncio


async def test_an_empty_backlog_is_idle_at_once() -> None:
    await asyncio.wait_for(Backlog().idle(), 1)


async def test_everybody_who_waits_is_told_when_the_last_unit_is_done() -> None:
    backlog = Backlog()
    backlog.add()
    backlog.add()
    waiting = [asyncio.ensure_future(backlog.idle()) for _ in range(2)]
    backlog.remove()
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    backlog.remove()
    await asyncio.wait_for(asyncio.gather(*waiting), 1)


async def test_what_comes_before_the_waiter_wakes_is_waited_for_too() -> None:
    backlog = Backlog()
    backlog.add()
    waiting = asyncio.ensure_future(backlog.idle())
    await asyncio.sleep(0)
    backlog.remove()
    backlog.add()
    await asyncio.sleep(0)
    assert not waiting.done()
    backlog.remove()
    await asyncio.wait_for(waiting, 1)


async def test_more_cannot_be_done_than_was_given() -> None:
    with pytest.raises(AssertionError, match="expected no less than 0"):
        Backlog().remove()
