"""One alarm for each time that a position is unguarded for too long, and one when it is guarded again."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from actors.executors.guard import GRACE_NS, Guard
from actors.executors.paper_trail import PaperTrail
from actors.executors.running import Running
from tests.support.domain import a_perpetual
from tests.support.executor_rig import ExecutorRig
from tests.support.plan_bench import START_NS, PlanBench

pytestmark = pytest.mark.asyncio
LONG = {"side": "buy", "quantity": "10", "entry_price": "100", "stop_price": "90"}
FIVE = Decimal(5)


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[ExecutorRig]:
    rig = await ExecutorRig(instruments=[a_perpetual()]).start()
    yield rig
    await rig.stop()


def a_running() -> Running:
    return PlanBench("bracket", LONG, a_perpetual(min_quantity="0.1", step_size="0.1")).running


async def test_the_grace_is_not_an_alarm(rig: ExecutorRig) -> None:
    guard, running = Guard(PaperTrail(rig.cell)), a_running()
    guard.look(running, FIVE, START_NS)
    assert guard.due_ns(running) == START_NS + GRACE_NS
    guard.look(running, Decimal(0), START_NS + GRACE_NS - 1)
    assert guard.due_ns(running) is None
    await rig.settle()
    assert rig.alerts() == []


async def test_it_alarms_once_and_says_when_it_is_over(rig: ExecutorRig) -> None:
    guard, running = Guard(PaperTrail(rig.cell)), a_running()
    for at_ns in (START_NS, START_NS + GRACE_NS, START_NS + 2 * GRACE_NS):
        guard.look(running, FIVE, at_ns)
    assert guard.due_ns(running) is None
    guard.look(running, Decimal(0), START_NS + 3 * GRACE_NS)
    await rig.settle()
    assert rig.alerts() == ["position_unprotected", "position_protected"]


async def test_what_it_knows_is_in_the_row(rig: ExecutorRig) -> None:
    trail, running = PaperTrail(rig.cell), a_running()
    Guard(trail).look(running, FIVE, START_NS)
    row: Any = trail.changed(running, "ExecutorPaused", ()).rows[0]
    assert row.state["unprotected_since"] == START_NS
    await rig.settle()
