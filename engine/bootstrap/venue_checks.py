"""Is a live venue there, is our clock right, and do its keys open the accounts? One line per question."""

import asyncio
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from config.settings import AccountSettings, Settings
from config.venues import is_live, venues_of
from connectors.bridge.errors import AuthRefused, BridgeError
from connectors.live.adapter import PrivateAdapter
from engine.bootstrap.dead_man_checks import dead_man_lines
from engine.bootstrap.exchanges import Exchanges
from engine.bootstrap.findings import Finding, Level
from engine.bootstrap.live import LiveFeed, LiveVenues
from engine.bootstrap.live_accounts import keys_of
from engine.domain.errors import ConfigError, DependencyAway, NotReady
from engine.domain.identifiers import AccountId, Venue
from engine.runtime.clock import NS_PER_S, Clock

OFFSET_NS: Final = NS_PER_S
"""A clock that is further off is worth a warning."""
ACCOUNT_S: Final = 20.0
"""How long a venue may take to let an account in."""


async def check_live_venues(settings: Settings, environ: Mapping[str, str], clock: Clock) -> list[Finding]:
    """Check every live venue of the market, and every live account there."""
    exchanges = Exchanges(settings, clock)
    live = LiveVenues(settings, data_dir=None, make=exchanges.public)
    found: list[Finding] = []
    try:
        for venue in venues_of(settings):
            if is_live(settings, venue):
                found += await _check_venue(settings, venue, live, exchanges, environ, clock)
    finally:
        await live.close()
    return found


async def _check_venue(
    settings: Settings,
    venue: Venue,
    live: LiveVenues,
    exchanges: Exchanges,
    environ: Mapping[str, str],
    clock: Clock,
) -> list[Finding]:
    what = f"venue {venue}"
    try:
        feed = await live.open(venue)
    except ConfigError as error:
        return [Finding("error", what, str(error))]
    except DependencyAway as error:
        return [Finding("error", what, f"cannot be reached: {error.why}", is_away=True)]
    found = [_listed(what, feed), await _clock(what, feed, clock)]
    here = [
        each for each in settings.accounts if each.mode == "live" and (each.venue or venues_of(settings)[0]) == venue
    ]
    for each in here:
        found += await _check_account(each, venue, feed, exchanges, environ, settings)
    return found


def _listed(what: str, feed: LiveFeed) -> Finding:
    closed = [symbol for symbol in feed.symbols if symbol in feed.listing.closed]
    text = f"{len(feed.instruments)} instruments, follows {', '.join(feed.symbols)}"
    if closed:
        return Finding("warning", what, f"{text}; closed now: {', '.join(closed)}")
    return Finding("ok", what, text)


async def _clock(what: str, feed: LiveFeed, clock: Clock) -> Finding:
    wall_ns, before_ns = clock.now_ns(), clock.monotonic_ns()
    try:
        venue_ns = await feed.adapter.server_time_ns()
    except BridgeError as error:
        return Finding("error", f"{what} clock", str(error), is_away=True)
    way_ns = clock.monotonic_ns() - before_ns
    offset_ns = venue_ns - (wall_ns + way_ns // 2)
    level: Level = "ok" if abs(offset_ns) <= OFFSET_NS else "warning"
    return Finding(level, f"{what} clock", f"{offset_ns / 1e6:+.0f} ms from ours, answers in {way_ns / 1e6:.0f} ms")


async def _check_account(
    account: AccountSettings,
    venue: Venue,
    feed: LiveFeed,
    exchanges: Exchanges,
    environ: Mapping[str, str],
    settings: Settings,
) -> list[Finding]:
    what = f"account {account.name}"
    try:
        adapter = exchanges.private(
            venue,
            AccountId(UUID(int=0)),
            credentials=keys_of(account, environ),
            instruments=feed.by_symbol,
            since_ns=0,
        )
    except ConfigError as error:
        return [Finding("error", what, str(error))]
    switch = dead_man_lines(settings, adapter.capabilities, lambda each, _: each is account)
    return [await _let_in(what, adapter), *(Finding(*line) for line in switch)]


async def _let_in(what: str, adapter: PrivateAdapter) -> Finding:
    try:
        return Finding("ok", what, await _opened(adapter))
    except AuthRefused as error:
        return Finding("error", what, error.line)
    except NotReady as error:
        return Finding("error", what, error.why or str(error))
    except (BridgeError, OSError, TimeoutError) as error:
        return Finding("error", what, str(error) or f"no answer in {ACCOUNT_S:g} s", is_away=True)
    finally:
        await adapter.close()


async def _opened(adapter: PrivateAdapter) -> str:
    """Let the venue let us in; how the account stands.

    Raises:
        AuthRefused, BridgeError, OSError, TimeoutError: It does not.
        NotReady: The account stands in a way that we cannot trade with.
    """
    async with asyncio.timeout(ACCOUNT_S):
        modes = await adapter.open()
    if not modes.can_trade:
        raise AuthRefused("no_permission", "it may only read")
    if modes.position_mode != "net":
        raise NotReady("account", why="the account is in hedge mode: set it to one-way mode")
    margin = f", {modes.margin_mode} margin" if modes.margin_mode not in ("", "spot") else ""
    return f"the key may trade{margin}"
