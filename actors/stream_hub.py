"""Fans committed events and market data out to the clients of the stream."""

import msgspec

from engine.domain.ports import Clock
from engine.messages.read_ports import Reads
from engine.runtime.actor import AsyncioActor, MailboxSpec
from engine.runtime.bus import Bus
from engine.runtime.metrics import Metrics


class StreamLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one client, and one user, may hold."""

    queue_frames: int = 10_000
    """Lossless frames that wait for one client; one more closes it with 4408."""
    queue_bytes: int = 4_000_000
    """The same in bytes."""
    channels: int = 200
    """Channels of one client."""
    clients_per_user: int = 64


DEFAULT_LIMITS = StreamLimits()


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
        self._reads = reads
        self._metrics = metrics
        self._limits = limits
