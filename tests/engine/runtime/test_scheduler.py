"""The ready queue: turns, drains, quiet."""

import asyncio
import contextvars
import itertools
import threading
from typing import Any

import pytest

from engine.runtime.actor import AsyncioActor
from engine.runtime.clock import VirtualClock
from engine.runtime.errors import BlockingCall
from engine.runtime.scheduler import BUDGET, BURST, Scheduler
from engine.runtime.system import ActorSystem

pytestmark = pytest.mark.asyncio


class Relay(AsyncioActor):
    """Passes numbers on, counting down to zero."""

    def __init__(self, log: list[Any], name: str) -> None:
        super().__init__()
        self.trace = log
        self.label = name
        self.other: Any = None

    def on_receive(self, message: int) -> None:
        self.trace.append((self.label, message))
        if self.other is not None and message > 0:
            self.other.tell(message - 1)


async def a_pair(system: ActorSystem) -> tuple[Any, Any, list[Any]]:
    log: list[Any] = []
    first: Any = await system.start(Relay, log, "a")
    second: Any = await system.start(Relay, log, "b")
    first.actor_inbox.actor.other = second
    second.actor_inbox.actor.other = first
    return first, second, log


async def test_actors_are_served_in_the_order_in_which_their_first_message_came(system: ActorSystem) -> None:
    first, second, log = await a_pair(system)
    second.tell(0)
    first.tell(0)
    second.tell(0)
    await system.idle()
    assert log == [("b", 0), ("b", 0), ("a", 0)]


async def test_drain_handles_what_handlers_send_and_says_that_all_is_quiet(system: ActorSystem) -> None:
    first, _, log = await a_pair(system)
    first.tell(5)
    assert system.drain() is True
    assert log == [("a", 5), ("b", 4), ("a", 3), ("b", 2), ("a", 1), ("b", 0)]
    assert system.drain() is True


async def test_drain_stops_at_its_limit(system: ActorSystem) -> None:
    first, _, log = await a_pair(system)
    first.tell(10)
    assert system.drain(4) is False
    assert len(log) == 4
    assert system.drain() is True
    assert len(log) == 11


async def test_what_a_limited_drain_leaves_is_handled_by_the_loop(system: ActorSystem) -> None:
    first, _, log = await a_pair(system)
    first.tell(10)
    await asyncio.sleep(0)
    system.drain(1)
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(log) == 11


async def test_drain_is_not_quiet_while_a_coroutine_runs(system: ActorSystem) -> None:
    gate = asyncio.Event()

    class Waiting(AsyncioActor):
        async def on_receive(self, message: Any) -> Any:
            await gate.wait()

    ref = await system.start(Waiting)
    ref.tell("wait")
    assert system.drain() is False
    gate.set()
    await system.idle()
    assert system.drain() is True


async def test_drain_inside_a_handler_is_refused(system: ActorSystem) -> None:
    class Greedy(AsyncioActor):
        def on_receive(self, message: Any) -> Any:
            self.system.drain()

    with pytest.raises(BlockingCall, match="drain"):
        await (await system.start(Greedy)).ask("go on")


async def test_a_turn_of_the_loop_handles_a_budget_and_then_lets_io_happen(system: ActorSystem) -> None:
    first, _, log = await a_pair(system)
    first.tell(10 * BUDGET)
    seen: list[int] = []
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: seen.append(len(log)))
    for _ in range(3):
        await asyncio.sleep(0)
        seen.append(len(log))
    assert max(after - before for before, after in itertools.pairwise(seen)) <= BUDGET + BURST
    system.drain()


async def test_a_flood_of_one_actor_lets_others_have_their_turn(system: ActorSystem) -> None:
    first, second, log = await a_pair(system)
    for _ in range(3 * BURST):
        first.tell(0)
    second.tell(0)
    system.drain()
    assert log.index(("b", 0)) == BURST


async def test_a_burst_costs_one_call_of_the_loop(system: ActorSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, _ = await a_pair(system)
    await system.idle()
    await asyncio.sleep(0)
    calls: list[Any] = []
    original = Scheduler._on_loop

    def counted(scheduler: Scheduler) -> None:
        calls.append(scheduler)
        original(scheduler)

    monkeypatch.setattr(Scheduler, "_on_loop", counted)
    for _ in range(20):
        first.tell(1)
        second.tell(1)
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(calls) == 1


async def test_many_waiters_for_quiet_are_all_told(system: ActorSystem) -> None:
    gate = asyncio.Event()

    class Waiting(AsyncioActor):
        async def on_receive(self, message: Any) -> Any:
            await gate.wait()

    ref = await system.start(Waiting)
    ref.tell("wait")
    waiters = [asyncio.ensure_future(system.idle()) for _ in range(3)]
    for _ in range(3):
        await asyncio.sleep(0)
    assert not any(waiter.done() for waiter in waiters)
    gate.set()
    await asyncio.gather(*waiters)


async def test_a_handler_does_not_inherit_the_context_of_whoever_drains(system: ActorSystem) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="of nobody")
    seen: list[str] = []

    class Looks(AsyncioActor):
        def on_receive(self, message: Any) -> Any:
            seen.append(variable.get())

    ref = await system.start(Looks)
    variable.set("of the caller")
    ref.tell("a")
    system.drain()
    ref.tell("b")
    await asyncio.sleep(0)
    assert seen == ["of nobody", "of nobody"]


async def test_an_interrupted_drain_leaves_the_rest_to_the_loop(system: ActorSystem) -> None:
    class Interrupted(AsyncioActor):
        def on_receive(self, message: Any) -> Any:
            raise KeyboardInterrupt

    first, _, log = await a_pair(system)
    interrupted = await system.start(Interrupted)
    await system.idle()
    await asyncio.sleep(0)
    interrupted.tell("x")
    first.tell(0)
    with pytest.raises(KeyboardInterrupt):
        system.drain()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert log == [("a", 0)]


async def test_an_error_of_the_runtime_itself_is_fatal(clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    broken: list[BaseException] = []
    system = ActorSystem(clock=clock, fatal=broken.append)

    class Fails(AsyncioActor):
        def on_receive(self, message: Any) -> Any:
            raise ValueError(message)

    ref = await system.start(Fails)
    defect = RuntimeError("a defect of ours")

    def raises(*_: Any, **__: Any) -> None:
        raise defect

    monkeypatch.setattr(AsyncioActor, "_actor_fail", raises)
    ref.tell("not a number")
    system.drain()
    assert broken == [defect]
    monkeypatch.undo()
    system.abandon()


async def test_a_system_stays_with_its_loop(system: ActorSystem) -> None:
    errors: list[str] = []

    def elsewhere() -> None:
        async def main() -> None:
            try:
                await system.start(Relay, [], "x")
            except RuntimeError as error:
                errors.append(str(error))

        asyncio.run(main())

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert errors == ["expected the event loop that this actor system began on, was another"]


async def test_the_same_input_gives_the_same_trace() -> None:
    traces = []
    for _ in range(2):
        system = ActorSystem(clock=VirtualClock())
        first, second, log = await a_pair(system)
        for number in (3, 1, 4, 1, 5):
            (first if number % 2 else second).tell(number)
        await system.idle()
        traces.append(log)
        await system.stop_all()
    assert traces[0] == traces[1]
