"""What one socket to a venue is for: where to dial, what to say first, how to stay, how to read.

A `StreamPlan` is written per venue and holds no socket. `VenueStream` (stream.py) runs it: dials for ever, sends what
`opening` returns, hands each frame to `parse` and acts on the signals among its results.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

import msgspec

from engine.messages.base import Message

NS_PER_S = 1_000_000_000


class StreamReady(msgspec.Struct, frozen=True, gc=False):
    """The venue has confirmed everything that `opening` asked for: from here on nothing is missed."""


class StreamEnded(msgspec.Struct, frozen=True, gc=False):
    """The socket lives but says nothing useful any more (expired session, gap in numbers, shutdown): dial again."""

    why: str


class StreamBroken(msgspec.Struct, frozen=True, gc=False):
    """The venue refused the session: `error` is a bridge error (`AuthRefused`, `Limited`, `Maintenance`, `Refused`)."""

    error: Exception


class StreamAnswer(msgspec.Struct, frozen=True, gc=False):
    """The answer to a request sent over this socket (`StreamRequest.id`), as it came."""

    id: str
    body: bytes


class StreamRequest(msgspec.Struct, frozen=True, gc=False):
    """A text to send whose answer comes as `StreamAnswer` with the same id."""

    id: str
    text: str


class StreamFollow(msgspec.Struct, frozen=True, gc=False):
    """Something must be asked because of this frame; what `ask` returns is taken then as if the frame had held it."""

    ask: "Callable[[], Awaitable[Sequence[Any]]]"


Signal = StreamReady | StreamEnded | StreamBroken | StreamAnswer | StreamFollow
StreamItem = Message | StreamReady | StreamEnded | StreamBroken | StreamAnswer | StreamFollow


class StreamPlan(ABC):
    """One socket. May keep state per connection; `opening` begins anew."""

    name: str
    """Short, for logs and metrics: `user`, `market/0`."""
    ready_ns: ClassVar[int] = 10 * NS_PER_S
    """From the dial until `StreamReady`; later the socket is given up."""
    ping_ns: int = 10 * NS_PER_S
    """Between two pings of ours (WebSocket pings, or the text of `ping`)."""
    silence_ns: int = 25 * NS_PER_S
    """Without any frame, pongs included, the socket counts as dead. At most 30 s."""
    lifetime_ns: int = 0
    """After which the socket is replaced although it is well; 0 if the venue sets no limit."""
    renew_ns: int = 0
    """Between two calls of `renew`; 0 if the session needs none."""

    request: Callable[..., Awaitable[bytes]] | None = None
    """`VenueStream.request`, once a stream runs this plan: for adapters that send orders over the socket."""

    @abstractmethod
    async def url(self) -> str:
        """Return where to dial; called before each dial, so that it may make a session key first.

        Raises:
            BridgeError: Not now; `AuthRefused` shuts the account.
        """

    @abstractmethod
    async def opening(self) -> Sequence[str]:
        """Return what to send when the socket is open: subscriptions, freshly signed. Forget the last connection."""

    @abstractmethod
    def parse(self, raw: bytes, received_ns: int) -> Sequence[StreamItem]:
        """Read one frame: messages for the bus, in order, and signals. Empty for what says nothing.

        Raises:
            BadInput: A kind of frame that is not known (its `field` names the kind), or not as it should be. The frame
                is counted and logged once per kind; on a private stream the account is compared afterwards.
        """

    def parse_decoded(self, frame: Any, received_ns: int) -> Sequence[StreamItem]:
        """Read one frame that ccxt has decoded (numbers may be floats there, texts are exact): the same messages.

        Raises:
            BadInput: As `parse`.
        """
        return self.parse(msgspec.json.encode(frame), received_ns)

    def ping(self) -> str | None:
        """Return the venue's own ping as a text; None for a WebSocket ping."""
        return None

    async def renew(self) -> StreamRequest | None:
        """Prolong the session. The returned request is sent over the socket and must be answered; None if what was
        done already proves that the session lives.

        Raises:
            BridgeError: It could not be prolonged: the socket is replaced.
        """  # noqa: D205 - one thought
        return None
