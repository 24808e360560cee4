"""Fans committed events and market data out to the clients of the stream.

An event reaches a client only after its commit: the hub hears of it from the writer (`EventsCommitted`), and reads what
was before from the store. What waits for a client is written at most every `FLUSH_NS`, in one piece.
"""

from collections.abc import Coroutine
from typing import Any, ClassVar, Final

import msgspec

from actors.stream_client import DEFAULT_LIMITS, StreamClient, StreamLimits
from actors.stream_feed import CatchUp, Feed
from actors.stream_frames import (
    CLOSE_NOT_ALLOWED,
    CLOSE_RESTART,
    CLOSE_TOO_MANY,
    Frame,
    answer_frame,
    parse_channel,
)
from actors.stream_replay import Replay
from actors.stream_values import INTERVAL_NS, Topic, Topics
from engine.domain.errors import BadInput
from engine.domain.identifiers import UserId
from engine.messages.market import Bar, BookTop, Ticker
from engine.messages.portfolio import AccountMarked
from engine.messages.read_ports import Reads
from engine.messages.render import rfc3339
from engine.messages.venues import VenueConnection
from engine.messages.writing import EventsCommitted
from engine.runtime.actor import AsyncioActor, MailboxSpec, handles
from engine.runtime.bus import Bus, Subscription
from engine.runtime.clock import Clock
from engine.runtime.metrics import Metrics

MS: Final = 1_000_000
FLUSH_NS: Final = 5 * MS
"""At most one send per client in this time."""
BLOCKED_NS: Final = 50 * MS
"""How often a client whose socket is full is looked at again."""
HEARTBEAT_NS: Final = 5_000 * MS


class Attach(msgspec.Struct, frozen=True):
    """WebSocket handler to hub: a client is there."""

    client: StreamClient


class Detach(msgspec.Struct, frozen=True):
    """WebSocket handler to hub: it is gone."""

    client: StreamClient


class Subscribe(msgspec.Struct, frozen=True, kw_only=True):
    """A client's request for channels."""

    client: StreamClient
    id: int | None
    channels: tuple[str, ...]
    since: int | None = None
    user_id: UserId | None = None
    """Whose events; an admin may name somebody else."""


class Unsubscribe(msgspec.Struct, frozen=True, kw_only=True):
    """A client wants channels no more."""

    client: StreamClient
    id: int | None
    channels: tuple[str, ...]


class Say(msgspec.Struct, frozen=True):
    """WebSocket handler to hub: an answer of its own, to be sent in its turn."""

    client: StreamClient
    frame: Frame


class _Flush(msgspec.Struct, frozen=True):
    __lane__: ClassVar[str] = "control"


class _FlushValues(msgspec.Struct, frozen=True):
    __lane__: ClassVar[str] = "control"


class _LookAgain(msgspec.Struct, frozen=True):
    __lane__: ClassVar[str] = "control"


class _Beat(msgspec.Struct, frozen=True):
    __lane__: ClassVar[str] = "control"


class StreamHub(AsyncioActor):
    """One per engine. Clients are attached by the API's WebSocket handler."""

    mailbox = MailboxSpec(conflate=True)

    def __init__(
        self, *, bus: Bus, clock: Clock, reads: Reads, metrics: Metrics, limits: StreamLimits = DEFAULT_LIMITS
    ) -> None:
        """Take what the hub listens to and reads from.

        Args:
            bus: Carries `EventsCommitted` (key: user), `Ticker`, `BookTop`, `Bar` (key: venue and symbol),
                `AccountMarked` (key: user), `VenueConnection` (key: venue).
            clock: The wall clock.
            reads: Snapshots and replay of committed events.
            metrics: Counts clients, queues, frames and closes.
            limits: Bounds per client and user.
        """
        super().__init__()
        self._bus = bus
        self._clock = clock
        self._limits = limits
        self._feeds: dict[UserId, Feed] = {}
        self._listening: dict[UserId, Subscription] = {}
        self._topics = Topics(bus, self.actor_ref.tell)
        self._dirty: list[StreamClient] = []
        self._blocked: list[StreamClient] = []
        self._is_flush_due = False
        self._is_values_due = False
        self._flushed_ns = 0
        self._replay = Replay(
            reads=reads, clock=clock, topics=self._topics, say=self._say, put=self._put, page_events=limits.page_events
        )
        self._clients_gauge = metrics.gauge("stream_clients", "Connected clients of the stream.")
        self._queue_gauge = metrics.gauge("stream_queue_bytes", "Lossless bytes that wait, all clients.")
        self._queue_max_gauge = metrics.gauge("stream_queue_bytes_max", "Lossless bytes of the longest queue.")
        self._closed_counter = metrics.counter("stream_closed", "Clients that the engine closed.", ["code"])

    def on_start(self) -> None:
        """Begin the heartbeat."""
        self._flushed_ns = self._clock.monotonic_ns()
        self.after(HEARTBEAT_NS, _Beat())

    def on_stop(self) -> None:
        """Close every client with 1012: it reconnects and resumes."""
        self._topics.close()
        for subscription in self._listening.values():
            subscription.cancel()
        for feed in list(self._feeds.values()):
            for client in list(feed.clients):
                client.close(CLOSE_RESTART, "the engine restarts")
        self._feeds.clear()

    def on_failure(self, *_: Any) -> None:
        """Close every client, as on a stop."""
        self.on_stop()

    # --- Clients ----------------------------------------------------------------------------------------------------

    @handles(Attach)
    def on_attach(self, message: Attach) -> None:
        """Take a client, or close it where its user has too many."""
        client = message.client
        client.bound(self._limits)
        feed = self._feed(client.user_id)
        if len(feed.clients) >= self._limits.clients_per_user:
            client.close(CLOSE_TOO_MANY, f"at most {self._limits.clients_per_user} connections per user")
        else:
            feed.clients[client] = None
        self._count()

    @handles(Detach)
    def on_detach(self, message: Detach) -> None:
        """Forget a client."""
        client = message.client
        if client.close_code is not None:
            self._closed_counter.labels(str(client.close_code)).inc()
        self._forget(client)
        self._count()

    @handles(Subscribe)
    def on_subscribe(self, message: Subscribe) -> None:
        """Begin channels: lossless ones by catching up, conflated ones with their newest value."""
        client = message.client
        if client.is_closed or not self._may_follow(client, message.user_id):
            return
        try:
            channels = [parse_channel(name) for name in dict.fromkeys(message.channels)]
        except BadInput as error:
            self._say(client, answer_frame("error", id=message.id, code="unknown_channel", detail=str(error)))
            return
        if len(client.channels | {channel.name for channel in channels}) > self._limits.channels:
            client.close(CLOSE_TOO_MANY, f"at most {self._limits.channels} channels per connection")
            return
        client.channels.update(channel.name for channel in channels)
        lossless = tuple(channel.name for channel in channels if channel.is_lossless)
        feed = self._feed(client.user_id)
        catch_up = feed.begin(client, lossless, (feed.last or 0) if message.since is None else message.since)
        self._run(catch_up, self._replay.begin(catch_up, channels, request_id=message.id, since=message.since))

    @handles(Unsubscribe)
    def on_unsubscribe(self, message: Unsubscribe) -> None:
        """End channels."""
        client = message.client
        names = tuple(name for name in message.channels if name in client.channels)
        self._feed(client.user_id).end(client, names)
        for name in names:
            self._topics.leave(client, parse_channel(name))
        client.channels.difference_update(names)
        self._say(client, answer_frame("unsubscribed", id=message.id, channels=names))

    @handles(Say)
    def on_say(self, message: Say) -> None:
        """Queue an answer of the WebSocket handler."""
        self._say(message.client, message.frame)

    # --- What is published ------------------------------------------------------------------------------------------

    @handles(EventsCommitted)
    def on_events(self, message: EventsCommitted) -> None:
        """Queue committed events at every client that wants them."""
        feed = self._feeds.get(message.user_id)
        if feed is None:
            return
        for event in message.events:
            for catch_up in feed.publish(event, self._dirty):
                self.log.warning("stream_gap", user_id=str(feed.user_id), seq=event.seq)
                self._run(catch_up, self._replay.catch_up(catch_up))
        self._arm()

    @handles(Ticker, BookTop, Bar, AccountMarked, VenueConnection)
    def on_value(self, message: Ticker | BookTop | Bar | AccountMarked | VenueConnection) -> None:
        """Keep a newest value until the next interval; how one account's connection stands is its user's business."""
        if type(message) is VenueConnection and message.account_id is not None:
            return
        if self._topics.accept(message) and not self._is_values_due:
            self._is_values_due = True
            self.after(INTERVAL_NS, _FlushValues())

    # --- Timers -----------------------------------------------------------------------------------------------------

    @handles(_Flush)
    def on_flush(self, _: _Flush) -> None:
        """Write what waits for each client."""
        self._is_flush_due = False
        self._flushed_ns = self._clock.monotonic_ns()
        clients, self._dirty = self._dirty, []
        self._write(clients)

    @handles(_LookAgain)
    def on_look_again(self, _: _LookAgain) -> None:
        """Try the clients whose socket was full."""
        clients, self._blocked = self._blocked, []
        self._write(clients)

    @handles(_FlushValues)
    def on_flush_values(self, _: _FlushValues) -> None:
        """Encode the newest values once and hand them to the clients."""
        self._is_values_due = False
        for topic in self._topics.take_waiting():
            self._put(topic, topic.frames(), list(topic.clients))

    @handles(_Beat)
    def on_beat(self, _: _Beat) -> None:
        """Show every client that the engine lives, and from where it may resume."""
        at = rfc3339(self._clock.now_ns())
        frames: dict[int, Frame] = {}
        for feed in list(self._feeds.values()):
            for client in list(feed.clients):
                seq = feed.position(client)
                frame = frames.get(seq) or frames.setdefault(seq, answer_frame("heartbeat", seq=seq, at=at))
                self._say(client, frame)
        self._count()
        self.after(HEARTBEAT_NS, _Beat())

    # --- Helpers ----------------------------------------------------------------------------------------------------

    def _run(self, catch_up: CatchUp, work: Coroutine[Any, Any, None]) -> None:
        self.spawn(self._replay.guard(catch_up.client, work), name="replay")

    def _feed(self, user_id: UserId) -> Feed:
        feed = self._feeds.get(user_id)
        if feed is None:
            feed = self._feeds[user_id] = Feed(user_id)
            self._listening[user_id] = self._bus.subscribe(EventsCommitted, self.actor_ref.tell, key=user_id)
        return feed

    def _may_follow(self, client: StreamClient, user_id: UserId | None) -> bool:
        """Let an admin follow somebody else, before the first subscription."""
        if user_id is None or user_id == client.user_id:
            return True
        if not client.is_admin or client.channels:
            client.close(CLOSE_NOT_ALLOWED, "a connection follows one user, its own unless an admin names one")
            return False
        self._forget(client)
        client.user_id = user_id
        self._feed(user_id).clients[client] = None
        return True

    def _say(self, client: StreamClient, frame: Frame) -> None:
        client.push(frame)
        self._mark(client)

    def _put(self, topic: Topic, frames: dict[Any, Frame], clients: list[StreamClient]) -> None:
        name = topic.channel.name
        for client in clients:
            for key, frame in frames.items():
                client.put((name, key), frame)
            self._mark(client)

    def _mark(self, client: StreamClient) -> None:
        """Write to a client at the next flush."""
        if not client.is_dirty:
            client.is_dirty = True
            self._dirty.append(client)
        self._arm()

    def _arm(self) -> None:
        if self._dirty and not self._is_flush_due:
            self._is_flush_due = True
            since_ns = self._clock.monotonic_ns() - self._flushed_ns
            self.after(max(0, FLUSH_NS - since_ns), _Flush())

    def _write(self, clients: list[StreamClient]) -> None:
        was_blocked = bool(self._blocked)
        for client in clients:
            if client.flush():
                client.is_dirty = False
            else:
                self._blocked.append(client)
        if self._blocked and not was_blocked:
            self.after(BLOCKED_NS, _LookAgain())

    def _forget(self, client: StreamClient) -> None:
        user_id = client.user_id
        feed = self._feeds.get(user_id)
        for name in client.channels:
            channel = parse_channel(name)
            if not channel.is_lossless:
                self._topics.leave(client, channel)
        client.channels.clear()
        if feed is None:
            return
        feed.end(client)
        feed.clients.pop(client, None)
        if not feed.clients:
            del self._feeds[user_id]
            self._listening.pop(user_id).cancel()

    def _count(self) -> None:
        queued = [client.queued_bytes for feed in self._feeds.values() for client in feed.clients]
        self._clients_gauge.set(len(queued))
        self._queue_gauge.set(sum(queued))
        self._queue_max_gauge.set(max(queued, default=0))
