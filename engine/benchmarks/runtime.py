"""R1 to R3: what a message, a publish and an idle actor cost."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import msgspec

from engine.benchmarks.harness import Ratio, Result, Side, cpu_seconds, gauge, measure, on_loop
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Bus
from engine.runtime.system import ActorSystem

MESSAGES = 100_000
BURST = 1_000
ASKS = 5_000
THREAD_ASKS = 500
"""pykka's threads take 20 times as long for an answer."""
PUBLISHES = 100_000
FAN_OUT = 10
IDLE_ACTORS = 10_000
WEIGHED_ACTORS = 2_000

# The library itself is the reference here; nothing else outside the runtime may import it.
pykka: Any = import_module("pykka")


class Add(msgspec.Struct, frozen=True, gc=False):
    """Add to the sum."""

    n: int


class Sum(AsyncioActor):
    """Adds up what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    @handles(Add)
    def on_add(self, message: Add) -> int:
        """Add."""
        self.total += message.n
        return self.total


class ThreadSum(pykka.ThreadingActor):  # type: ignore[misc]  # Imported by name, so mypy sees no class.
    """The same on a thread of pykka's."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def on_receive(self, message: Any) -> int:
        """Add."""
        self.total += message.n
        return self.total


def run(rounds: int) -> list[Result]:
    """Measure everything; `rounds`: pairs per ratio."""
    thread = ThreadSum.start()
    try:
        results = [measure(ratio, rounds) for ratio in _ratios(thread)]
    finally:
        thread.stop()
    return results + _idle_actors(rounds)


def _ratios(thread: Any) -> list[Ratio]:
    tell = Side(f"tell, bursts of {BURST:,}", on_loop(_tell))
    one_handler, direct = Bus(), _Counter()
    one_handler.subscribe(Add, direct.count, key="BTC")
    fan_out, many = Bus(), _Counter()
    for _ in range(FAN_OUT):
        fan_out.subscribe(Add, many.count, key="BTC")
    calls = Side("direct call of the handler", partial(_call, direct))
    return [
        Ratio("R1 tell against asyncio.Queue", tell, Side("asyncio.Queue", on_loop(_queue)), 2.0, "messages"),
        Ratio("R1 tell against pykka", tell, Side("ThreadingActor", partial(_thread_tell, thread)), 5.0, "messages"),
        Ratio(
            "R1 ask against pykka",
            Side("ask", on_loop(_ask)),
            Side("ThreadingActor", partial(_thread_ask, thread)),
            4.0,
            "answers",
        ),
        Ratio(
            "R2 publish to one handler",
            Side("publish", partial(_publish, one_handler, direct, 1)),
            calls,
            0.25,
            "deliveries",
        ),
        Ratio(
            f"R2 publish to {FAN_OUT} handlers",
            Side("publish", partial(_publish, fan_out, many, FAN_OUT)),
            calls,
            0.5,
            "deliveries",
        ),
    ]


async def _started() -> tuple[ActorSystem, Any]:
    system = ActorSystem()
    return system, await system.start(Sum)


async def _tell() -> int:
    system, ref = await _started()
    tell, message = ref.tell, Add(1)
    for _ in range(MESSAGES // BURST):
        for _ in range(BURST):
            tell(message)
        await system.idle()
    assert ref.actor_inbox.actor.total == MESSAGES, "every message was handled"
    await system.stop_all()
    return MESSAGES


async def _queue() -> int:
    queue: asyncio.Queue[Add] = asyncio.Queue()
    message = Add(1)
    burst_done = asyncio.Event()

    async def consume() -> int:
        total = 0
        for number in range(1, MESSAGES + 1):
            total += (await queue.get()).n
            if not number % BURST:
                burst_done.set()
        return total

    async def produce() -> None:
        put = queue.put_nowait
        for _ in range(MESSAGES // BURST):
            for _ in range(BURST):
                put(message)
            await burst_done.wait()
            burst_done.clear()

    total, _ = await asyncio.gather(consume(), produce())
    assert total == MESSAGES, "every message was taken"
    return MESSAGES


async def _ask() -> int:
    system, ref = await _started()
    message, total = Add(1), 0
    for _ in range(ASKS):
        total = await ref.ask(message)
    assert total == ASKS, "every question was answered"
    await system.stop_all()
    return ASKS


def _thread_tell(thread: Any) -> int:
    message = Add(1)
    before = total = thread.ask(Add(0))
    for _ in range(MESSAGES // BURST):
        for _ in range(BURST):
            thread.tell(message)
        total = thread.ask(Add(0))
    assert total - before == MESSAGES, "every message was handled"
    return MESSAGES


def _thread_ask(thread: Any) -> int:
    message = Add(1)
    before = total = thread.ask(Add(0))
    for _ in range(THREAD_ASKS):
        total = thread.ask(message)
    assert total - before == THREAD_ASKS, "every question was answered"
    return THREAD_ASKS


class _Counter:
    """A handler that is as cheap as a handler can be."""

    def __init__(self) -> None:
        self.seen = 0

    def count(self, _: Add) -> None:
        self.seen += 1


def _publish(bus: Bus, counter: _Counter, handlers: int) -> int:
    before = counter.seen
    publish, message = bus.publish, Add(1)
    for _ in range(PUBLISHES // handlers):
        publish(message, "BTC")
    delivered = counter.seen - before
    assert delivered == PUBLISHES // handlers * handlers, "every handler got every message"
    return delivered


def _call(counter: _Counter) -> int:
    before = counter.seen
    count, message = counter.count, Add(1)
    for _ in range(PUBLISHES):
        count(message)
    assert counter.seen - before == PUBLISHES, "every call counted"
    return PUBLISHES


def _idle_actors(rounds: int) -> list[Result]:
    starts, stops, sizes = [], [], []
    for _ in range(rounds):
        with asyncio.Runner() as runner:
            system = ActorSystem()
            starts.append(cpu_seconds(partial(runner.run, _start(system, IDLE_ACTORS))))
            assert len(system.directory) == IDLE_ACTORS, "all are running"
            stops.append(cpu_seconds(partial(runner.run, system.stop_all())))
            assert len(system.directory) == 0, "all have stopped"
    sizes.append(_bytes_per_actor())
    return [
        gauge("R3 memory of an idle actor", sizes, unit="bytes", goal=5_000),
        gauge(f"R3 start of {IDLE_ACTORS:,} actors", starts, unit="CPU seconds", goal=1.0),
        gauge(f"R3 stop of {IDLE_ACTORS:,} actors", stops, unit="CPU seconds", goal=1.0),
    ]


async def _start(system: ActorSystem, count: int) -> None:
    for _ in range(count):
        await system.start(Sum)


def _bytes_per_actor() -> float:
    with asyncio.Runner() as runner:
        system = ActorSystem()
        runner.run(_start(system, 10))  # Tables and caches of the class are made once, not per actor.
        used: Callable[[], int] = lambda: tracemalloc.get_traced_memory()[0]  # noqa: E731 - two readings of one thing.
        tracemalloc.start()
        try:
            gc.collect()
            before = used()
            runner.run(_start(system, WEIGHED_ACTORS))
            gc.collect()
            return (used() - before) / WEIGHED_ACTORS
        finally:
            tracemalloc.stop()
            runner.run(system.stop_all())
