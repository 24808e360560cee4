"""V5: for how long the loop stands still while 5,000 pairs are read, from the request to the last instrument.

A task wakes every millisecond on the loop of the adapter. The stall is the longest stretch between two of its turns, in
CPU time of the process, all threads: another thread that holds the interpreter counts, other jobs of the machine do
not. The same by the clock is shown beside it, and what aiohttp takes that reads the same bytes and parses nothing. The
server is another process.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any, Final, NamedTuple

import aiohttp
import uvloop

from connectors.bridge.exchange import Bridge
from connectors.catalogue import entry_of, kit_of
from connectors.live.adapter import PublicSetup
from engine.benchmarks.harness import Result
from engine.benchmarks.venue_server import Server
from engine.runtime.actor import AsyncioActor
from engine.runtime.clock import WallClock
from engine.runtime.log import get_logger
from engine.runtime.system import ActorSystem

PAIRS: Final = 5_000
GOAL_MS: Final = 50.0
TICK_NS: Final = 1_000_000
PATHS: Final = {
    "binance": "/api/v3/exchangeInfo",
    "coinbase": "/api/v3/brokerage/market/products",
}

Read = Callable[[], Awaitable[int]]


class Stall(NamedTuple):
    """The longest stretches between two turns of the loop: ms."""

    cpu_ms: float
    wall_ms: float


class Watched(AsyncioActor):
    """Reads something, and watches how often the loop turns meanwhile."""

    def __init__(self, read: Read) -> None:
        """Prepare to run `read`, which returns how much it has read."""
        super().__init__()
        self._read = read
        self._clock = WallClock()
        self._is_read = False
        self.stall = Stall(0.0, 0.0)
        self.found = 0
        self.is_over = asyncio.Event()

    def on_start(self) -> None:
        """Begin."""
        self.spawn(self._tick(), name="tick")
        self.spawn(self._run(), name="read")

    async def _tick(self) -> None:
        before_ns, before_cpu_ns = self._clock.monotonic_ns(), time.process_time_ns()
        # After the end it turns once more: a stall at the very end counts too.
        is_last = False
        while not is_last:
            is_last = self._is_read
            await self._clock.sleep(TICK_NS)
            now_ns, now_cpu_ns = self._clock.monotonic_ns(), time.process_time_ns()
            cpu_ms, wall_ms = (now_cpu_ns - before_cpu_ns) / 1e6, (now_ns - before_ns - TICK_NS) / 1e6
            self.stall = Stall(max(self.stall.cpu_ms, cpu_ms), max(self.stall.wall_ms, wall_ms))
            before_ns, before_cpu_ns = now_ns, now_cpu_ns
        self.is_over.set()

    async def _run(self) -> None:
        await self._clock.sleep(5 * TICK_NS)
        self.found = await self._read()
        self._is_read = True


async def stall_of(read: Read) -> tuple[Stall, int]:
    """Return (longest stall, what was read)."""
    system = ActorSystem(clock=WallClock())
    watched = await system.start(Watched, name="watched", read=read)
    proxy: Any = watched.proxy()
    is_over = await proxy.is_over
    await is_over.wait()
    stall, found = await proxy.stall, await proxy.found
    await system.stop_all()
    return stall, found


async def ours(venue: str, url: str) -> Stall:
    """Load the instruments of a venue by its adapter."""
    kit = kit_of(venue, None)
    setup = PublicSetup(venue=venue, market=kit.market, urls=entry_of(venue).urls(url, ""))
    adapter = kit.public(setup, Bridge((), WallClock()), get_logger(__name__))

    async def read() -> int:
        return len((await adapter.instruments()).instruments)

    await adapter.open()
    stall, found = await stall_of(read)
    await adapter.close()
    assert found == PAIRS, f"expected {PAIRS} instruments, was {found}"
    return stall


async def bare(venue: str, url: str) -> Stall:
    """Read the same bytes by aiohttp."""
    async with aiohttp.ClientSession() as session:

        async def read() -> int:
            async with session.get(url + PATHS[venue]) as answer:
                return len(await answer.read())

        stall, found = await stall_of(read)
    assert found > PAIRS, f"expected a listing, was {found} bytes"
    return stall


def run(rounds: int) -> list[Result]:
    """Measure both venues; `rounds`: loads each."""
    server = Server(PAIRS)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return [each for venue in PATHS for each in _measured(runner, venue, server.url, rounds)]
    finally:
        server.stop()


def _measured(runner: asyncio.Runner, venue: str, url: str, rounds: int) -> list[Result]:
    # Once for what is imported and learnt only once.
    runner.run(ours(venue, url))
    pairs = [(runner.run(ours(venue, url)), runner.run(bare(venue, url))) for _ in range(rounds)]
    name = f"V5 {venue}, longest stall while {PAIRS:,} pairs load"
    return [
        Result(
            name=f"{name}, {kind}", unit="ms", goal=goal, direction="at_most",
            values=tuple(mine[number] for mine, _ in pairs),
            ours="the adapter's instruments()", ours_value=median(mine[number] for mine, _ in pairs),
            reference="aiohttp reads the same bytes", reference_value=median(theirs[number] for _, theirs in pairs),
        )
        for number, (kind, goal) in enumerate((("CPU", GOAL_MS), ("by the clock", None)))
    ]  # fmt: skip
