"""Coinbase Advanced Trade's public market data: listing, streams, candles, time."""

import asyncio
from collections.abc import Sequence
from typing import Final

from connectors.bridge.exchange import Bridge
from connectors.bridge.plan import StreamPlan
from connectors.coinbase.exchange import Coinbase
from connectors.coinbase.history import CANDLES_MAX, granularity_of, parse_candles
from connectors.coinbase.instruments import parse_products
from connectors.coinbase.market_stream import MarketPlan
from connectors.coinbase.parse import COINBASE, SequenceCheck
from connectors.coinbase.symbols import Symbols
from connectors.live.adapter import Channel, Listing, PublicSetup
from connectors.live.base import PublicBase
from engine.domain.book import SequenceRule
from engine.domain.identifiers import Symbol
from engine.messages.market import Bar
from engine.runtime.clock import NS_PER_S
from engine.runtime.log import Logger

PRODUCTS_MAX: Final = 30
"""Products of one socket: each brings a book of megabytes at the start."""
CHANNELS: Final = {
    Channel.BOOK: "level2",
    Channel.TRADES: "market_trades",
    Channel.QUOTES: "ticker",
    Channel.TICKER: "ticker",
    Channel.BARS: "candles",
}
"""Bars of five minutes only; others are built from the trades."""


class CoinbasePublic(PublicBase[Coinbase]):
    """See `connectors.live.adapter.PublicAdapter`."""

    def __init__(self, setup: PublicSetup, bridge: Bridge, log: Logger) -> None:
        """Keep what it works with.

        Args:
            setup: The venue.
            bridge: Shared with others at Coinbase.
            log: Bound to the venue.
        """
        super().__init__(setup, Coinbase(bridge, urls=setup.urls))
        self._log = log
        self._check: SequenceCheck = "connection" if setup.checks_sequence else "off"
        self._symbols = Symbols()

    @property
    def sequence_rule(self) -> SequenceRule:
        """A diff follows the frame before it of its product."""
        return COINBASE

    @property
    def channels(self) -> frozenset[Channel]:
        """What it can be asked for."""
        return frozenset(CHANNELS)

    async def instruments(self) -> Listing:
        """Read the listing, off the loop: it has a thousand products and more."""
        raw = await self._exchange.ask(
            self._exchange.v3PublicGetBrokerageMarketProducts, {"product_type": "SPOT"}, is_bulk=True
        )
        found = await asyncio.to_thread(parse_products, raw, venue=self.venue)
        self._symbols.learn(found.aliases)
        if found.unreadable:
            self._log.warning("products_unreadable", count=len(found.unreadable), first=found.unreadable[0][:200])
        return found.listing

    def streams(self, symbols: Sequence[Symbol], channels: frozenset[Channel]) -> Sequence[StreamPlan]:
        """Return the sockets for these symbols."""
        names = list(dict.fromkeys(CHANNELS[channel] for channel in CHANNELS if channel in channels))
        self._symbols.follow(symbols)
        # Symbols that share a product share its socket: each frame is given under all of them.
        sharing: dict[str, list[Symbol]] = {}
        for symbol in symbols:
            sharing.setdefault(self._symbols.feed(symbol), []).append(symbol)
        groups = list(sharing.values())
        return [
            MarketPlan(
                f"market/{number}",
                url=lambda: self._exchange.market_url,
                venue=self.venue,
                symbols=self._symbols,
                wanted=[symbol for group in groups[start : start + PRODUCTS_MAX] for symbol in group],
                channels=names,
                check=self._check,
                # `MarketData` makes tickers of quotes and trades; two makers of one would contradict each other.
                with_tickers=Channel.TICKER in channels,
            )
            for number, start in enumerate(range(0, len(groups), PRODUCTS_MAX))
        ]

    async def bars(self, symbol: Symbol, timeframe: str, since_ns: int, until_ns: int) -> Sequence[Bar]:
        """Read closed candles; as many as one request gives."""
        granularity, length_s = granularity_of(timeframe)
        start_s = since_ns // NS_PER_S
        end_s = min(-(-until_ns // NS_PER_S), start_s + (CANDLES_MAX - 1) * length_s)
        raw = await self._exchange.ask(
            self._exchange.v3PublicGetBrokerageMarketProductsProductIdCandles,
            {
                "product_id": self._symbols.feed(symbol),
                "granularity": granularity,
                "start": str(start_s),
                "end": str(end_s),
                "limit": CANDLES_MAX,
            },
        )
        now_ns = self._time.now_ns()
        bars = parse_candles(raw, venue=self.venue, symbol=symbol, timeframe=timeframe, received_ns=now_ns)
        return [bar for bar in bars if since_ns <= bar.open_time_ns < until_ns]
