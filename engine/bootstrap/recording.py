"""Records live venues to files: `LiveMarket` and `MarketData` as in the engine, with a tap on the sockets."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from actors.market_data import MarketData
from actors.marks import MarkTable
from connectors.live.adapter import PublicAdapter
from connectors.live.market import LiveMarket
from connectors.live.recording import Counts, Recording
from connectors.live.tapped import TappedAdapter
from engine.bootstrap.live import LiveFeed
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.messages.market import BookSnapshot
from engine.messages.rows import Row
from engine.messages.venues import VenueConnection
from engine.runtime.bus import Bus
from engine.runtime.clock import NS_PER_S, Clock
from engine.runtime.entropy import Ids, Rng
from engine.runtime.system import ActorSystem

TURN_NS: Final = NS_PER_S // 2
FLUSH_NS: Final = 5 * NS_PER_S
"""What a crash may cost."""


class Recorder:
    """One venue that is being recorded."""

    def __init__(self, venue: Venue, feed: LiveFeed, folder: Path, *, rotate_ns: int, clock: Clock, rng: Rng) -> None:
        """Prepare; nothing is connected yet.

        Args:
            venue: Which one.
            feed: As opened.
            folder: Where the files go.
            rotate_ns: After so long a file is closed and a new one begun.
            clock: Wall clock.
            rng: Jitter.

        Raises:
            OSError: The folder cannot be made.
        """
        self._venue = venue
        self._feed = feed
        self._clock = clock
        self._rng = rng
        self._bus = Bus()
        self._system = ActorSystem(clock=clock, ids=Ids(clock, rng), rng=rng)
        self._recording = Recording(
            folder, rule=feed.adapter.sequence_rule, rotate_ns=rotate_ns, stamp=_stamp, name_of=_file_name
        )
        self._is_ending = False
        self.is_connected = False
        self.reason = ""
        self.error: OSError | None = None
        """Why nothing can be written any more."""

    @property
    def counts(self) -> Counts:
        """How much has been written."""
        return self._recording.counts

    @property
    def synced(self) -> int:
        """How many of the followed books are in sync."""
        return sum(self._recording.is_synced(symbol) for symbol in self._feed.symbols)

    def end(self) -> None:
        """Let `run` return soon."""
        self._is_ending = True

    async def run(self, for_ns: int | None, show: Callable[[], object] | None = None) -> None:
        """Record until the time is over, somebody ends it, or nothing can be written any more.

        Args:
            for_ns: How long; None: for ever.
            show: Called twice a second.

        Raises:
            OSError: The disk is full, or gone.
        """
        now_ns = self._clock.monotonic_ns
        until_ns = None if for_ns is None else now_ns() + for_ns
        flushed_ns = now_ns()
        try:
            await self._start()
            while self.error is None and not self._is_ending and (until_ns is None or now_ns() < until_ns):
                left_ns = TURN_NS if until_ns is None else until_ns - now_ns()
                await self._clock.sleep(max(1, min(TURN_NS, left_ns)))
                if now_ns() - flushed_ns >= FLUSH_NS:
                    flushed_ns = now_ns()
                    self._guarded(self._recording.flush)
                if show is not None:
                    show()
        finally:
            await self._system.stop_all()
            self._guarded(self._recording.close)
        if self.error is not None:
            raise self.error

    async def _start(self) -> None:
        self._bus.subscribe(VenueConnection, self._on_connection, key=self._venue)
        rule = self._feed.adapter.sequence_rule
        await self._system.start(
            MarketData,
            name=f"market/{self._venue}",
            venue=self._venue,
            bus=self._bus,
            market_clock=self._clock,
            wall_clock=self._clock,
            marks=MarkTable(self._clock),
            bulk=_Nowhere(),
            timeframes=("1m",),
            needs_book=True,
            rule_of=lambda _symbol: rule,
        )
        adapter: PublicAdapter = TappedAdapter(self._feed.adapter, self._on_frame, self._on_unread, self._on_book)
        await self._system.start(
            LiveMarket,
            name=f"source/{self._venue}",
            venue=self._venue,
            adapter=adapter,
            listing=self._feed.listing,
            symbols=self._feed.symbols,
            instruments=self._feed.by_symbol,
            learn=_forget,
            bus=self._bus,
            wall=self._clock,
            rng=self._rng,
        )

    def _on_frame(self, raw: bytes, received_ns: int, items: Sequence[Any]) -> None:
        self._guarded(lambda: self._recording.frame(raw, received_ns, items))

    def _on_unread(self, raw: bytes, received_ns: int) -> None:
        self._guarded(lambda: self._recording.unreadable(raw, received_ns))

    def _on_book(self, book: BookSnapshot) -> None:
        self._guarded(lambda: self._recording.snapshot(book))

    def _on_connection(self, message: VenueConnection) -> None:
        self.is_connected, self.reason = message.connected, message.reason

    def _guarded(self, write: Any) -> None:
        """Write, unless that has failed before: the reader of a socket must not end by it."""
        if self.error is None:
            try:
                write()
            except OSError as error:
                self.error = error


class _Nowhere:
    """A `BulkStore` that keeps nothing."""

    async def write(self, rows: Sequence[Row]) -> None:
        """Forget."""


async def _forget(_instruments: Sequence[Instrument]) -> None:
    return None


def _stamp(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // NS_PER_S, UTC).strftime("%Y%m%dT%H%M%S")


def _file_name(symbol: Symbol) -> str:
    """Write `BTC/USDT:USDT` as `btcusdt-usdt`."""
    return symbol.replace("/", "").replace(":", "-").lower()
