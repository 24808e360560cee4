"""What a public market says: quotes, trades, books and what is built from them.

Raw events (`QuoteTick`, `TradePrint`, `BookDelta`, `BookSnapshot`) come from a market source and go over the bus under
the key `(venue, symbol)`, to the paper venue first, then to `MarketData`. Derived events (`Bar`, `Ticker`, `BookTop`,
`BookStatus`) come from `MarketData` under the same key. `frame` numbers the recorded frame in a replay session and is 0
elsewhere.
"""

from decimal import Decimal
from typing import ClassVar

from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.kinds import BookState, Side
from engine.messages.base import Message, require_positive, require_time

Level = tuple[Decimal, Decimal]
"""(price, quantity in base units); quantity 0 in a diff removes the level."""


class MarketMessage(Message, frozen=True, kw_only=True):
    """Base of everything that a market says."""

    __lane__: ClassVar[str] = "market"

    venue: Venue
    symbol: Symbol
    ts_event_ns: int
    """The venue's time of the event; the receive time where the venue gives none."""
    ts_init_ns: int
    """When the engine received it, on the market clock."""
    frame: int = 0


class QuoteTick(MarketMessage, frozen=True, kw_only=True):
    """Best bid and ask."""

    __conflate__: ClassVar[tuple[str, ...]] = ("venue", "symbol")

    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal

    @property
    def mid(self) -> Decimal:
        """Mean of bid and ask."""
        return (self.bid + self.ask) / 2

    def __post_init__(self) -> None:
        """Refuse prices that are not finite and positive."""
        require_positive("bid", self.bid)
        require_positive("ask", self.ask)


class TradePrint(MarketMessage, frozen=True, kw_only=True):
    """A public trade, not ours."""

    trade_id: str
    price: Decimal
    quantity: Decimal
    aggressor: Side
    """The side that took liquidity."""

    def __post_init__(self) -> None:
        """Refuse sizes and prices that are not finite and positive."""
        require_positive("price", self.price)
        require_positive("quantity", self.quantity)
        require_time("ts_event_ns", self.ts_event_ns)


class BookDelta(MarketMessage, frozen=True, kw_only=True):
    """Changed levels of a book."""

    first_update_id: int
    last_update_id: int
    prev_update_id: int | None = None
    """`pu` of USD-M: the last id of the previous diff; None where the venue has none."""
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class BookSnapshot(MarketMessage, frozen=True, kw_only=True):
    """A whole book, best levels first."""

    last_update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class BookTop(MarketMessage, frozen=True, kw_only=True):
    """The best levels of a synced book, at most 20 a side."""

    __conflate__: ClassVar[tuple[str, ...]] = ("venue", "symbol")

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class BookStatus(MarketMessage, frozen=True, kw_only=True):
    """A book's trust has changed."""

    state: BookState
    gaps: int
    """Gaps seen since the start of the session."""
    reason: str = ""


class Ticker(MarketMessage, frozen=True, kw_only=True):
    """Last price and day statistics; conflated."""

    __conflate__: ClassVar[tuple[str, ...]] = ("venue", "symbol")

    price: Decimal
    bid: Decimal | None = None
    ask: Decimal | None = None
    volume_24h: Decimal | None = None
    """Base units traded in the last 24 hours, as far as seen."""
    change_24h: Decimal | None = None
    """Percent."""


class Bar(MarketMessage, frozen=True, kw_only=True):
    """A closed candle; `ts_event_ns` is its close time."""

    timeframe: str
    open_time_ns: int
    close_time_ns: int
    """Exclusive end of the interval."""
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades_count: int


class InstrumentsLoaded(Message, frozen=True, kw_only=True):
    """A venue's instruments are known; published under the venue's name."""

    venue: Venue
    instruments: tuple[Instrument, ...]
    at_ns: int


class ReplayCaughtUp(Message, frozen=True, kw_only=True):
    """A replay that started over is where it was stopped: the frames from here on are new to everybody."""

    venue: Venue
    session: str
    frame: int
    """The last one that is not new."""


class SourceFinished(Message, frozen=True, kw_only=True):
    """A replay came to the end of its data."""

    venue: Venue
    session: str
    frames: int
    errors: int
    """Lines that could not be parsed; each was logged with file, line and reason."""
