"""One public socket of Binance: combined streams, subscribed by a message whose answer makes it ready.

A stream that Binance does not know is acknowledged like any other and stays silent. USD-M divides its streams among
two paths: order books, quotes and trades on one, everything that is computed on the other.
Source: Binance spot, "WebSocket Streams"; USD-M futures, "Websocket Market Streams".
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from connectors.binance.market_parse import MarketParser
from connectors.binance.parse import FrameParser
from connectors.binance.symbols import Symbols, raw_name
from connectors.bridge.errors import Refused
from connectors.bridge.plan import StreamBroken, StreamEnded, StreamItem, StreamPlan, StreamReady
from connectors.live.adapter import Channel
from engine.domain.identifiers import Symbol, Venue
from engine.runtime.clock import NS_PER_S

STREAMS_MAX: Final = 200
"""Streams on one socket; Binance allows 1,024, and large messages to subscribe them are refused."""
LIFETIME_NS: Final = 23 * 3600 * NS_PER_S
SUBSCRIBE_ID: Final = 1

_NAMES: Final = {
    Channel.QUOTES: "bookTicker",
    Channel.TRADES: "trade",
    Channel.BOOK: "depth@100ms",
    Channel.TICKER: "ticker",
    Channel.BARS: "kline_1m",
    Channel.MARKS: "markPrice@1s",
}
_COMPUTED: Final = frozenset({Channel.TICKER, Channel.BARS, Channel.MARKS})


class Answer(msgspec.Struct, gc=False):
    """What is said to a subscription."""

    id: int | str | None = None
    error: dict[str, Any] | None = None
    e: str | None = None


_answer = msgspec.json.Decoder(Answer).decode


def plans(
    *, base: Callable[[], str], venue: Venue, symbols: Symbols, wanted: Sequence[Symbol], channels: frozenset[Channel]
) -> tuple["MarketPlan", ...]:
    """Return the sockets for these symbols and channels.

    Args:
        base: Where streams are dialled, without a path.
        venue: Our name of the venue.
        symbols: Translates names.
        wanted: Our symbols.
        channels: What of each.
    """
    paths = {"/stream": channels}
    if symbols.market == "usdm":
        paths = {"/public/stream": channels - _COMPUTED, "/market/stream": channels & _COMPUTED}
    found: list[MarketPlan] = []
    for path, kinds in paths.items():
        names = [f"{raw_name(symbol).lower()}@{_NAMES[kind]}" for symbol in wanted for kind in sorted(kinds)]
        for streams in _chunks(names, STREAMS_MAX):
            name = f"market/{len(found)}"
            found.append(MarketPlan(name, url=base, path=path, venue=venue, symbols=symbols, streams=streams))
    return tuple(found)


class MarketPlan(StreamPlan):
    """Some streams on one socket."""

    lifetime_ns = LIFETIME_NS

    def __init__(
        self,
        name: str,
        *,
        url: Callable[[], str],
        path: str,
        venue: Venue,
        symbols: Symbols,
        streams: Sequence[str],
    ) -> None:
        """Keep what is wanted.

        Args:
            name: For logs and metrics.
            url: Where streams are dialled, without a path.
            path: The path.
            venue: Our name of the venue.
            symbols: Translates names.
            streams: Binance's names of streams, at most `STREAMS_MAX`.
        """
        self.name = name
        self._url = url
        self._path = path
        self._frames = FrameParser(venue=venue, symbols=symbols)
        self._others = MarketParser(venue=venue, symbols=symbols)
        self.streams = tuple(streams)

    async def url(self) -> str:
        """Return where to dial."""
        return self._url() + self._path

    async def opening(self) -> Sequence[str]:
        """Return the subscription."""
        wish = {"method": "SUBSCRIBE", "params": self.streams, "id": SUBSCRIBE_ID}
        return [msgspec.json.encode(wish).decode()]

    def parse(self, raw: bytes, received_ns: int) -> Sequence[StreamItem]:
        """Read one frame."""
        if not raw.startswith(b'{"stream"') and (said := self._said(raw)) is not None:
            return said
        message = self._frames.parse(raw, received_ns)
        return (message,) if message is not None else self._others.parse(raw, received_ns)

    def parse_decoded(self, frame: Any, received_ns: int) -> Sequence[StreamItem]:
        """Read one frame that ccxt has decoded."""
        if type(frame) is not dict or "stream" not in frame:
            return self.parse(msgspec.json.encode(frame), received_ns)
        message = self._frames.parse_decoded(frame, received_ns)
        return (message,) if message is not None else self._others.parse_decoded(frame, received_ns)

    @staticmethod
    def _said(raw: bytes) -> Sequence[StreamItem] | None:
        """Read what is no market data; None for anything else."""
        try:
            answer = _answer(raw)
        except (msgspec.DecodeError, ValueError):
            return None
        if answer.e == "serverShutdown":
            return (StreamEnded("the server is shutting down"),)
        if answer.id is None:
            return None
        if answer.error is None:
            return (StreamReady(),)
        return (StreamBroken(Refused("subscription_refused", str(answer.error.get("msg", "")))),)


def _chunks(names: Sequence[str], size: int) -> list[Sequence[str]]:
    return [names[start : start + size] for start in range(0, len(names), size)]
