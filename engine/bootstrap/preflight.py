"""Finds what would stop a start before anything has started: one line for a person instead of a half-built engine.

What is found here may still change until the engine needs it, so each part keeps its own check.
"""

import asyncio
import errno
import socket
from collections.abc import Mapping

from actors.api.app import tls_context
from config.settings import Settings
from engine.bootstrap.configure import check_agents
from engine.bootstrap.database import served_url
from engine.domain.errors import ConfigError


async def check_before_start(settings: Settings, environ: Mapping[str, str]) -> None:
    """Check agents, secrets, certificates and ports.

    Raises:
        ConfigError: The first thing that would stop a start.
    """
    check_agents(settings)
    served_url(settings, environ)
    server = settings.server
    tls_context(server)
    ports = {"server.port": server.port, "server.metrics_port": server.metrics_port}
    for key, port in ports.items():
        if port is not None:
            await asyncio.to_thread(_check_port, server.host, port, key)


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
