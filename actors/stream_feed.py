"""The lossless half of the hub: one user's committed events, in order, to every client that wants them.

A subscription is either live (each event that the writer publishes is queued at once) or catching up: then a `CatchUp`
reads the past from the store while it buffers what is published meanwhile. Buffering begins before the first read, and
an event is published after its commit, so past and buffer together hold every event; the position drops repeats.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from actors.stream_client import StreamClient
from actors.stream_frames import Frame, event_frame
from engine.domain.identifiers import UserId
from engine.messages.writing import CommittedEvent

BUFFER_MAX: Final = 5_000
"""Events that a catch-up buffers; more are dropped and read from the store instead."""

Say = Callable[[StreamClient, Frame], None]
"""How a lossless frame is queued."""


class CatchUp:
    """One subscribe in progress: its channels come from the store until they have reached the present."""

    __slots__ = ("buffer", "client", "covered", "has_dropped", "position", "subscriptions")

    def __init__(self, client: StreamClient, position: int) -> None:
        """Begin behind `position`, the seq that the client has already."""
        self.client = client
        self.position = position
        self.covered = position
        """seq of the user's newest event, of whatever channel, when the store was last asked for it."""
        self.subscriptions: dict[str, Subscription] = {}
        self.buffer: deque[tuple[int, str, Frame]] = deque()
        self.has_dropped = False

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels that still belong to this catch-up: a later subscribe or unsubscribe takes them away."""
        return tuple(name for name, mine in self.subscriptions.items() if mine.catch_up is self)

    def offer(self, seq: int, channel: str, frame: Frame) -> None:
        """Keep an event that was published meanwhile."""
        if len(self.buffer) >= BUFFER_MAX:
            self.buffer.clear()
            self.has_dropped = True
        if not self.has_dropped:
            self.buffer.append((seq, channel, frame))

    def begin_read(self) -> None:
        """Before each read of the store: if the buffer had to drop events, it is whole again from here on."""
        if self.has_dropped:
            self.has_dropped = False
            self.buffer.clear()

    def replay(self, events: tuple[CommittedEvent, ...], say: Say) -> None:
        """Queue events from the store, which are above the position and in order."""
        for event in events:
            mine = self.subscriptions.get(event.channel)
            if mine is not None and mine.catch_up is self:
                say(self.client, event_frame(event))
            self.position = event.seq

    def finish(self, say: Say) -> bool:
        """Queue the buffer and go live, if the buffer is whole; called right after a read that reached the end."""
        if self.has_dropped:
            return False
        for seq, channel, frame in self.buffer:
            if seq > self.position:
                if self.subscriptions[channel].catch_up is self:
                    say(self.client, frame)
                self.position = seq
        self.buffer.clear()
        for mine in self.subscriptions.values():
            if mine.catch_up is self:
                mine.floor = max(self.position, self.covered)
                mine.catch_up = None
        return True


class Subscription:
    """One lossless channel of one client."""

    __slots__ = ("catch_up", "client", "floor")

    def __init__(self, client: StreamClient, catch_up: CatchUp) -> None:
        """Begin catching up."""
        self.client = client
        self.catch_up: CatchUp | None = catch_up
        self.floor = 0
        """Events up to this seq were sent, or were not asked for."""


class Feed:
    """All clients that follow one user."""

    def __init__(self, user_id: UserId) -> None:
        """Start with no client."""
        self.user_id = user_id
        self.last: int | None = None
        """seq of the newest published event; None before the first."""
        self.clients: dict[StreamClient, None] = {}
        self._by_channel: dict[str, dict[StreamClient, Subscription]] = {}

    def begin(self, client: StreamClient, channels: tuple[str, ...], position: int) -> CatchUp:
        """Let `client` catch up on `channels`; subscriptions that it had on them end."""
        catch_up = CatchUp(client, position)
        self.end(client, channels)
        for channel in channels:
            mine = Subscription(client, catch_up)
            self._by_channel.setdefault(channel, {})[client] = mine
            catch_up.subscriptions[channel] = mine
        return catch_up

    def end(self, client: StreamClient, channels: tuple[str, ...] | None = None) -> None:
        """Unsubscribe from `channels`; None: from all."""
        for channel in tuple(self._by_channel) if channels is None else channels:
            of_channel = self._by_channel.get(channel, {})
            mine = of_channel.pop(client, None)
            if mine is not None:
                mine.catch_up = None
            if not of_channel:
                self._by_channel.pop(channel, None)

    def publish(self, event: CommittedEvent, dirty: list[StreamClient]) -> list[CatchUp]:
        """Queue one committed event; one that was published before is ignored.

        Args:
            event: The next one.
            dirty: Clients that now have something to send are added, and marked.

        Returns:
            Catch-ups to run because events before this one were never published (the writer restarted, say).
        """
        last = self.last
        if last is not None and event.seq <= last:
            return []
        healing = [] if last is not None and event.seq == last + 1 else self._heal(event.seq)
        self.last = event.seq
        subscriptions = self._by_channel.get(event.channel)
        if subscriptions:
            seq = event.seq
            frame = event_frame(event)
            for client, mine in subscriptions.items():
                if mine.catch_up is not None:
                    mine.catch_up.offer(seq, event.channel, frame)
                elif seq > mine.floor:
                    client.push(frame)
                    if not client.is_dirty:
                        client.is_dirty = True
                        dirty.append(client)
        return healing

    def position(self, client: StreamClient) -> int:
        """Return the seq up to which `client` has everything that it subscribed to: where it may resume."""
        mine = [of_channel[client] for of_channel in self._by_channel.values() if client in of_channel]
        last = self.last or 0
        return min(
            (max(one.floor, last) if one.catch_up is None else one.catch_up.position for one in mine), default=last
        )

    def _heal(self, seq: int) -> list[CatchUp]:
        """Find the clients that would miss an event if `seq` came next, and let them catch up instead."""
        behind: dict[tuple[StreamClient, int], list[str]] = {}
        for channel, of_channel in self._by_channel.items():
            for client, mine in of_channel.items():
                position = max(mine.floor, self.last or 0)
                if mine.catch_up is None and position < seq - 1:
                    behind.setdefault((client, position), []).append(channel)
        return [self.begin(client, tuple(channels), position) for (client, position), channels in behind.items()]
