"""The public data of one of Binance's markets."""

import asyncio
from collections.abc import Sequence
from typing import Final

from connectors.binance.exchange import CLASSES, Binance
from connectors.binance.instruments import Listing as ParsedListing
from connectors.binance.instruments import parse_exchange_info
from connectors.binance.market_parse import parse_klines
from connectors.binance.market_stream import plans
from connectors.binance.parse import parse_snapshot
from connectors.binance.private import MARKETS
from connectors.binance.requests import Api, Request
from connectors.binance.symbols import Symbols, raw_name
from connectors.binance.words import NS_PER_MS
from connectors.bridge.departure import Free, Priority
from connectors.bridge.exchange import Bridge
from connectors.bridge.plan import StreamPlan
from connectors.live.adapter import Channel, Listing, PublicSetup
from connectors.live.base import PublicBase
from engine.domain.book import BINANCE_SPOT, BINANCE_USDM, SequenceRule
from engine.domain.identifiers import Symbol
from engine.messages.market import Bar, BookSnapshot
from engine.runtime.log import Logger

DEPTH: Final = 1_000
"""Levels a side of a snapshot: fewer, and the book runs empty while the price moves."""
BARS_MAX: Final = 1_000
"""Candles of one request."""


class BinancePublic(PublicBase[Binance]):
    """See `connectors.live.adapter.PublicAdapter`."""

    def __init__(self, setup: PublicSetup, bridge: Bridge, log: Logger) -> None:
        """Keep what it works with.

        Args:
            setup: Which market.
            bridge: Shared with others at this market.
            log: Bound to the venue.
        """
        self._market = MARKETS[setup.market]
        super().__init__(setup, CLASSES[self._market](bridge, urls=setup.urls))
        self._log = log
        self._api: Api = "public" if self._market == "spot" else "fapiPublic"
        self._symbols = Symbols(self._market)

    @property
    def sequence_rule(self) -> SequenceRule:
        """How diffs follow each other."""
        return BINANCE_SPOT if self._market == "spot" else BINANCE_USDM

    @property
    def channels(self) -> frozenset[Channel]:
        """Everything; spot has no marks."""
        return frozenset(Channel) - ({Channel.MARKS} if self._market == "spot" else frozenset())

    async def instruments(self) -> Listing:
        """Read exchangeInfo; it is parsed in another thread."""
        raw = await self._read("exchangeInfo", {}, weight=20 if self._market == "spot" else 1)
        # Receiving 15 MB has taken its time, and the parser begins with a stretch that holds the interpreter.
        await self._exchange.bridge.clock.sleep(NS_PER_MS)
        found = await asyncio.to_thread(parse_exchange_info, raw, venue=self.venue, market=self._market)
        self._symbols.learn(found.instruments)
        for name, why in found.refused:
            self._log.info("instrument_refused", symbol=name, why=why)
        return _listing(found)

    def streams(self, symbols: Sequence[Symbol], channels: frozenset[Channel]) -> Sequence[StreamPlan]:
        """Return the sockets for these symbols."""
        return plans(
            base=lambda: self._exchange.stream_url,
            venue=self.venue,
            symbols=self._symbols,
            wanted=symbols,
            channels=channels & self.channels,
        )

    async def snapshot(self, symbol: Symbol) -> BookSnapshot:
        """Read a whole book; the diffs of the stream follow it by their numbers."""
        weight = 50 if self._market == "spot" else 20
        raw = await self._read("depth", {"symbol": raw_name(symbol), "limit": DEPTH}, weight=weight)
        return parse_snapshot(raw, venue=self.venue, symbol=symbol, received_ns=self._exchange.bridge.clock.now_ns())

    async def bars(self, symbol: Symbol, timeframe: str, since_ns: int, until_ns: int) -> Sequence[Bar]:
        """Read closed candles that begin in [since, until), as many as one request gives."""
        params: dict[str, str | int] = {
            "symbol": raw_name(symbol),
            "interval": timeframe,
            "startTime": -(-since_ns // NS_PER_MS),
            "endTime": -(-until_ns // NS_PER_MS) - 1,
            "limit": BARS_MAX,
        }
        raw = await self._read("klines", params, weight=2 if self._market == "spot" else 5)
        now_ns = self._time.now_ns()
        return parse_klines(raw, venue=self.venue, symbol=symbol, timeframe=timeframe, now_ns=now_ns)

    async def _read(self, path: str, params: dict[str, str | int], *, weight: int) -> bytes:
        request = Request(method="GET", api=self._api, path=path, params=params, weight=weight)
        return await self._exchange.send(request, Free(Priority.OPEN), is_bulk=True)


def _listing(found: ParsedListing) -> Listing:
    skipped = {"rules": len(found.refused), "dated": found.others}
    return Listing(
        instruments=found.instruments,
        closed=found.closed,
        skipped={reason: count for reason, count in skipped.items() if count},
        venue_time_ns=found.server_time_ms * NS_PER_MS,
    )
