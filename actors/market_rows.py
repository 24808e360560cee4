"""Rows of public market data, and the bounded buffer in which they wait for the database.

The ids of these rows say nothing (their keys are natural), so they are derived from the key: what a restart of a replay
writes again is the same row again.
"""

from collections import deque
from collections.abc import Hashable
from decimal import Decimal
from typing import Final
from uuid import NAMESPACE_OID, UUID, uuid5

from engine.domain.book import Level
from engine.domain.identifiers import Venue
from engine.domain.instrument import Instrument
from engine.domain.values import text_of
from engine.messages.market import Bar, Ticker
from engine.messages.market_live import VenueHealth
from engine.messages.rows import Row
from engine.messages.rows_market import BookSnapshotRow, ExchangeStatusRow, OhlcvRow, TickerRow, TradingPairRow

HISTORY_MAX: Final = 50_000
"""Candles and books that wait for the database; the oldest leave first, since a public candle can be fetched again."""
NS_PER_MS: Final = 1_000_000
BATCH_MAX: Final = 1_000
"""Rows given to the database at once."""


def derived_id(*key: object) -> UUID:
    """Return the same id for the same key, always."""
    return uuid5(NAMESPACE_OID, "|".join(map(str, key)))


def pair_row(instrument: Instrument, at_ns: int, *, is_active: bool = True) -> TradingPairRow:
    """Describe an instrument for `trading_pairs`; `is_active`: whether the venue takes orders in it."""
    return TradingPairRow(
        id=derived_id("pair", instrument.venue, instrument.symbol),
        symbol=instrument.symbol,
        base_asset=instrument.base,
        quote_asset=instrument.quote,
        exchange=instrument.venue,
        kind=instrument.kind.value,
        min_order_size=instrument.min_quantity,
        max_order_size=instrument.max_quantity,
        min_notional=instrument.min_notional,
        tick_size=instrument.tick_size,
        step_size=instrument.step_size,
        maker_fee=instrument.maker_fee,
        taker_fee=instrument.taker_fee,
        is_active=is_active,
        created_at=at_ns,
    )


def candle_row(bar: Bar, created_ns: int) -> OhlcvRow:
    """Keep a closed bar."""
    return OhlcvRow(
        id=derived_id("ohlcv", bar.venue, bar.symbol, bar.timeframe, bar.open_time_ns),
        symbol=bar.symbol,
        exchange=bar.venue,
        timeframe=bar.timeframe,
        open_time=bar.open_time_ns,
        close_time=bar.close_time_ns,
        open_price=bar.open,
        high_price=bar.high,
        low_price=bar.low,
        close_price=bar.close,
        volume=bar.volume,
        quote_volume=bar.quote_volume,
        trades_count=bar.trades_count,
        created_at=created_ns,
    )


def ticker_row(ticker: Ticker) -> TickerRow:
    """Keep the newest price; `updated_at` is market time."""
    return TickerRow(
        id=derived_id("ticker", ticker.venue, ticker.symbol),
        symbol=ticker.symbol,
        exchange=ticker.venue,
        price=ticker.price,
        bid_price=ticker.bid,
        ask_price=ticker.ask,
        volume_24h=ticker.volume_24h,
        change_24h=ticker.change_24h,
        updated_at=ticker.ts_init_ns,
    )


def book_row(
    venue: Venue, symbol: str, bids: tuple[Level, ...], asks: tuple[Level, ...], at_ns: int
) -> BookSnapshotRow:
    """Keep the top of a book as [[price, quantity], ...] of texts, best first."""
    return BookSnapshotRow(
        id=derived_id("book", venue, symbol, at_ns),
        symbol=symbol,
        exchange=venue,
        bids=_texts(bids),
        asks=_texts(asks),
        timestamp=at_ns,
        # Part of the table's key: the market's time, so that a replay repeats the same key.
        created_at=at_ns,
    )


def status_row(
    venue: Venue,
    *,
    is_online: bool,
    reason: str,
    last_event_ns: int | None,
    at_ns: int,
    health: VenueHealth | None = None,
) -> ExchangeStatusRow:
    """Tell how a venue is; times are wall time. `health`: what a live venue measures of itself, None elsewhere."""
    response_ns = None if health is None else health.response_ns
    return ExchangeStatusRow(
        id=derived_id("exchange", venue),
        exchange=venue,
        status="online" if is_online else "offline",
        last_ping=last_event_ns,
        response_time_ms=None if response_ns is None else response_ns // NS_PER_MS,
        error_message=reason or None,
        detail=None if health is None else _detail(health),
        updated_at=at_ns,
    )


def _detail(health: VenueHealth) -> dict[str, object]:
    offset_ns = health.clock_offset_ns
    return {
        "clock_offset_ms": None if offset_ns is None else round(offset_ns / NS_PER_MS, 1),
        "used_weight": health.used_weight,
        "weight_limit": health.weight_limit,
        "reconnects": health.reconnects,
        "frames_unread": health.unread,
        "books_resyncing": dict(health.resyncs),
    }


def _texts(levels: tuple[tuple[Decimal, Decimal], ...]) -> list[list[str]]:
    return [[text_of(price), text_of(quantity)] for price, quantity in levels]


class RowBuffer:
    """Rows on their way to the database: states keep the newest per key, history keeps order and a bound."""

    def __init__(self, history_max: int = HISTORY_MAX) -> None:
        """Start empty; `history_max`: rows of history that may wait, at least 1."""
        self._states: dict[Hashable, Row] = {}
        self._history: deque[Row] = deque()
        self._history_max = history_max
        self._taken_states: dict[Hashable, Row] = {}
        self._taken_history: list[Row] = []
        self.dropped = 0
        """Rows of history that left without having been written."""

    def __len__(self) -> int:
        """Rows that wait, those taken not counted."""
        return len(self._states) + len(self._history)

    def set(self, key: Hashable, row: Row) -> None:
        """Put a state; the one that waits under the key is replaced."""
        self._states[key] = row

    def append(self, row: Row) -> None:
        """Put a fact of history."""
        self._history.append(row)
        self._keep_bound()

    def take(self, count: int = BATCH_MAX) -> list[Row]:
        """Return at most `count` rows to write: states first (there are few), then history, oldest first.

        They are on their way until `written` or `give_back` says what became of them.
        """
        assert not self._taken_states, "take: expected the rows before to be settled"
        assert not self._taken_history, "take: expected the rows before to be settled"
        while self._states and len(self._taken_states) < count:
            # The oldest key first, so that no symbol starves behind busier ones.
            key = next(iter(self._states))
            self._taken_states[key] = self._states.pop(key)
        while self._history and len(self._taken_states) + len(self._taken_history) < count:
            self._taken_history.append(self._history.popleft())
        return [*self._taken_states.values(), *self._taken_history]

    def written(self) -> None:
        """Forget the rows that were taken."""
        self._taken_states = {}
        self._taken_history = []

    def give_back(self) -> None:
        """Let the rows that were taken wait again; a state that has a newer one meanwhile is dropped."""
        self._states = {**self._taken_states, **self._states}
        self._history.extendleft(reversed(self._taken_history))
        self._keep_bound()
        self.written()

    def _keep_bound(self) -> None:
        while len(self._history) > self._history_max:
            self._history.popleft()
            self.dropped += 1
