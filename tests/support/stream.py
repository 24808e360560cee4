"""A journal and clients for the stream hub, without a database or sockets."""

import asyncio
from typing import Any

import msgspec

from actors.stream_client import StreamClient
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import UserId
from engine.messages.read_ports import JournalHead, Page, Snapshot
from engine.messages.writing import CommittedEvent, EventsCommitted
from engine.runtime.bus import Bus
from tests.support.cell_builders import START_NS, an_id

USER = UserId(an_id(1))


class Journal:
    """`Reads` of one user's events, and their publication, which may come later than the commit."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.events: list[CommittedEvent] = []
        self.unpublished: list[CommittedEvent] = []
        self.oldest = 1
        self.is_away = False
        self.tickers_json = b"[]"
        self.reads = 0

    def commit(self, channel: str = "orders", *, size: int = 1) -> CommittedEvent:
        """Make an event durable; `publish` tells the hub."""
        prev = next((event.seq for event in reversed(self.events) if event.channel == channel), 0)
        seq = len(self.events) + 1
        event = CommittedEvent(
            seq=seq, prev=prev, user_id=USER, channel=channel, type="Happened", at_ns=START_NS, account_id=None,
            correlation_id=None, data=msgspec.json.encode({"n": seq, "pad": "x" * size}),
        )  # fmt: skip
        self.events.append(event)
        self.unpublished.append(event)
        return event

    def publish(self, count: int | None = None) -> None:
        """Publish the oldest unpublished events; None: all."""
        now, self.unpublished = self.unpublished[:count], self.unpublished[len(self.unpublished[:count]) :]
        if now:
            self.bus.publish(EventsCommitted(user_id=USER, events=tuple(now)), key=USER)

    async def journal_head(self, user_id: UserId) -> JournalHead:
        await self._turn()
        return JournalHead(oldest=self.oldest, last=len(self.events))

    async def events_since(
        self, user_id: UserId, channels: tuple[str, ...], since: int, limit: int = 500
    ) -> tuple[CommittedEvent, ...]:
        await self._turn()
        found = [event for event in self.events if event.seq > since and event.channel in channels]
        return tuple(found[:limit])

    async def snapshot(self, user_id: UserId, channels: tuple[str, ...]) -> Snapshot:
        await self._turn()
        return Snapshot(seq=len(self.events), data=dict.fromkeys(channels, b"[]"))

    async def tickers(self, venue: str | None = None, symbol: str | None = None) -> Page:
        await self._turn()
        return Page(items=self.tickers_json)

    async def ohlcv(self, *_: object, **__: object) -> Page:
        return await self.tickers()

    async def exchanges(self) -> Page:
        return await self.tickers()

    async def _turn(self) -> None:
        self.reads += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise DependencyAway("database", why="unplugged")


class Wire:
    """A socket that keeps what is written, and can be stuck."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_stuck = False
        self.is_gone = False
        self.closed: list[tuple[int, str]] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def get_write_buffer_size(self) -> int:
        return 10_000_000 if self.is_stuck else 0

    def is_closing(self) -> bool:
        return self.is_gone

    def messages(self, op: str | None = None) -> list[dict[str, Any]]:
        """Take the frames apart and decode them."""
        data = b"".join(self.written)
        found = []
        while data:
            payload, data, first = unframe(data)
            decode = msgspec.json.decode if first == 0x81 else msgspec.msgpack.decode
            message: dict[str, Any] = decode(payload)
            found.append(message)
        return [message for message in found if op is None or message["op"] == op]


def unframe(data: bytes) -> tuple[bytes, bytes, int]:
    """Split the first WebSocket frame off: its payload, the rest, its first byte."""
    length, start = data[1], 2
    if length == 126:
        length, start = int.from_bytes(data[2:4], "big"), 4
    elif length == 127:
        length, start = int.from_bytes(data[2:10], "big"), 10
    return data[start : start + length], data[start + length :], data[0]


def a_client(wire: Wire, **changes: Any) -> StreamClient:
    """Return a client of the user that writes to `wire`."""
    fields: dict[str, Any] = {
        "user_id": USER,
        "wire": wire,
        "on_close": lambda code, reason: wire.closed.append((code, reason)),
    }
    return StreamClient(**fields | changes)
