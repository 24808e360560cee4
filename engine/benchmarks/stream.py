"""W1: what a delivery to a stream client costs, against a server that writes one shared frame to every socket.

Both write the same frames to the same sockets; the clients read in another process. The hub adds what makes it a
product: subscriptions, positions, bounded queues, one write per client per 5 ms.
"""

import asyncio
import subprocess
import sys
from typing import Any, cast
from uuid import UUID

import msgspec
import uvloop

from actors.stream_client import StreamClient, StreamLimits
from actors.stream_frames import event_frame
from actors.stream_hub import Attach, StreamHub, Subscribe
from engine.benchmarks.harness import Ratio, Result, Side, measure
from engine.domain.identifiers import UserId
from engine.messages.read_ports import Reads, Snapshot
from engine.messages.writing import CommittedEvent, EventsCommitted
from engine.runtime.bus import Bus
from engine.runtime.clock import WallClock
from engine.runtime.metrics import Metrics
from engine.runtime.system import ActorSystem

CLIENTS = 200
APART_MESSAGES = 200
APART_NS = 5_500_000
"""Further apart than the hub coalesces: every message is a write of its own."""
DENSE_MESSAGES = 1_000
DENSE_NS = 1_000_000
USER = UserId(UUID(int=1))
DATA = msgspec.json.encode({"id": str(UUID(int=2)), "symbol": "BTC/USDT", "status": "filled", "note": "x" * 400})


class _NoPast:
    """`Reads` of a user to whom nothing has happened."""

    async def snapshot(self, _user_id: UserId, channels: tuple[str, ...]) -> Snapshot:
        """Return nothing."""
        return Snapshot(seq=0, data=dict.fromkeys(channels, b"[]"))


class _Accept(asyncio.Protocol):
    """Keeps the connections of the readers."""

    def __init__(self, transports: list[asyncio.Transport]) -> None:
        self._transports = transports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep one."""
        self._transports.append(cast("asyncio.Transport", transport))


class Arena:
    """Sockets with readers at their other end, and a hub that streams to them."""

    def __init__(self, clients: int) -> None:
        """Know how many; `open` connects them."""
        self._clients = clients
        self._transports: list[asyncio.Transport] = []
        self._clock = WallClock()
        self._bus = Bus()
        self._seq = 0

    async def open(self) -> None:
        """Connect the readers and subscribe them."""
        server = await asyncio.get_running_loop().create_server(lambda: _Accept(self._transports), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        arguments = (sys.executable, "-m", "engine.benchmarks.stream_readers", str(port), str(self._clients))
        self._readers = await asyncio.create_subprocess_exec(*arguments, stdout=subprocess.PIPE)
        while len(self._transports) < self._clients:
            await self._clock.sleep(5_000_000)
        server.close()
        self._system = ActorSystem(clock=self._clock)
        reads = cast("Reads", _NoPast())
        limits = StreamLimits(clients_per_user=self._clients)
        hub = await self._system.start(
            StreamHub, bus=self._bus, clock=self._clock, reads=reads, metrics=Metrics(), limits=limits
        )
        for transport in self._transports:
            wire: Any = transport
            client = StreamClient(user_id=USER, wire=wire, on_close=_ignore)
            hub.tell(Attach(client))
            hub.tell(Subscribe(client=client, id=1, channels=("orders",)))
        await self._clock.sleep(100_000_000)

    async def close(self) -> int:
        """Disconnect; the events that the readers have counted."""
        await self._system.stop_all()
        for transport in self._transports:
            transport.close()
        out, _ = await self._readers.communicate()
        return int(out)

    async def stream(self, messages: int, apart_ns: int) -> int:
        """Publish messages at a pace and let the hub deliver them."""
        due_ns = self._clock.monotonic_ns()
        for _ in range(messages):
            self._seq += 1
            self._bus.publish(EventsCommitted(user_id=USER, events=(self._event(self._seq),)), key=USER)
            due_ns += apart_ns
            await self._until(due_ns)
        return messages * self._clients

    async def share(self, messages: int, apart_ns: int) -> int:
        """Write each message's frame to every socket, as a bare server does."""
        due_ns = self._clock.monotonic_ns()
        for seq in range(1, messages + 1):
            frame = event_frame(self._event(seq)).text
            for transport in self._transports:
                transport.write(frame)
            due_ns += apart_ns
            await self._until(due_ns)
        return messages * self._clients

    async def _until(self, due_ns: int) -> None:
        await self._clock.sleep(max(0, due_ns - self._clock.monotonic_ns()))

    def _event(self, seq: int) -> CommittedEvent:
        return CommittedEvent(
            seq=seq, prev=seq - 1, user_id=USER, channel="orders", type="OrderFilled",
            at_ns=self._clock.now_ns(), account_id=None, correlation_id=None, data=DATA,
        )  # fmt: skip


def run(rounds: int) -> list[Result]:
    """Measure both paces; `rounds`: pairs per ratio."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        arena = Arena(CLIENTS)
        runner.run(arena.open())
        results = [
            measure(_ratio(runner, arena, "W1 delivery", APART_MESSAGES, APART_NS, 0.8), rounds),
            measure(_ratio(runner, arena, "W1 delivery, 1,000 messages/s", DENSE_MESSAGES, DENSE_NS, 2.0), rounds),
        ]
        # Both sides of both ratios, with their warm-up.
        expected = 2 * (rounds + 1) * CLIENTS * (APART_MESSAGES + DENSE_MESSAGES)
        counted = runner.run(arena.close())
    assert counted == expected, f"expected {expected} events at the clients, was {counted}"
    return results


def _ratio(runner: asyncio.Runner, arena: Arena, name: str, messages: int, apart_ns: int, goal: float) -> Ratio:
    ours = Side("hub", lambda: runner.run(arena.stream(messages, apart_ns)))
    bare = Side("one shared frame to every socket", lambda: runner.run(arena.share(messages, apart_ns)))
    return Ratio(name, ours, bare, goal, "deliveries")


def _ignore(_code: int, _reason: str) -> None:
    """The hub closes everybody when it stops."""
