"""Stages go up in order and come down in reverse, each within its deadline."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engine.runtime.clock import NS_PER_S, VirtualClock
from engine.runtime.errors import Timeout
from engine.runtime.lifecycle import Lifecycle, Stage

pytestmark = pytest.mark.asyncio


class Steps:
    """Makes stages that write down what they do."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def step(self, text: str, does: Callable[[], Awaitable[Any]] | None = None) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            self.log.append(text)
            if does is not None:
                await does()

        return run

    def stage(self, name: str, **changes: Any) -> Stage:
        return Stage(**{"name": name, "start": self.step(f"+{name}"), "stop": self.step(f"-{name}"), **changes})


async def fails() -> None:
    raise OSError("no")


async def never() -> None:
    await asyncio.get_running_loop().create_future()


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_stages_start_in_order_and_stop_in_reverse(clock: VirtualClock) -> None:
    steps, lifecycle = Steps(), Lifecycle(clock)
    await lifecycle.start([steps.stage(name) for name in "abc"])
    assert lifecycle.started == ["a", "b", "c"]
    reports = await lifecycle.stop()
    assert steps.log == ["+a", "+b", "+c", "-c", "-b", "-a"]
    assert [(report.name, report.error) for report in reports] == [("c", None), ("b", None), ("a", None)]
    assert await lifecycle.stop() == []


async def test_a_stage_that_cannot_start_stops_those_before_it(clock: VirtualClock) -> None:
    steps, lifecycle = Steps(), Lifecycle(clock)
    with pytest.raises(OSError, match="no"):
        await lifecycle.start([steps.stage("a"), steps.stage("b", start=steps.step("+b", fails)), steps.stage("c")])
    assert steps.log == ["+a", "+b", "-a"]
    assert lifecycle.started == []


async def test_an_error_while_stopping_stops_nothing_else(clock: VirtualClock) -> None:
    steps, lifecycle = Steps(), Lifecycle(clock)
    await lifecycle.start([steps.stage("a"), steps.stage("b", stop=fails)])
    reports = await lifecycle.stop()
    assert [type(report.error) for report in reports] == [OSError, type(None)]
    assert steps.log[-1] == "-a"


async def test_a_stage_that_misses_its_deadline_is_left_behind(clock: VirtualClock) -> None:
    steps, lifecycle = Steps(), Lifecycle(clock)
    await lifecycle.start([steps.stage("a"), steps.stage("b", stop=never, stop_timeout_s=2.0)])
    stopping = asyncio.ensure_future(lifecycle.stop())
    await turns()
    clock.advance(2 * NS_PER_S - 1)
    await turns()
    assert not stopping.done()
    clock.advance(1)
    reports = await stopping
    assert [(type(report.error), report.took_ms) for report in reports] == [(Timeout, 2_000), (type(None), 0)]
    assert steps.log[-1] == "-a"
    await turns()
    assert lifecycle._left_behind == []


async def test_a_stage_that_ignores_its_cancellation_holds_up_nobody(
    clock: VirtualClock, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = asyncio.Event()

    async def deaf() -> None:
        try:
            await gate.wait()
        except asyncio.CancelledError:
            await gate.wait()
            raise OSError("at last") from None

    steps, lifecycle = Steps(), Lifecycle(clock)
    await lifecycle.start([steps.stage("a"), steps.stage("b", stop=deaf, stop_timeout_s=1.0)])
    stopping = asyncio.ensure_future(lifecycle.stop())
    await turns()
    clock.advance(NS_PER_S)
    assert [report.name for report in await stopping] == ["b", "a"]
    gate.set()
    await turns()
    assert lifecycle._left_behind == []
    assert "stage_ended_late" in capsys.readouterr().err


async def test_a_start_may_have_a_deadline_too(clock: VirtualClock) -> None:
    steps, lifecycle = Steps(), Lifecycle(clock)
    starting = asyncio.ensure_future(
        lifecycle.start([steps.stage("a"), steps.stage("b", start=never, start_timeout_s=1.0)])
    )
    await turns()
    clock.advance(NS_PER_S)
    with pytest.raises(Timeout, match="start of b"):
        await starting
    assert steps.log == ["+a", "-a"]


async def test_a_start_that_is_interrupted_stops_what_is_up(clock: VirtualClock) -> None:
    steps, lifecycle = Steps(), Lifecycle(clock)
    starting = asyncio.ensure_future(lifecycle.start([steps.stage("a"), steps.stage("b", start=never)]))
    await turns()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert steps.log == ["+a", "-a"]


async def test_a_stage_may_have_nothing_to_do(clock: VirtualClock) -> None:
    lifecycle = Lifecycle(clock)
    await lifecycle.start([Stage("empty")])
    assert [report.error for report in await lifecycle.stop()] == [None]
