"""The loop of virtual time: order, timers, and what it refuses."""

import asyncio
import os
import subprocess
import sys
from typing import Any

import pytest

from engine.simulation.loop import Deadlock, RealIo, SimLoop, run


def test_an_hour_passes_at_once_and_exactly() -> None:
    loop = SimLoop(1)

    async def main() -> float:
        await asyncio.sleep(3600)
        return loop.time()

    assert run(loop, main()) == pytest.approx(3600, abs=0.001)


def test_timers_of_one_moment_fire_in_the_order_of_their_making() -> None:
    loop = SimLoop(1)
    fired: list[Any] = []

    async def main() -> None:
        for number in range(50):
            loop.call_at(5.0, fired.append, number)
        loop.call_at(4.0, fired.append, "first")
        loop.call_at(4.5, fired.append, "never").cancel()
        await asyncio.sleep(6)

    run(loop, main())
    assert fired == ["first", *range(50)]


def order_of_steps(seed: int) -> list[int]:
    loop, steps = SimLoop(seed), []

    async def one(number: int) -> None:
        for _ in range(3):
            steps.append(number)
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(one(number) for number in range(6)))

    run(loop, main())
    return steps


def test_the_seed_decides_in_which_order_tasks_step() -> None:
    assert order_of_steps(1) == order_of_steps(1)
    assert len({tuple(order_of_steps(seed)) for seed in range(10)}) > 5


def test_plain_callbacks_keep_their_order() -> None:
    loop = SimLoop(3)
    called: list[int] = []

    async def main() -> None:
        for number in range(20):
            loop.call_soon(called.append, number)
        await asyncio.sleep(1)

    run(loop, main())
    assert called == list(range(20))


def test_a_lost_wake_up_is_an_error_and_no_hang() -> None:
    loop = SimLoop(1)

    async def main() -> None:
        await loop.create_future()

    with pytest.raises(Deadlock):
        run(loop, main())


def test_the_real_world_is_out_of_reach() -> None:
    loop = SimLoop(1)

    async def main() -> None:
        with pytest.raises(RealIo):
            await asyncio.open_connection("localhost", 1)
        with pytest.raises(RealIo):
            await asyncio.to_thread(print)
        with pytest.raises(RealIo):
            await asyncio.create_subprocess_exec("true")

    run(loop, main())


def test_an_error_that_nobody_catches_is_kept() -> None:
    loop = SimLoop(1)

    async def main() -> None:
        loop.call_soon(int, "x")
        await asyncio.sleep(1)

    run(loop, main())
    assert [type(context["exception"]) for context in loop.errors] == [ValueError]


def order_of_ends() -> list[int]:
    loop = SimLoop(1)
    ended: list[int] = []

    async def one(number: int) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            ended.append(number)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            tasks = {group.create_task(one(number)) for number in range(9)}
            await asyncio.sleep(1)
            for task in tasks:
                task.cancel()

    run(loop, main())
    return ended


def test_sets_of_tasks_do_not_depend_on_addresses_nor_on_earlier_runs() -> None:
    """`asyncio.wait` and task groups keep sets; their order decides who is cancelled first."""
    first = order_of_ends()
    order_of_steps(1)
    assert order_of_ends() == first
    assert sorted(first) == list(range(9))


def test_the_trace_is_the_same_whatever_the_hash_seed() -> None:
    code = (
        "from tests.support.simulation import a_short_run; result = a_short_run(5); "
        "print(result.digest, result.orders, result.crashes)"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert len(said[0].split()) == 3
