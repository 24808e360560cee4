"""Rows of tables without a user: instruments, prices, candles, books, health of venues, the log.

What the class attributes mean stands in `engine.messages.rows`.
"""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from engine.messages.rows import Json, Mode, Ns, Row


class TradingPairRow(Row, frozen=True, kw_only=True):
    """`trading_pairs`: an instrument of a venue."""

    __table__: ClassVar[str] = "trading_pairs"
    __key__: ClassVar[tuple[str, ...]] = ("symbol", "exchange")
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    symbol: str
    base_asset: str
    quote_asset: str
    exchange: str
    kind: str
    min_order_size: Decimal | None
    max_order_size: Decimal | None
    min_notional: Decimal | None
    tick_size: Decimal | None
    step_size: Decimal | None
    maker_fee: Decimal | None
    taker_fee: Decimal | None
    is_active: bool
    created_at: Ns


class ExchangeStatusRow(Row, frozen=True, kw_only=True):
    """`exchange_status`: health of a venue as seen from here."""

    __table__: ClassVar[str] = "exchange_status"
    __key__: ClassVar[tuple[str, ...]] = ("exchange",)
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    exchange: str
    status: str
    last_ping: Ns | None
    response_time_ms: int | None
    error_message: str | None
    detail: Json = None
    """Of a live venue: clock offset, used weight, reconnects, books that are fetched anew."""
    updated_at: Ns


class OhlcvRow(Row, frozen=True, kw_only=True):
    """`market_data_ohlcv`: a closed candle."""

    __table__: ClassVar[str] = "market_data_ohlcv"
    __key__: ClassVar[tuple[str, ...]] = ("symbol", "timeframe", "exchange", "open_time")
    __mode__: ClassVar[Mode] = "ignore"

    id: UUID
    symbol: str
    exchange: str
    timeframe: str
    open_time: Ns
    close_time: Ns
    open_price: Decimal
    high_price: Decimal
    low_price: Decimal
    close_price: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades_count: int
    created_at: Ns


class TickerRow(Row, frozen=True, kw_only=True):
    """`price_tickers`: newest price, conflated."""

    __table__: ClassVar[str] = "price_tickers"
    __key__: ClassVar[tuple[str, ...]] = ("symbol", "exchange")
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    symbol: str
    exchange: str
    price: Decimal
    bid_price: Decimal | None
    ask_price: Decimal | None
    volume_24h: Decimal | None
    change_24h: Decimal | None
    updated_at: Ns


class BookSnapshotRow(Row, frozen=True, kw_only=True):
    """`order_book_snapshots`: the top 20 levels, every 10 s."""

    __table__: ClassVar[str] = "order_book_snapshots"
    __key__: ClassVar[tuple[str, ...]] = ("id", "created_at")
    __mode__: ClassVar[Mode] = "ignore"

    id: UUID
    symbol: str
    exchange: str
    bids: Json
    asks: Json
    timestamp: Ns
    created_at: Ns


class LogRow(Row, frozen=True, kw_only=True):
    """`system_logs`: one line of the log."""

    __table__: ClassVar[str] = "system_logs"
    __key__: ClassVar[tuple[str, ...]] = ("id", "created_at")
    __mode__: ClassVar[Mode] = "ignore"

    id: UUID
    level: str
    module: str
    message: str
    data: Json
    user_id: UUID | None
    """None: of the engine itself, or of somebody unknown."""
    created_at: Ns
