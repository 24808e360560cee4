"""Puts together the sources, which publish what the markets say: a replay, a simulated street, a live exchange."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from config.settings import Settings
from connectors.base import parse_speed
from connectors.replay.source import ReplaySource
from connectors.simulated.listing import listings
from connectors.simulated.market import SimulatedMarket
from connectors.simulated.source import SimulatedSource
from engine.bootstrap.market import Market
from engine.bootstrap.parts import VenueParts
from engine.domain.identifiers import Symbol
from engine.runtime.bus import Bus
from engine.runtime.clock import Clock, VirtualClock
from engine.runtime.entropy import seeded_rng


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePorts:
    """What a source needs of the engine."""

    bus: Bus
    wall: Clock
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
