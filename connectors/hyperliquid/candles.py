"""Hyperliquid's candles as closed bars.

Source: Hyperliquid, info request candleSnapshot and subscription candle.
"""

from typing import Final

import msgspec

from connectors.hyperliquid.symbols import Symbols
from connectors.hyperliquid.wire import Candle, CandleFrame
from engine.domain.errors import BadInput
from engine.domain.identifiers import Venue
from engine.domain.values import multiply, round_money
from engine.messages.market import Bar

TIMEFRAMES: Final = frozenset({"1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "12h", "1d", "3d", "1w", "1M"})
"""What can be asked for."""
CANDLES_MAX: Final = 5_000
"""Only so many of the newest candles of a timeframe are kept by the venue."""

_NS_PER_MS: Final = 1_000_000
_decode = msgspec.json.Decoder(tuple[Candle, ...]).decode
_decode_frame = msgspec.json.Decoder(CandleFrame).decode


def parse_candles(raw: bytes, *, venue: Venue, symbols: Symbols, received_ns: int) -> tuple[Bar, ...]:
    """Read the answer to candleSnapshot: the candles that are closed, oldest first; the last one may still grow.

    Raises:
        BadInput: They are no candles.
    """
    try:
        candles = sorted(_decode(raw), key=lambda candle: candle.t)
        bars = [bar_of(candle, venue=venue, symbols=symbols, received_ns=received_ns) for candle in candles]
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("candleSnapshot", expected=f"candles ({error})", was=raw) from error
    return tuple(bar for bar in bars if bar.close_time_ns <= received_ns)


def parse_candle_frame(raw: bytes, *, venue: Venue, symbols: Symbols, received_ns: int) -> Bar:
    """Read a frame of the subscription as the bar that it would be if it closed now.

    Raises:
        BadInput: It is no candle.
    """
    try:
        return bar_of(_decode_frame(raw).data, venue=venue, symbols=symbols, received_ns=received_ns)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("candle", expected=f"a candle ({error})", was=raw) from error


def bar_of(candle: Candle, *, venue: Venue, symbols: Symbols, received_ns: int) -> Bar:
    """Return a candle as a bar. The venue tells no volume in the quote asset: it is valued at the close.

    Raises:
        ValueError: The prices contradict each other, or are none.
    """
    prices = (candle.o, candle.h, candle.l, candle.c)
    if not all(price.is_finite() and price > 0 for price in prices) or not candle.v.is_finite():
        raise ValueError(f"expected prices above zero, was {prices}")
    if max(prices) != candle.h or min(prices) != candle.l or candle.t >= candle.T:
        raise ValueError(f"expected low to high, was {prices}")
    close_ns = (candle.T + 1) * _NS_PER_MS
    return Bar(
        venue=venue,
        symbol=symbols.unified(candle.s),
        ts_event_ns=close_ns,
        ts_init_ns=received_ns,
        timeframe=candle.i,
        open_time_ns=candle.t * _NS_PER_MS,
        close_time_ns=close_ns,
        open=candle.o,
        high=candle.h,
        low=candle.l,
        close=candle.c,
        volume=candle.v,
        quote_volume=round_money(multiply(candle.v, candle.c)),
        trades_count=candle.n,
    )
