"""The shapes of Binance's public payloads, as far as they are read; unknown fields are ignored.

Prices and quantities are text on the wire and become exact decimals. Times are milliseconds.
Source: Binance spot, "WebSocket Streams" and GET /api/v3/depth, /api/v3/exchangeInfo; USD-M futures, "Websocket Market
Streams" and GET /fapi/v1/depth, /fapi/v1/exchangeInfo.
"""

from decimal import Decimal

import msgspec

Level = tuple[Decimal, Decimal]


class BookTicker(msgspec.Struct, gc=False):
    """`<symbol>@bookTicker`. Spot sends neither `e` nor a time."""

    b: Decimal
    B: Decimal
    a: Decimal
    A: Decimal
    T: int = 0


class Trade(msgspec.Struct, gc=False):
    """`<symbol>@trade` and `<symbol>@aggTrade`; which id is there depends on the stream."""

    p: Decimal
    q: Decimal
    T: int
    m: bool
    """Whether the buyer was the maker, so that the seller took."""
    t: int | None = None
    a: int | None = None
    X: str = "MARKET"
    """USD-M only: `MARKET`, `INSURANCE_FUND`, `ADL`, `NA`."""


class DepthUpdate(msgspec.Struct, gc=False):
    """`<symbol>@depth`: changed levels."""

    E: int
    U: int
    u: int
    b: tuple[Level, ...]
    a: tuple[Level, ...]
    pu: int | None = None
    T: int = 0


class BookTickerFrame(msgspec.Struct, gc=False):
    """The envelope of combined streams around a quote: `{"stream": ..., "data": ...}`."""

    data: BookTicker


class TradeFrame(msgspec.Struct, gc=False):
    """The envelope of combined streams around a trade."""

    data: Trade


class DepthFrame(msgspec.Struct, gc=False):
    """The envelope of combined streams around changed levels."""

    data: DepthUpdate


class DepthSnapshot(msgspec.Struct, gc=False, rename={"last_update_id": "lastUpdateId"}):
    """GET depth: a whole book, without its symbol. USD-M adds `E` and `T`."""

    last_update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    T: int = 0


class Probe(msgspec.Struct, gc=False):
    """Any frame without a stream's name in front: enough to tell what it is."""

    stream: str | None = None
    e: str | None = None
    s: str | None = None
    B: msgspec.Raw = msgspec.Raw()
    lastUpdateId: int | None = None  # noqa: N815 - the name on the wire.
    symbols: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()
    code: int | None = None
    msg: str = ""


class Filter(msgspec.Struct, gc=False):
    """A rule of a pair; which fields are there depends on `filterType`."""

    filterType: str  # noqa: N815
    tickSize: Decimal | None = None  # noqa: N815
    stepSize: Decimal | None = None  # noqa: N815
    minQty: Decimal | None = None  # noqa: N815
    maxQty: Decimal | None = None  # noqa: N815
    minNotional: Decimal | None = None  # noqa: N815
    notional: Decimal | None = None


class PairInfo(msgspec.Struct, gc=False):
    """One pair of exchangeInfo; the fields from `contractType` on are USD-M's."""

    symbol: str
    status: str
    baseAsset: str  # noqa: N815
    quoteAsset: str  # noqa: N815
    filters: tuple[Filter, ...]
    contractType: str | None = None  # noqa: N815
    marginAsset: str | None = None  # noqa: N815
    requiredMarginPercent: Decimal | None = None  # noqa: N815
    maintMarginPercent: Decimal | None = None  # noqa: N815


class ExchangeInfo(msgspec.Struct, gc=False):
    """GET exchangeInfo: 15 MB, so that its pairs (`PairInfo`) are decoded one by one, in reach of other threads."""

    symbols: tuple[msgspec.Raw, ...]
    serverTime: int = 0  # noqa: N815
