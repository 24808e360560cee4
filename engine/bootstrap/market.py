"""Prepares the markets that the configuration names: their clock, their instruments, and where each comes from.

In a replay the market clock is virtual and the source turns it; elsewhere it is the wall clock, the same for all.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from actors.cell import Instruments
from config.settings import Settings, duration_ns
from config.venues import source_of, symbols_of, venues_of
from connectors.paper.latency import PaperLatency
from connectors.replay.session import ReplaySession
from connectors.simulated.listing import listings
from engine.bootstrap.live import LiveFeed
from engine.domain.book import BINANCE_SPOT, BINANCE_USDM, UNCHECKED, SequenceRule
from engine.domain.errors import BadInput, ConfigError
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.runtime.clock import Clock, VirtualClock


class LiveFeeds(Protocol):
    """Opens the public side of live venues."""

    async def open(self, venue: Venue) -> LiveFeed:
        """Reach a venue and learn what it lists.

        Raises:
            ConfigError: There is no such venue, or it does not list a symbol that is wanted.
            DependencyAway: It is away, and was never reached before from this data directory.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """The market of one venue, ready to open."""

    venue: Venue
    clock: Clock
    """Market time."""
    instruments: tuple[Instrument, ...]
    """All that can be traded."""
    stale_after_ns: int
    session: ReplaySession | None = None
    """What is replayed; None elsewhere."""
    live: LiveFeed | None = None
    """The exchange behind it; None elsewhere."""

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """What is followed: prices come for these only."""
        return tuple(each.symbol for each in self.instruments) if self.live is None else self.live.symbols

    @property
    def session_name(self) -> str:
        """Name for stored replay positions; empty where nothing is replayed."""
        return "" if self.session is None else self.session.name

    @property
    def candles(self) -> Mapping[Symbol, str]:
        """Symbols that are played from candles, and the timeframe of these."""
        return {} if self.session is None else self.session.candles

    @property
    def sequence_rule(self) -> SequenceRule:
        """How the venue numbers the diffs of its books."""
        if self.live is not None:
            return self.live.adapter.sequence_rule
        if self.session is None:
            return UNCHECKED
        return BINANCE_USDM if any(each.is_perpetual for each in self.instruments) else BINANCE_SPOT

    @property
    def by_name(self) -> Instruments:
        """Instruments by (venue, symbol)."""
        return {(each.venue, each.symbol): each for each in self.instruments}


@dataclass(frozen=True, slots=True, kw_only=True)
class Markets:
    """All markets of an engine, on one clock."""

    clock: Clock
    each: tuple[Market, ...]
    """In the order of the configuration; accounts that name no venue trade at the first."""
    instruments: Instruments = field(default_factory=dict)
    """Of all venues; cells share it, and a live venue that changes its rules changes it."""

    @property
    def default(self) -> Venue:
        """Where accounts trade that name no venue."""
        return self.each[0].venue

    @property
    def session(self) -> ReplaySession | None:
        """What is replayed; a replay plays alone."""
        return self.each[0].session

    @property
    def session_name(self) -> str:
        """Name for stored replay positions; empty where nothing is replayed."""
        return self.each[0].session_name


async def prepare_markets(settings: Settings, wall: Clock, feeds: LiveFeeds) -> Markets:
    """Read what there is to read.

    Raises:
        ConfigError: The recorded data cannot be played, or a symbol is not listed.
        DependencyAway: A live venue is away and nothing is known of it.
    """
    if settings.market.source == "replay":
        markets = [await _replayed(settings, venues_of(settings)[0])]
    else:
        markets = [await prepare_market(settings, venue, wall, feeds) for venue in venues_of(settings)]
    instruments = {key: each for market in markets for key, each in market.by_name.items()}
    return Markets(clock=markets[0].clock, each=tuple(markets), instruments=instruments)


async def prepare_market(settings: Settings, venue: Venue, wall: Clock, feeds: LiveFeeds) -> Market:
    """Prepare one venue that runs on the wall clock."""
    stale_after_ns = duration_ns(settings.market.stale_after)
    if source_of(settings, venue) == "live":
        feed = await feeds.open(venue)
        return Market(venue=venue, clock=wall, instruments=feed.instruments, stale_after_ns=stale_after_ns, live=feed)
    wanted = frozenset(symbols_of(settings, venue))
    listed = tuple(each.instrument for each in listings(venue))
    known = {each.symbol for each in listed}
    if unknown := sorted(wanted - known):
        raise ConfigError("market.symbols", expected=f"symbols of {', '.join(sorted(known))}", was=unknown[0])
    chosen = tuple(each for each in listed if not wanted or each.symbol in wanted)
    return Market(venue=venue, clock=wall, instruments=chosen, stale_after_ns=stale_after_ns)


async def _replayed(settings: Settings, venue: Venue) -> Market:
    try:
        session = await asyncio.to_thread(_read_session, settings, venue)
    except BadInput as error:
        raise _unplayable(error) from None
    return Market(
        venue=venue,
        clock=VirtualClock(session.start_ns),
        instruments=session.instruments,
        stale_after_ns=max(duration_ns(settings.market.stale_after), session.silence_ns * 2),
        session=session,
    )


def _unplayable(error: BadInput) -> ConfigError:
    """Keep the whole reason: it names each file and line."""
    refused = ConfigError("market.path", expected=error.expected, was=error.was)
    refused.args = (f"market.path: {str(error).removeprefix('replay: ')}",)
    return refused


def _read_session(settings: Settings, venue: Venue) -> ReplaySession:
    configured = settings.venues.get(venue)
    market = None if configured is None else configured.market
    return ReplaySession(
        Path(settings.market.path),
        venue=venue,
        # Which of Binance's markets recorded frames are; elsewhere they say it themselves.
        market=market if market != "perp" else None,
        symbols=symbols_of(settings, venue),
    )


def paper_latency(settings: Settings, venue: Venue) -> PaperLatency:
    """Return how long commands travel to the paper venue."""
    configured = settings.venues.get(venue)
    if configured is None:
        return PaperLatency()
    return PaperLatency(
        submit_ns=duration_ns(configured.submit_latency), cancel_ns=duration_ns(configured.cancel_latency)
    )
