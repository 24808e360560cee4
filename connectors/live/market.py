"""`LiveMarket`: the public side of one exchange as the source of a market.

Its sockets bring quotes, trades and books; whatever they say goes on the bus under (venue, symbol), dated by our clock
when it came. `MarketData` keeps the books and says when one cannot be trusted; this actor fetches it anew until it can.
Beside that it measures how the venue is (`VenueHealth`) and reads the listing again from time to time: a symbol that
the venue has closed is said once, and orders in it are denied.

The feed counts as ready while all sockets are. What a socket says is published from its own task, in order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from connectors.bridge.errors import BridgeError
from connectors.bridge.exchange import Bridge
from connectors.bridge.stream import StreamOwner, VenueStream
from connectors.live.adapter import Channel, Listing, PublicAdapter
from connectors.live.listing_changes import GONE, ListingChanges, changes
from connectors.live.resync import Resync
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.kinds import BookState
from engine.messages.market import BookSnapshot, BookStatus, InstrumentsLoaded, MarketMessage
from engine.messages.market_live import InstrumentStatus, VenueHealth
from engine.messages.system import ReadinessChanged
from engine.messages.venues import VenueConnection
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Bus, Subscription
from engine.runtime.clock import NS_PER_S, Clock
from engine.runtime.entropy import Rng

CHANNELS: Final = frozenset({Channel.QUOTES, Channel.TRADES, Channel.BOOK, Channel.MARKS})
"""What is followed where the venue has it; candles and tickers are made of these."""
OFFSET_NS: Final = NS_PER_S
"""A venue's clock that is further from ours is worth a line."""
SILENT: Final = "silent"


class MarketTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in nanoseconds, by the wall clock."""

    measure_ns: int = 15 * NS_PER_S
    """Between two questions for the venue's time."""
    listing_ns: int = 600 * NS_PER_S
    """Between two looks at what is listed."""


class LiveMarket(AsyncioActor):
    """One per live venue. Start it last: it publishes as soon as it runs."""

    def __init__(
        self,
        *,
        venue: Venue,
        adapter: PublicAdapter,
        listing: Listing,
        symbols: Sequence[Symbol],
        instruments: dict[Symbol, Instrument],
        learn: Callable[[Sequence[Instrument]], Awaitable[object]],
        bus: Bus,
        wall: Clock,
        rng: Rng,
        bridge: Bridge | None = None,
        decodes_by_ccxt: bool = False,
        times: MarketTimes | None = None,
    ) -> None:
        """Keep what it works with.

        Args:
            venue: Whose market.
            adapter: Of the venue; open.
            listing: What it listed at the start.
            symbols: What is followed.
            instruments: Every instrument of the venue; changed in place when the venue changes its rules.
            learn: Given all instruments whenever some are new or others; keeps them for whoever needs them.
            bus: Where everything goes.
            wall: Our clock, which is the market's too.
            rng: Jitter.
            bridge: What the requests of this venue share; for its used weight.
            decodes_by_ccxt: Let ccxt decode the frames.
            times: How often things are looked at.
        """
        super().__init__()
        self._venue = venue
        self._adapter = adapter
        self._symbols = tuple(symbols)
        self._instruments = instruments
        self._learn = learn
        self._bus = bus
        self._wall = wall
        self._rng = rng
        self._bridge = bridge
        self._decodes_by_ccxt = decodes_by_ccxt
        self._times = times or MarketTimes()
        open_now = {each.symbol for each in listing.instruments}
        self._closed = {symbol for symbol in instruments if symbol not in open_now}
        self._unheard: set[Symbol] = set()
        """Symbols that the sockets do not bring, whatever the listing says."""
        self._synced: set[Symbol] = set()
        """Symbols whose books are in sync; a stream may bring them before it is ready."""
        self._followed: list[Symbol] = []
        """What is followed and traded when we connect."""
        self._streams: list[VenueStream] = []
        self._resync: Resync
        self._subscription: Subscription | None = None
        self._is_ready = False
        self._reason = "connecting"
        self._heard_ns: int | None = None
        self._response_ns: int | None = None
        self._offset_ns: int | None = None
        self._trouble = ""
        """Why the venue could not be asked for its time."""

    # --- Life ---------------------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Say what is traded, and connect."""
        count = self._counter("venue_book_fetches", "Attempts to fetch a book anew.")
        self._resync = Resync(
            self._adapter,
            publish=self._say,
            redial=self._redial,
            count=count,
            clock=self._wall,
            rng=self._rng,
            log=self.log,
        )
        self._subscription = self._bus.subscribe(BookStatus, self.actor_ref.tell)
        self._say_instruments()
        self._say_connection(connected=False)
        self._followed = [symbol for symbol in self._symbols if symbol not in self._closed]
        wanted = CHANNELS & self._adapter.channels
        for plan in self._adapter.streams(self._followed, wanted) if self._followed else ():
            stream = self._stream(plan)
            self._streams.append(stream)
            self.spawn(stream.run(), name=f"stream-{plan.name}")
        self.spawn(self._measure_for_ever(), name="measure")
        self.spawn(self._list_for_ever(), name="list")

    async def on_stop(self) -> None:  # type: ignore[override]  # The runtime awaits it.
        """Hang up."""
        if self._subscription is not None:
            self._subscription.cancel()
        for stream in self._streams:
            await stream.close()

    async def on_failure(self, *_: object) -> None:  # type: ignore[override]  # As on_stop.
        """Hang up."""
        await self.on_stop()

    def _stream(self, plan: Any) -> VenueStream:
        owner = StreamOwner(
            on_message=self._take,
            on_state=self._on_state,
            on_unread=self._on_unread,
            on_refused=self._on_refused,
            spawn=lambda work, name: self.spawn(work, name=name),
        )
        return VenueStream(
            plan,
            self._adapter.wire,
            owner,
            clock=self._wall,
            rng=self._rng,
            log=self.log,
            decodes_by_ccxt=self._decodes_by_ccxt,
        )

    # --- What the sockets say -----------------------------------------------------------------------------------------

    def _take(self, message: Any) -> None:
        if isinstance(message, MarketMessage):
            self._heard_ns = message.ts_init_ns
            self._bus.publish(message, (self._venue, message.symbol))
        elif isinstance(message, InstrumentStatus):
            self._on_status(message)

    def _on_status(self, status: InstrumentStatus) -> None:
        """A socket says of a symbol that it is closed or, on a later connection, that it is not."""
        if status.is_trading:
            self._unheard.discard(status.symbol)
            self._closed.discard(status.symbol)
        elif status.symbol not in self._unheard:
            self._unheard.add(status.symbol)
            self._closed.add(status.symbol)
            self._resync.end(status.symbol)
        else:
            return
        self._say_status(status.symbol, is_trading=status.is_trading, reason=status.reason)

    def _say(self, book: BookSnapshot) -> None:
        self._bus.publish(book, (self._venue, book.symbol))

    def _on_state(self, is_ready: bool, why: str) -> None:  # noqa: FBT001 - as the stream calls it.
        """A socket has come or gone; once one is away, nothing that the venue said is complete."""
        away = next((stream for stream in self._streams if not stream.is_ready), None)
        if away is None and is_ready:
            self._reason = ""
            self._resync.online()
            self._say_connection(connected=True)
            if Channel.BOOK in self._adapter.channels:
                # Also those of which no diff comes: without a book nobody may trade.
                for symbol in self._followed:
                    if symbol not in self._synced:
                        self._begin_resync(symbol, "no book yet")
        elif self._is_ready or not self._reason or self._reason == "connecting":
            name = "socket" if away is None else away.plan.name
            self._reason = f"{name}: {why}" if why else f"{name}: connecting"
            self._resync.offline()
            self._say_connection(connected=False)

    def _on_unread(self, kind: str, _why: str) -> None:
        """The stream has logged it."""
        self._counter("venue_frames_unreadable", "Public frames that could not be read.", kind=kind[:40])()

    def _on_refused(self, error: BridgeError) -> None:
        self._trouble = str(error)

    def _redial(self, why: str) -> None:
        for stream in self._streams:
            stream.redial(why)

    def _say_connection(self, *, connected: bool) -> None:
        was, self._is_ready = self._is_ready, connected
        if was != connected:
            log = self.log.info if connected else self.log.warning
            log("venue_feed", venue=self._venue, connected=connected, why=self._reason)
        now_ns, reason = self._wall.now_ns(), self._reason
        self._bus.publish(
            VenueConnection(venue=self._venue, connected=connected, reason=reason, at_ns=now_ns), self._venue
        )
        self._bus.publish(ReadinessChanged(part=f"feed:{self._venue}", ready=connected, reason=reason))
        self._say_health()

    # --- Books --------------------------------------------------------------------------------------------------------

    @handles(BookStatus)
    def on_book_status(self, status: BookStatus) -> None:
        """Fetch a book anew that cannot be trusted, until it can."""
        if status.venue != self._venue:
            return
        if status.state is BookState.SYNCED:
            self._synced.add(status.symbol)
            self._resync.end(status.symbol)
            return
        self._synced.discard(status.symbol)
        if status.reason != SILENT:
            # Silence of a symbol says nothing against its book; silence of a socket is the socket's.
            self._begin_resync(status.symbol, status.reason or "no book yet")

    def _begin_resync(self, symbol: Symbol, reason: str) -> None:
        self._resync.begin(symbol, reason, lambda work, name: self.spawn(work, name=name))

    # --- How the venue is ---------------------------------------------------------------------------------------------

    async def _measure_for_ever(self) -> None:
        while True:
            await self._measure()
            self._say_health()
            await self._wall.sleep(self._times.measure_ns)

    async def _measure(self) -> None:
        wall_ns, before_ns = self._wall.now_ns(), self._wall.monotonic_ns()
        try:
            venue_ns = await self._adapter.server_time_ns()
        except Exception as error:  # noqa: BLE001 - it is asked again soon.
            self._trouble = str(error) or type(error).__name__
            return
        self._trouble = ""
        self._response_ns = self._wall.monotonic_ns() - before_ns
        offset_ns = venue_ns - (wall_ns + self._response_ns // 2)
        was_far = self._offset_ns is not None and abs(self._offset_ns) > OFFSET_NS
        self._offset_ns = offset_ns
        if abs(offset_ns) > OFFSET_NS and not was_far:
            self.log.warning("venue_clock_differs", venue=self._venue, ahead_ms=offset_ns // 1_000_000)

    def _say_health(self) -> None:
        used, limit = (self._bridge and self._bridge.budgets.usage) or (None, None)
        health = VenueHealth(
            venue=self._venue,
            at_ns=self._wall.now_ns(),
            is_online=self._is_ready,
            reason=self._reason or self._trouble,
            heard_ns=self._heard_ns,
            response_ns=self._response_ns,
            clock_offset_ns=self._offset_ns,
            used_weight=used,
            weight_limit=limit,
            reconnects=sum(max(stream.dials - 1, 0) for stream in self._streams),
            unread=sum(stream.unread.total() for stream in self._streams),
            resyncs=self._resync.attempts,
        )
        self._bus.publish(health, self._venue)

    def _counter(self, name: str, text: str, **labels: str) -> Callable[[], object]:
        metrics = self.system.metrics
        if metrics is None:
            return lambda: None
        return metrics.counter(name, text, ["venue", *labels]).labels(self._venue, *labels.values()).inc

    # --- What is listed -----------------------------------------------------------------------------------------------

    def _say_instruments(self) -> None:
        now_ns = self._wall.now_ns()
        for symbol in self._closed:
            self._say_status(symbol, is_trading=False, reason=GONE)
        loaded = InstrumentsLoaded(venue=self._venue, instruments=tuple(self._instruments.values()), at_ns=now_ns)
        self._bus.publish(loaded, self._venue)

    async def _list_for_ever(self) -> None:
        while True:
            await self._wall.sleep(self._times.listing_ns)
            try:
                listing = await self._adapter.instruments()
            except Exception as error:  # noqa: BLE001 - it is asked again soon; what is known goes on.
                self.log.info("listing_not_read", venue=self._venue, why=str(error) or type(error).__name__)
                continue
            if listing.instruments:
                await self._apply(listing)
            else:
                self.log.warning("listing_empty", venue=self._venue)

    async def _apply(self, listing: Listing) -> None:
        """Take what has changed since the last look."""
        before, closed = dict(self._instruments), frozenset(self._closed)
        # Of what the sockets do not bring only they can say that it is back.
        listing = msgspec.structs.replace(
            listing, instruments=tuple(each for each in listing.instruments if each.symbol not in self._unheard)
        )
        found = await asyncio.to_thread(changes, before, closed, listing)
        self._instruments.update((each.symbol, each) for each in found.fresh)
        for symbol, reason in found.closed.items():
            self._closed.add(symbol)
            self._say_status(symbol, is_trading=False, reason=reason)
        for symbol in found.opened:
            self._closed.discard(symbol)
            self._say_status(symbol, is_trading=True, reason="")
        await self._tell_changes(found)

    async def _tell_changes(self, found: ListingChanges) -> None:
        touched = {*found.closed, *found.opened, *(each.symbol for each in found.fresh)}
        if not touched:
            return
        if found.fresh:
            self.log.info("instruments_changed", venue=self._venue, count=len(found.fresh))
            await self._learn(tuple(self._instruments.values()))
        now_ns = self._wall.now_ns()
        instruments = tuple(self._instruments[symbol] for symbol in touched)
        self._bus.publish(InstrumentsLoaded(venue=self._venue, instruments=instruments, at_ns=now_ns), self._venue)

    def _say_status(self, symbol: Symbol, *, is_trading: bool, reason: str) -> None:
        if symbol in self._symbols:
            # One line for each that somebody follows; the rest is the venue's business.
            log = self.log.info if is_trading else self.log.warning
            log("instrument_opened" if is_trading else "instrument_closed", symbol=symbol, why=reason)
        status = InstrumentStatus(
            venue=self._venue, symbol=symbol, is_trading=is_trading, reason=reason, at_ns=self._wall.now_ns()
        )
        self._bus.publish(status, (self._venue, symbol))
