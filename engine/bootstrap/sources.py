"""Puts together the sources, which publish what the markets say: a replay, a simulated street, a live exchange."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from config.settings import Settings
from connectors.base import parse_speed
from connectors.replay.source import ReplaySource
from connectors.simulated.listing import listings
from connectors.simulated.market import SimulatedMarket
from connectors.simulated.source import SimulatedSource
from engine.bootstrap.exchanges import Exchanges
from engine.bootstrap.live import LiveFeed
from engine.bootstrap.market import Market
from engine.bootstrap.parts import VenueParts
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.runtime.bus import Bus
from engine.runtime.clock import Clock, VirtualClock
from engine.runtime.entropy import Rng, seeded_rng


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePorts:
    """What a source needs of the engine."""

    bus: Bus
    wall: Clock
    rng: Rng
    exchanges: Exchanges
    learn: Callable[[Venue, Sequence[Instrument]], Awaitable[object]]
    """Given all instruments of a live venue whenever some are new or others."""
    settled: Callable[[], bool]
    wait_settled: Callable[[], Awaitable[None]]


def source_parts(
    market: Market, settings: Settings, ports: SourcePorts, *, resume_from: int, last_prices: Mapping[Symbol, Decimal]
) -> VenueParts:
    """Put together the source of a market, which publishes as soon as it is started.

    Args:
        market: As prepared.
        settings: Speed of the replay, seed of the simulation.
        ports: What the source works with.
        resume_from: Frame up to which an earlier run of this replay came; given at full speed.
        last_prices: Where the simulated market goes on.
    """
    name = f"source/{market.venue}"
    if market.session is not None:
        return VenueParts(ReplaySource, name, _replay(market, settings, ports, resume_from))
    if market.live is not None:
        from connectors.live.market import LiveMarket  # noqa: PLC0415 - it imports ccxt.

        return VenueParts(LiveMarket, name, _live(market, market.live, ports))
    start_ns = market.clock.now_ns()
    chosen = {each.symbol for each in market.instruments}
    simulated = SimulatedMarket(
        # The start is part of the seed: a second run is another day, not the first one again.
        seeded_rng(f"{settings.market.seed}/{start_ns}/{market.venue}"),
        start_ns=start_ns,
        listed=[each for each in listings(market.venue) if each.instrument.symbol in chosen],
        starting_prices=last_prices,
    )
    collaborators = {"venue": market.venue, "market": simulated, "bus": ports.bus, "market_clock": market.clock}
    return VenueParts(SimulatedSource, name, collaborators)


def _live(market: Market, feed: LiveFeed, ports: SourcePorts) -> dict[str, Any]:
    return {
        "venue": market.venue,
        "adapter": feed.adapter,
        "listing": feed.listing,
        "symbols": feed.symbols,
        "instruments": feed.by_symbol,
        "learn": partial(ports.learn, market.venue),
        "bus": ports.bus,
        "wall": ports.wall,
        "rng": ports.rng,
        "bridge": ports.exchanges.bridge(market.venue),
        "decodes_by_ccxt": feed.configured.decode == "ccxt",
    }


def _replay(market: Market, settings: Settings, ports: SourcePorts, resume_from: int) -> dict[str, Any]:
    assert isinstance(market.clock, VirtualClock), "a replay has a clock of its own"
    return {
        "session": market.session,
        "bus": ports.bus,
        "market_clock": market.clock,
        "wall_clock": ports.wall,
        "speed": parse_speed(settings.market.speed),
        "settled": ports.settled,
        "wait_settled": ports.wait_settled,
        "resume_from": resume_from,
    }
