"""Every unit of an executor holds its newest row, and everything of it has one correlation."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from actors.executors.paper_trail import PaperTrail
from engine.messages.rows_people import RiskAlertRow
from tests.support.domain import a_perpetual
from tests.support.executor_rig import ExecutorRig
from tests.support.plan_bench import PlanBench

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[ExecutorRig]:
    rig = await ExecutorRig(instruments=[a_perpetual()]).start()
    yield rig
    await rig.stop()


async def test_a_unit_for_an_intent_is_left_to_the_intent(rig: ExecutorRig) -> None:
    bench = PlanBench("chase", {"side": "buy", "quantity": "1"}, a_perpetual())
    bench.advance()
    unit = PaperTrail(rig.cell).unit(bench.running)
    row: Any = unit.rows[0]
    assert (row.generation, row.slots["chase"]["generation"], row.slots["chase"]["filled"]) == (1, 1, "0")
    assert unit.correlation_id == bench.running.row.correlation_id
    rig.writer.tell(unit)  # The numbers of a cell have no holes.
    await rig.settle()


async def test_alerts_name_executor_and_account(rig: ExecutorRig) -> None:
    running = PlanBench("chase", {"side": "buy", "quantity": "1"}, a_perpetual()).running
    PaperTrail(rig.cell).alert(running, "executor_failed", "high", {"reason": "test"})
    await rig.settle()
    assert rig.kinds("alerts") == ["ExecutorAlarm"]
    (row,) = rig.rows(RiskAlertRow)
    assert (row.severity, row.alert_type) == ("high", "executor_failed")
    assert row.data == {"executor_id": str(running.id), "account_id": str(running.account_id), "reason": "test"}
