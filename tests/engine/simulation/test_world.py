"""The world: engines that boot, die and are followed, and what is seen of them."""

import asyncio

import pytest

from engine.runtime.log import set_level
from engine.simulation.loop import SimLoop, run
from engine.simulation.world import World
from tests.support.simulation import USER, Counting, OnePerson, PaperSide


@pytest.fixture(autouse=True)
def _quiet() -> object:
    set_level("critical")
    yield
    set_level("info")


def a_world(seed: int = 1) -> World:
    world = World(seed, SimLoop(seed), workload=OnePerson(), observer=Counting(), side=PaperSide())
    world.database.facts.tables.write(world.setting.rows)
    world.observer.begin(world.ground())
    return world


def play(world: World, main: object) -> None:
    try:
        run(world.loop, main())  # type: ignore[operator]
    finally:
        for daemon in world.daemons:
            daemon.system.abandon()


def test_an_engine_boots_and_its_doors_open() -> None:
    world = a_world()

    async def main() -> None:
        world.side.open(world)
        assert (world.process, world.cell(USER)) == ("", None)
        daemon = world.boot()
        world.feed()
        await asyncio.sleep(3)
        assert world.process == "a1"
        assert world.cell(USER) is not None
        assert daemon.is_ready((USER,))
        assert daemon.marks.price("paper", "BTC/USDT:USDT") is not None

    play(world, main)


def test_a_crash_is_followed_by_the_next_life() -> None:
    world = a_world()

    async def main() -> None:
        world.side.open(world)
        first = world.boot()
        await asyncio.sleep(2)
        world.crash(first, 1_000_000_000)
        world.crash(first, 1_000_000_000)
        assert world.cell(USER) is None
        await asyncio.sleep(3)
        assert world.process == "a2"
        assert world.cell(USER) is not None
        fences = {lease.fence for lease in world.database.facts.leases.values()}
        assert fences == {2}

    play(world, main)
    assert (world.boots, world.crashes) == (2, 1)


def test_a_second_engine_waits_for_the_lease_of_the_first() -> None:
    world = a_world()

    async def main() -> None:
        world.side.open(world)
        first = world.boot("a")
        await asyncio.sleep(2)
        second = world.boot("b")
        await asyncio.sleep(20)
        assert first.cells.of(USER) is not None
        assert second.cells.of(USER) is None
        world.crash(first, 0)
        await asyncio.sleep(20)
        assert second.cells.of(USER) is not None

    play(world, main)


def test_what_happens_is_kept_for_the_report_and_the_digest() -> None:
    world = a_world()
    before = world.hexdigest()
    world.note("boot", "a1")
    assert world.hexdigest() != before
    assert world.events[-1].split() == ["0.000", "s", "boot", "a1"]
    world.loop.close()
