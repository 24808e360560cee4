"""Simulated processes: what a kill leaves undone, what a freeze delays, what a skew bends."""

import asyncio

from engine.messages.system import Flush
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.entropy import seeded_rng
from engine.runtime.system import ActorSystem
from engine.simulation.loop import SimLoop, run
from engine.simulation.process import Process, SeededScheduler, running_process

S = 1_000_000_000


def test_a_killed_process_runs_no_finally_and_no_timer() -> None:
    loop = SimLoop(1)
    happened: list[str] = []
    process = Process("a", loop, 0)

    async def work() -> None:
        loop.call_later(5, happened.append, "timer")
        try:
            await asyncio.sleep(10)
        finally:
            happened.append("finally")

    async def main() -> None:
        process.spawn(work(), "work")
        await asyncio.sleep(1)
        process.at_death.append(lambda: happened.append("kernel"))
        process.kill()
        process.kill()
        await asyncio.sleep(100)
        assert happened == ["kernel"]

    run(loop, main())


def test_what_a_process_starts_is_its_own() -> None:
    loop, seen = SimLoop(1), []
    process = Process("a", loop, 0)

    async def child() -> None:
        seen.append(running_process())

    async def work() -> None:
        await asyncio.create_task(child())
        loop.call_soon(lambda: seen.append(running_process()))

    async def main() -> None:
        await process.spawn(work(), "work")
        await asyncio.sleep(1)
        seen.append(running_process())

    run(loop, main())
    assert seen == [process, process, None]


def test_a_frozen_process_goes_on_late_and_in_order() -> None:
    loop, seen = SimLoop(1), []
    process = Process("a", loop, 0)

    async def work() -> None:
        for _ in range(3):
            await process.clock.sleep(S)
            seen.append(round(loop.time()))

    async def main() -> None:
        process.spawn(work(), "work")
        await asyncio.sleep(1.5)
        process.freeze()
        await asyncio.sleep(60)
        assert seen == [1]
        process.thaw()
        await asyncio.sleep(60)

    run(loop, main())
    assert seen == [1, 62, 63]


def test_a_skew_bends_the_wall_clock_of_one_process_only() -> None:
    loop = SimLoop(1)
    bent, straight = Process("a", loop, 1_000 * S), Process("b", loop, 1_000 * S)

    async def main() -> None:
        await asyncio.sleep(10)
        bent.skew_ns = -5 * S

    run(loop, main())
    assert straight.clock.now_ns() - bent.clock.now_ns() == 5 * S
    assert bent.clock.monotonic_ns() == straight.clock.monotonic_ns()


class Echo(AsyncioActor):
    """Notes its turn, and passes a number of them on."""

    def __init__(self, turns: list[str], name: str) -> None:
        super().__init__()
        self._turns, self._name = turns, name

    @handles(Flush)
    def on_flush(self, _: Flush) -> None:
        self._turns.append(self._name)


def turns_of(seed: int, *, shuffles: bool) -> list[str]:
    loop = SimLoop(1)
    turns: list[str] = []
    process = Process("a", loop, 0)
    scheduler = SeededScheduler(process, rng=seeded_rng(seed), budget=2, shuffles=shuffles)

    async def work() -> None:
        system = ActorSystem(clock=process.clock, rng=seeded_rng(1), scheduler=scheduler)
        refs = [await system.start(Echo, turns, name, name=name) for name in "abcdef"]
        for ref in refs:
            ref.tell(Flush())
        await asyncio.sleep(1)
        await system.stop_all()

    async def main() -> None:
        await process.spawn(work(), "work")

    run(loop, main())
    return turns


def test_the_seed_says_which_mailbox_is_next() -> None:
    assert turns_of(1, shuffles=False) == list("abcdef")
    assert turns_of(1, shuffles=True) == turns_of(1, shuffles=True)
    assert len({tuple(turns_of(seed, shuffles=True)) for seed in range(5)}) > 3
    assert sorted(turns_of(2, shuffles=True)) == list("abcdef")


def test_an_actor_that_dies_in_a_handler_takes_the_whole_process_along() -> None:
    loop = SimLoop(1)
    turns: list[str] = []
    process = Process("a", loop, 0)
    scheduler = SeededScheduler(process, rng=seeded_rng(1), budget=128, shuffles=False)

    class Deadly(Echo):
        @handles(Flush)
        def on_flush(self, _: Flush) -> None:
            process.kill()

    kinds = {"a": Echo, "b": Deadly, "c": Echo}

    async def work() -> None:
        system = ActorSystem(clock=process.clock, rng=seeded_rng(1), scheduler=scheduler)
        refs = [await system.start(kind, turns, name, name=name) for name, kind in kinds.items()]
        process.at_death.append(system.abandon)
        for ref in refs:
            ref.tell(Flush())

    async def main() -> None:
        process.spawn(work(), "work")
        await asyncio.sleep(10)

    run(loop, main())
    assert turns == ["a"]
