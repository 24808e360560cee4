"""`MarketData`: from a venue's raw events to books, candles, tickers and marks.

One per venue. It subscribes to the raw events of its venue and publishes `Bar`, `Ticker`, `BookTop` and `BookStatus`
under the same key (venue, symbol); marks are written into the shared `MarkTable`. Public history goes to the database
through the port `BulkStore`, in bounded batches, beside the handlers: a database that is slow or away delays rows,
never prices.

Bars close by the first trade of the next interval or by the market clock. Tickers and tops of books are conflated to
ten a second of market time; the newest of a burst goes out with the next flush at the latest.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from actors.market_rows import book_row, candle_row, pair_row, status_row, ticker_row
from actors.market_view import SymbolView, ViewSettings
from actors.market_writer import MarketWriter
from actors.marks import MarkTable
from engine.domain.book import BINANCE_SPOT, BINANCE_USDM, SequenceRule
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.kinds import BookState
from engine.messages.base import Message
from engine.messages.market import (
    Bar,
    BookDelta,
    BookSnapshot,
    BookTop,
    InstrumentsLoaded,
    MarketMessage,
    QuoteTick,
    ReplayCaughtUp,
    SourceFinished,
    Ticker,
    TradePrint,
)
from engine.messages.market_live import InstrumentStatus, VenueHealth
from engine.messages.ports import BulkStore
from engine.messages.system import Flush, TimerFired
from engine.messages.venues import VenueConnection
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Bus, Subscription
from engine.runtime.clock import Clock, Timer

FLUSH_NS: Final = 250_000_000
"""Wall time between two writes to the database."""
CONFLATE_NS: Final = 100_000_000
"""Market time between two tickers, or two tops of a book, of one symbol."""
BOOK_EVERY_NS: Final = 10_000_000_000
"""Market time between two stored books of one symbol."""
PAIRS_AT_ONCE: Final = 250
"""Instruments whose rows are made in one go: about 2 ms of work."""
STATUS_EVERY_NS: Final = 5_000_000_000
"""Wall time between two stored states of the venue."""
TIMEFRAMES: Final = ("1m", "5m", "15m", "1h", "4h", "1d")


def binance_rule(symbol: Symbol) -> SequenceRule:
    """Return how Binance numbers diffs: those of perpetuals name the diff before, those of spot pairs count on."""
    return BINANCE_USDM if ":" in symbol else BINANCE_SPOT


class MarketData(AsyncioActor):
    """Keeps one venue's market."""

    def __init__(
        self,
        *,
        venue: Venue,
        bus: Bus,
        market_clock: Clock,
        wall_clock: Clock,
        marks: MarkTable,
        bulk: BulkStore,
        timeframes: tuple[str, ...] = TIMEFRAMES,
        candles: Mapping[Symbol, str] | None = None,
        rule_of: Callable[[Symbol], SequenceRule] = binance_rule,
        needs_book: bool = False,
    ) -> None:
        """Keep what it works with; nothing is read before `on_start`.

        Args:
            venue: Whose events.
            bus: Where they come from and where the derived ones go.
            market_clock: For bars and conflation.
            wall_clock: For writing to the database.
            marks: Shared table of prices.
            bulk: Where public history goes.
            timeframes: Bars to publish and store.
            candles: Symbols that are played from candles, and the timeframe of these.
            rule_of: How the venue numbers the diffs of a symbol's book.
            needs_book: Whether every symbol has a book, without which its prices are not to be trusted.
        """
        super().__init__()
        self._venue = venue
        self._bus = bus
        self._market = market_clock
        self._wall = wall_clock
        self._marks = marks
        self._settings = ViewSettings(venue=venue, timeframes=timeframes, candles=candles or {}, needs_book=needs_book)
        self._rule_of = rule_of
        self._views: dict[Symbol, SymbolView] = {}
        self._writer = MarketWriter(bulk, wall_clock, self.log)
        self._subscriptions: list[Subscription] = []
        self._write_task: asyncio.Task[None] | None = None
        self._close_timer: Timer | None = None
        self._frame = 0
        self._is_online = False
        self._reason = "not connected yet"
        self._events = 0
        self._saved_events = -1
        self._saved_status_ns = 0
        self._pairs: deque[Instrument] = deque()
        """Instruments whose rows are not made yet."""
        self._health: VenueHealth | None = None

    # --- Life -------------------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Listen to the venue and begin to write."""
        tell = self.actor_ref.tell
        # Without a key, since symbols may come later; other venues' events are left at the door of the handlers.
        raw_events: tuple[type[MarketMessage], ...] = (QuoteTick, TradePrint, BookDelta, BookSnapshot)
        self._subscriptions += [self._bus.subscribe(kind, tell) for kind in raw_events]
        of_venue: tuple[type[Message], ...] = (InstrumentsLoaded, ReplayCaughtUp, SourceFinished, VenueConnection)
        self._subscriptions += [self._bus.subscribe(kind, tell, key=self._venue) for kind in of_venue]
        self._subscriptions.append(self._bus.subscribe(VenueHealth, tell, key=self._venue))
        self._subscriptions.append(self._bus.subscribe(InstrumentStatus, tell))
        self.after(FLUSH_NS, Flush(), clock=self._wall)

    async def on_stop(self) -> None:  # type: ignore[override]  # The runtime awaits it.
        """Listen no more, and write what has gathered; if the database is away, it is lost."""
        self.on_failure()
        self._collect_rows()
        if self._write_task is not None:
            await asyncio.wait({self._write_task})
        await self._writer.write()

    def on_failure(self, *_error: object) -> None:
        """Listen no more."""
        for subscription in self._subscriptions:
            subscription.cancel()

    # --- Raw events -------------------------------------------------------------------------------------------------

    @handles(QuoteTick)
    def on_quote(self, quote: QuoteTick) -> None:
        """Take the best bid and ask."""
        if quote.venue != self._venue:
            return
        view = self._view(quote)
        view.see_quote(quote)
        if quote.ts_init_ns - view.ticker_sent_ns >= CONFLATE_NS:
            self._publish_ticker(view, quote.ts_init_ns)

    @handles(TradePrint)
    def on_trade(self, trade: TradePrint) -> None:
        """Take a public trade and publish the bars that it closes."""
        if trade.venue != self._venue:
            return
        view = self._view(trade)
        bars = view.see_trade(trade)
        if bars:
            self._publish_bars(view, bars)
        if trade.ts_init_ns - view.ticker_sent_ns >= CONFLATE_NS:
            self._publish_ticker(view, trade.ts_init_ns)

    @handles(BookDelta)
    def on_delta(self, delta: BookDelta) -> None:
        """Take changed levels of a book."""
        if delta.venue == self._venue:
            view = self._view(delta)
            view.see_delta(delta)
            self._after_book(view, delta)

    @handles(BookSnapshot)
    def on_snapshot(self, snapshot: BookSnapshot) -> None:
        """Take a whole book."""
        if snapshot.venue == self._venue:
            view = self._view(snapshot)
            view.see_snapshot(snapshot)
            self._after_book(view, snapshot)

    # --- The venue --------------------------------------------------------------------------------------------------

    @handles(InstrumentsLoaded)
    def on_instruments(self, message: InstrumentsLoaded) -> None:
        """Learn what is traded; from now on every trade is seen."""
        now_ns = self._market.now_ns()
        self._pairs.extend(message.instruments)
        self._make_pair_rows()
        for symbol in self._settings.candles:
            self._view_of(symbol).begin(now_ns)
        if self._health is None:
            self._set_online(is_online=True, reason="")

    @handles(VenueConnection)
    def on_connection(self, message: VenueConnection) -> None:
        """Trust nothing while the venue is away; the connection for orders says nothing of prices."""
        if message.is_private:
            return
        for view in self._views.values():
            if message.connected:
                view.recover()
            else:
                view.lose(message.reason or "disconnected")
                self._publish_status(view, message.at_ns)
        self._set_online(is_online=message.connected, reason=message.reason)

    @handles(ReplayCaughtUp)
    def on_caught_up(self, message: ReplayCaughtUp) -> None:
        """Let people trade on the market again."""
        self._marks.end_catch_up(message.venue)

    @handles(InstrumentStatus)
    def on_instrument_status(self, message: InstrumentStatus) -> None:
        """Let nobody order what the venue has closed."""
        if message.venue == self._venue:
            closed = "" if message.is_trading else message.reason or "closed"
            self._marks.mark(self._venue, message.symbol).closed = closed

    @handles(VenueHealth)
    def on_health(self, message: VenueHealth) -> None:
        """Keep what was measured, and follow the venue's clock."""
        self._health = message
        if message.clock_offset_ns is not None:
            for view in self._views.values():
                view.ahead_ns = message.clock_offset_ns
        self._set_online(is_online=message.is_online, reason=message.reason)

    @handles(SourceFinished)
    def on_finished(self, message: SourceFinished) -> None:
        """Close what is whole at the end of a replay, and drop the bars that its end has cut."""
        now_ns = self._market.now_ns()
        self._close_bars(now_ns)
        for view in self._views.values():
            view.cut()
        self._set_online(is_online=True, reason=f"replay finished after {message.frames} frames")

    # --- Timers -----------------------------------------------------------------------------------------------------

    @handles(TimerFired)
    def on_timer(self, _message: TimerFired) -> None:
        """Close the bars whose time is over."""
        self._close_timer = None
        self._close_bars(self._market.now_ns())
        self._arm()

    @handles(Flush)
    def on_flush(self, _message: Flush) -> None:
        """Send what was conflated away, notice silence, and write."""
        now_ns = self._market.now_ns()
        self._make_pair_rows()
        for view in self._views.values():
            if view.look_frozen() or view.listen(now_ns):
                self._publish_status(view, now_ns)
            if view.is_ticker_new:
                self._publish_ticker(view, view.mark.seen_ns or 0)
            if view.is_top_new:
                self._publish_top(view, view.mark.seen_ns or 0)
        self._collect_rows()
        if self._writer.is_due:
            self._write_task = self.spawn(self._writer.write(), name="write")
        self.after(FLUSH_NS, Flush(), clock=self._wall)

    # --- Inside -----------------------------------------------------------------------------------------------------

    def _view(self, event: MarketMessage) -> SymbolView:
        self._events += 1
        self._frame = event.frame
        view = self._views.get(event.symbol)
        if view is None:
            return self._view_of(event.symbol)
        if view.is_silent:
            view.is_silent = False
            self._publish_status(view, event.ts_event_ns)
        return view

    def _view_of(self, symbol: Symbol) -> SymbolView:
        view = self._views.get(symbol)
        if view is None:
            mark = self._marks.mark(self._venue, symbol)
            view = SymbolView(self._settings, symbol, rule=self._rule_of(symbol), mark=mark)
            if self._health is not None:
                view.ahead_ns = self._health.clock_offset_ns or 0
            self._views[symbol] = view
            self._arm()
        return view

    def _arm(self) -> None:
        """Wake up when the next bar closes at the latest."""
        if self._close_timer is not None:
            self._close_timer.cancel()
        now_ns = self._market.now_ns()
        at_ns = min(view.next_close_ns(now_ns) for view in self._views.values())
        self._close_timer = self.after(at_ns - now_ns, TimerFired(name="bars"), clock=self._market)

    def _close_bars(self, now_ns: int) -> None:
        for view in self._views.values():
            self._publish_bars(view, view.advance(now_ns, self._frame))

    def _publish_bars(self, view: SymbolView, bars: list[Bar]) -> None:
        for bar in bars:
            self._writer.rows.append(candle_row(bar, self._wall.now_ns()))
            self._bus.publish(bar, view.key)

    def _publish_ticker(self, view: SymbolView, now_ns: int) -> None:
        """Publish the ticker if anybody wants it; it stays new until the next flush has stored it."""
        view.ticker_sent_ns = now_ns
        if self._bus.subscribers(Ticker, view.key):
            ticker = view.ticker(now_ns, self._frame)
            if ticker is not None:
                self._bus.publish(ticker, view.key)

    def _publish_top(self, view: SymbolView, now_ns: int) -> None:
        view.top_sent_ns = now_ns
        view.is_top_new = False
        if self._bus.subscribers(BookTop, view.key):
            top = view.top(now_ns, self._frame)
            if top is not None:
                self._bus.publish(top, view.key)

    def _after_book(self, view: SymbolView, event: BookDelta | BookSnapshot) -> None:
        now_ns = event.ts_init_ns
        self._publish_status(view, event.ts_event_ns)
        if view.book.state is not BookState.SYNCED:
            return
        if now_ns - view.top_sent_ns >= CONFLATE_NS:
            self._publish_top(view, now_ns)
        if now_ns - view.book_saved_ns >= BOOK_EVERY_NS:
            view.book_saved_ns = now_ns
            bids, asks = view.levels()
            self._writer.rows.append(book_row(self._venue, view.symbol, bids, asks, now_ns))

    def _publish_status(self, view: SymbolView, ts_event_ns: int) -> None:
        status = view.status(self._market.now_ns(), ts_event_ns, self._frame)
        if status is None:
            return
        if status.state is BookState.STALE:
            self.log.warning("book_stale", symbol=view.symbol, reason=status.reason, gaps=status.gaps)
        self._bus.publish(status, view.key)

    def _make_pair_rows(self) -> None:
        """Make the rows of instruments, not too many at once: a venue may list thousands."""
        at_ns = self._wall.now_ns()
        for _ in range(min(len(self._pairs), PAIRS_AT_ONCE)):
            instrument = self._pairs.popleft()
            is_active = not self._marks.why_closed(self._venue, instrument.symbol)
            self._writer.rows.set(("pair", instrument.symbol), pair_row(instrument, at_ns, is_active=is_active))

    def _set_online(self, *, is_online: bool, reason: str) -> None:
        self._is_online = is_online
        self._reason = reason
        self._saved_events = -1

    def _collect_rows(self) -> None:
        """Put the newest tickers and the state of the venue among the rows to write."""
        rows = self._writer.rows
        for view in self._views.values():
            if view.is_ticker_new:
                view.is_ticker_new = False
                ticker = view.ticker(view.mark.seen_ns or 0, self._frame)
                if ticker is not None:
                    rows.set(("ticker", view.symbol), ticker_row(ticker))
        now_ns = self._wall.now_ns()
        has_news = self._events != self._saved_events
        if self._saved_events < 0 or (has_news and now_ns - self._saved_status_ns >= STATUS_EVERY_NS):
            self._saved_events = self._events
            self._saved_status_ns = now_ns
            health = self._health
            last_ns = now_ns if self._events else None
            row = status_row(
                self._venue,
                is_online=self._is_online,
                reason=self._reason,
                last_event_ns=last_ns if health is None or self._events else health.heard_ns,
                at_ns=now_ns,
                health=health,
            )
            rows.set("status", row)
