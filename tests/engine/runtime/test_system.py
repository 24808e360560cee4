"""Start, stop, watch: what a system does for its actors."""

import asyncio
import gc
import os
import weakref
from typing import Any

import pykka
import pytest

from engine.runtime.actor import AsyncioActor
from engine.runtime.clock import VirtualClock
from engine.runtime.errors import Timeout
from engine.runtime.system import EXIT_RUNTIME_BROKEN, ActorSystem, end_process

pytestmark = pytest.mark.asyncio


class Member(AsyncioActor):
    """Writes down its end."""

    def __init__(self, log: list[str], name_of: str) -> None:
        super().__init__()
        self.trace = log
        self.name_of = name_of

    def on_stop(self) -> None:
        self.trace.append(self.name_of)

    def on_receive(self, message: Any) -> Any:
        raise message


async def test_all_are_stopped_in_reverse_order_of_start(system: ActorSystem) -> None:
    log: list[str] = []
    for name in "abc":
        await system.start(Member, log, name)
    assert await system.stop_all() == [True, True, True]
    assert log == ["c", "b", "a"]
    assert await system.stop_all() == []


async def test_pykkas_stop_all_works_where_it_does_not_block(system: ActorSystem) -> None:
    log: list[str] = []
    for name in "abc":
        Member.start(log, name)
    await system.idle()
    assert [await future for future in pykka.ActorRegistry.stop_all(block=False)] == [True, True, True]
    assert log == ["c", "b", "a"]


async def test_an_actor_that_does_not_stop_in_time_is_a_timeout(system: ActorSystem, clock: VirtualClock) -> None:
    gate = asyncio.Event()

    class Slow(AsyncioActor):
        async def on_stop(self) -> None:  # type: ignore[override]
            await gate.wait()

    await system.start(Slow)
    stopping = asyncio.ensure_future(system.stop_all(timeout_s=1.0))
    await asyncio.sleep(0)
    clock.advance(1_000_000_000)
    with pytest.raises(Timeout):
        await stopping
    gate.set()


async def test_a_watcher_hears_of_the_end_and_why(system: ActorSystem) -> None:
    ended: list[Any] = []
    good, bad = await system.start(Member, [], "good"), await system.start(Member, [], "bad")
    for ref in (good, bad):
        system.watch(ref, lambda ref, error: ended.append((ref, error)))
    error = ValueError("bad")
    bad.tell(error)
    await good.stop()
    await system.idle()
    assert sorted(ended, key=lambda one: str(one[0])) == sorted(
        [(good, None), (bad, error)], key=lambda one: str(one[0])
    )
    system.watch(good, lambda ref, error: ended.append("at once"))
    assert ended[-1] == "at once"


async def test_names_are_made_where_none_is_given(system: ActorSystem) -> None:
    refs = [await system.start(Member, [], "x") for _ in range(2)]
    assert [ref.name for ref in refs] == ["Member-1", "Member-2"]


async def test_a_killed_system_runs_no_hook_and_leaves_nothing_registered(clock: VirtualClock) -> None:
    log: list[str] = []
    system = ActorSystem(clock=clock)
    ref = await system.start(Member, log, "a")
    system.abandon()
    assert ref not in pykka.ActorRegistry.get_all()
    assert log == []


async def test_time_moves_with_everybody_at_rest_before_each_timer(system: ActorSystem, clock: VirtualClock) -> None:
    log: list[tuple[str, int]] = []

    class Echo(AsyncioActor):
        def on_receive(self, message: str) -> Any:
            log.append((message, self.system.clock.now_ns() - start_ns))
            if message == "tick":
                self.after(10, "tock")

    start_ns = clock.now_ns()
    ref = await system.start(Echo)
    clock.call_after(5, lambda: ref.tell("tick"))
    clock.call_after(15, lambda: ref.tell("other"))
    await system.advance(clock, start_ns + 20)
    assert log == [("tick", 5), ("other", 15), ("tock", 15)]
    assert clock.now_ns() == start_ns + 20


async def test_the_first_system_of_a_loop_takes_the_actors_that_start_by_themselves() -> None:
    system = ActorSystem.of_running_loop()
    assert ActorSystem.of_running_loop() is system
    ref = Member.start([], "x")
    assert system.directory.get_all() == [ref]
    await system.stop_all()


async def test_a_start_that_is_interrupted_leaves_no_actor(system: ActorSystem) -> None:
    class Slow(AsyncioActor):
        async def on_start(self) -> None:  # type: ignore[override]
            await asyncio.Event().wait()

    starting = asyncio.ensure_future(system.start(Slow, name="slow"))
    for _ in range(3):
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await system.idle()
    assert system.directory.get("slow") is None


async def test_a_system_that_nobody_holds_is_collected_with_its_actors(clock: VirtualClock) -> None:
    system = ActorSystem(clock=clock)
    await system.start(Member, [], "a")
    system.abandon()
    gone = weakref.ref(system)
    del system
    await asyncio.sleep(0)
    gc.collect()
    assert gone() is None


async def test_a_broken_runtime_ends_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    end_process(RuntimeError("a defect of ours"))
    assert codes == [EXIT_RUNTIME_BROKEN]
    written = capsys.readouterr().err
    assert "runtime_broken" in written
    assert "a defect of ours" in written


async def test_a_thousand_idle_actors_start_and_stop_and_leave_nothing(system: ActorSystem) -> None:
    log: list[str] = []
    for number in range(1_000):
        await system.start(Member, log, str(number))
    assert len(system.directory) == 1_000
    assert len(await system.stop_all()) == 1_000
    assert log == [str(number) for number in reversed(range(1_000))]
    assert len(system.directory) == 0
    assert system._watchers == {}
