"""A plan is looked at again when it must be, and not otherwise."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from actors.executors.desk import ExecutorDesk
from actors.executors.running import Running
from engine.messages.market import QuoteTick
from tests.support.domain import a_perpetual
from tests.support.executor_rig import ExecutorRig

pytestmark = pytest.mark.asyncio
BRACKET: dict[str, Any] = {"side": "buy", "quantity": "0.1", "entry_price": "59000", "stop_price": "58000"}


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[ExecutorRig]:
    rig = await ExecutorRig(instruments=[a_perpetual()]).start()
    await rig.market("59999.9", "60000.1")
    yield rig
    await rig.stop()


def watchers(rig: ExecutorRig) -> int:
    """Count who hears quotes of the market beside the venue."""
    return rig.bus.subscribers(QuoteTick, (rig.venue, rig.instruments[0].symbol))


async def test_a_market_is_heard_only_while_a_plan_needs_it(rig: ExecutorRig) -> None:
    quiet = watchers(rig)
    first = await rig.begin("bracket", 1, **BRACKET)
    assert watchers(rig) == quiet  # The entry rests by itself.
    second = await rig.begin("chase", 2, side="buy", quantity="0.1")
    third = await rig.begin("chase", 3, side="buy", quantity="0.1")
    assert watchers(rig) == quiet + 1
    await rig.stop_executor(second)
    assert watchers(rig) == quiet + 1
    await rig.stop_executor(third)
    assert watchers(rig) == quiet
    await rig.stop_executor(first)


async def test_a_plan_wakes_at_its_time_once(rig: ExecutorRig, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    advance = ExecutorDesk._advance

    def counting(desk: ExecutorDesk, running: Running) -> None:
        looks.append(rig.clock.now_ns())
        advance(desk, running)

    monkeypatch.setattr(ExecutorDesk, "_advance", counting)
    await rig.begin("twap", side="buy", quantity="0.1", duration=100, slices=2)
    looks.clear()
    await rig.pass_market(49)
    assert looks == []
    began_ns = rig.clock.now_ns()
    await rig.pass_market(2)
    assert looks[0] - began_ns < 2_000_000_000
    looks.clear()
    await rig.pass_market(40)
    assert looks == []
