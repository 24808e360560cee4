"""One public socket: books, quotes, trades and marks of some symbols.

A symbol that the venue does not know, or has delisted, is refused alone; it is told as closed and the others go on.
Each subscription to trades begins with a replay; what is older than the start of the feed is history and left out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from connectors.bridge.plan import StreamItem, StreamPlan, StreamReady
from connectors.hyperliquid.parse import FrameParser, channel_of
from connectors.hyperliquid.subscriptions import PING, Subscription, acknowledged, refused, subscribe
from connectors.live.adapter import Channel
from engine.domain.identifiers import Symbol, Venue
from engine.messages.market import MarketMessage, TradePrint
from engine.messages.market_live import InstrumentStatus

CHANNELS: Final[Mapping[Channel, str]] = {
    Channel.BOOK: "l2Book",
    Channel.QUOTES: "bbo",
    Channel.TRADES: "trades",
    Channel.MARKS: "activeAssetCtx",
}
"""Ours -> the venue's."""


class MarketPlan(StreamPlan):
    """Some symbols on one socket."""

    def __init__(
        self,
        name: str,
        *,
        url: Callable[[], str],
        venue: Venue,
        parser: FrameParser,
        coins: Mapping[str, Symbol],
        channels: Sequence[str],
        since_ns: int,
    ) -> None:
        """Keep what it works with.

        Args:
            name: For logs.
            url: Gives where to dial.
            venue: Put into every message.
            parser: Makes messages of frames; shared by the sockets of a venue.
            coins: The venue's names -> ours.
            channels: The venue's names.
            since_ns: The venue's time from which trades are news.
        """
        self.name = name
        self._url = url
        self._venue = venue
        self._parser = parser
        self._coins = coins
        self._wishes = [Subscription(type=channel, coin=coin) for coin in coins for channel in channels]
        self._since_ns = since_ns
        self._missing: set[Subscription] = set()

    async def url(self) -> str:
        """Return where to dial."""
        return self._url()

    async def opening(self) -> Sequence[str]:
        """Return the subscriptions."""
        self._missing = set(self._wishes)
        return [subscribe({"type": wish.type, "coin": wish.coin}) for wish in self._wishes]

    def ping(self) -> str | None:
        """Return the venue's own ping: it closes sockets on which nothing was said for a minute."""
        return PING

    def parse(self, raw: bytes, received_ns: int) -> Sequence[StreamItem]:
        """Read one frame."""
        if (signals := self._signals(raw, received_ns)) is not None:
            return signals
        return self._news(self._parser.parse(raw, received_ns))

    def parse_decoded(self, frame: Any, received_ns: int) -> Sequence[StreamItem]:
        """Read one frame that ccxt has decoded."""
        channel = frame.get("channel") if isinstance(frame, dict) else None
        if channel in ("subscriptionResponse", "error"):
            return super().parse_decoded(frame, received_ns)
        return self._news(self._parser.parse_decoded(frame, received_ns))

    def _news(self, messages: Sequence[MarketMessage]) -> Sequence[MarketMessage]:
        return [each for each in messages if type(each) is not TradePrint or each.ts_event_ns >= self._since_ns]

    def _signals(self, raw: bytes, received_ns: int) -> Sequence[StreamItem] | None:
        if not raw.startswith((b'{"channel":"s', b'{"channel":"e')):
            return None
        channel = channel_of(raw)
        if channel == "subscriptionResponse":
            return self._settle(acknowledged(raw))
        if channel != "error":
            return None
        wish, text = refused(raw)
        if wish is None or "Already subscribed" in text:
            return () if wish is None else self._settle(wish)
        symbol = self._coins.get(wish.coin)
        if symbol is None:
            return self._settle(wish)
        closed = InstrumentStatus(
            venue=self._venue, symbol=symbol, is_trading=False, reason=f"Hyperliquid: {text[:120]}", at_ns=received_ns
        )
        return (closed, *self._settle(wish))

    def _settle(self, wish: Subscription) -> Sequence[StreamItem]:
        """Take note that a wish is answered; the socket is ready when the last one is."""
        if wish.type == "activeSpotAssetCtx":
            wish = Subscription(type="activeAssetCtx", coin=wish.coin)
        if wish not in self._missing:
            return ()
        self._missing.discard(wish)
        return () if self._missing else (StreamReady(),)
