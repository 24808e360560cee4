"""The benchmark of instruments loads them all, and sees a loop that stands still."""

import asyncio
import time

import pytest

from engine.benchmarks import instruments
from engine.benchmarks.instruments import stall_of


@pytest.mark.slow
def test_it_measures_both_venues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instruments, "PAIRS", 40)
    results = instruments.run(1)
    assert [result.name.split()[1].rstrip(",") for result in results] == ["binance"] * 2 + ["coinbase"] * 2
    assert [result.goal for result in results] == [50.0, None] * 2
    assert all(result.median > 0 for result in results)


def test_work_on_the_loop_is_a_stall_and_waiting_is_none() -> None:
    async def works() -> int:
        until = time.process_time() + 0.05
        while time.process_time() < until:
            pass
        return 1

    async def waits() -> int:
        await asyncio.sleep(0.05)
        return 2

    busy, one = asyncio.run(stall_of(works))
    idle, two = asyncio.run(stall_of(waits))
    assert (one, two) == (1, 2)
    assert busy.cpu_ms >= 45
    assert busy.wall_ms >= 45
    assert idle.cpu_ms < 45


def test_a_thread_that_holds_the_interpreter_is_a_stall() -> None:
    async def sorts() -> int:
        return await asyncio.to_thread(lambda: len(sorted(range(3_000_000, 0, -1), key=float)))

    stall, count = asyncio.run(stall_of(sorts))
    assert count == 3_000_000
    assert stall.cpu_ms > 20
