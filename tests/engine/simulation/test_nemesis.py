"""The faults of a schedule happen, and end."""

import asyncio
from typing import Any

import pytest

from engine.runtime.fault_points import arm, fault_point
from engine.runtime.log import set_level
from engine.simulation import faults as kinds
from engine.simulation.loop import SimLoop, run
from engine.simulation.nemesis import Nemesis
from engine.simulation.ports import Fault
from engine.simulation.store import FAILED
from engine.simulation.world import World
from tests.support.simulation import USER, Counting, OnePerson, PaperSide

S = 1_000_000_000


@pytest.fixture(autouse=True)
def _quiet() -> object:
    set_level("critical")
    yield
    set_level("info")
    arm(None)


def a_fault(kind: str, **changes: Any) -> tuple[str, Fault]:
    fields: dict[str, Any] = {"kind": kind, "at_ns": 2 * S, "duration_ns": 5 * S} | changes
    return f"{kind}/0", Fault(**fields)


def play(schedule: list[tuple[str, Fault]], main: Any) -> World:
    world = World(1, SimLoop(1), workload=OnePerson(), observer=Counting(), side=PaperSide())
    world.database.facts.tables.write(world.setting.rows)
    world.observer.begin(world.ground())
    arm(world.passed)

    async def outer() -> None:
        world.side.open(world)
        world.boot()
        await main(world, Nemesis(world, schedule))

    try:
        run(world.loop, outer())
    finally:
        for daemon in world.daemons:
            daemon.system.abandon()
    return world


def test_a_crash_comes_at_its_time_and_the_next_life_after_its_pause() -> None:
    async def main(world: World, _: Nemesis) -> None:
        await asyncio.sleep(1.9)
        assert world.process == "a1"
        await asyncio.sleep(0.2)
        assert world.newest() is None
        await asyncio.sleep(5)
        assert world.process == "a2"

    assert play([a_fault(kinds.CRASH)], main).faults == {"crash": 1}


def test_a_process_dies_in_the_middle_of_what_it_was_doing() -> None:
    reached = []

    async def main(world: World, _: Nemesis) -> None:
        def work() -> None:
            fault_point("submit.sent")
            fault_point("submit.sent")
            reached.append("past the point")

        await asyncio.sleep(3)
        world.daemons[0].process.call(work)
        await asyncio.sleep(1)
        assert world.daemons == []

    world = play([a_fault(kinds.CRASH_AT_POINT, target="submit.sent", value=2)], main)
    assert reached == []
    assert world.faults == {"crash_at_point": 1}


def test_a_frozen_engine_is_taken_over_and_both_live_on() -> None:
    async def main(world: World, _: Nemesis) -> None:
        await asyncio.sleep(3)
        first = world.daemons[0]
        frozen = [first.process.is_frozen]
        await asyncio.sleep(16)
        assert world.daemons[-1].cells.of(USER) is not None
        assert world.daemons[-1] is not first
        await asyncio.sleep(10)
        assert [*frozen, first.process.is_frozen] == [True, False]
        assert first.cells.of(USER) is None

    play([a_fault(kinds.TAKE_OVER, duration_ns=20 * S)], main)


@pytest.mark.parametrize("kind", [kinds.DB_AWAY, kinds.DB_SLOW, kinds.NET_SLOW, kinds.CLOCK_SKEW, kinds.FREEZE])
def test_what_lasts_is_over_after_its_time(kind: str) -> None:
    def state(world: World) -> tuple[Any, ...]:
        process = world.daemons[0].process
        return (
            world.database.is_away, world.database.slowness, world.network.slowness, process.skew_ns, process.is_frozen,
        )  # fmt: skip

    async def main(world: World, _: Nemesis) -> None:
        before = state(world)
        await asyncio.sleep(3)
        assert state(world) != before
        await asyncio.sleep(5)
        assert state(world) == before

    play([a_fault(kind, value=40)], main)


def test_the_prices_of_one_symbol_are_silent_for_a_while() -> None:
    async def main(world: World, nemesis: Nemesis) -> None:
        await asyncio.sleep(3)
        assert world.silent == {"BTC"}
        await asyncio.sleep(5)
        assert world.silent == set()
        nemesis._begin(a_fault(kinds.FEED_SILENT, target="ETH")[1])
        nemesis.calm()
        assert world.silent == set()

    play([a_fault(kinds.FEED_SILENT, target="BTC")], main)


def test_calm_ends_everything_at_once() -> None:
    async def main(world: World, nemesis: Nemesis) -> None:
        await asyncio.sleep(3)
        away = [world.database.is_away]
        nemesis.calm()
        assert [*away, world.database.is_away] == [True, False]
        assert world.database.next_commits == []
        await asyncio.sleep(60)
        assert world.process == "a1"

    play([a_fault(kinds.DB_AWAY), a_fault(FAILED), a_fault(kinds.CRASH, at_ns=10 * S)], main)
