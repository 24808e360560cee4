"""People with executors: they are there in half of the seeds, use every command, and leave nothing running."""

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from engine.domain.identifiers import ExecutorId
from engine.messages.executors import ExecutorAnswer, PauseExecutor, ResumeExecutor, StartExecutor, StopExecutor
from engine.runtime.clock import VirtualClock
from engine.runtime.future import AsyncioFuture
from engine.simulation.ports import Ground
from engine.simulation.street import PRICES
from engine.simulation.workload_executors import LIVING, LIVING_MAX, ExecutorPeople
from engine.simulation.workload_setting import ANNA, ANNA_SPOT, FIRST_NS, instruments
from storage.memory_tables import MemoryTables

SECOND = 1_000_000_000
SEED = next(seed for seed in range(100) if ExecutorPeople(seed, {}, {}).exists)


class Desk:
    """A desk that does what it is told, at once."""

    def __init__(self, tables: MemoryTables) -> None:
        self.asked: list[Any] = []
        self.rows: dict[Any, Any] = {}
        self._tables = tables

    def ask(self, message: Any) -> AsyncioFuture[Any]:
        self.asked.append(message)
        if isinstance(message, StartExecutor):
            row = message.executor
        else:
            status = {PauseExecutor: "paused", ResumeExecutor: "active", StopExecutor: "cancelled"}[type(message)]
            row = msgspec.structs.replace(self.rows[message.executor_id], status=status)
        self.rows[row.id] = row
        self._tables.write((row,))
        reply: AsyncioFuture[Any] = AsyncioFuture()
        reply.set(ExecutorAnswer(executor_id=ExecutorId(row.id), status=row.status))
        return reply


class Town:
    """People, their desk, and a clock that goes on when everybody waits."""

    def __init__(self, seed: int = SEED) -> None:
        self.clock = VirtualClock(FIRST_NS)
        tables = MemoryTables(is_strict=False)
        self.desk = Desk(tables)
        self.people = ExecutorPeople(seed, {ANNA_SPOT: ANNA}, {ANNA_SPOT: [instruments()[0]]})
        truth = SimpleNamespace(prices={"BTC/USDT": PRICES["BTC"]})
        ground = SimpleNamespace(
            clock=self.clock,
            tables=tables,
            venues={"north": SimpleNamespace(truth=truth)},
            doors=SimpleNamespace(cell=lambda _: SimpleNamespace(executors=self.desk)),
        )
        self.ground = cast("Ground", ground)

    async def until(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Let time pass until this has ended."""
        task = asyncio.create_task(coroutine)
        while not task.done():
            for _ in range(4):
                await asyncio.sleep(0)
            due_ns = self.clock.next_timer_ns()
            if due_ns is not None and not task.done():
                self.clock.advance_to(max(due_ns, self.clock.now_ns()))
        await task


def test_they_exist_in_about_half_of_the_seeds() -> None:
    assert 60 < sum(ExecutorPeople(seed, {}, {}).exists for seed in range(200)) < 140


@pytest.mark.asyncio
async def test_a_storm_uses_every_command_and_going_home_ends_everything() -> None:
    town = Town()
    await town.until(town.people.storm(town.ground, FIRST_NS + 600 * SECOND))
    assert {type(message) for message in town.desk.asked} == {
        StartExecutor, PauseExecutor, ResumeExecutor, StopExecutor,
    }  # fmt: skip
    living = [row for row in town.desk.rows.values() if row.status in LIVING]
    assert len(living) <= LIVING_MAX
    assert town.people.is_over(town.ground, ANNA_SPOT) is not bool(living)
    asked = len(town.desk.asked)
    await town.until(town.people.calm(town.ground))
    left = [row.kind for row in town.desk.rows.values() if row.status in LIVING]
    assert set(left) <= {"twap", "chase"}  # These end by their clock.
    assert len(town.desk.asked) > asked or not living


@pytest.mark.asyncio
async def test_where_they_do_not_exist_nothing_happens() -> None:
    town = Town(next(seed for seed in range(100) if not ExecutorPeople(seed, {}, {}).exists))
    await town.until(town.people.storm(town.ground, FIRST_NS + 600 * SECOND))
    await town.until(town.people.calm(town.ground))
    assert town.desk.asked == []
    assert town.people.is_over(town.ground, ANNA_SPOT)
