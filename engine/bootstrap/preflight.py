"""Finds what would stop a start before anything has started: one line for a person instead of a half-built engine.

What is found here may still change until the engine needs it, so each part keeps its own check.
"""

import asyncio
import errno
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from actors.api.app import tls_context
from config.checks import is_loopback
from config.settings import AccountSettings, Settings, VenueSettings
from config.venues import venues_of
from engine.bootstrap.configure import check_agents
from engine.bootstrap.database import served_url
from engine.bootstrap.live_accounts import keys_of
from engine.bootstrap.venues import venue_token
from engine.domain.errors import ConfigError
from engine.runtime.fault_points import VARIABLE, arm_from


async def check_before_start(settings: Settings, environ: Mapping[str, str]) -> None:
    """Check agents, secrets, certificates and ports.

    Raises:
        ConfigError: The first thing that would stop a start.
    """
    check_fault_point(settings, environ)
    check_agents(settings)
    served_url(settings, environ)
    for name in settings.venues:
        venue_token(settings, name, environ)
    check_keys(settings, environ)
    server = settings.server
    tls_context(server)
    ports = {"server.port": server.port, "server.metrics_port": server.metrics_port}
    for key, port in ports.items():
        if port is not None:
            await asyncio.to_thread(_check_port, server.host, port, key)


def check_keys(settings: Settings, environ: Mapping[str, str]) -> None:
    """Read the keys of live accounts; two never share one: each would take the other's orders for a stranger's.

    Raises:
        ConfigError: A key cannot be read, or belongs to two accounts.
    """
    owners: dict[tuple[str, str], AccountSettings] = {}
    for account in settings.accounts:
        key = keys_of(account, environ).get("key")
        if key is not None:
            # Addresses are the same in letters of any size.
            place = (account.venue or venues_of(settings)[0], key.reveal().strip().lower())
            if (other := owners.setdefault(place, account)) is not account:
                raise ConfigError(
                    f"accounts.{account.name}.api_key", expected="a key of its own", was=f"that of {other.name}"
                )


def check_fault_point(settings: Settings, environ: Mapping[str, str]) -> None:
    """Arm the fault point that the environment names; never where real money is within reach.

    Raises:
        ConfigError: There is no such point, or a venue, or that of a live account, is beyond this machine.
    """
    if not environ.get(VARIABLE):
        return
    for name, configured in settings.venues.items():
        if configured.url and not _is_on_this_machine(configured):
            raise ConfigError(VARIABLE, expected="only venues on this machine", was=f"venue {name}")
    default = venues_of(settings)[0]
    for account in settings.accounts:
        venue = settings.venues.get(account.venue or default)
        if account.mode == "live" and (venue is None or not _is_on_this_machine(venue)):
            raise ConfigError(VARIABLE, expected="only venues on this machine", was=f"live account {account.name}")
    arm_from(environ)


def _is_on_this_machine(venue: VenueSettings) -> bool:
    """Whether everything that the venue is reached by is loopback or a Unix socket."""
    urls = [url for url in (venue.url, venue.rest_url, venue.ws_url) if url]
    return bool(urls) and all(
        urlsplit(url).scheme == "unix" or is_loopback(urlsplit(url).hostname or "") for url in urls
    )


def _check_port(host: str, port: int, key: str) -> None:
    """Bind for a moment, with the options of the listener that will bind again."""
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in places:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise ConfigError(key, expected=f"a free port on {host}", was=port) from None
        raise ConfigError("server.host", expected="an address of this machine", was=host) from None
