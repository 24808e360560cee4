"""How a client of the stream comes up to the present: snapshots, the past from the store, then live.

These coroutines run beside the hub's handlers. While the store is away they wait; the client stays connected and gets
everything when it is back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

import msgspec

from actors.stream_client import StreamClient
from actors.stream_feed import CatchUp
from actors.stream_frames import (
    CLOSE_DEFECT,
    CLOSE_TOO_SLOW,
    Channel,
    Frame,
    answer_frame,
    snapshot_frame,
    update_frame,
)
from actors.stream_values import Topic, Topics
from engine.domain.errors import DependencyAway
from engine.messages.read_ports import Page, Reads
from engine.runtime.clock import Clock
from engine.runtime.log import get_logger

MS: Final = 1_000_000
READERS_MAX: Final = 2
"""Reads of the store at once: a thousand clients that reconnect together must not take every connection."""
ROOM_POLL_NS: Final = 20 * MS
ROOM_WAIT_NS: Final = 30_000 * MS
"""A client that reads nothing for so long while it catches up is closed."""
RETRY_NS: Final = 500 * MS

T = TypeVar("T")

_log = get_logger(__name__)


class Replay:
    """Brings clients up to the present, for one hub."""

    def __init__(
        self, *, reads: Reads, clock: Clock, topics: Topics, say: Callable[[StreamClient, Frame], None],
        put: Callable[[Topic, dict[Any, Frame], list[StreamClient]], None], page_events: int,
    ) -> None:  # fmt: skip
        """Take the hub's ways to queue: `say` a lossless frame, `put` values of a topic."""
        self._reads = reads
        self._clock = clock
        self._topics = topics
        self._say = say
        self._put = put
        self._page = page_events
        self._readers = asyncio.Semaphore(READERS_MAX)

    async def guard(self, client: StreamClient, work: Coroutine[Any, Any, None]) -> None:
        """Let an error of ours cost its own client only, which comes back and resumes."""
        try:
            await work
        except Exception:  # noqa: BLE001 - the hub serves every other client.
            _log.exception("stream_client_failed", user_id=str(client.user_id))
            client.close(CLOSE_DEFECT, "an error of ours; resume with since")

    async def begin(
        self, catch_up: CatchUp, channels: list[Channel], *, request_id: int | None, since: int | None
    ) -> None:
        """Answer a subscribe: `subscribed`, then snapshots or the past, then live."""
        client = catch_up.client
        names = [channel.name for channel in channels]
        lossless = tuple(channel.name for channel in channels if channel.is_lossless)
        if not lossless:
            self._say(client, answer_frame("subscribed", id=request_id, channels=names, seq=catch_up.covered))
        elif since is None:
            await self._snapshot(catch_up, names, lossless, request_id=request_id)
        else:
            await self._past(catch_up, names, lossless, request_id=request_id, since=since)
        for channel in channels:
            if not channel.is_lossless:
                await self._join(client, channel)

    async def _snapshot(
        self, catch_up: CatchUp, names: list[str], lossless: tuple[str, ...], *, request_id: int | None,
        expired: str = "",
    ) -> None:  # fmt: skip
        """Send the state of the lossless channels and go live from there."""
        client = catch_up.client
        snapshot = await self._patiently(client, lambda: self._reads.snapshot(client.user_id, lossless))
        if snapshot is None:
            return
        catch_up.position = catch_up.covered = snapshot.seq
        self._say(client, answer_frame("subscribed", id=request_id, channels=names, seq=snapshot.seq))
        if expired:
            self._say(client, answer_frame("error", id=request_id, code="resume_expired", detail=expired))
        for name in lossless:
            self._say(client, snapshot_frame(name, snapshot.seq, snapshot.data.get(name, b"[]")))
        if not catch_up.finish(self._say):
            await self.catch_up(catch_up)

    async def _past(
        self, catch_up: CatchUp, names: list[str], lossless: tuple[str, ...], *, request_id: int | None, since: int
    ) -> None:
        """Send everything after `since`, or a snapshot if that is not kept any more."""
        client = catch_up.client
        head = await self._patiently(client, lambda: self._reads.journal_head(client.user_id))
        if head is None:
            return
        if not head.oldest - 1 <= since <= head.last:
            expired = f"events {head.oldest} to {head.last} are kept, since was {since}; a snapshot follows"
            await self._snapshot(catch_up, names, lossless, request_id=request_id, expired=expired)
            return
        catch_up.covered = head.last
        self._say(client, answer_frame("subscribed", id=request_id, channels=names, seq=head.last))
        await self.catch_up(catch_up)

    async def catch_up(self, catch_up: CatchUp) -> None:
        """Read the past in pages, as fast as the client takes it, and go live at its end."""
        client = catch_up.client
        while not client.is_closed and catch_up.channels:
            catch_up.begin_read()
            events = await self._patiently(
                client,
                lambda: self._reads.events_since(client.user_id, catch_up.channels, catch_up.position, self._page),
            )
            if events is None:
                return
            catch_up.replay(events, self._say)
            if len(events) < self._page and catch_up.finish(self._say):
                return
            await self._room(client)

    async def _join(self, client: StreamClient, channel: Channel) -> None:
        """Begin a conflated channel with the newest value that is known."""
        if client.is_closed or channel.name not in client.channels:
            return
        topic = self._topics.join(client, channel)
        if topic.latest:
            self._put(topic, topic.all_frames(), [client])
            return
        rows = await self._patiently(client, lambda: self._stored(channel))
        if rows and not topic.latest and client in topic.clients:
            at_ns = self._clock.now_ns()
            frames = {("stored", key): update_frame(channel.name, at_ns, bytes(row)) for key, row in enumerate(rows)}
            self._put(topic, frames, [client])

    async def _stored(self, channel: Channel) -> list[msgspec.Raw]:
        page = await self._stored_page(channel)
        return msgspec.json.decode(page.items, type=list[msgspec.Raw])

    async def _stored_page(self, channel: Channel) -> Page:
        reads = self._reads
        match channel.kind:
            case "tickers":
                return await reads.tickers(channel.venue, channel.symbol)
            case "bars":
                return await reads.ohlcv(channel.venue, channel.symbol, channel.timeframe, limit=1)
            case "books":
                return await reads.books(channel.venue, channel.symbol)
            case "exchanges":
                return await reads.exchanges()
            case _:  # `portfolio` tells what an account is worth; `pnl` only how that changes.
                return Page(items=b"[]")

    async def _patiently(self, client: StreamClient, read: Callable[[], Awaitable[T]]) -> T | None:
        """Read the store, waiting while it is away; None once the client is gone."""
        while not client.is_closed:
            try:
                async with self._readers:
                    return await read()
            except DependencyAway:
                await self._clock.sleep(RETRY_NS)
        return None

    async def _room(self, client: StreamClient) -> None:
        deadline_ns = self._clock.monotonic_ns() + ROOM_WAIT_NS
        while not client.is_closed and not client.has_room:
            if self._clock.monotonic_ns() >= deadline_ns:
                client.close(CLOSE_TOO_SLOW, "nothing was read; resume with since")
                return
            await self._clock.sleep(ROOM_POLL_NS)
