"""A writer over the store in memory, or over one whose commits the test lets through; and everything that it says."""

import asyncio
from collections.abc import Sequence
from typing import Any

from engine.domain.errors import DependencyAway
from engine.messages.ports import UnitResult
from engine.messages.writing import CellHalted, EventsCommitted, StoreStatus, UnitsCommitted, WriteUnit
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from storage.backlog import Backlog
from storage.memory import MemoryFactStore
from storage.writer import StorageWriter
from tests.support.fact_stores import MemoryBench
from tests.support.units import AT_NS


class SlowStore:
    """The store in memory behind a gate that the test opens."""

    is_instant = False

    def __init__(self, inner: MemoryFactStore) -> None:
        self.inner = inner
        self.batches: list[list[WriteUnit]] = []
        self.failures: list[Exception] = []
        self.fates: list[str] = []
        """What happens to the next commits: `fine`, `away`, or `lost` (it takes effect and fails all the same)."""
        self.gate = asyncio.Event()
        self.gate.set()

    def commit_now(self, units: Sequence[WriteUnit]) -> list[UnitResult]:
        raise NotImplementedError

    async def commit(self, units: Sequence[WriteUnit]) -> list[UnitResult]:
        self.batches.append(list(units))
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        fate = self.fates.pop(0) if self.fates else "fine"
        if fate == "away":
            raise DependencyAway("database", why="gone")
        results = self.inner.commit_now(units)
        if fate == "lost":
            raise DependencyAway("database", why="the answer was lost")
        return results


class Scene:
    """A writer, and everything that it publishes."""

    def __init__(self) -> None:
        self.bench = MemoryBench()
        self.clock = VirtualClock(AT_NS)
        self.system = ActorSystem(clock=self.clock)
        self.bus = Bus()
        self.backlog = Backlog()
        self.heard: list[Any] = []
        for kind in (EventsCommitted, UnitsCommitted, CellHalted, StoreStatus):
            self.bus.subscribe(kind, self.heard.append)
        self.slow = SlowStore(self.bench.store)

    async def writer(self, store: Any = None, **more: Any) -> Ref[StorageWriter]:
        ref = await self.system.start(
            StorageWriter, store=self.slow if store is None else store, clock=self.clock, bus=self.bus,
            backlog=self.backlog, **more,
        )  # fmt: skip
        assert self.heard == [StoreStatus(available=True, since_ns=AT_NS)]
        self.heard.clear()
        return ref

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.heard if type(message) is kind]

    async def turn(self, times: int = 5) -> None:
        for _ in range(times):
            await self.system.idle()
            await asyncio.sleep(0)

    async def pass_time(self, delay_ns: int) -> None:
        await self.turn()
        await self.system.advance(self.clock, self.clock.now_ns() + delay_ns)
        await self.turn()
