"""What only a live feed of Binance uses: day statistics, candles, mark prices and funding; and candles by REST.

`FrameParser` passes these streams over: the engine makes its own candles from trades. Pure functions from bytes.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from connectors.binance.symbols import Symbols
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol, Venue
from engine.messages.market import Bar, MarketMessage, Ticker
from engine.messages.market_live import FundingRate, MarkPrice

NS_PER_MS: Final = 1_000_000


class DayTicker(msgspec.Struct, gc=False):
    """`<symbol>@ticker`. USD-M has no quotes in it."""

    E: int
    c: Decimal
    v: Decimal
    P: Decimal
    b: Decimal | None = None
    a: Decimal | None = None


class Candle(msgspec.Struct, gc=False):
    """The candle inside `<symbol>@kline_<interval>`; `T` is its last millisecond."""

    t: int
    T: int
    i: str
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 - the name on the wire.
    c: Decimal
    v: Decimal
    q: Decimal
    n: int
    x: bool
    """Whether it is closed."""


class CandleEvent(msgspec.Struct, gc=False):
    """`<symbol>@kline_<interval>`."""

    k: Candle


class MarkUpdate(msgspec.Struct, gc=False):
    """`<symbol>@markPrice`."""

    E: int
    p: Decimal
    i: Decimal | None = None
    r: Decimal | None = None
    T: int = 0
    """When the funding is paid; 0 where there is none."""


class Named(msgspec.Struct, gc=False):
    """A frame of combined streams."""

    stream: str
    data: msgspec.Raw


Make = Callable[[Any, Venue, Symbol, int], Sequence[MarketMessage]]

_named = msgspec.json.Decoder(Named).decode
Row = tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal, int, Decimal, int]
"""A kline of REST as far as it is read: open time, open, high, low, close, volume, close time, quote volume, trades."""
_rows = msgspec.json.Decoder(tuple[list[Any], ...], float_hook=Decimal).decode


def ticker(data: DayTicker, venue: Venue, symbol: Symbol, received_ns: int) -> Sequence[MarketMessage]:
    """Return the statistics of 24 hours."""
    message = Ticker(
        venue=venue,
        symbol=symbol,
        ts_event_ns=data.E * NS_PER_MS,
        ts_init_ns=received_ns,
        price=data.c,
        bid=data.b or None,
        ask=data.a or None,
        volume_24h=data.v,
        change_24h=data.P,
    )
    return (message,)


def bar(data: CandleEvent, venue: Venue, symbol: Symbol, received_ns: int) -> Sequence[MarketMessage]:
    """Return a closed candle; an open one gives nothing."""
    candle = data.k
    if not candle.x:
        return ()
    close_ns = (candle.T + 1) * NS_PER_MS
    message = Bar(
        venue=venue,
        symbol=symbol,
        ts_event_ns=close_ns,
        ts_init_ns=received_ns,
        timeframe=candle.i,
        open_time_ns=candle.t * NS_PER_MS,
        close_time_ns=close_ns,
        open=candle.o,
        high=candle.h,
        low=candle.l,
        close=candle.c,
        volume=candle.v,
        quote_volume=candle.q,
        trades_count=candle.n,
    )
    return (message,)


def mark(data: MarkUpdate, venue: Venue, symbol: Symbol, received_ns: int) -> Sequence[MarketMessage]:
    """Return the mark price and, where there is a funding ahead, its rate."""
    at_ns = data.E * NS_PER_MS
    price = MarkPrice(
        venue=venue, symbol=symbol, ts_event_ns=at_ns, ts_init_ns=received_ns, price=data.p, index_price=data.i or None
    )
    if data.r is None or not data.T:
        return (price,)
    rate = FundingRate(
        venue=venue,
        symbol=symbol,
        ts_event_ns=at_ns,
        ts_init_ns=received_ns,
        rate=data.r,
        next_funding_ns=data.T * NS_PER_MS,
    )
    return (price, rate)


KINDS: Final[dict[str, tuple[Any, Make]]] = {
    "ticker": (DayTicker, ticker),
    "kline": (CandleEvent, bar),
    "markPrice": (MarkUpdate, mark),
}
"""Kind of stream -> shape of its payload, and what makes messages of it."""


class MarketParser:
    """Parses the streams of `KINDS` of one market."""

    def __init__(self, *, venue: Venue, symbols: Symbols) -> None:
        """Keep what goes into every message."""
        self._venue = venue
        self._symbols = symbols

    def parse(self, raw: bytes, received_ns: int) -> Sequence[MarketMessage]:
        """Read a frame of a combined stream; empty for a stream that gives nothing.

        Raises:
            BadInput: It is not what its stream should send.
        """
        try:
            frame = _named(raw)
            kind = _kind(frame.stream)
            if kind is None:
                return ()
            return self._made(frame.stream, kind, msgspec.json.decode(frame.data, type=kind[0]), received_ns)
        except (msgspec.DecodeError, ValueError) as error:
            raise BadInput("frame", expected=f"a frame of Binance's market ({error})", was=raw) from error

    def parse_decoded(self, frame: Any, received_ns: int) -> Sequence[MarketMessage]:
        """Read a frame that ccxt has decoded.

        Raises:
            BadInput: As `parse`.
        """
        try:
            kind = _kind(str(frame["stream"]))
            if kind is None:
                return ()
            return self._made(str(frame["stream"]), kind, msgspec.convert(frame["data"], kind[0]), received_ns)
        except (msgspec.ValidationError, ValueError, LookupError, TypeError) as error:
            raise BadInput("frame", expected=f"a frame of Binance's market ({error})", was=frame) from error

    def _made(self, stream: str, kind: tuple[Any, Make], data: Any, received_ns: int) -> Sequence[MarketMessage]:
        return kind[1](data, self._venue, self._symbols.unified(stream.partition("@")[0]), received_ns)


def _kind(stream: str) -> tuple[Any, Make] | None:
    return KINDS.get(stream.partition("@")[2].partition("@")[0].partition("_")[0])


def parse_klines(raw: bytes, *, venue: Venue, symbol: Symbol, timeframe: str, now_ns: int) -> tuple[Bar, ...]:
    """Read GET klines: the candles that are closed at `now_ns`, venue time, oldest first.

    Raises:
        BadInput: It is no list of candles.
    """
    try:
        rows = msgspec.convert([row[:9] for row in _rows(raw)], tuple[Row, ...])
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise BadInput("klines", expected=f"rows of candles ({error})", was=raw) from error
    return tuple(_bar_of(row, venue, symbol, timeframe, now_ns) for row in rows if (row[6] + 1) * NS_PER_MS <= now_ns)


def _bar_of(row: Row, venue: Venue, symbol: Symbol, timeframe: str, now_ns: int) -> Bar:
    close_ns = (row[6] + 1) * NS_PER_MS
    return Bar(
        venue=venue,
        symbol=symbol,
        ts_event_ns=close_ns,
        ts_init_ns=now_ns,
        timeframe=timeframe,
        open_time_ns=row[0] * NS_PER_MS,
        close_time_ns=close_ns,
        open=row[1],
        high=row[2],
        low=row[3],
        close=row[4],
        volume=row[5],
        quote_volume=row[7],
        trades_count=row[8],
    )
