"""The WebSockets of a simulated venue, and the ways in which they go wrong."""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from tests.support.venues.connection import reset
from tests.support.venues.core import SimClock
from tests.support.venues.faults import WireLog


@dataclass(eq=False)
class SimSocket:
    """One client's connection. Frames are queued by `push` from anywhere in the loop and leave in that order."""

    number: int
    path: str
    query: dict[str, str]
    ws: web.WebSocketResponse
    request: web.Request
    clock: SimClock
    log: WireLog
    subscriptions: set[str] = field(default_factory=set)
    state: dict[str, Any] = field(default_factory=dict)
    """What the venue remembers of this connection."""
    is_silent: bool = False
    """Nothing leaves any more, pongs included; what is pushed meanwhile is lost."""
    swallow: int = 0
    """How many of the next matching frames are lost on the way (a gap)."""
    swallow_match: str = ""
    lost: list[str] = field(default_factory=list)
    _queue: "asyncio.Queue[str | bytes | None]" = field(default_factory=asyncio.Queue)

    def push(self, frame: Any) -> None:
        """Send a frame: text and bytes as they are, anything else as JSON."""
        text = frame if isinstance(frame, (str, bytes)) else json.dumps(frame, separators=(",", ":"))
        shown = text if isinstance(text, str) else text.decode(errors="replace")
        if self.is_silent:
            return
        if self.swallow > 0 and re.search(self.swallow_match, shown):
            self.swallow -= 1
            self.lost.append(shown)
            return
        self.log.write("frame_out", self.path, shown, at_ms=self.clock.now_ms())
        self._queue.put_nowait(text)

    def abort(self) -> None:
        """Reset the TCP connection."""
        reset(self.request)

    def hang_up(self) -> None:
        """Send what is queued, then close in good order."""
        self._queue.put_nowait(None)

    async def send_all(self) -> None:
        """Carry the queue to the client until the connection ends."""
        while True:
            frame = await self._queue.get()
            if frame is None:
                await self.ws.close(code=self.state.get("close_code", WSCloseCode.OK))
                return
            try:
                if isinstance(frame, bytes):
                    await self.ws.send_bytes(frame)
                else:
                    await self.ws.send_str(frame)
            except (ConnectionError, RuntimeError):
                return


class SocketHub:
    """All open sockets of a venue."""

    def __init__(self) -> None:
        self._open: dict[int, SimSocket] = {}
        self.opened = 0

    def __iter__(self) -> Iterator[SimSocket]:
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    def add(self, socket: SimSocket) -> None:
        self._open[socket.number] = socket
        self.opened += 1

    def remove(self, socket: SimSocket) -> None:
        self._open.pop(socket.number, None)

    def on(self, match: str = "") -> list[SimSocket]:
        """Return the sockets whose path or one of whose subscriptions matches."""
        return [
            socket
            for socket in self
            if re.search(match, socket.path) or any(re.search(match, name) for name in socket.subscriptions)
        ]

    def abort(self, match: str = "") -> int:
        """Reset them; the number of connections that were open."""
        found = self.on(match)
        for socket in found:
            socket.abort()
        return len(found)

    def close(self, match: str = "", code: int = WSCloseCode.GOING_AWAY) -> int:
        """Close them in good order with this code."""
        found = self.on(match)
        for socket in found:
            socket.state["close_code"] = code
            socket.hang_up()
        return len(found)

    def silence(self, match: str = "", *, is_silent: bool = True) -> int:
        """Let them stay open and say nothing more, not even pongs."""
        found = self.on(match)
        for socket in found:
            socket.is_silent = is_silent
        return len(found)

    def send(self, frame: Any, match: str = "") -> int:
        """Send this frame, whatever it is, to them."""
        found = self.on(match)
        for socket in found:
            socket.push(frame)
        return len(found)

    def gap(self, count: int = 1, *, sockets: str = "", frames: str = "") -> int:
        """Lose the next `count` frames that match `frames`."""
        found = self.on(sockets)
        for socket in found:
            socket.swallow = count
            socket.swallow_match = frames
        return len(found)

    def flood(self, frames: list[Any], match: str = "") -> int:
        """Send all of these at once."""
        for frame in frames:
            self.send(frame, match)
        return len(frames)


async def read_text(socket: SimSocket) -> str | None:
    """Return the next text of the client; None at the end. Pings are answered unless the socket is silent."""
    while True:
        message = await socket.ws.receive()
        if message.type is WSMsgType.PING:
            if not socket.is_silent:
                await socket.ws.pong(message.data)
        elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            data = message.data
            return data if isinstance(data, str) else data.decode()
        elif message.type is not WSMsgType.PONG:
            return None
