"""Coinbase's REST answers about the market: candles, books, the newest trades, the time."""

from typing import Any, Final

import msgspec

from connectors.coinbase import wire
from connectors.coinbase.frames import bar_of, snapshot_of, trade_of
from connectors.coinbase.times import time_ns
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol, Venue
from engine.messages.market import Bar, BookSnapshot, TradePrint

GRANULARITIES: Final = {
    "1m": ("ONE_MINUTE", 60),
    "5m": ("FIVE_MINUTE", 300),
    "15m": ("FIFTEEN_MINUTE", 900),
    "30m": ("THIRTY_MINUTE", 1_800),
    "1h": ("ONE_HOUR", 3_600),
    "2h": ("TWO_HOUR", 7_200),
    "4h": ("FOUR_HOUR", 14_400),
    "6h": ("SIX_HOUR", 21_600),
    "1d": ("ONE_DAY", 86_400),
}
"""Our timeframe -> (Coinbase's word, seconds)."""
CANDLES_MAX: Final = 350
"""Candles in one answer. Source: Coinbase Advanced Trade, GET candles, `limit`."""

_decode_candles = msgspec.json.Decoder(wire.Candles).decode
_decode_book = msgspec.json.Decoder(wire.ProductBook).decode
_decode_best = msgspec.json.Decoder(wire.BestBidAsk).decode
_decode_trades = msgspec.json.Decoder(wire.MarketTrades).decode
_decode_time = msgspec.json.Decoder(wire.ServerTime).decode


def parse_candles(raw: bytes, *, venue: Venue, symbol: Symbol, timeframe: str, received_ns: int) -> tuple[Bar, ...]:
    """Read candles, oldest first, those that have ended by `received_ns`; Coinbase lists the current one too.

    Raises:
        BadInput: The answer is no list of candles, or the timeframe is none of Coinbase's.
    """
    length_s = granularity_of(timeframe)[1]
    data = _read("candles", _decode_candles, raw)
    try:
        bars = [bar_of(candle, venue, symbol, received_ns, timeframe, length_s) for candle in data.candles]
    except ValueError as error:
        raise BadInput("candles", expected=f"candles of {symbol} ({error})", was=raw) from error
    return tuple(sorted((bar for bar in bars if bar.close_time_ns <= received_ns), key=lambda bar: bar.open_time_ns))


def granularity_of(timeframe: str) -> tuple[str, int]:
    """Return (Coinbase's word, seconds) of a timeframe.

    Raises:
        BadInput: Coinbase has no such candles.
    """
    found = GRANULARITIES.get(timeframe)
    if found is None:
        raise BadInput("timeframe", expected=f"one of {', '.join(GRANULARITIES)}", was=timeframe)
    return found


def parse_product_book(raw: bytes, *, venue: Venue, symbol: Symbol, received_ns: int) -> BookSnapshot:
    """Read GET product_book. It carries no number, so no diff can be put behind it.

    Raises:
        BadInput: It is no book.
    """
    return _book(_read("product_book", _decode_book, raw).pricebook, raw, venue, symbol, received_ns)


def parse_best_bid_ask(raw: bytes, *, venue: Venue, symbol: Symbol, product: str, received_ns: int) -> BookSnapshot:
    """Read one product's best levels out of GET best_bid_ask.

    Raises:
        BadInput: It holds no such product.
    """
    for book in _read("best_bid_ask", _decode_best, raw).pricebooks:
        if book.product_id == product:
            return _book(book, raw, venue, symbol, received_ns)
    raise BadInput("best_bid_ask", expected=f"a book of {product}", was=raw)


def parse_market_trades(raw: bytes, *, venue: Venue, symbol: Symbol, received_ns: int) -> tuple[TradePrint, ...]:
    """Read the newest trades of GET ticker, oldest first.

    Raises:
        BadInput: The answer is no list of trades.
    """
    data = _read("ticker", _decode_trades, raw)
    try:
        return tuple(trade_of(trade, venue, symbol, received_ns) for trade in reversed(data.trades))
    except ValueError as error:
        raise BadInput("ticker", expected=f"trades of {symbol} ({error})", was=raw) from error


def parse_server_time(raw: bytes) -> int:
    """Read GET time.

    Raises:
        BadInput: It tells no time.
    """
    try:
        return int(_decode_time(raw).epochMillis) * 1_000_000
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("time", expected=f"epochMillis ({error})", was=raw) from error


def _book(book: wire.PriceBook, raw: bytes, venue: Venue, symbol: Symbol, received_ns: int) -> BookSnapshot:
    levels = [tuple((level.price, level.size) for level in side) for side in (book.bids, book.asks)]
    for price, size in (*levels[0], *levels[1]):
        if not (price.is_finite() and size.is_finite() and price > 0 and size > 0):
            raise BadInput("product_book", expected="prices and sizes above zero", was=f"{price} {size}")
    try:
        at_ns = time_ns(book.time) if book.time else received_ns
    except ValueError as error:
        raise BadInput("product_book", expected=f"a time ({error})", was=raw) from error
    return snapshot_of((levels[0], levels[1]), venue, symbol, at_ns, received_ns, 0)


def _read(name: str, decode: Any, raw: bytes) -> Any:
    try:
        return decode(raw)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput(name, expected=f"an answer of Coinbase ({error})", was=raw) from error
