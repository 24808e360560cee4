"""A network in memory: links with seeded latency that break, fall silent, or are not made at all.

A link carries whole frames in order each way, as TCP does: it never loses one out of the middle. It can only slow down,
end (`EOFError` at both ends, what was on its way is lost), or become a black hole in which everything vanishes.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, Final, Protocol

from engine.runtime.entropy import Rng
from engine.simulation.loop import SimLoop
from engine.simulation.process import Process

LATENCY_MIN_NS: Final = 200_000
LATENCY_MAX_NS: Final = 40_000_000

NO_OWNER: Final = Context()
"""What is on its way belongs to the network, not to the process that sent it."""


class Host(Protocol):
    """Whoever is dialled: a venue outside of every engine process."""

    name: str

    def opened(self, connection: int) -> None:
        """A link is there."""

    def received(self, connection: int, payload: bytes) -> None:
        """A frame has arrived."""

    def closed(self, connection: int) -> None:
        """The link has ended."""


class Watcher(Protocol):
    """Told of what passes the engine's end of a link."""

    def sent(self, process: Process, host: str, payload: bytes) -> None:
        """A frame leaves the engine; it may still get lost."""

    def delivered(self, process: Process, host: str, payload: bytes) -> None:
        """A frame has reached the engine."""


class SimLink:
    """One link, as its two ends see it. `read`, `write`, `drain` and `close` are the engine's."""

    def __init__(self, network: "Network", process: Process, host: Host, number: int, latency_ns: int) -> None:
        """Be open."""
        self.number = number
        self.process = process
        self.host = host
        self.latency_ns = latency_ns
        self.is_closed = False
        self.is_silent_out = False
        """What the engine sends vanishes."""
        self.is_silent_in = False
        """What the engine should hear vanishes."""
        self._network = network
        self._inbox: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._arrives_out_ns = 0
        self._arrives_in_ns = 0

    # --- The engine's end ---------------------------------------------------------------------------------------------

    async def read(self) -> bytes:
        """Return the next frame.

        Raises:
            EOFError: The link has ended.
        """
        while not self._inbox:
            if self.is_closed:
                raise EOFError("the link has ended")
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        payload = self._inbox.popleft()
        self._network.watcher.delivered(self.process, self.host.name, payload)
        return payload

    def write(self, payload: bytes) -> None:
        """Send a frame."""
        if self.is_closed or self.process.is_dead:
            return
        self._network.watcher.sent(self.process, self.host.name, payload)
        if not self.is_silent_out:
            self._arrives_out_ns = self._network.carry(self, self._arrives_out_ns, self._arrive_out, payload)

    async def drain(self) -> None:
        """Return when more may be written: at once, the network has no limit."""

    def close(self) -> None:
        """End the link; the other end hears of it a little later."""
        self._end()

    # --- The venue's end ----------------------------------------------------------------------------------------------

    def push(self, payload: bytes, delay_ns: int = 0) -> None:
        """Send a frame to the engine, no earlier than in `delay_ns`; a later one may overtake it before it leaves."""
        if delay_ns:
            self._network.later(delay_ns, self.push, payload)
        elif not self.is_closed and not self.is_silent_in:
            self._arrives_in_ns = self._network.carry(self, self._arrives_in_ns, self._arrive_in, payload)

    def drop(self) -> None:
        """End the link from the venue's side, or in between."""
        self._end()

    # --- In between ---------------------------------------------------------------------------------------------------

    def _arrive_out(self, payload: bytes) -> None:
        if not self.is_closed:
            self.host.received(self.number, payload)

    def _arrive_in(self, payload: bytes) -> None:
        if not self.is_closed and not self.process.is_dead:
            self._inbox.append(payload)
            self._wake()

    def _end(self) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        self._inbox.clear()
        self._network.forget(self)
        if not self.process.is_dead:
            self._wake()
        if not self.is_silent_out:
            self._network.later(self.latency_ns, self.host.closed, self.number)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class Network:
    """All links of a run."""

    def __init__(self, loop: SimLoop, rng: Rng, watcher: Watcher) -> None:
        """Connect everybody with everybody.

        Args:
            loop: Its time.
            rng: Draws latencies.
            watcher: Sees every frame at the engine's end.
        """
        self.watcher = watcher
        self.slowness = 1
        """What every latency is multiplied with."""
        self.refused: set[str] = set()
        """Hosts that cannot be dialled now."""
        self._loop = loop
        self._rng = rng
        self._links: dict[int, SimLink] = {}
        self._number = 0

    async def dial(self, process: Process, host: Host) -> SimLink:
        """Make a link from a process to a host.

        Raises:
            ConnectionRefusedError: Nobody answers there now.
        """
        latency_ns = self._rng.randrange(LATENCY_MIN_NS, LATENCY_MAX_NS)
        await process.clock.sleep(latency_ns * 2)
        if host.name in self.refused:
            raise ConnectionRefusedError(f"{host.name} does not answer")
        self._number += 1
        link = self._links[self._number] = SimLink(self, process, host, self._number, latency_ns)
        host.opened(link.number)
        return link

    def link(self, number: int) -> SimLink | None:
        """Return a link that is open."""
        return self._links.get(number)

    def links(self, host: str = "") -> list[SimLink]:
        """Return the open links, or those to one host."""
        return [link for link in self._links.values() if host in ("", link.host.name)]

    def drop_process(self, process: Process) -> None:
        """End what a dead process had open, as its kernel does."""
        for link in [link for link in self._links.values() if link.process is process]:
            link.drop()

    def forget(self, link: SimLink) -> None:
        """Take a link off the list."""
        self._links.pop(link.number, None)

    def later(self, delay_ns: int, callback: Callable[..., object], *arguments: Any) -> None:
        """Call in a while, in nobody's name."""
        self._loop.after(delay_ns, callback, *arguments, context=NO_OWNER)

    def carry(self, link: SimLink, not_before_ns: int, arrive: Callable[[bytes], None], payload: bytes) -> int:
        """Bring a frame to the other end, behind those before it; return when it arrives."""
        jitter_ns = self._rng.randrange(link.latency_ns // 4 + 1)
        at_ns = max(self._loop.now_ns + (link.latency_ns + jitter_ns) * self.slowness, not_before_ns)
        self.later(at_ns - self._loop.now_ns, arrive, payload)
        return at_ns
