"""One public socket of Coinbase: subscribes, hears its heartbeats, reads its frames.

Coinbase closes channels that are quiet for a minute; `heartbeats` keeps the connection. It brings each book's snapshot
itself, so that a new connection is the way to a new book. A product that it does not know is only missing from the
acknowledgement: it is told as not trading, and the others go on.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from connectors.bridge.errors import Refused
from connectors.bridge.plan import StreamBroken, StreamEnded, StreamItem, StreamPlan, StreamReady
from connectors.coinbase.parse import FrameParser, SequenceCheck
from connectors.coinbase.symbols import Symbols
from engine.domain.identifiers import Symbol, Venue
from engine.messages.market_live import InstrumentStatus
from engine.runtime.clock import NS_PER_S

HEARTBEATS: Final = "heartbeats"
_encode = msgspec.json.encode


def subscribe(channel: str, products: Sequence[str] = (), token: str | None = None) -> str:
    """Return the text that subscribes a channel."""
    message: dict[str, Any] = {"type": "subscribe", "channel": channel}
    if products:
        message["product_ids"] = list(products)
    if token is not None:
        message["jwt"] = token
    return _encode(message).decode()


class MarketPlan(StreamPlan):
    """Some channels of some symbols on one socket."""

    silence_ns = 10 * NS_PER_S

    def __init__(
        self,
        name: str,
        *,
        url: Callable[[], str],
        venue: Venue,
        symbols: Symbols,
        wanted: Sequence[Symbol],
        channels: Sequence[str],
        check: SequenceCheck = "connection",
        with_tickers: bool = True,
    ) -> None:
        """Keep what is wanted.

        Args:
            name: For logs and metrics.
            url: Gives where to dial.
            venue: Our name of the venue.
            symbols: Translates names; follows what is wanted of the whole venue.
            wanted: Symbols of this socket.
            channels: Coinbase's names of channels.
            check: Whether holes in the numbering end the connection.
            with_tickers: Whether the statistics of the day are given beside the best prices.
        """
        self.name = name
        self._url = url
        self._venue = venue
        self._symbols = symbols
        self._wanted = tuple(wanted)
        self._channels = tuple(channels)
        self._parser = FrameParser(venue=venue, symbols=symbols, listener=self, check=check, with_tickers=with_tickers)
        self._signals: list[StreamItem] = []
        self._acknowledged = 0
        self._is_ready = False
        self._absent: set[Symbol] = set()
        """Symbols that were told as not trading."""
        self._received_ns = 0

    @property
    def products(self) -> tuple[str, ...]:
        """What is subscribed: one product for symbols that share its market data."""
        return tuple(dict.fromkeys(self._symbols.feed(symbol) for symbol in self._wanted))

    async def url(self) -> str:
        """Return where to dial."""
        return self._url()

    async def opening(self) -> Sequence[str]:
        """Return the subscriptions, heartbeats first: a connection that has none after 5 s is closed."""
        self._parser.reset()
        self._acknowledged, self._is_ready = 0, False
        products = self.products
        return [subscribe(HEARTBEATS), *(subscribe(channel, products) for channel in self._channels)]

    def parse(self, raw: bytes, received_ns: int) -> Sequence[StreamItem]:
        """Read one frame."""
        self._signals, self._received_ns = [], received_ns
        found: list[Any] = self._parser.parse(raw, received_ns)
        return [*found, *self._signals] if self._signals else found

    def parse_decoded(self, frame: Any, received_ns: int) -> Sequence[StreamItem]:
        """Read one frame that ccxt has decoded."""
        self._signals, self._received_ns = [], received_ns
        found: list[Any] = self._parser.parse_decoded(frame, received_ns)
        return [*found, *self._signals] if self._signals else found

    # --- What the parser hears ----------------------------------------------------------------------------------------

    def subscribed(self, channels: Mapping[str, tuple[str, ...]]) -> None:
        """Be ready when each subscription has been acknowledged; tell which products were not taken."""
        self._acknowledged += 1
        if self._is_ready or self._acknowledged <= len(self._channels):
            return
        self._is_ready = True
        for symbol in self._wanted:
            product = self._symbols.feed(symbol)
            missing = [channel for channel in self._channels if product not in channels.get(channel, ())]
            if missing:
                self._absent.add(symbol)
                line = f"Coinbase gives no {', '.join(missing)} of {product}: no such product, or delisted"
                self._tell_status(symbol, line)
            elif symbol in self._absent:
                self._absent.discard(symbol)
                self._tell_status(symbol)
        self._signals.append(StreamReady())

    def _tell_status(self, symbol: Symbol, why_not: str = "") -> None:
        self._signals.append(
            InstrumentStatus(
                venue=self._venue,
                symbol=symbol,
                is_trading=not why_not,
                reason=why_not,
                at_ns=self._received_ns,
            )
        )

    def refused(self, message: str) -> None:
        """Give the connection up: Coinbase says `authentication failure` also of a channel that it does not know."""
        line = f"Coinbase refuses a subscription to {', '.join(self._channels)}: {message}"
        self._signals.append(StreamBroken(Refused("subscription_refused", line)))

    def gap(self, expected: int, was: int) -> None:
        """Dial again: the new connection brings new books."""
        self._signals.append(StreamEnded(f"frames are missing: expected number {expected}, was {was}"))
