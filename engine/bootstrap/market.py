"""Prepares the market that the configuration names: its clock, its instruments, and the source that will move it.

In a replay the market clock is virtual and the source turns it; elsewhere it is the wall clock.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from config.settings import Settings, duration_ns
from connectors.base import parse_speed
from connectors.paper.latency import PaperLatency
from connectors.replay.session import ReplaySession
from connectors.replay.source import ReplaySource
from connectors.simulated.listing import listings
from connectors.simulated.market import SimulatedMarket
from connectors.simulated.source import SimulatedSource
from engine.domain.book import BINANCE_SPOT, BINANCE_USDM, UNCHECKED, SequenceRule
from engine.domain.errors import BadInput, ConfigError
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.runtime.bus import Bus
from engine.runtime.clock import Clock, VirtualClock
from engine.runtime.entropy import seeded_rng
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem

REPLAYED_VENUE: Final[Venue] = "binance"
"""Recorded frames are Binance's unless the configuration names a venue."""
SIMULATED_VENUE: Final[Venue] = "simulated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A market that is ready to open."""

    venue: Venue
    clock: Clock
    """Market time."""
    instruments: tuple[Instrument, ...]
    stale_after_ns: int
    session: ReplaySession | None = None
    """What is replayed; None elsewhere."""

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
        if self.session is None:
            return UNCHECKED
        return BINANCE_USDM if any(each.is_perpetual for each in self.instruments) else BINANCE_SPOT

    @property
    def by_name(self) -> dict[tuple[Venue, Symbol], Instrument]:
        """Instruments by (venue, symbol)."""
        return {(each.venue, each.symbol): each for each in self.instruments}


def venue_of(settings: Settings) -> Venue:
    """Return the venue that accounts without one trade at."""
    named = settings.market.venues
    if named:
        return named[0]
    return REPLAYED_VENUE if settings.market.source == "replay" else SIMULATED_VENUE


async def prepare_market(settings: Settings, wall: Clock) -> Market:
    """Read what there is to read.

    Raises:
        ConfigError: The recorded data cannot be played.
    """
    venue = venue_of(settings)
    stale_after_ns = duration_ns(settings.market.stale_after)
    wanted = frozenset(settings.market.symbols)
    if settings.market.source == "simulated":
        listed = tuple(each.instrument for each in listings(venue))
        known = {each.symbol for each in listed}
        if unknown := sorted(wanted - known):
            raise ConfigError("market.symbols", expected=f"symbols of {', '.join(sorted(known))}", was=unknown[0])
        chosen = tuple(each for each in listed if not wanted or each.symbol in wanted)
        return Market(venue=venue, clock=wall, instruments=chosen, stale_after_ns=stale_after_ns)
    try:
        session = await asyncio.to_thread(_read_session, settings, venue)
    except BadInput as error:
        raise _unplayable(error) from None
    return Market(
        venue=venue,
        clock=VirtualClock(session.start_ns),
        instruments=session.instruments,
        stale_after_ns=max(stale_after_ns, session.silence_ns * 2),
        session=session,
    )


def _unplayable(error: BadInput) -> ConfigError:
    """Keep the whole reason: it names each file and line."""
    refused = ConfigError("market.path", expected=error.expected, was=error.was)
    refused.args = (f"market.path: {str(error).removeprefix('replay: ')}",)
    return refused


def _read_session(settings: Settings, venue: Venue) -> ReplaySession:
    configured = settings.venues.get(venue)
    return ReplaySession(
        Path(settings.market.path),
        venue=venue,
        market=None if configured is None else configured.market,
        symbols=settings.market.symbols,
    )


def paper_latency(settings: Settings, venue: Venue) -> PaperLatency:
    """Return how long commands travel to the paper venue."""
    configured = settings.venues.get(venue)
    if configured is None:
        return PaperLatency()
    return PaperLatency(
        submit_ns=duration_ns(configured.submit_latency), cancel_ns=duration_ns(configured.cancel_latency)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePorts:
    """What a source needs of the engine."""

    system: ActorSystem
    bus: Bus
    wall: Clock
    settled: Callable[[], bool]
    wait_settled: Callable[[], Awaitable[None]]


async def open_market(
    market: Market, settings: Settings, ports: SourcePorts, *, resume_from: int, last_prices: Mapping[Symbol, Decimal]
) -> Ref[Any]:
    """Start the source, which publishes from now on.

    Args:
        market: As prepared.
        settings: Speed of the replay, seed of the simulation.
        ports: What the source works with.
        resume_from: Frame up to which an earlier run of this replay came; given at full speed.
        last_prices: Where the simulated market goes on.
    """
    name = f"source/{market.venue}"
    if market.session is not None:
        assert isinstance(market.clock, VirtualClock), "a replay has a clock of its own"
        return await ports.system.start(
            ReplaySource,
            name=name,
            session=market.session,
            bus=ports.bus,
            market_clock=market.clock,
            wall_clock=ports.wall,
            speed=parse_speed(settings.market.speed),
            settled=ports.settled,
            wait_settled=ports.wait_settled,
            resume_from=resume_from,
        )
    start_ns = market.clock.now_ns()
    chosen = {each.symbol for each in market.instruments}
    simulated = SimulatedMarket(
        # The start is part of the seed: a second run is another day, not the first one again.
        seeded_rng(f"{settings.market.seed}/{start_ns}"),
        start_ns=start_ns,
        listed=[each for each in listings(market.venue) if each.instrument.symbol in chosen],
        starting_prices=last_prices,
    )
    return await ports.system.start(
        SimulatedSource, name=name, venue=market.venue, market=simulated, bus=ports.bus, market_clock=market.clock
    )
