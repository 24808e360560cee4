"""Hyperliquid's public market data: listing, streams, candles, time."""

import asyncio
from collections.abc import Sequence
from typing import Final

from connectors.bridge.errors import NotSent
from connectors.bridge.exchange import Bridge
from connectors.bridge.plan import StreamPlan
from connectors.hyperliquid.candles import TIMEFRAMES, parse_candles
from connectors.hyperliquid.exchange import Hyperliquid
from connectors.hyperliquid.instruments import MetaListing, parse_meta, parse_spot_meta
from connectors.hyperliquid.market_stream import CHANNELS, MarketPlan
from connectors.hyperliquid.parse import FrameParser
from connectors.hyperliquid.symbols import Symbols
from connectors.live.adapter import Channel, Listing, PublicSetup
from connectors.live.base import PublicBase
from engine.domain.book import UNCHECKED, SequenceRule
from engine.domain.identifiers import Symbol, Venue
from engine.messages.market import Bar
from engine.runtime.log import Logger

SPOT: Final = "spot"
"""Of `PublicSetup.market`; anything else is the perpetuals."""
COINS_MAX: Final = 100
"""Symbols of one socket; an address may have ten sockets."""
SUBSCRIPTIONS_MAX: Final = 950
"""Of all sockets; the venue allows an address a thousand, and accounts need some."""
NS_PER_MS: Final = 1_000_000


async def read_listing(exchange: Hyperliquid, venue: Venue, market: str) -> MetaListing:
    """Ask for the listing of one of the venue's markets, and read it off the loop.

    Raises:
        BridgeError: Not now.
        BadInput: It is no listing.
    """
    if market == SPOT:
        raw = await exchange.info({"type": "spotMeta"}, is_bulk=True)
        return await asyncio.to_thread(parse_spot_meta, raw, venue=venue)
    raw = await exchange.info({"type": "meta"}, is_bulk=True)
    return await asyncio.to_thread(parse_meta, raw, venue=venue)


class HyperliquidPublic(PublicBase[Hyperliquid]):
    """See `connectors.live.adapter.PublicAdapter`."""

    def __init__(self, setup: PublicSetup, bridge: Bridge, log: Logger) -> None:
        """Keep what it works with.

        Args:
            setup: The venue.
            bridge: Shared with others at Hyperliquid.
            log: Bound to the venue.
        """
        super().__init__(setup, Hyperliquid(bridge, urls=setup.urls))
        self._log = log
        self._symbols = Symbols()
        self._parser = FrameParser(venue=setup.venue, symbols=self._symbols)
        self._since_ns = bridge.time.now_ns()

    @property
    def sequence_rule(self) -> SequenceRule:
        """Every frame is a whole book."""
        return UNCHECKED

    @property
    def channels(self) -> frozenset[Channel]:
        """What it can be asked for."""
        return frozenset(CHANNELS)

    async def open(self) -> None:
        """Measure the clock; trades before now are history."""
        await self._exchange.follow_clock()
        self._since_ns = self._time.now_ns()

    async def instruments(self) -> Listing:
        """Read the listing, off the loop."""
        found = await read_listing(self._exchange, self.venue, self._setup.market)
        self._symbols.learn(found.names)
        if found.refused:
            self._log.warning("markets_refused", count=len(found.refused), first=": ".join(found.refused[0])[:200])
        return Listing(
            instruments=found.instruments,
            closed=found.closed,
            skipped={"refused": len(found.refused)} if found.refused else {},
            venue_time_ns=self._time.now_ns(),
        )

    def streams(self, symbols: Sequence[Symbol], channels: frozenset[Channel]) -> Sequence[StreamPlan]:
        """Return the sockets for these symbols."""
        names = [CHANNELS[channel] for channel in CHANNELS if channel in channels]
        most = SUBSCRIPTIONS_MAX // max(1, len(names))
        if len(symbols) > most:
            self._log.warning("too_many_symbols", venue=self.venue, followed=most, left_out=len(symbols) - most)
        coins = {self._symbols.coin(symbol): symbol for symbol in symbols[:most]}
        parts = [list(coins)[start : start + COINS_MAX] for start in range(0, len(coins), COINS_MAX)]
        return [
            MarketPlan(
                f"market/{number}",
                url=lambda: self._exchange.stream_url,
                venue=self.venue,
                parser=self._parser,
                coins={coin: coins[coin] for coin in part},
                channels=names,
                since_ns=self._since_ns,
            )
            for number, part in enumerate(parts)
        ]

    async def bars(self, symbol: Symbol, timeframe: str, since_ns: int, until_ns: int) -> Sequence[Bar]:
        """Read closed candles; the venue keeps the newest 5,000 of a timeframe."""
        if timeframe not in TIMEFRAMES:
            raise NotSent("unsupported", f"no candles of {timeframe}")
        wish = {
            "coin": self._symbols.coin(symbol),
            "interval": timeframe,
            "startTime": since_ns // NS_PER_MS,
            "endTime": until_ns // NS_PER_MS,
        }
        raw = await self._exchange.info({"type": "candleSnapshot", "req": wish})
        bars = parse_candles(raw, venue=self.venue, symbols=self._symbols, received_ns=self._time.now_ns())
        await self._exchange.charge("candleSnapshot", len(bars))
        return [bar for bar in bars if since_ns <= bar.open_time_ns < until_ns]
