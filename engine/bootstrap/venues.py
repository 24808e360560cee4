"""Chooses who takes the orders of a venue: the paper venue, or one in another process."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.credentials import resolve_secret
from config.settings import Settings
from config.venue_url import parse_venue_url
from config.venues import is_remote
from connectors.paper.venue import PaperVenue
from connectors.remote.connector import RemoteVenue
from connectors.remote.link import stream_dial
from engine.bootstrap.exchanges import Exchanges
from engine.bootstrap.market import Market, paper_latency
from engine.bootstrap.parts import VenueParts
from engine.domain.identifiers import Venue
from engine.domain.ports import SendPermit
from engine.messages.ports import PaperStore
from engine.runtime.bus import Bus
from engine.runtime.clock import Clock
from engine.runtime.entropy import Ids, Rng
from engine.runtime.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuePorts:
    """What venues are made of."""

    bus: Bus
    wall: Clock
    ids: Ids
    rng: Rng
    paper: PaperStore
    permit: SendPermit
    exchanges: Exchanges
    environ: Mapping[str, str]
    version: str
    """Of the engine."""


def venue_parts(settings: Settings, market: Market, ports: VenuePorts) -> VenueParts:
    """Put together the connector of a market's venue.

    Raises:
        ConfigError: The token of a remote venue cannot be read.
    """
    if is_remote(settings, market.venue):
        return _remote(settings, market.venue, ports)
    collaborators: dict[str, Any] = {
        "venue": market.venue,
        "bus": ports.bus,
        "clock": market.clock,
        "wall": ports.wall,
        "ids": ports.ids,
        "store": ports.paper,
        "permit": ports.permit,
        "rng": ports.rng,
        "session": market.session_name,
        "symbols": market.symbols,
        "instruments": [market.by_name[market.venue, symbol] for symbol in market.symbols],
        "latency": paper_latency(settings, market.venue),
        "sequence_rule": market.sequence_rule,
    }
    return VenueParts(PaperVenue, f"paper/{market.venue}", collaborators)


def _remote(settings: Settings, venue: Venue, ports: VenuePorts) -> VenueParts:
    collaborators: dict[str, Any] = {
        "venue": venue,
        "dial": stream_dial(parse_venue_url(settings.venues[venue].url)),
        "bus": ports.bus,
        "wall": ports.wall,
        "rng": ports.rng,
        "permit": ports.permit,
        "engine": f"cival {ports.version}",
        "token": venue_token(settings, venue, ports.environ),
    }
    return VenueParts(RemoteVenue, f"remote/{venue}", collaborators)


def venue_token(settings: Settings, venue: Venue, environ: Mapping[str, str]) -> Secret | None:
    """Read the token of a remote venue; None where it asks for none.

    Raises:
        ConfigError: The variable, file or credential is missing.
    """
    return resolve_secret(settings.venues[venue].token, key=f"venues.{venue}.token", environ=environ)
