"""What the types cannot say: ranges of money, references between sections, safe binds.

Each check raises the first thing that is wrong, with the key that a person must change.
"""

from collections.abc import Callable
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import msgspec

from config.settings import AccountSettings, LimitSettings, Settings, duration_ns
from config.venue_url import parse_venue_url
from config.venues import is_live, is_remote, source_of, symbols_of, venues_of
from engine.domain.errors import BadInput, ConfigError
from engine.domain.values import parse_decimal

REPEATS_NS: Final = 86_400_000_000_000
"""Nobody gives a batch again after so long: its lease is over after seconds."""

DEAD_MAN_NS: Final = (3_000_000_000, 86_400_000_000_000)
"""Shortest and longest silence of a dead-man switch; it is refreshed three times within one."""

KEYS: Final = ("api_key", "api_secret", "passphrase")
"""What opens a live account."""

Fail = Callable[[list[str], str, object], ConfigError]
"""(key path, what was expected, what was there) -> the error."""


def check_settings(settings: Settings, fail: Fail) -> None:
    """Check a whole configuration.

    Raises:
        ConfigError: The first thing that is wrong.
    """
    _check_money(settings, [], fail)
    _check_server(settings, fail)
    _check_market(settings, fail)
    _check_venues(settings, fail)
    _check_accounts(settings, fail)
    _check_agents(settings, fail)
    _check_retention(settings, fail)


def _check_money(value: Any, path: list[str], fail: Fail) -> None:
    """Refuse NaN, infinities and absurd digits anywhere; limits and balances must be above zero."""
    if isinstance(value, Decimal):
        try:
            number = parse_decimal(value, field=path[-1])
        except BadInput as error:
            raise fail(path, error.expected, value) from None
        if number <= 0 and "parameters" not in path:
            raise fail(path, "a number above zero", value)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            _check_money(getattr(value, name), [*path, name], fail)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_money(inner, [*path, str(key)], fail)
    elif isinstance(value, tuple | list):
        for index, inner in enumerate(value):
            _check_money(inner, [*path, str(index)], fail)


def _check_retention(settings: Settings, fail: Fail) -> None:
    """Keep ids of what may come again for as long as it may."""
    for name in ("write_units", "paper_batches"):
        value: str = getattr(settings.retention, name)
        if duration_ns(value) < REPEATS_NS:
            raise fail(["retention", name], "a day or more", value)


def is_loopback(host: str) -> bool:
    """Tell whether a bind address can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_server(settings: Settings, fail: Fail) -> None:
    server = settings.server
    if bool(server.tls_cert) != bool(server.tls_key):
        missing = "tls_key" if server.tls_cert else "tls_cert"
        raise fail(["server", missing], "a file, since the other half of the pair is set", "missing")
    if not is_loopback(server.host) and not server.tls_cert and not server.behind_tls_proxy:
        raise fail(
            ["server", "host"],
            "a loopback address, or tls_cert and tls_key, or behind_tls_proxy = true",
            server.host,
        )


def _check_market(settings: Settings, fail: Fail) -> None:
    market = settings.market
    if market.source == "replay":
        if not market.path:
            raise fail(["market", "path"], "a file or directory of recorded data, since source is replay", "missing")
        if not Path(market.path).exists():
            raise fail(["market", "path"], "a file or directory that exists", market.path)
        if len(market.venues) > 1:
            raise fail(["market", "venues"], "one venue: a replay is that of one", ", ".join(market.venues))
    if len(set(market.venues)) < len(market.venues):
        raise fail(["market", "venues"], "each venue once", ", ".join(market.venues))
    if market.source == "live" and not market.venues:
        raise fail(["market", "venues"], "the names of the venues to follow, since source is live", "none")
    if market.speed != "max":
        try:
            factor = parse_decimal(market.speed, field="speed")
        except BadInput:
            raise fail(["market", "speed"], "a factor above zero such as 20, or max", market.speed) from None
        if not 0 < factor <= 100_000:
            raise fail(["market", "speed"], "a factor above zero, at most 100000, or max", market.speed)


def _check_venues(settings: Settings, fail: Fail) -> None:
    for name in venues_of(settings):
        _check_source(settings, name, fail)
    for name, venue in settings.venues.items():
        path = ["venues", name]
        if venue.kind != "remote":
            for key in ("url", "token"):
                if getattr(venue, key):
                    raise fail([*path, key], 'none, or kind = "remote"', "one" if key == "token" else venue.url)
        elif not venue.url:
            raise fail([*path, "url"], "tcp://host:port or unix:/path, since the venue is remote", "missing")
        else:
            try:
                parse_venue_url(venue.url)
            except BadInput as error:
                raise fail([*path, "url"], error.expected, venue.url) from None


def _check_source(settings: Settings, name: str, fail: Fail) -> None:
    """Prices come from somewhere: a replay plays alone, a remote venue tells none, a live one has too many for all."""
    source = source_of(settings, name)
    if settings.market.source == "replay" and source != "replay":
        raise fail(["venues", name, "source"], "none: a replay plays alone", source)
    if source != "live":
        return
    if is_remote(settings, name):
        raise fail(["venues", name, "source"], "simulated: a remote venue tells no prices", "live")
    if not symbols_of(settings, name):
        raise fail(["market", "symbols"], f"the symbols to follow at {name}, such as BTC/USDT", "none")


def _check_accounts(settings: Settings, fail: Fail) -> None:
    seen: set[tuple[str, str, str | None]] = set()
    for index, account in enumerate(settings.accounts):
        key = (account.user, account.name, account.venue)
        if key in seen:
            raise fail(["accounts", str(index), "name"], "a name that the user has only once per venue", account.name)
        seen.add(key)
        if account.dead_man is not None and not DEAD_MAN_NS[0] <= duration_ns(account.dead_man) <= DEAD_MAN_NS[1]:
            raise fail(["accounts", str(index), "dead_man"], "3s to 24h", account.dead_man)
        if account.mode == "live":
            _check_live(settings, account, ["accounts", str(index)], fail)
        else:
            _check_no_keys(account, ["accounts", str(index)], 'none, or mode = "live"', fail)


def _check_live(settings: Settings, account: AccountSettings, path: list[str], fail: Fail) -> None:
    """A live account trades at a real venue, and has what is there: nobody gives it money at the first start."""
    if account.starting_balances:
        raise fail([*path, "starting_balances"], "none: a live account has what its venue says", "some")
    if is_remote(settings, account.venue):
        _check_no_keys(account, path, "none: a remote venue has its token", fail)
        return
    if not is_live(settings, account.venue):
        raise fail([*path, "mode"], 'paper, or a venue whose source is "live"', "live")
    for key in ("api_key", "api_secret"):
        if not getattr(account, key):
            raise fail([*path, key], "env:NAME, file:PATH or credential:NAME, since the account is live", "missing")


def _check_no_keys(account: AccountSettings, path: list[str], expected: str, fail: Fail) -> None:
    for key in KEYS:
        if getattr(account, key):
            raise fail([*path, key], expected, "a key")


def _check_agents(settings: Settings, fail: Fail) -> None:
    accounts = {account.name for account in settings.accounts}
    seen: set[tuple[str, str | None]] = set()
    for index, agent in enumerate(settings.agents):
        if agent.account not in accounts:
            raise fail(
                ["agents", str(index), "account"],
                f"the name of an account ({', '.join(sorted(accounts))})",
                agent.account,
            )
        if (agent.name, agent.user) in seen:
            raise fail(["agents", str(index), "name"], "a name that no other agent has", agent.name)
        seen.add((agent.name, agent.user))


def limits_of(settings: LimitSettings) -> dict[str, Decimal]:
    """Return the limits that are set, under the names of `trading_limits.limit_type`."""
    return {
        name: Decimal(value) for name in settings.__struct_fields__ if (value := getattr(settings, name)) is not None
    }
