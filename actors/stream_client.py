"""One client of the stream: what waits to be sent to it, and how much of that is allowed.

Lossless frames queue in order up to a limit; of conflated values only the newest per key waits. The socket's own buffer
counts too: while it is above `WIRE_HIGH` nothing is written, so a client that does not read fills its queue and is
closed, and the engine's memory per client stays bounded.
"""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Final, Protocol

import msgspec

from actors.stream_frames import CLOSE_TOO_SLOW, Frame
from engine.domain.identifiers import UserId

WIRE_HIGH: Final = 256 * 1024
"""Bytes in the socket's buffer above which a client waits."""
CHUNK: Final = 256 * 1024
"""Bytes given to the socket at once."""


class StreamLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one client, and one user, may hold."""

    queue_frames: int = 10_000
    """Lossless frames that wait for one client; one more closes it with 4408."""
    queue_bytes: int = 4_000_000
    """The same in bytes."""
    channels: int = 200
    """Channels of one client."""
    clients_per_user: int = 64
    page_events: int = 500
    """Events that a catch-up reads at once, at most the store's limit of a page."""


DEFAULT_LIMITS: Final = StreamLimits()


class Wire(Protocol):
    """The part of an `asyncio.Transport` that a client needs."""

    def write(self, data: bytes) -> None:
        """Send, or buffer."""

    def get_write_buffer_size(self) -> int:
        """Bytes that the kernel has not taken yet."""

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""


class StreamClient:
    """A connection as the hub sees it."""

    __slots__ = (
        "_bytes_max",
        "_conflated",
        "_frames_max",
        "_is_binary",
        "_is_closing",
        "_lossless",
        "_on_close",
        "_waiting_bytes",
        "_write",
        "channels",
        "close_code",
        "is_admin",
        "is_dirty",
        "queued_bytes",
        "user_id",
    )

    def __init__(
        self,
        *,
        user_id: UserId,
        wire: Wire,
        on_close: Callable[[int, str], object],
        is_binary: bool = False,
        is_admin: bool = False,
        limits: StreamLimits = DEFAULT_LIMITS,
    ) -> None:
        """Make a client with nothing to send.

        Args:
            user_id: Whose events it follows.
            wire: Whole WebSocket frames are written to it.
            on_close: Called once with code and reason when the engine ends the connection.
            is_binary: It reads MessagePack.
            is_admin: It may follow another user.
            limits: Bounds of its queue.
        """
        self.user_id = user_id
        self.is_admin = is_admin
        self.channels: set[str] = set()
        self.close_code: int | None = None
        """Set once nothing more is sent."""
        self.is_dirty = False
        """In the hub's list of clients to flush."""
        self.queued_bytes = 0
        """Of lossless frames."""
        self._is_binary = is_binary
        self._lossless: deque[bytes] = deque()
        self._conflated: dict[Hashable, Frame] = {}
        self.bound(limits)
        self._on_close = on_close
        # What is called for each delivery is looked up once.
        self._write = wire.write
        self._is_closing = wire.is_closing
        self._waiting_bytes = wire.get_write_buffer_size

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is sent."""
        return self.close_code is not None

    @property
    def queued_frames(self) -> int:
        """Lossless frames that wait."""
        return len(self._lossless)

    @property
    def has_room(self) -> bool:
        """Whether the queue is at most half full: replay goes on only then, so live events still fit."""
        return len(self._lossless) * 2 <= self._frames_max and self.queued_bytes * 2 <= self._bytes_max

    def bound(self, limits: StreamLimits) -> None:
        """Set the bounds of the queue; the hub sets its own when the client comes."""
        self._frames_max = limits.queue_frames
        self._bytes_max = limits.queue_bytes

    def push(self, frame: Frame) -> None:
        """Queue a lossless frame; a full queue closes the client with 4408."""
        if self.close_code is not None:
            return
        data = frame.binary if self._is_binary else frame.text
        self._lossless.append(data)
        size = self.queued_bytes = self.queued_bytes + len(data)
        if size > self._bytes_max or len(self._lossless) > self._frames_max:
            self.close(CLOSE_TOO_SLOW, "the queue is full; resume with since")

    def put(self, key: Hashable, frame: Frame) -> None:
        """Set the newest value of `key`; one that waits is replaced."""
        if self.close_code is None:
            self._conflated[key] = frame

    def drop_conflated(self, channel: str) -> None:
        """Forget the values of a channel that wait; their keys begin with its name."""
        for key in [key for key in self._conflated if isinstance(key, tuple) and key[0] == channel]:
            del self._conflated[key]

    def flush(self) -> bool:
        """Write what waits, if the socket takes it. Of a closed client nothing waits.

        Returns:
            Whether nothing waits any more.
        """
        if self._is_closing():
            self.clear()
            return True
        if self._waiting_bytes() > WIRE_HIGH:
            return False
        lossless = self._lossless
        if len(lossless) == 1 and not self._conflated:
            self.queued_bytes = 0
            self._write(lossless.pop())
            return True
        return self._flush_many()

    def _flush_many(self) -> bool:
        while self.queued_bytes > CHUNK:
            self._write(b"".join(self._take_chunk()))
            if self._waiting_bytes() > WIRE_HIGH:
                return False
        lossless, conflated = self._lossless, self._conflated
        if conflated:
            is_binary = self._is_binary
            lossless.extend(frame.binary if is_binary else frame.text for frame in conflated.values())
            conflated.clear()
        if lossless:
            self._write(b"".join(lossless))
            lossless.clear()
            self.queued_bytes = 0
        return True

    def close(self, code: int, reason: str) -> None:
        """End the connection; harmless when repeated."""
        if self.close_code is None:
            self.close_code = code
            self.clear()
            self._on_close(code, reason)

    def clear(self) -> None:
        """Drop what waits."""
        self._lossless.clear()
        self._conflated.clear()
        self.queued_bytes = 0

    def _take_chunk(self) -> list[bytes]:
        parts: list[bytes] = []
        size = 0
        while self._lossless and size < CHUNK:
            part = self._lossless.popleft()
            parts.append(part)
            size += len(part)
        self.queued_bytes -= size
        return parts
