"""Coinbase's public frames as messages: from bytes, or from what another parser has made of them.

A frame names its channel first, which picks a decoder that knows its shape. Both ways end in the same builders, so they
give the same messages. What is no market data (acknowledgements, refusals, heartbeats, holes in the numbering) goes to
a `FrameListener`.

`sequence_num` counts all frames of one connection, whatever their channel and product: acknowledgements and heartbeats
take numbers too. So one parser serves one connection, and a hole puts every book of it in doubt: no diff continues a
book until its next snapshot.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, Protocol

import msgspec

from connectors.coinbase import wire
from connectors.coinbase.frames import (
    STREAM_CANDLE,
    bar_of,
    delta_of,
    quote_of,
    snapshot_of,
    split_levels,
    ticker_of,
    trade_of,
)
from connectors.coinbase.symbols import Symbols
from connectors.coinbase.times import time_ns
from engine.domain.book import SequenceRule
from engine.domain.errors import BadInput
from engine.domain.identifiers import Venue
from engine.messages.market import MarketMessage

SequenceCheck = Literal["connection", "off"]
"""Whether the numbers of a connection's frames must have no hole. Not verified on the real feed, so it can be off."""

LOST: Final = -1
"""Previous number of a diff that continues no book, since something before it was lost or not understood."""

COINBASE: Final = SequenceRule(
    "coinbase",
    # The stream itself gives the snapshot, so what comes after it follows it, in the same frame too.
    precedes=lambda last, snapshot: last < snapshot,
    follows=lambda first, _last, snapshot: first >= snapshot,
    continues=lambda _first, previous, ours: previous == ours,
)
"""Number: `sequence_num` of the frame; previous: that of the product's frame before."""

UNUSED: Final = frozenset({"status", "futures_balance_summary"})
"""Known channels that say nothing which the engine takes from the market stream."""

_PREFIX: Final = b'{"channel":"'
_NAME_AT: Final = len(_PREFIX)

_decode_probe = msgspec.json.Decoder(wire.Probe).decode


class FrameListener(Protocol):
    """Who is told what a connection says beside market data."""

    def subscribed(self, channels: Mapping[str, tuple[str, ...]]) -> None:
        """The connection is subscribed to these products by channel, and to nothing else."""

    def refused(self, message: str) -> None:
        """The venue answered a request with an error."""

    def gap(self, expected: int, was: int) -> None:
        """Frames are missing: `expected` was to come, `was` came."""


class FrameParser:
    """Parses the frames of one connection."""

    def __init__(
        self,
        *,
        venue: Venue,
        symbols: Symbols,
        listener: FrameListener,
        check: SequenceCheck = "connection",
        with_tickers: bool = True,
    ) -> None:
        """Prepare for a connection's first frame.

        Args:
            venue: Our name of the venue, put into every message.
            symbols: Translates the products' names.
            listener: Told of all that is no market data, before the frame's messages are returned.
            check: Whether holes in the numbering are looked for.
            with_tickers: Whether the channel `ticker` gives the statistics of the day beside the best prices.
        """
        self._venue = venue
        self._symbols = symbols
        self._listener = listener
        self._checks = check == "connection"
        self._with_tickers = with_tickers
        self._number: int | None = None
        """Of the last frame."""
        self._taken = 0
        """Frames so far; numbers books where the venue's own numbers are not to be relied on."""
        self._continued: dict[str, int] = {}
        """Number of the last book frame, by product whose book is whole."""
        self._newest_trade: dict[str, int] = {}
        self._routes: dict[str, tuple[type, Callable[[bytes], Any], _Build]] = {
            "ticker": _route(wire.TickerFrame, self._tickers),
            "ticker_batch": _route(wire.TickerFrame, self._tickers),
            "market_trades": _route(wire.TradesFrame, self._trades),
            "l2_data": _route(wire.BookFrame, self._books),
            "candles": _route(wire.CandlesFrame, self._candles),
            "heartbeats": _route(wire.HeartbeatFrame, _nothing),
            "subscriptions": _route(wire.SubscriptionsFrame, self._subscriptions),
        }

    def reset(self) -> None:
        """Forget the numbers: a new connection begins, whose books come anew. Trades that were given stay known."""
        self._number = None
        self._continued.clear()

    def parse(self, raw: bytes, received_ns: int) -> list[MarketMessage]:
        """Turn one frame into its messages, oldest first.

        Args:
            raw: The frame as it came, one JSON object.
            received_ns: When, on the market clock.

        Raises:
            BadInput: The channel is unknown or the frame is not what it should send. If books may have been in it,
                none of the connection is continued until its next snapshot.
        """
        name = ""
        try:
            if raw.startswith(_PREFIX):
                name = raw[_NAME_AT : raw.index(b'"', _NAME_AT)].decode()
            route = self._routes.get(name)
            if route is None:
                return self._other(_decode_probe(raw), raw, received_ns)
            return self._take(route[1](raw), route[2], received_ns)
        except (msgspec.DecodeError, ValueError, BadInput) as error:
            raise self._lost(name, error, raw) from error

    def parse_decoded(self, frame: Any, received_ns: int) -> list[MarketMessage]:
        """Turn a frame into its messages that was decoded elsewhere; the same as `parse` of its bytes.

        Raises:
            BadInput: As `parse`.
        """
        name = ""
        try:
            if isinstance(frame, dict):
                name = str(frame.get("channel", ""))
            route = self._routes.get(name)
            if route is None:
                return self._unrouted(msgspec.convert(frame, wire.Probe), frame)
            return self._take(msgspec.convert(frame, route[0]), route[2], received_ns)
        except (msgspec.ValidationError, ValueError, BadInput) as error:
            raise self._lost(name, error, frame) from error

    def _lost(self, name: str, error: Exception, frame: object) -> BadInput:
        self._continued.clear()
        return BadInput(name or "frame", expected=f"a frame of Coinbase ({error})", was=frame)

    def _take(self, frame: Any, build: "_Build", received_ns: int) -> list[MarketMessage]:
        self._count(frame.sequence_num)
        return build(frame, received_ns)

    def _other(self, probe: wire.Probe, raw: bytes, received_ns: int) -> list[MarketMessage]:
        """Read a frame that does not begin with its channel's name: blanks, another order of fields, a refusal."""
        route = None if probe.channel is None else self._routes.get(probe.channel)
        if route is None:
            return self._unrouted(probe, raw)
        return self._take(route[1](raw), route[2], received_ns)

    def _unrouted(self, probe: wire.Probe, frame: object) -> list[MarketMessage]:
        if probe.type == "error":
            self._listener.refused(probe.message)
            return []
        if probe.sequence_num is not None:
            self._count(probe.sequence_num)
        if probe.channel in UNUSED:
            return []
        raise BadInput("channel", expected="a known channel of Coinbase", was=probe.channel or frame)

    def _count(self, number: int) -> None:
        """See that no frame is missing."""
        self._taken += 1
        last, self._number = self._number, number
        if self._checks and last is not None and number != last + 1:
            self._continued.clear()
            self._listener.gap(last + 1, number)

    # --- Channels -----------------------------------------------------------------------------------------------------

    def _subscriptions(self, frame: wire.SubscriptionsFrame, _received_ns: int) -> list[MarketMessage]:
        for event in frame.events:
            self._listener.subscribed(event.subscriptions)
        return []

    def _tickers(self, frame: wire.TickerFrame, received_ns: int) -> list[MarketMessage]:
        at_ns = time_ns(frame.timestamp)
        found: list[MarketMessage] = []
        for data in (entry for event in frame.events for entry in event.tickers):
            for symbol in self._symbols.fed(data.product_id):
                quote = quote_of(data, self._venue, symbol, at_ns, received_ns)
                if quote is not None:
                    found.append(quote)
                if self._with_tickers:
                    found.append(ticker_of(data, self._venue, symbol, at_ns, received_ns))
        return found

    def _trades(self, frame: wire.TradesFrame, received_ns: int) -> list[MarketMessage]:
        found: list[MarketMessage] = []
        for data in (trade for event in frame.events for trade in reversed(event.trades)):
            if self._is_new(data):
                symbols = self._symbols.fed(data.product_id)
                found.extend(trade_of(data, self._venue, symbol, received_ns) for symbol in symbols)
        return found

    def _is_new(self, trade: wire.Trade) -> bool:
        """Tell whether a trade has not been given: a snapshot after a new subscription repeats old ones."""
        if not (trade.trade_id.isascii() and trade.trade_id.isdigit()):
            return True
        number = int(trade.trade_id)
        if number <= self._newest_trade.get(trade.product_id, -1):
            return False
        self._newest_trade[trade.product_id] = number
        return True

    def _books(self, frame: wire.BookFrame, received_ns: int) -> list[MarketMessage]:
        at_ns, venue = time_ns(frame.timestamp), self._venue
        number = frame.sequence_num if self._checks else self._taken
        found: list[MarketMessage] = []
        for event in _joined(frame.events):
            product, is_snapshot = event.product_id, event.type == "snapshot"
            if not is_snapshot and event.type != "update":
                raise BadInput("l2_data", expected="a snapshot or an update", was=event.type)
            levels = split_levels(event.updates, f"{product} l2_data", removal=not is_snapshot)
            previous = self._continued.get(product, LOST)
            for symbol in self._symbols.fed(product):
                if is_snapshot:
                    found.append(snapshot_of(levels, venue, symbol, at_ns, received_ns, number))
                else:
                    found.append(delta_of(levels, venue, symbol, at_ns, received_ns, number, previous))
            if is_snapshot or previous != LOST:
                self._continued[product] = number
        return found

    def _candles(self, frame: wire.CandlesFrame, received_ns: int) -> list[MarketMessage]:
        """Give the candles that are closed by the venue's time; the stream repeats the current one until then."""
        at_ns = time_ns(frame.timestamp)
        found: list[MarketMessage] = []
        for data in (candle for event in frame.events for candle in event.candles):
            for symbol in self._symbols.fed(data.product_id):
                bar = bar_of(data, self._venue, symbol, received_ns, *STREAM_CANDLE)
                if bar.close_time_ns <= at_ns:
                    found.append(bar)
        found.sort(key=lambda bar: bar.ts_event_ns)
        return found


_Build = Callable[[Any, int], list[MarketMessage]]


def _route(shape: type, build: _Build) -> tuple[type, Callable[[bytes], Any], _Build]:
    return shape, msgspec.json.Decoder(shape).decode, build


def _nothing(_frame: object, _received_ns: int) -> list[MarketMessage]:
    return []


def _joined(events: tuple[wire.BookEvent, ...]) -> list[wire.BookEvent]:
    """Put the updates of one product in one frame together: a book takes one diff per number."""
    if len(events) == 1:
        return [events[0]]
    joined: list[wire.BookEvent] = []
    for event in events:
        before = next((one for one in reversed(joined) if one.product_id == event.product_id), None)
        if before is not None and before.type == event.type == "update":
            joined[joined.index(before)] = msgspec.structs.replace(before, updates=before.updates + event.updates)
        else:
            joined.append(event)
    return joined
