"""ccxt's WebSocket client with a reader that survives any frame.

Dialling, compression, proxies and cookies are ccxt's. Its receive loop is not used: there an exception in a handler
leaves a socket that nobody reads. `read` hands each frame on as bytes, as it came, and says why it ended.
"""

import asyncio
import zlib
from collections.abc import Callable
from typing import Any, Final

import aiohttp
from aiohttp import WSMsgType

from connectors.base import Turns
from connectors.bridge.loading import ccxt_module
from engine.runtime.clock import NS_PER_S, Clock, WallClock

FRAME_BYTES_MAX: Final = 16 * 1024 * 1024
"""A larger frame ends the connection."""
CLOSE_S: Final = 1.0
"""How long a venue may take to say goodbye."""

_functions: Any = ccxt_module("async_support.base.ws.functions")
_Client: Any = ccxt_module("async_support.base.ws.client").Client

Take = Callable[[bytes], None]

_MACHINE: Final = WallClock()
"""Taking turns is about the machine's time, whatever time it is for the engine."""


class GuardedClient(_Client):  # type: ignore[misc]  # ccxt has no types.
    """One connection. Made for one dial, and thrown away."""

    def __init__(self, url: str, clock: Clock, config: dict[str, Any]) -> None:
        """Prepare to dial `url` with ccxt's settings for its clients."""
        super().__init__(url, _keep_decoded, _ignore, _ignore, _ignore, config)
        self._clock = clock
        self.decoded: Any = None
        self.heard_ns = clock.monotonic_ns()
        """When the last frame came, of whatever kind."""

    async def dial(self, session: aiohttp.ClientSession, timeout_ns: int) -> None:
        """Connect.

        Raises:
            OSError, aiohttp.ClientError, TimeoutError: Not connected.
        """
        async with asyncio.timeout(timeout_ns / NS_PER_S):
            self.connection = await self.create_connection(session)
        self.heard_ns = self._clock.monotonic_ns()

    def create_connection(self, session: aiohttp.ClientSession) -> Any:
        """Open the socket as ccxt does, but let frames be bytes: parsers read bytes, and decoding costs."""
        for name, value in (self.options.get("cookies") or {}).items():
            session.cookie_jar.update_cookies({name: value})
        # Venues behind some gates refuse a handshake that does not offer to compress.
        return session.ws_connect(
            self.url,
            autoping=False,
            autoclose=False,
            headers=self.options.get("headers"),
            compress=self.options.get("compress", 15),
            proxy=self.proxy,
            max_msg_size=FRAME_BYTES_MAX,
            decode_text=False,
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
        )

    async def read(self, take: Take) -> str:
        """Hand each frame to `take` until the connection is over; return why it is. `take` must not raise."""
        connection, turns = self.connection, Turns(_MACHINE)
        monotonic_ns = self._clock.monotonic_ns
        while True:
            message = await connection.receive()
            self.heard_ns = monotonic_ns()
            kind = message.type
            if kind is WSMsgType.TEXT:
                take(message.data)
            elif kind is WSMsgType.BINARY:
                take(self._unpacked(message.data))
            elif kind is WSMsgType.PING:
                await self._pong(message.data)
            elif kind is not WSMsgType.PONG:
                return _ending(message)
            # A burst is read without a pause: let others work in between.
            await turns.share()

    def decode(self, raw: bytes) -> Any:
        """Decode a frame by ccxt.

        Raises:
            ValueError: It is none.
        """
        self.handle_text_or_binary_message(raw)
        return self.decoded

    async def ping(self) -> None:
        """Ask for a sign of life."""
        await self.connection.ping()

    async def hang_up(self) -> None:
        """Close; `read` returns."""
        if self.connection is not None and not self.connection.closed:
            await self.connection.close()

    async def _pong(self, data: bytes) -> None:
        try:
            await self.connection.pong(data)
        except (OSError, aiohttp.ClientError, RuntimeError):
            # It is closing; the next read says so.
            return

    def _unpacked(self, data: bytes) -> bytes:
        unpack = _functions.gunzip if self.gunzip else _functions.inflate if self.inflate else None
        if unpack is None:
            return data
        try:
            text = unpack(data)
        except (zlib.error, OSError, EOFError, UnicodeDecodeError):
            # Whoever parses it says that it is none.
            return data
        return text if isinstance(text, bytes) else str(text).encode()


def _ending(message: Any) -> str:
    if message.type is WSMsgType.CLOSE:
        reason = f" {message.extra}" if message.extra else ""
        return f"closed by the venue ({message.data}{reason})"
    if message.type is WSMsgType.ERROR:
        return f"broken ({type(message.data).__name__}: {message.data})"
    return "connection lost"


def _keep_decoded(client: GuardedClient, message: Any) -> None:
    client.decoded = message


def _ignore(*_: object) -> None:
    """Nobody listens to ccxt's callbacks: frames go to `read`'s taker."""
