"""The shapes of Coinbase Advanced Trade's public payloads, as far as they are read; unknown fields are ignored.

Prices and quantities are text on the wire and become exact decimals; where a value may be the empty text it stays text.
Source: Coinbase Advanced Trade, "WebSocket Channels", and GET /brokerage/market/products, /product_book, /candles,
/ticker, /brokerage/time.
"""

from decimal import Decimal

import msgspec


class Ticker(msgspec.Struct, gc=False):
    """An entry of `ticker` and `ticker_batch`; the batch has no best prices."""

    product_id: str
    price: Decimal
    volume_24_h: str = ""
    price_percent_chg_24_h: str = ""
    best_bid: str = ""
    best_bid_quantity: str = ""
    best_ask: str = ""
    best_ask_quantity: str = ""


class TickerEvent(msgspec.Struct, gc=False):
    """What happened to tickers: `snapshot` or `update`."""

    tickers: tuple[Ticker, ...]


class TickerFrame(msgspec.Struct, gc=False):
    """`ticker`, `ticker_batch`."""

    timestamp: str
    sequence_num: int
    events: tuple[TickerEvent, ...]


class Trade(msgspec.Struct, gc=False):
    """A public trade, on the stream and in GET ticker."""

    trade_id: str
    product_id: str
    price: Decimal
    size: Decimal
    time: str
    side: str
    """Of the order that was in the book: `BUY` means that the seller took."""


class TradesEvent(msgspec.Struct, gc=False):
    """`snapshot` (the newest trades before the subscription) or `update`; newest first."""

    trades: tuple[Trade, ...]


class TradesFrame(msgspec.Struct, gc=False):
    """`market_trades`."""

    timestamp: str
    sequence_num: int
    events: tuple[TradesEvent, ...]


class LevelChange(msgspec.Struct, gc=False):
    """A new quantity at a price; 0 removes the level."""

    side: str
    """`bid` or `offer`."""
    price_level: Decimal
    new_quantity: Decimal


class BookEvent(msgspec.Struct, gc=False):
    """`snapshot` is a whole book, `update` its changes."""

    type: str
    product_id: str
    updates: tuple[LevelChange, ...]


class BookFrame(msgspec.Struct, gc=False):
    """`l2_data`, which is how the channel `level2` answers."""

    timestamp: str
    sequence_num: int
    events: tuple[BookEvent, ...]


class StreamCandle(msgspec.Struct, gc=False):
    """Five minutes of trading, the current ones too."""

    start: str
    product_id: str
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class CandlesEvent(msgspec.Struct, gc=False):
    """`snapshot` or `update`."""

    candles: tuple[StreamCandle, ...]


class CandlesFrame(msgspec.Struct, gc=False):
    """`candles`."""

    timestamp: str
    sequence_num: int
    events: tuple[CandlesEvent, ...]


class Heartbeat(msgspec.Struct, gc=False):
    """One beat a second."""

    heartbeat_counter: int | str


class HeartbeatFrame(msgspec.Struct, gc=False):
    """`heartbeats`."""

    sequence_num: int
    events: tuple[Heartbeat, ...]


class Subscribed(msgspec.Struct, gc=False):
    """What the connection is subscribed to now: channel -> products (or what the channel calls its own)."""

    subscriptions: dict[str, tuple[str, ...]]


class SubscriptionsFrame(msgspec.Struct, gc=False):
    """`subscriptions`: the answer to each subscribe and unsubscribe."""

    sequence_num: int
    events: tuple[Subscribed, ...]


class Probe(msgspec.Struct, gc=False):
    """Any frame: enough to tell what it is."""

    channel: str | None = None
    type: str | None = None
    message: str = ""
    sequence_num: int | None = None


class Product(msgspec.Struct, gc=False):
    """One product of GET /brokerage/market/products."""

    product_id: str
    base_currency_id: str
    quote_currency_id: str
    base_increment: Decimal
    quote_increment: Decimal
    base_min_size: Decimal
    base_max_size: Decimal
    quote_min_size: str = ""
    price_increment: str = ""
    """Absent in older answers; the price step was `quote_increment` then."""
    product_type: str = "SPOT"
    status: str = "online"
    alias: str = ""
    is_disabled: bool = False
    trading_disabled: bool = False
    cancel_only: bool = False
    limit_only: bool = False
    post_only: bool = False
    auction_mode: bool = False
    view_only: bool = False


class Products(msgspec.Struct, gc=False):
    """GET /brokerage/market/products; each product is read by itself, so that one cannot hide the others."""

    products: tuple[msgspec.Raw, ...]


class BookLevel(msgspec.Struct, gc=False):
    """A level of GET product_book."""

    price: Decimal
    size: Decimal


class PriceBook(msgspec.Struct, gc=False):
    """A book of GET product_book or best_bid_ask."""

    product_id: str
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    time: str = ""


class ProductBook(msgspec.Struct, gc=False):
    """GET product_book."""

    pricebook: PriceBook


class BestBidAsk(msgspec.Struct, gc=False):
    """GET best_bid_ask."""

    pricebooks: tuple[PriceBook, ...]


class Candle(msgspec.Struct, gc=False):
    """A candle of GET candles; `start` is in seconds."""

    start: str
    low: Decimal
    high: Decimal
    open: Decimal
    close: Decimal
    volume: Decimal


class Candles(msgspec.Struct, gc=False):
    """GET candles: newest first."""

    candles: tuple[Candle, ...]


class MarketTrades(msgspec.Struct, gc=False):
    """GET ticker: the newest trades, newest first."""

    trades: tuple[Trade, ...]
    best_bid: str = ""
    best_ask: str = ""


class ServerTime(msgspec.Struct, gc=False):
    """GET time; older answers write the number as text."""

    epochMillis: int | str  # noqa: N815 - the name on the wire.
