"""The private socket of one address: changes of its orders, and its fills.

Hyperliquid repeats nothing that was said while nobody listened, but begins with the newest fills; of these only what is
younger than the last frame of the connection before is news.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

from connectors.bridge.errors import Refused
from connectors.bridge.plan import StreamBroken, StreamFollow, StreamItem, StreamPlan, StreamReady
from connectors.hyperliquid import private_wire as wire
from connectors.hyperliquid.parse import channel_of
from connectors.hyperliquid.private_parse import AccountParser
from connectors.hyperliquid.subscriptions import PING, acknowledged, refused, subscribe
from engine.messages.base import Message

CHANNELS: Final = ("orderUpdates", "userFills")
OVERLAP_NS: Final = 10_000_000_000
"""Fills so much older than the last frame are looked at again: clocks differ, and messages travel."""
NS_PER_MS: Final = 1_000_000
NEVER: Final = 1 << 62


class UserPlan(StreamPlan):
    """One address's orders and fills."""

    name = "user"

    def __init__(
        self,
        *,
        url: Callable[[], str],
        user: str,
        parser: AccountParser,
        name_of: Callable[[int], Awaitable[str]],
    ) -> None:
        """Keep what it works with.

        Args:
            url: Gives where to dial.
            user: Address of the account.
            parser: Makes messages of frames.
            name_of: Asks for the cloid of an order's number.
        """
        self._url = url
        self._user = user
        self._parser = parser
        self._name_of = name_of
        self._missing: set[str] = set()
        self._heard_ns = NEVER
        self._since_ms = NEVER

    async def url(self) -> str:
        """Return where to dial."""
        return self._url()

    async def opening(self) -> Sequence[str]:
        """Return the subscriptions."""
        self._missing = set(CHANNELS)
        self._since_ms = NEVER if self._heard_ns == NEVER else (self._heard_ns - OVERLAP_NS) // NS_PER_MS
        return [subscribe({"type": channel, "user": self._user}) for channel in CHANNELS]

    def ping(self) -> str | None:
        """Return the venue's own ping: it closes sockets on which nothing was said for a minute."""
        return PING

    def parse(self, raw: bytes, received_ns: int) -> Sequence[StreamItem]:
        """Read one frame."""
        self._heard_ns = received_ns
        channel = channel_of(raw)
        items: list[Any] = []
        if channel == "subscriptionResponse":
            items += self._acknowledge(raw)
        elif channel == "error":
            items.append(StreamBroken(Refused("stream_refused", refused(raw)[1])))
        elif channel != "pong":
            items += self._parser.parse(raw, received_ns, since_ms=self._since_ms)
        # A pong comes at least every ten seconds, so nothing waits longer than that.
        late = self._parser.overdue(received_ns)
        if late:
            items.append(StreamFollow(partial(self._fetch, late)))
        return items

    def _acknowledge(self, raw: bytes) -> Sequence[StreamItem]:
        if not self._missing:
            return ()
        self._missing.discard(acknowledged(raw).type)
        return () if self._missing else (StreamReady(),)

    async def _fetch(self, fills: Sequence[wire.Fill]) -> Sequence[Message]:
        """Ask for the names of orders whose fills have come without them."""
        return [self._parser.fill_message(fill, await self._name_of(fill.oid)) for fill in fills]
