"""The shapes of Hyperliquid's public payloads, as far as they are read; unknown fields are ignored.

Prices and sizes are text on the wire and become exact decimals. Times are milliseconds.
Source: Hyperliquid, "WebSocket subscriptions", "Info endpoint" and its perpetuals and spot pages.
"""

from decimal import Decimal

import msgspec


class Level(msgspec.Struct, gc=False):
    """One price of a book; the number of orders is not read."""

    px: Decimal
    sz: Decimal


class L2Book(msgspec.Struct, gc=False):
    """`l2Book`, stream and info: the whole book, bids and asks, best first."""

    coin: str
    levels: tuple[tuple[Level, ...], tuple[Level, ...]]
    time: int


class Bbo(msgspec.Struct, gc=False):
    """`bbo`: best bid and ask; a side without orders is null."""

    coin: str
    time: int
    bbo: tuple[Level | None, Level | None]


class Trade(msgspec.Struct, gc=False):
    """One of `trades`."""

    coin: str
    side: str
    """Of the taker: `B` bought, `A` sold."""
    px: Decimal
    sz: Decimal
    time: int
    tid: int


class AssetCtx(msgspec.Struct, gc=False):
    """What `activeAssetCtx`, `activeSpotAssetCtx` and the meta answers tell of a market; spot has no funding."""

    markPx: Decimal | None = None  # noqa: N815 - the names on the wire.
    midPx: Decimal | None = None  # noqa: N815
    oraclePx: Decimal | None = None  # noqa: N815
    funding: Decimal | None = None
    """Of the running hour, as a fraction."""
    prevDayPx: Decimal | None = None  # noqa: N815
    dayBaseVlm: Decimal | None = None  # noqa: N815
    dayNtlVlm: Decimal | None = None  # noqa: N815


class ActiveAssetCtx(msgspec.Struct, gc=False):
    """`activeAssetCtx` and `activeSpotAssetCtx`."""

    coin: str
    ctx: AssetCtx


class Funding(msgspec.Struct, gc=False):
    """One of `fundingHistory`: what was paid at a time."""

    coin: str
    fundingRate: Decimal  # noqa: N815 - the name on the wire.
    time: int


class Candle(msgspec.Struct, gc=False):
    """`candle` and one of `candleSnapshot`."""

    t: int
    T: int
    """Last millisecond of the interval."""
    s: str
    i: str
    o: Decimal
    c: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 - the name on the wire.
    v: Decimal
    n: int


class BookFrame(msgspec.Struct, gc=False):
    """The envelope around a book."""

    data: L2Book


class BboFrame(msgspec.Struct, gc=False):
    """The envelope around a quote."""

    data: Bbo


class TradesFrame(msgspec.Struct, gc=False):
    """The envelope around trades."""

    data: tuple[Trade, ...]


class ContextFrame(msgspec.Struct, gc=False):
    """The envelope around a market's context."""

    data: ActiveAssetCtx


class CandleFrame(msgspec.Struct, gc=False):
    """The envelope around a candle that still grows."""

    data: Candle


class Probe(msgspec.Struct, gc=False):
    """Any frame: enough to tell what it is."""

    channel: str | None = None


class PerpInfo(msgspec.Struct, gc=False):
    """One perpetual of `meta`; its place in the list is its asset number."""

    name: str
    szDecimals: int  # noqa: N815
    maxLeverage: int = 1  # noqa: N815
    isDelisted: bool = False  # noqa: N815


class Meta(msgspec.Struct, gc=False):
    """`meta`."""

    universe: tuple[PerpInfo, ...]
    collateralToken: int = 0  # noqa: N815
    """Number of the token that margin is paid in; 0 is USDC."""


class Token(msgspec.Struct, gc=False):
    """A token of `spotMeta`."""

    name: str
    szDecimals: int  # noqa: N815
    index: int


class SpotInfo(msgspec.Struct, gc=False):
    """A pair of `spotMeta`; its asset number is 10,000 and its index."""

    name: str
    tokens: tuple[int, int]
    """Indexes of base and quote."""
    index: int


class SpotMeta(msgspec.Struct, gc=False):
    """`spotMeta`."""

    universe: tuple[SpotInfo, ...]
    tokens: tuple[Token, ...]
