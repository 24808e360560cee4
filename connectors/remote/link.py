"""A connection that carries whole frames, and how one is made over TCP or a Unix socket."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from config.venue_url import UnixAddress, VenueAddress
from connectors.remote.frames import FrameSplitter, with_length

READ_BYTES: Final = 65_536


class Link(Protocol):
    """One connection. Any error that one of its methods raises means that it is over."""

    async def read(self) -> bytes:
        """Return the payload of the next frame.

        Raises:
            EOFError: The peer has closed.
            BadFrame: What came is no frame.
            OSError: The connection is lost.
        """

    def write(self, payload: bytes) -> None:
        """Send one frame; returns at once, what the peer does not take yet is kept."""

    async def drain(self) -> None:
        """Return when the peer has taken nearly everything that was written."""

    def close(self) -> None:
        """Close at once; `read` and `drain` of others end. Harmless when repeated."""


Dial = Callable[[], Awaitable[Link]]
"""Makes a connection; raises OSError where there is nobody."""


class StreamLink:
    """A link over an asyncio stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take over both ends."""
        self._reader = reader
        self._writer = writer
        self._splitter = FrameSplitter()
        self._ready: deque[bytes] = deque()

    async def read(self) -> bytes:
        """Return the next payload; see `Link`."""
        while not self._ready:
            data = await self._reader.read(READ_BYTES)
            if not data:
                self._splitter.end()
                raise EOFError("closed by the venue")
            self._ready += self._splitter.feed(data)
        return self._ready.popleft()

    def write(self, payload: bytes) -> None:
        """Send one frame."""
        self._writer.write(with_length(payload))

    async def drain(self) -> None:
        """Wait while more than the transport's high-water mark (64 KiB) is left to send."""
        await self._writer.drain()

    def close(self) -> None:
        """Close without sending the rest: a request that lingers in a buffer must not leave late."""
        self._writer.transport.abort()


def stream_dial(address: VenueAddress) -> Dial:
    """Return a dial for an address."""

    async def dial() -> Link:
        if isinstance(address, UnixAddress):
            reader, writer = await asyncio.open_unix_connection(address.path)
        else:
            try:
                reader, writer = await asyncio.open_connection(address.host, address.port)
            except UnicodeError as error:  # A name that the resolver cannot even be asked for.
                raise OSError(f"{address.host}: {error}") from None
        return StreamLink(reader, writer)

    return dial
