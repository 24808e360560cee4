"""The private socket of one Binance account.

Spot subscribes over the WebSocket API, signed for each connection; nothing has to be renewed. USD-M dials with a listen
key that lives for an hour and is prolonged by a request. A dead key gives a socket that stays silent: each dial makes
sure of its key first, and a key that cannot be prolonged ends the connection.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from connectors.binance.private_parse import SUBSCRIBE_ID, PrivateParser
from connectors.bridge.errors import Unknown
from connectors.bridge.plan import StreamItem, StreamPlan, StreamReady, StreamRequest
from engine.runtime.clock import NS_PER_S

LIFETIME_NS: Final = 23 * 3600 * NS_PER_S
"""Binance ends connections after 24 hours; we choose the moment."""
RENEW_NS: Final = 30 * 60 * NS_PER_S
"""Half of a listen key's life."""

Learn = Callable[[Any], None]


class SpotUserPlan(StreamPlan):
    """Spot: `userDataStream.subscribe.signature`."""

    name = "user"
    lifetime_ns = LIFETIME_NS

    def __init__(
        self,
        *,
        url: Callable[[], str],
        signed: Callable[[dict[str, str | int]], dict[str, str | int]],
        parser: PrivateParser,
        learn: Learn,
    ) -> None:
        """Keep what it works with.

        Args:
            url: Where to dial.
            signed: Adds key, time and signature.
            parser: Of this account.
            learn: Told of each message.
        """
        self._url = url
        self._signed = signed
        self._parser = parser
        self._learn = learn

    async def url(self) -> str:
        """Return where to dial."""
        return self._url()

    async def opening(self) -> Sequence[str]:
        """Return the subscription, signed now."""
        wish = {
            "id": SUBSCRIBE_ID,
            "method": "userDataStream.subscribe.signature",
            "params": self._signed({"recvWindow": 5_000}),
        }
        return [msgspec.json.encode(wish).decode()]

    def parse(self, raw: bytes, received_ns: int) -> Sequence[StreamItem]:
        """Read one frame."""
        del received_ns
        return _told(self._parser.parse(raw), self._learn)


class UsdmUserPlan(StreamPlan):
    """USD-M: a listen key."""

    name = "user"
    lifetime_ns = LIFETIME_NS
    renew_ns = RENEW_NS

    def __init__(
        self,
        *,
        base: Callable[[], str],
        new_key: Callable[[], Awaitable[str]],
        keep_key: Callable[[], Awaitable[str]],
        parser: PrivateParser,
        learn: Learn,
    ) -> None:
        """Keep what it works with.

        Args:
            base: Where streams are dialled, without a path.
            new_key: Makes the account's listen key, or returns the one that lives, with a new hour.
            keep_key: Prolongs it and returns it.
            parser: Of this account.
            learn: Told of each message.
        """
        self._base = base
        self._new_key = new_key
        self._keep_key = keep_key
        self._parser = parser
        self._learn = learn
        self._key = ""

    async def url(self) -> str:
        """Make sure of a key that lives, and return where to dial with it."""
        self._key = await self._new_key()
        return f"{self._base()}/private/ws?listenKey={self._key}"

    async def opening(self) -> Sequence[str]:
        """Subscribe by the key what the address has subscribed already: the answer shows that somebody is there."""
        return [f'{{"method":"SUBSCRIBE","params":["{self._key}"],"id":1}}']

    def parse(self, raw: bytes, received_ns: int) -> Sequence[StreamItem]:
        """Read one frame."""
        del received_ns
        if b'"id":1' in raw[:200] and b'"e":' not in raw:
            # A refusal as well: the address alone is enough for the events.
            return (StreamReady(),)
        return _told(self._parser.parse(raw), self._learn)

    async def renew(self) -> StreamRequest | None:
        """Prolong the key; the venue says which key lives on.

        Raises:
            Unknown: It is another one than this socket was dialled with.
        """
        if await self._keep_key() != self._key:
            raise Unknown("listen_key", "the socket was dialled with another listen key")
        return None


def _told(items: Sequence[StreamItem], learn: Learn) -> Sequence[StreamItem]:
    for item in items:
        learn(item)
    return items
