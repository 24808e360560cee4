"""The questions behind `cival check`."""

import asyncio
import os
from importlib.metadata import version
from pathlib import Path

from actors.agents.catalogue import parse_parameters
from config.checks import KEYS, is_loopback
from config.credentials import resolve_secret
from config.settings import Settings
from config.venue_url import parse_venue_url
from config.venues import is_live, is_remote, venues_of
from connectors.paper.capabilities import capabilities as paper
from connectors.remote.greeting import greet
from connectors.remote.link import stream_dial
from connectors.remote.session import CLOCK_OFFSET_MAX_NS
from connectors.replay.session import ReplaySession
from engine.bootstrap.database import Database, find_database
from engine.bootstrap.dead_man_checks import dead_man_lines
from engine.bootstrap.findings import Finding, Level
from engine.bootstrap.venues import venue_token
from engine.domain.capabilities import Capabilities
from engine.domain.errors import BadInput, CivalError, ConfigError
from engine.messages.render import plain
from engine.runtime.clock import WallClock
from storage import migrate
from storage.books import unbalanced
from storage.migration_files import head
from storage.roles import DatabaseRole


def check_config(settings: Settings) -> list[Finding]:
    """Check what the loader does not: parameters of agents, secrets that can be resolved, where we listen."""
    found = [Finding("ok", "configuration", f"{len(settings.accounts)} accounts, {len(settings.agents)} agents")]
    for agent in settings.agents:
        try:
            parse_parameters(agent.type, plain(agent.parameters))
        except BadInput as error:
            found.append(Finding("error", f"agent {agent.name}", str(error)))
    secrets = {
        "database.url": settings.database.url,
        "redis.url": settings.redis.url,
        "auth.jwt_secret": settings.auth.jwt_secret,
        "secrets.master_key": settings.secrets.master_key,
        **{f"venues.{name}.token": venue.token for name, venue in settings.venues.items()},
        **{f"accounts.{each.name}.{key}": getattr(each, key) for each in settings.accounts for key in KEYS},
    }
    for key, reference in secrets.items():
        try:
            resolve_secret(reference, key=key)
        except ConfigError as error:
            found.append(Finding("error", key, str(error)))
    if settings.server.behind_tls_proxy and not is_loopback(settings.server.host):
        text = f"{settings.server.host} without TLS of its own: only the proxy may reach it"
        found.append(Finding("warning", "server.host", text))
    return found


async def check_database(settings: Settings, data_dir: Path) -> list[Finding]:
    """Check that the database answers and that its schema is this build's."""
    try:
        database = await _database(settings, data_dir)
        if database is None:
            return [Finding("ok", "database", f"embedded in {data_dir}, not running; the engine starts it")]
        state = await migrate.read_schema(database.endpoints, DatabaseRole.ADMIN)
    except CivalError as error:
        return [Finding("error", "database", str(error))]
    found = [Finding("ok", "database", "embedded, running" if database.server else "served, answers")]
    if state.is_current:
        found.append(Finding("ok", "schema", f"revision {head()}"))
    else:
        hint = "run cival db migrate" if not state.drifted else f"edited since: {', '.join(state.drifted)}"
        found.append(Finding("error", "schema", f"revision {state.revision}, this build wants {head()}: {hint}"))
    if not database.endpoints.is_separated:
        text = "one login for all roles: guards against mistakes, not against intruders"
        found.append(Finding("warning", "database roles", text))
    return found


async def check_venues(settings: Settings) -> list[Finding]:
    """Check that the market source can be played, that exchanges let us in, and that remote venues welcome us."""
    found = await _check_source(settings) + [
        finding
        for name, venue in settings.venues.items()
        if venue.kind == "remote"
        for finding in await _check_remote(settings, name)
    ]
    for name in venues_of(settings):
        if not is_remote(settings, name):
            lines = dead_man_lines(settings, paper(name), lambda each, at: at == name and each.mode == "paper")  # noqa: B023
            found += [Finding(*line) for line in lines]
    if any(is_live(settings, name) for name in venues_of(settings)):
        # It brings ccxt along; nobody else pays for that.
        from engine.bootstrap.venue_checks import check_live_venues  # noqa: PLC0415

        found += await check_live_venues(settings, os.environ, WallClock())
    return found


async def _check_remote(settings: Settings, name: str) -> list[Finding]:
    wall = WallClock()

    def switches(able: Capabilities | None) -> list[Finding]:
        return [Finding(*line) for line in dead_man_lines(settings, able, lambda _, venue: venue == name)]

    try:
        welcome = await greet(
            stream_dial(parse_venue_url(settings.venues[name].url)),
            venue=name,
            engine=f"cival {version('cival')} check",
            token=venue_token(settings, name, os.environ),
        )
    except (CivalError, EOFError, OSError) as error:
        is_away = isinstance(error, EOFError | OSError)
        return [
            Finding("error", f"venue {name}", str(error) or type(error).__name__, is_away=is_away),
            *switches(None),
        ]
    offset_ms = (welcome.venue_time_ns - wall.now_ns()) / 1e6
    level: Level = "ok" if abs(offset_ms) <= CLOCK_OFFSET_MAX_NS / 1e6 else "warning"
    return [
        Finding(level, f"venue {name}", f"welcomes us, its clock is {offset_ms:+.0f} ms from ours"),
        *switches(welcome.capabilities),
    ]


async def _check_source(settings: Settings) -> list[Finding]:
    if settings.market.source == "live":
        return [Finding("ok", "market", f"live: {', '.join(venues_of(settings))}")]
    if settings.market.source != "replay":
        return [Finding("ok", "market", f"{settings.market.source}, needs no network")]
    try:
        session = await asyncio.to_thread(ReplaySession, Path(settings.market.path), venue="binance")
    except BadInput as error:
        return [Finding("error", "market", str(error))]
    symbols = ", ".join(instrument.symbol for instrument in session.instruments)
    found = [Finding("ok", "market", f"replay of {session.frames} frames: {symbols}")]
    return found + [Finding("error", "market", str(error)) for error in session.refused]


async def check_books(settings: Settings, data_dir: Path) -> list[Finding]:
    """Check that the books add up; the database must run."""
    try:
        database = await _database(settings, data_dir)
        if database is None:
            return [Finding("warning", "books", "the embedded database does not run; start the engine")]
        broken = await unbalanced(database.endpoints)
    except CivalError as error:
        return [Finding("error", "books", str(error))]
    return [
        Finding("error" if rows else "ok", "books", f"{rule}: {'; '.join(rows) if rows else 'none'}")
        for rule, rows in broken.items()
    ]


async def _database(settings: Settings, data_dir: Path) -> Database | None:
    return await find_database(settings, data_dir, clock=WallClock(), environ=os.environ)
