"""Listens in on a public adapter: every frame of its sockets is shown before it is handed on."""

from collections.abc import Callable, Sequence
from typing import Any

from connectors.bridge.plan import StreamItem, StreamPlan, StreamRequest
from connectors.bridge.stream import Wire
from connectors.live.adapter import Channel, Listing, PublicAdapter
from engine.domain.book import SequenceRule
from engine.domain.identifiers import Symbol, Venue
from engine.messages.market import Bar, BookSnapshot

OnFrame = Callable[[bytes, int, Sequence[Any]], object]
"""(raw frame, receive time in ns, what it says)."""
OnUnread = Callable[[bytes, int], object]


class TappedPlan(StreamPlan):
    """One socket of another plan."""

    def __init__(self, plan: StreamPlan, on_frame: OnFrame, on_unread: OnUnread) -> None:
        """Show frames to `on_frame`, those that cannot be read to `on_unread`; both must not raise."""
        self._plan = plan
        self._on_frame = on_frame
        self._on_unread = on_unread
        self.name = plan.name
        self.ping_ns, self.silence_ns = plan.ping_ns, plan.silence_ns
        self.lifetime_ns, self.renew_ns = plan.lifetime_ns, plan.renew_ns

    async def url(self) -> str:
        """Return where to dial."""
        return await self._plan.url()

    async def opening(self) -> Sequence[str]:
        """Return what to send first."""
        return await self._plan.opening()

    def parse(self, raw: bytes, received_ns: int) -> Sequence[StreamItem]:
        """Read one frame, and show it."""
        try:
            items = self._plan.parse(raw, received_ns)
        except Exception:
            self._on_unread(raw, received_ns)
            raise
        self._on_frame(raw, received_ns, items)
        return items

    def ping(self) -> str | None:
        """Return the venue's own ping."""
        return self._plan.ping()

    async def renew(self) -> StreamRequest | None:
        """Prolong the session."""
        return await self._plan.renew()


class TappedAdapter:
    """A `PublicAdapter` whose sockets are listened to; everything else is the other one's."""

    def __init__(
        self, adapter: PublicAdapter, on_frame: OnFrame, on_unread: OnUnread, on_book: Callable[[BookSnapshot], object]
    ) -> None:
        """Listen in on `adapter`; `on_book` is shown each book that was asked for."""
        self._adapter = adapter
        self._on_book = on_book
        self._on_frame = on_frame
        self._on_unread = on_unread
        self.open = adapter.open
        self.close = adapter.close

    @property
    def venue(self) -> Venue:
        """Its name in the configuration."""
        return self._adapter.venue

    @property
    def sequence_rule(self) -> SequenceRule:
        """How its book diffs follow each other."""
        return self._adapter.sequence_rule

    @property
    def channels(self) -> frozenset[Channel]:
        """What it can be asked for."""
        return self._adapter.channels

    @property
    def wire(self) -> Wire:
        """What its streams are dialled with."""
        return self._adapter.wire

    async def instruments(self) -> Listing:
        """Read the listing."""
        return await self._adapter.instruments()

    def streams(self, symbols: Sequence[Symbol], channels: frozenset[Channel]) -> Sequence[StreamPlan]:
        """Return the sockets for these symbols."""
        plans = self._adapter.streams(symbols, channels)
        return [TappedPlan(plan, self._on_frame, self._on_unread) for plan in plans]

    async def snapshot(self, symbol: Symbol) -> BookSnapshot | None:
        """Read a whole book."""
        book = await self._adapter.snapshot(symbol)
        if book is not None:
            self._on_book(book)
        return book

    async def bars(self, symbol: Symbol, timeframe: str, since_ns: int, until_ns: int) -> Sequence[Bar]:
        """Read closed candles."""
        return await self._adapter.bars(symbol, timeframe, since_ns, until_ns)

    async def server_time_ns(self) -> int:
        """Ask the venue for its time."""
        return await self._adapter.server_time_ns()
