"""What `MarketData` keeps of one symbol: its book, its candles in progress, its day, its mark.

Pure: events in, derived messages out. Who publishes and when is the actor's business.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from actors.day_stats import DayStats
from actors.marks import Mark
from engine.domain.bars import BarBuilder, BarMerger, Candle, parse_timeframe
from engine.domain.book import Book, Level, SequenceRule
from engine.domain.identifiers import Symbol, Venue
from engine.domain.kinds import BookState
from engine.messages.market import Bar, BookDelta, BookSnapshot, BookStatus, BookTop, QuoteTick, Ticker, TradePrint

TOP_LEVELS: Final = 20
BASE_TIMEFRAME: Final = "1m"
FROZEN_NS: Final = 5_000_000_000
"""How long a book may stand still while quotes say something else."""
TRADE_TRAVEL_NS: Final = 2_000_000_000
"""How long a trade may be on its way before its bar closes without it. Trades of the next interval close it at once."""


class ViewSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the views of one venue share."""

    venue: Venue
    timeframes: tuple[str, ...]
    """Timeframes to publish; those that no symbol's base divides are left out for it."""
    candles: Mapping[Symbol, str] = {}
    """Symbols whose market is played from candles: the timeframe of these; nothing shorter is made up for them."""
    travel_ns: int = TRADE_TRAVEL_NS
    needs_book: bool = False
    """Whether every symbol has a book, without which nothing is to be trusted: at live venues."""


class SymbolView:
    """One symbol of one venue."""

    __slots__ = (
        "_builder",
        "_mergers",
        "_needs_book",
        "_published_state",
        "_quote_ns",
        "_settings",
        "_shows_base",
        "_travel_ns",
        "ahead_ns",
        "base_ns",
        "book",
        "book_ns",
        "book_saved_ns",
        "day",
        "is_silent",
        "is_ticker_new",
        "is_top_new",
        "key",
        "mark",
        "symbol",
        "ticker_sent_ns",
        "timeframe",
        "top_sent_ns",
    )

    def __init__(self, settings: ViewSettings, symbol: Symbol, *, rule: SequenceRule, mark: Mark) -> None:
        """Begin with nothing seen.

        Args:
            settings: Of the venue.
            symbol: Which one.
            rule: How the venue numbers the diffs of its book.
            mark: Where the newest prices go.
        """
        self._settings = settings
        self.symbol = symbol
        self.key = (settings.venue, symbol)
        self.mark = mark
        self.book = Book(rule)
        self.day = DayStats()
        self.timeframe = settings.candles.get(symbol, BASE_TIMEFRAME)
        self._travel_ns = 0 if symbol in settings.candles else settings.travel_ns
        self.base_ns = parse_timeframe(self.timeframe)
        if symbol in settings.candles:
            # Candles speak four times in their length; what is between them is no silence.
            mark.stale_after_ns = max(mark.stale_after_ns, self.base_ns)
        self._builder = BarBuilder(self.base_ns)
        self._shows_base = self.timeframe in settings.timeframes or symbol in settings.candles
        self._mergers = [
            (timeframe, BarMerger(length_ns, short_ns=self.base_ns))
            for timeframe, length_ns in ((each, parse_timeframe(each)) for each in settings.timeframes)
            if length_ns > self.base_ns and length_ns % self.base_ns == 0
        ]
        self._published_state = BookState.EMPTY
        self._needs_book = settings.needs_book
        """Whether nothing is to be trusted without the book: once it was lost, or from the beginning."""
        mark.is_lost = self._needs_book
        self.ahead_ns = 0
        """How far the venue's clock is ahead of the market clock, by which its trades are dated."""
        self._quote_ns = 0
        self.book_ns = 0
        """Market time of the last event of the book."""
        self.is_silent = False
        """Nothing came for so long that the book counts as stale; the next event ends that."""
        self.is_ticker_new = False
        self.is_top_new = False
        self.ticker_sent_ns = -1
        self.top_sent_ns = -1
        self.book_saved_ns = -1

    # --- Events -----------------------------------------------------------------------------------------------------

    def see_quote(self, quote: QuoteTick) -> None:
        """Take the best quote."""
        mark = self.mark
        mark.bid = quote.bid
        mark.ask = quote.ask
        mark.seen_ns = self._quote_ns = quote.ts_init_ns
        self.is_ticker_new = True

    def see_trade(self, trade: TradePrint) -> list[Bar]:
        """Take a trade; return the bars that it closes, shorter ones first."""
        mark = self.mark
        mark.last = trade.price
        mark.seen_ns = trade.ts_init_ns
        self.is_ticker_new = True
        self.day.push(trade.ts_event_ns, trade.price, trade.quantity)
        closed = self._builder.push(trade.ts_event_ns, trade.price, trade.quantity)
        return self._bars(closed, trade.ts_init_ns, trade.frame) if closed else []

    def see_delta(self, delta: BookDelta) -> None:
        """Take changed levels."""
        self.mark.seen_ns = self.book_ns = delta.ts_init_ns
        changed = self.book.apply_diff(
            delta.first_update_id, delta.last_update_id, delta.prev_update_id, delta.bids, delta.asks
        )
        if changed:
            self.is_top_new = True
            self._quote_from_book()

    def see_snapshot(self, snapshot: BookSnapshot) -> None:
        """Take a whole book."""
        self.mark.seen_ns = self.book_ns = snapshot.ts_init_ns
        self.book.apply_snapshot(snapshot.last_update_id, snapshot.bids, snapshot.asks)
        self.is_top_new = True
        self._quote_from_book()

    def _quote_from_book(self) -> None:
        """Know a price before the first quote: a quiet market may bring none for long."""
        if self._settings.needs_book and not self._quote_ns and self.book.state is BookState.SYNCED:
            bid, ask = self.book.best_bid, self.book.best_ask
            if bid is not None and ask is not None:
                self.mark.bid, self.mark.ask = bid[0], ask[0]

    def advance(self, now_ns: int, frame: int) -> list[Bar]:
        """Let market time pass; return the bars that it closes."""
        self.day.expire(now_ns)
        closed = self._builder.advance(now_ns + self.ahead_ns - self._travel_ns)
        return self._bars(closed, now_ns, frame) if closed else []

    def begin(self, now_ns: int) -> None:
        """Tell from when on every trade is seen, so that an interval that starts here is a whole one."""
        self._builder.advance(now_ns)

    def cut(self) -> None:
        """Drop the bars in progress: there will be no more trades."""
        self._builder.interrupt()

    def lose(self, reason: str) -> None:
        """The feed is gone: bars in progress are worthless and the book needs a snapshot."""
        self._builder.interrupt()
        self.book.mark_stale(reason)
        self.mark.is_lost = True

    def recover(self) -> None:
        """The feed is back. A book that was lost stays so until its snapshot."""
        self.mark.is_lost = self._is_book_missing()

    def look_frozen(self) -> bool:
        """Notice a book that stands still while quotes go elsewhere; whether it just has. It needs a snapshot then."""
        book, mark = self.book, self.mark
        if book.state is not BookState.SYNCED or self._quote_ns - self.book_ns < FROZEN_NS:
            return False
        bid, ask = book.best_bid, book.best_ask
        if bid is not None and ask is not None and (bid[0], ask[0]) == (mark.bid, mark.ask):
            return False
        self.book.mark_stale("frozen")
        return True

    def _is_book_missing(self) -> bool:
        state = self.book.state
        return state is BookState.STALE or (self._needs_book and state is not BookState.SYNCED)

    def listen(self, now_ns: int) -> bool:
        """Notice a silence that has become too long; whether one just has."""
        seen_ns = self.mark.seen_ns
        if self.is_silent or seen_ns is None or now_ns - seen_ns <= self.mark.stale_after_ns:
            return False
        self.is_silent = True
        return True

    # --- What follows from them -------------------------------------------------------------------------------------

    def status(self, now_ns: int, ts_event_ns: int, frame: int) -> BookStatus | None:
        """Return the book's state if it has changed since the last call."""
        book = self.book
        is_mute = self.is_silent and book.state is BookState.SYNCED
        state = BookState.STALE if is_mute else book.state
        if state is self._published_state:
            return None
        self._published_state = state
        if book.state is BookState.STALE:
            # A snapshot that is too old leaves a book that waits: it is no better than before.
            self._needs_book = True
        self.mark.is_lost = self._is_book_missing()
        return BookStatus(
            venue=self._settings.venue,
            symbol=self.symbol,
            ts_event_ns=ts_event_ns,
            ts_init_ns=now_ns,
            frame=frame,
            state=state,
            gaps=book.gaps,
            reason="silent" if is_mute else book.reason,
        )

    def ticker(self, now_ns: int, frame: int) -> Ticker | None:
        """Return last price and day; None before the first price."""
        mark = self.mark
        price = mark.last if mark.last is not None else mark.mid
        if price is None:
            return None
        return Ticker(
            venue=self._settings.venue,
            symbol=self.symbol,
            ts_event_ns=mark.seen_ns or now_ns,
            ts_init_ns=mark.seen_ns or now_ns,
            frame=frame,
            price=price,
            bid=mark.bid,
            ask=mark.ask,
            volume_24h=self.day.volume,
            change_24h=self.day.change_percent,
        )

    def top(self, now_ns: int, frame: int) -> BookTop | None:
        """Return the best levels; None while the book is not in sync."""
        if self.book.state is not BookState.SYNCED:
            return None
        bids, asks = self.levels()
        return BookTop(
            venue=self._settings.venue,
            symbol=self.symbol,
            ts_event_ns=now_ns,
            ts_init_ns=now_ns,
            frame=frame,
            bids=bids,
            asks=asks,
        )

    def levels(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return (bids, asks) of the book, best first, at most `TOP_LEVELS` each."""
        return self.book.top(TOP_LEVELS)

    def next_close_ns(self, now_ns: int) -> int:
        """Return the market time at which the next bar closes at the latest."""
        passed_ns = now_ns + self.ahead_ns - self._travel_ns
        return passed_ns - passed_ns % self.base_ns + self.base_ns + self._travel_ns - self.ahead_ns

    def _bars(self, candles: tuple[Candle, ...], now_ns: int, frame: int) -> list[Bar]:
        bars: list[Bar] = []
        for candle in candles:
            if self._shows_base:
                bars.append(self._bar(candle, self.timeframe, now_ns, frame))
            for timeframe, merger in self._mergers:
                longer = merger.push(candle)
                if longer is not None:
                    bars.append(self._bar(longer, timeframe, now_ns, frame))
        return bars

    def _bar(self, candle: Candle, timeframe: str, now_ns: int, frame: int) -> Bar:
        return Bar(
            venue=self._settings.venue,
            symbol=self.symbol,
            ts_event_ns=candle.close_time_ns,
            ts_init_ns=now_ns,
            frame=frame,
            timeframe=timeframe,
            open_time_ns=candle.open_time_ns,
            close_time_ns=candle.close_time_ns,
            open=candle.open,
            high=candle.high,
            low=candle.low,
            close=candle.close,
            volume=candle.volume,
            quote_volume=candle.quote_volume,
            trades_count=candle.trades_count,
        )
