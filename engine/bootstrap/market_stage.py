"""Starts what stands around the markets: who takes orders, who keeps books and candles, and last the sources."""

from collections.abc import Awaitable, Sequence
from typing import Any, Protocol, TypeVar

from actors.market_data import MarketData, binance_rule
from actors.marks import MarkTable
from actors.readiness import Readiness
from config.settings import Settings
from engine.bootstrap.live import LiveVenues
from engine.bootstrap.market import Market, Markets
from engine.bootstrap.sources import SourcePorts, source_parts
from engine.bootstrap.stores import Stores
from engine.bootstrap.venues import VenuePorts, venue_parts
from engine.domain.identifiers import Venue
from engine.domain.instrument import Instrument
from engine.runtime.actor import AsyncioActor
from engine.runtime.ref import Ref

A = TypeVar("A", bound=AsyncioActor)


class Start(Protocol):
    """Starts an actor that the engine cannot do without."""

    def __call__(self, actor_class: type[A], *, name: str, **collaborators: Any) -> Awaitable[Ref[A]]:
        """Start it, and end the engine if it ends by an error."""


class MarketStage:
    """The actors of all venues of one engine."""

    def __init__(
        self,
        settings: Settings,
        markets: Markets,
        *,
        start: Start,
        stores: Stores,
        readiness: Readiness,
        live: LiveVenues,
    ) -> None:
        """Keep what the actors are made of; nothing runs yet."""
        self._live = live
        self._settings = settings
        self._markets = markets
        self._start = start
        self._stores = stores
        self._readiness = readiness
        self._started: list[Ref[Any]] = []
        self._sources: list[Ref[Any]] = []
        self._resume_from = 0
        self.marks = MarkTable(markets.clock, stale_after_ns=max(each.stale_after_ns for each in markets.each))
        self.connectors: dict[Venue, Ref[Any]] = {}
        """Venue -> who takes the orders of accounts that have no connection of their own."""

    async def start(self, ports: VenuePorts) -> None:
        """Start connectors and books; nothing is published yet."""
        markets = self._markets
        frames = await self._stores.loader.frames(markets.session_name) if markets.session else []
        self._resume_from = max(frames, default=0)
        for market in markets.each:
            self._readiness.expect(f"feed:{market.venue}")
            if self._resume_from:
                self.marks.begin_catch_up(market.venue)
            await self._start_venue(market, ports)

    async def _start_venue(self, market: Market, ports: VenuePorts) -> None:
        # A paper venue hears of every event before anybody else, so that it is subscribed first.
        parts = venue_parts(self._settings, market, ports)
        connector: Ref[Any] = await self._start(parts.actor_class, name=parts.name, **parts.collaborators)
        self.connectors[market.venue] = connector
        books: Ref[Any] = await self._start(
            MarketData,
            name=f"market/{market.venue}",
            venue=market.venue,
            bus=ports.bus,
            market_clock=market.clock,
            wall_clock=ports.wall,
            marks=self.marks,
            bulk=self._stores.bulk,
            timeframes=self._settings.market.timeframes,
            candles=market.candles,
            rule_of=binance_rule if market.live is None else lambda _symbol: market.sequence_rule,
            needs_book=market.live is not None and market.live.has_books,
        )
        self._started += [connector, books]
        if market.live is not None:
            self._started.append(await self._share_rates(market, ports))

    async def _share_rates(self, market: Market, ports: VenuePorts) -> Ref[Any]:
        """Divide what the venue allows one address among the engines that share it."""
        from connectors.bridge.sharing import RateSharer  # noqa: PLC0415 - only an engine with a live venue needs it.

        sharer: Ref[Any] = await self._start(
            RateSharer,
            name=f"rates/{market.venue}",
            venue=market.venue,
            group="" if market.live is None else market.live.configured.rate_group,
            budgets=ports.exchanges.bridge(market.venue).budgets,
            shares=self._stores.rate_shares,
            wall=ports.wall,
        )
        return sharer

    async def learn(self, venue: Venue, instruments: Sequence[Instrument]) -> None:
        """Let cells know what a live venue lists now, and keep it for the next start."""
        self._markets.instruments.update(((venue, each.symbol), each) for each in instruments)
        await self._live.learn(venue, instruments)

    async def open_sources(self, ports: SourcePorts) -> None:
        """Let the markets happen."""
        for market in self._markets.each:
            last_prices = await self._stores.loader.last_prices(market.venue)
            parts = source_parts(market, self._settings, ports, resume_from=self._resume_from, last_prices=last_prices)
            self._sources.append(await self._start(parts.actor_class, name=parts.name, **parts.collaborators))

    async def close_sources(self) -> None:
        """Let nothing more happen."""
        await _stop_in_reverse(self._sources)

    async def stop(self) -> None:
        """Stop books and connectors."""
        await _stop_in_reverse(self._started)


async def _stop_in_reverse(refs: list[Ref[Any]]) -> None:
    while refs:
        await refs.pop().stop(timeout_s=2.0)
