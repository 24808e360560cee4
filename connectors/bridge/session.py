"""The HTTP session of a venue: aiohttp's, with a last look before the first byte of each request.

A request waits before it leaves: for a connection from the pool, for a dial, for TLS. The look comes after all of it.
A command is written once: what aiohttp would repeat on a connection that the server had closed, and what a redirect
would send elsewhere, is not sent.
"""

import socket
import ssl
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from connectors.bridge.departure import Departure, Free
from connectors.bridge.errors import Unknown

KEEP_S: Final = 15.0
"""How long an idle connection is kept; venues close theirs later, so that we do not write into one being closed."""


class Call:
    """One request under way: the conditions under which it leaves, and what came back."""

    __slots__ = ("body", "cost", "departure", "has_left", "headers", "is_bulk", "is_done", "status", "timeout_ns")

    def __init__(self, departure: Departure, *, cost: Mapping[str, int] | None, is_bulk: bool, timeout_ns: int) -> None:
        self.departure = departure
        self.cost = cost
        self.is_bulk = is_bulk
        self.timeout_ns = timeout_ns
        self.has_left = False
        self.is_done = False
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.body = b""

    @property
    def is_read(self) -> bool:
        """Whether it only reads, so that it may be sent again."""
        return isinstance(self.departure, Free)

    def leaving(self) -> None:
        """Pass the last look.

        Raises:
            NotSent: It must not leave.
            Unknown: It has left already.
        """
        if self.has_left and not self.is_read:
            raise Unknown("would_repeat", "the connection was lost after the request had left")
        self.departure.leaving()
        self.has_left = True

    def left(self) -> None:
        """All bytes are written."""
        if not self.is_done:
            self.is_done = True
            self.departure.left()


current_call: ContextVar[Call | None] = ContextVar("venue_call", default=None)


class GuardedRequest(aiohttp.ClientRequest):
    """A request that asks before it leaves."""

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        """Write the head, and begin to write the body."""
        call = current_call.get()
        if call is None:
            return await super().send(conn)
        call.leaving()
        response = await super().send(conn)
        if not self.body:
            call.left()
        return response

    async def write_bytes(self, writer: AbstractStreamWriter, conn: Any, content_length: int | None = None) -> None:
        """Write the body."""
        await super().write_bytes(writer, conn, content_length)
        if (call := current_call.get()) is not None:
            call.left()


class Dialled(socket.socket):
    """A socket whose number belongs to the event loop from the moment it is connected.

    uvloop takes the number before it takes the object. A dial that is cancelled in between leaves the object behind
    while the loop closes the number: the collector would close that number once more, and by then it may be that of
    another connection.
    """

    def __del__(self) -> None:
        """Close nothing: whoever gives up a dial before the loop has the number closes it by name."""
        self.detach()


@cache
def _ssl_context(cafile: str) -> ssl.SSLContext:
    # Reading the certificates costs 20 ms; one is enough for all.
    return ssl.create_default_context(cafile=cafile)


def new_session(*, cafile: str, address: str = "", trust_env: bool = False) -> aiohttp.ClientSession:
    """Make a session.

    Args:
        cafile: Certificates to trust.
        address: Of ours to connect from; empty: as the system chooses.
        trust_env: Whether to use the proxies that the environment names.
    """
    connector = aiohttp.TCPConnector(
        ssl=_ssl_context(cafile),
        keepalive_timeout=KEEP_S,
        local_addr=(address, 0) if address else None,
        socket_factory=lambda info: Dialled(*info[:3]),
    )
    return aiohttp.ClientSession(connector=connector, request_class=GuardedRequest, trust_env=trust_env)


def told(error: Exception) -> str:
    """Say what a connection has failed of, without addresses: those hold signatures, or the key of a session."""
    said = str(error)
    if isinstance(error, aiohttp.ClientResponseError):
        said = f"{error.status} {error.message}".strip()
    elif isinstance(error, aiohttp.InvalidURL):
        said = ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
