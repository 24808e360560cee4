"""Binance's public market data as messages: pure functions from bytes to `engine.messages.market`.

Every frame that a feed or a recording holds goes through `FrameParser.parse`. The name of the stream, sliced out of the
raw bytes, picks a decoder that knows its shape and its symbol; that costs a dictionary look-up instead of a search for
what the frame might be. Frames without a name (REST answers, raw streams) are told apart by a second, slower look.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from connectors.binance import wire
from connectors.binance.symbols import Market, Symbols
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol, Venue
from engine.domain.kinds import Side
from engine.domain.values import ZERO
from engine.messages.market import BookDelta, BookSnapshot, MarketMessage, QuoteTick, TradePrint

NS_PER_MS: Final = 1_000_000

UNUSED_STREAMS: Final = frozenset(
    {
        "kline", "continuousKline", "miniTicker", "24hrMiniTicker", "ticker", "24hrTicker", "1hTicker", "4hTicker",
        "avgPrice", "markPrice", "markPriceUpdate", "forceOrder", "compositeIndex", "contractInfo", "serverShutdown",
    }
)  # fmt: skip
"""Known streams and event types that say nothing which the engine does not compute itself; they give no message."""

Route = Callable[[bytes, int, int], MarketMessage | None]
"""(raw frame, receive time in ns, frame number) -> message, or None for what needs none."""
Build = Callable[[Any, int, int], MarketMessage | None]
"""(payload, receive time in ns, frame number) -> the same."""

_COMBINED: Final = b'{"stream":"'
_NAME_AT: Final = len(_COMBINED)

_decode_quote = msgspec.json.Decoder(wire.BookTickerFrame).decode
_decode_trade = msgspec.json.Decoder(wire.TradeFrame).decode
_decode_diff = msgspec.json.Decoder(wire.DepthFrame).decode
_decode_snapshot = msgspec.json.Decoder(wire.DepthSnapshot).decode
_decode_probe = msgspec.json.Decoder(wire.Probe).decode


class FrameParser:
    """Parses the frames of one of Binance's markets."""

    def __init__(self, *, venue: Venue, symbols: Symbols, with_aggregates: bool = True) -> None:
        """Prepare for the frames of `symbols.market`.

        Args:
            venue: Our name of the venue, put into every message.
            symbols: Translates the pairs' names.
            with_aggregates: Whether `@aggTrade` gives trades; False where the same session has `@trade`, since both
                tell of the same trading.
        """
        self._venue = venue
        self._symbols = symbols
        self._with_aggregates = with_aggregates
        self._routes: dict[bytes, Route] = {}
        self._builds: dict[str, tuple[Any, Build]] = {}
        """Stream -> (shape of its payload, what makes a message of it), for frames that others have decoded."""

    @property
    def market(self) -> Market:
        """Which market the frames are taken for."""
        return self._symbols.market

    def parse(
        self, raw: bytes, received_ns: int, frame: int = 0, *, symbol: Symbol | None = None
    ) -> MarketMessage | None:
        """Turn one frame into its message.

        Args:
            raw: The frame as it came, one JSON object.
            received_ns: When, on the market clock.
            frame: Its number in a recorded session, 0 in a live feed.
            symbol: Whose book a REST snapshot is, which does not say it.

        Returns:
            None for what needs no message: acknowledgements and `UNUSED_STREAMS`.

        Raises:
            BadInput: The stream is unknown or the frame is not what its stream should send; the field names the
                stream, the rest says what was wrong.
        """
        try:
            # No frame but a combined one has the name of a stream at this place.
            route = self._routes.get(raw[_NAME_AT : raw.find(b'"', _NAME_AT)])
            if route is None:
                return self._parse_first(raw, received_ns, frame, symbol)
            return route(raw, received_ns, frame)
        except (msgspec.DecodeError, ValueError) as error:
            expected = f"a frame of Binance's {self.market} market ({error})"
            raise BadInput(_name_of(raw), expected=expected, was=raw) from error

    def parse_decoded(self, frame: Any, received_ns: int, number: int = 0) -> MarketMessage | None:
        """Turn a frame that ccxt has decoded into the same message; it must be one of a named stream.

        Prices and sizes are texts there as they are on the wire, so they are as exact.

        Raises:
            BadInput: As `parse`.
        """
        stream = frame.get("stream") if type(frame) is dict else None
        if type(stream) is not str:
            return self.parse(msgspec.json.encode(frame), received_ns, number)
        try:
            found = self._builds.get(stream)
            if found is None:
                found = self._builds[stream] = self._build(stream)
            shape, build = found
            if shape is None:
                return None
            data = msgspec.convert(frame.get("data"), shape)
            if shape is wire.DepthUpdate:
                _require_diff(stream, data)
            return build(data, received_ns, number)
        except (msgspec.ValidationError, ValueError) as error:
            expected = f"a frame of Binance's {self.market} market ({error})"
            raise BadInput(stream, expected=expected, was=frame) from error

    def _parse_first(self, raw: bytes, received_ns: int, frame: int, symbol: Symbol | None) -> MarketMessage | None:
        """Read the first frame of a stream, and every frame without a name."""
        if not raw.startswith(_COMBINED):
            return self._parse_nameless(raw, received_ns, frame, symbol)
        name = raw[_NAME_AT : raw.index(b'"', _NAME_AT)]
        route = self._routes[name] = self._route(name.decode())
        return route(raw, received_ns, frame)

    def _route(self, stream: str) -> Route:
        """Choose how the frames of `btcusdt@depth@100ms` are read.

        Raises:
            BadInput: No such stream is known.
        """
        shape, build = self._build(stream)
        if shape is None:
            return _ignore
        if shape is wire.DepthUpdate:
            return _diff_route(stream, build)
        decode: Any = _decode_quote if shape is wire.BookTicker else _decode_trade

        def route(raw: bytes, received_ns: int, frame: int) -> MarketMessage | None:
            return build(decode(raw).data, received_ns, frame)

        return route

    def _build(self, stream: str) -> tuple[Any, Build]:
        """Return shape and builder of a stream; no shape for one that gives nothing.

        Raises:
            BadInput: No such stream is known.
        """
        pair, _, rest = stream.partition("@")
        kind = rest.partition("@")[0]
        if kind.partition("_")[0] in UNUSED_STREAMS or pair.startswith("!"):
            return None, _nothing
        if kind == "bookTicker":
            return wire.BookTicker, _quotes(self._venue, self._symbols.unified(pair))
        if kind == "trade" or (kind == "aggTrade" and self._with_aggregates):
            return wire.Trade, _trades(self._venue, self._symbols.unified(pair))
        if kind == "aggTrade":
            return None, _nothing
        if kind in ("depth", "depthUpdate"):
            return wire.DepthUpdate, _diffs(self._venue, self._symbols.unified(pair))
        raise BadInput(stream, expected="a stream of quotes, trades or depth", was=stream)

    def _parse_nameless(self, raw: bytes, received_ns: int, frame: int, symbol: Symbol | None) -> MarketMessage | None:
        probe = _decode_probe(raw)
        if probe.stream is not None:
            # A combined frame with blanks, or with its fields in another order.
            return self._route(probe.stream)(raw, received_ns, frame)
        if probe.lastUpdateId is not None:
            if symbol is None:
                raise BadInput("symbol", expected="a snapshot whose symbol is known", was=raw)
            return parse_snapshot(raw, venue=self._venue, symbol=symbol, received_ns=received_ns, frame=frame)
        if probe.code is not None:
            raise BadInput("frame", expected="market data", was=f"error {probe.code}: {probe.msg}")
        if len(probe.symbols) or len(probe.result) or probe.e in UNUSED_STREAMS:
            return None
        kind = probe.e or ("bookTicker" if len(probe.B) else None)
        if kind is None or probe.s is None:
            raise BadInput("frame", expected="quotes, trades, depth or a snapshot", was=raw)
        # A raw stream has the payload alone; with the envelope around it, it is read like all others.
        return self._route(f"{probe.s}@{kind}")(b'{"data":%b}' % raw, received_ns, frame)


def parse_snapshot(raw: bytes, *, venue: Venue, symbol: Symbol, received_ns: int, frame: int = 0) -> BookSnapshot:
    """Read a REST answer of depth.

    Source: Binance spot, GET /api/v3/depth; USD-M, GET /fapi/v1/depth.

    Raises:
        BadInput: It is no book, or holds a price or quantity that is not above zero.
    """
    try:
        data = _decode_snapshot(raw)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput(f"{symbol} snapshot", expected=f"a depth answer ({error})", was=raw) from error
    for side, levels in (("bids", data.bids), ("asks", data.asks)):
        _require_levels(f"{symbol} snapshot.{side}", levels, removal=False)
    return BookSnapshot(
        venue=venue,
        symbol=symbol,
        ts_event_ns=data.T * NS_PER_MS or received_ns,
        ts_init_ns=received_ns,
        frame=frame,
        last_update_id=data.last_update_id,
        bids=data.bids,
        asks=data.asks,
    )


def _name_of(raw: bytes) -> str:
    """Return the name of a frame's stream for an error, as far as the frame has one."""
    if raw.startswith(_COMBINED):
        return raw[_NAME_AT:].split(b'"', 1)[0][:64].decode(errors="replace")
    return "frame"


def _ignore(_raw: bytes, _received_ns: int, _frame: int) -> None:
    return None


def _nothing(_data: Any, _received_ns: int, _frame: int) -> None:
    return None


def _diff_route(stream: str, build: Build) -> Route:
    decode = _decode_diff

    def route(raw: bytes, received_ns: int, frame: int) -> MarketMessage | None:
        data = decode(raw).data
        if _looks_odd(raw):
            _require_diff(stream, data)
        return build(data, received_ns, frame)

    return route


def _quotes(venue: Venue, symbol: Symbol) -> Build:
    def build(data: wire.BookTicker, received_ns: int, frame: int) -> QuoteTick:
        bid_size, ask_size = data.B, data.A
        # The message checks its prices itself; an empty side has size 0 and price 0, which it refuses.
        if not (bid_size.is_finite() and ask_size.is_finite()) or bid_size.is_signed() or ask_size.is_signed():
            raise ValueError(f"expected finite sizes of zero or more, was {bid_size} and {ask_size}")
        return QuoteTick(
            venue=venue,
            symbol=symbol,
            # Spot gives no time.
            ts_event_ns=data.T * NS_PER_MS or received_ns,
            ts_init_ns=received_ns,
            frame=frame,
            bid=data.b,
            ask=data.a,
            bid_size=bid_size,
            ask_size=ask_size,
        )

    return build


def _trades(venue: Venue, symbol: Symbol) -> Build:
    def build(data: wire.Trade, received_ns: int, frame: int) -> TradePrint | None:
        if data.X != "MARKET":
            # The insurance fund and auto-deleveraging settle among accounts; nobody could have traded with them.
            return None
        number = data.t if data.t is not None else data.a
        if number is None:
            raise ValueError("expected a trade id, was none")
        return TradePrint(
            venue=venue,
            symbol=symbol,
            ts_event_ns=data.T * NS_PER_MS,
            ts_init_ns=received_ns,
            frame=frame,
            trade_id=str(number),
            price=data.p,
            quantity=data.q,
            aggressor=Side.SELL if data.m else Side.BUY,
        )

    return build


def _diffs(venue: Venue, symbol: Symbol) -> Build:
    def build(data: wire.DepthUpdate, received_ns: int, frame: int) -> BookDelta:
        return BookDelta(
            venue=venue,
            symbol=symbol,
            ts_event_ns=(data.T or data.E) * NS_PER_MS,
            ts_init_ns=received_ns,
            frame=frame,
            first_update_id=data.U,
            last_update_id=data.u,
            prev_update_id=data.pu,
            bids=data.b,
            asks=data.a,
        )

    return build


def _looks_odd(raw: bytes) -> bool:
    """Whether a frame may hold a number that is not finite and positive, or a price of 0.

    Decimals read `NaN` and `Infinity` from text. Looking for them in the bytes costs 1 us where looking at every level
    costs 8; a pair whose name holds such letters only takes the slower way.
    """
    text = raw.lower()
    return b"nan" in text or b"inf" in text or b'"-' in text or b'["0"' in text or b'["0.0' in text


def _require_diff(stream: str, data: wire.DepthUpdate) -> None:
    _require_levels(f"{stream}.b", data.b, removal=True)
    _require_levels(f"{stream}.a", data.a, removal=True)


def _require_levels(where: str, levels: tuple[wire.Level, ...], *, removal: bool) -> None:
    """Refuse levels that no book can hold; a quantity of 0 is good where it removes a level."""
    for number, (price, quantity) in enumerate(levels):
        finite = price.is_finite() and quantity.is_finite()
        if not finite or price <= ZERO or quantity < ZERO or not (quantity or removal):
            expected = f"a price above zero and a quantity {'of zero or more' if removal else 'above zero'}"
            raise BadInput(f"{where}[{number}]", expected=expected, was=f"{price} {quantity}")
