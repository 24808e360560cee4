"""Hyperliquid's public market data as messages: pure functions from bytes to `engine.messages.market`.

Every frame of a feed or a recording goes through `FrameParser.parse`. The channel's name, sliced out of the raw bytes,
picks a decoder that knows the shape; frames that are written in another order are told apart by a second, slower look.
Each `l2Book` frame holds the whole book, so there are no diffs and no gaps.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from connectors.hyperliquid import wire
from connectors.hyperliquid.marks import context_of
from connectors.hyperliquid.recent import RecentTrades
from connectors.hyperliquid.symbols import Symbols, side_of
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol, Venue
from engine.domain.values import ZERO
from engine.messages.market import BookSnapshot, MarketMessage, QuoteTick, TradePrint

NS_PER_MS: Final = 1_000_000

SILENT_CHANNELS: Final = frozenset({"subscriptionResponse", "pong", "candle", "allMids", "notification"})
"""Known channels that give no message: a growing candle says nothing that the trades have not said."""

_PREFIX: Final = b'{"channel":"'
_NAME_AT: Final = len(_PREFIX)

_decode_book = msgspec.json.Decoder(wire.BookFrame).decode
_decode_bbo = msgspec.json.Decoder(wire.BboFrame).decode
_decode_trades = msgspec.json.Decoder(wire.TradesFrame).decode
_decode_context = msgspec.json.Decoder(wire.ContextFrame).decode
_decode_probe = msgspec.json.Decoder(wire.Probe).decode
_decode_snapshot = msgspec.json.Decoder(wire.L2Book).decode

Messages = Sequence[MarketMessage]


class FrameParser:
    """Parses the frames of a public connection."""

    def __init__(self, *, venue: Venue, symbols: Symbols) -> None:
        """Prepare to put `venue` into every message and to translate names by `symbols`.

        Trades that a new subscription repeats are left out, so a parser outlives connections.
        """
        self._venue = venue
        self._symbols = symbols
        self._recent = RecentTrades()
        self._routes: dict[bytes, Callable[[bytes, int, int], Messages]] = {
            b"l2Book": lambda raw, at, frame: self._book(_decode_book(raw).data, at, frame),
            b"bbo": lambda raw, at, frame: self._quote(_decode_bbo(raw).data, at, frame),
            b"trades": lambda raw, at, frame: self._trades(_decode_trades(raw).data, at, frame),
            b"activeAssetCtx": lambda raw, at, frame: self._context(_decode_context(raw).data, at, frame),
            b"activeSpotAssetCtx": lambda raw, at, frame: self._context(_decode_context(raw).data, at, frame),
            **{name.encode(): _nothing for name in SILENT_CHANNELS},
        }

    def parse(self, raw: bytes, received_ns: int, frame: int = 0) -> Messages:
        """Turn one frame into its messages, oldest first; empty for what needs none.

        Args:
            raw: The frame as it came, one JSON object.
            received_ns: When, on the market clock.
            frame: Its number in a recorded session, 0 in a live feed.

        Raises:
            BadInput: The channel is unknown (the field names it) or the frame is not what it should hold.
        """
        try:
            # No frame but one that begins as they all do has its channel's name at this place.
            route = self._routes.get(raw[_NAME_AT : raw.find(b'"', _NAME_AT)]) if raw.startswith(_PREFIX) else None
            if route is None:
                route = self._routes.get((_decode_probe(raw).channel or "").encode())
            if route is None:
                raise BadInput(channel_of(raw), expected="a channel of quotes, trades, books or marks", was=raw)
            return route(raw, received_ns, frame)
        except (msgspec.DecodeError, ValueError) as error:
            raise BadInput(channel_of(raw), expected=f"a frame of Hyperliquid ({error})", was=raw) from error

    def parse_decoded(self, decoded: Any, received_ns: int, frame: int = 0) -> Messages:
        """Do the same with a frame that somebody else has decoded; texts are exact there.

        Raises:
            BadInput: As `parse`.
        """
        channel = decoded.get("channel") if isinstance(decoded, dict) else None
        try:
            match channel:
                case "l2Book":
                    return self._book(msgspec.convert(decoded, wire.BookFrame).data, received_ns, frame)
                case "bbo":
                    return self._quote(msgspec.convert(decoded, wire.BboFrame).data, received_ns, frame)
                case "trades":
                    return self._trades(msgspec.convert(decoded, wire.TradesFrame).data, received_ns, frame)
                case "activeAssetCtx" | "activeSpotAssetCtx":
                    return self._context(msgspec.convert(decoded, wire.ContextFrame).data, received_ns, frame)
        except (msgspec.ValidationError, ValueError) as error:
            raise BadInput(str(channel), expected=f"a frame of Hyperliquid ({error})", was=repr(decoded)) from error
        if channel in SILENT_CHANNELS:
            return ()
        raise BadInput(str(channel), expected="a channel of quotes, trades, books or marks", was=repr(decoded))

    def _book(self, data: wire.L2Book, received_ns: int, frame: int) -> Messages:
        return (book_of(data, venue=self._venue, symbol=self._unified(data), received_ns=received_ns, frame=frame),)

    def _quote(self, data: wire.Bbo, received_ns: int, frame: int) -> Messages:
        bid, ask = data.bbo
        if bid is None or ask is None:
            return ()  # One side of the market is empty: there is no quote.
        for level in (bid, ask):
            if not level.sz.is_finite() or level.sz < ZERO:
                raise ValueError(f"expected a finite size of zero or more, was {level.sz}")
        return (
            QuoteTick(
                venue=self._venue,
                symbol=self._unified(data),
                ts_event_ns=data.time * NS_PER_MS,
                ts_init_ns=received_ns,
                frame=frame,
                bid=bid.px,
                ask=ask.px,
                bid_size=bid.sz,
                ask_size=ask.sz,
            ),
        )

    def _trades(self, data: tuple[wire.Trade, ...], received_ns: int, frame: int) -> Messages:
        prints = [
            TradePrint(
                venue=self._venue,
                symbol=self._unified(trade),
                ts_event_ns=trade.time * NS_PER_MS,
                ts_init_ns=received_ns,
                frame=frame,
                trade_id=str(trade.tid),
                price=trade.px,
                quantity=trade.sz,
                aggressor=side_of(trade.side),
            )
            for trade in data
            if self._recent.is_new(trade.coin, trade.tid)
        ]
        # Within a frame they are not always in the order of trading; sorting keeps equal times as they are.
        prints.sort(key=lambda each: each.ts_event_ns)
        return prints

    def _context(self, data: wire.ActiveAssetCtx, received_ns: int, frame: int) -> Messages:
        return context_of(data, venue=self._venue, symbol=self._unified(data), received_ns=received_ns, frame=frame)

    def _unified(self, data: wire.L2Book | wire.Bbo | wire.Trade | wire.ActiveAssetCtx) -> Symbol:
        return self._symbols.unified(data.coin)


def book_of(data: wire.L2Book, *, venue: Venue, symbol: Symbol, received_ns: int, frame: int = 0) -> BookSnapshot:
    """Return a book as a snapshot; its number is the venue's time, since books have none.

    Raises:
        ValueError: A price or size is not above zero.
    """
    bids, asks = (tuple((level.px, level.sz) for level in side) for side in data.levels)
    for price, size in (*bids, *asks):
        if not (price.is_finite() and size.is_finite()) or price <= ZERO or size <= ZERO:
            raise ValueError(f"expected a price and a size above zero, was {price} {size}")
    return BookSnapshot(
        venue=venue,
        symbol=symbol,
        ts_event_ns=data.time * NS_PER_MS,
        ts_init_ns=received_ns,
        frame=frame,
        last_update_id=data.time,
        bids=bids,
        asks=asks,
    )


def parse_snapshot(raw: bytes, *, venue: Venue, symbols: Symbols, received_ns: int) -> BookSnapshot:
    """Read the answer to the info request `l2Book`.

    Raises:
        BadInput: It is no book.
    """
    try:
        data = _decode_snapshot(raw)
        return book_of(data, venue=venue, symbol=symbols.unified(data.coin), received_ns=received_ns)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("l2Book", expected=f"a book ({error})", was=raw) from error


def channel_of(raw: bytes) -> str:
    """Return the name of a frame's channel, `frame` if it has none."""
    try:
        return (_decode_probe(raw).channel or "frame")[:64]
    except (msgspec.DecodeError, ValueError):
        return "frame"


def _nothing(_raw: bytes, _received_ns: int, _frame: int) -> Messages:
    return ()
