"""The private socket of one Coinbase account: its orders, by the `user` channel, kept alive by heartbeats."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from connectors.bridge.errors import AuthRefused
from connectors.bridge.plan import StreamBroken, StreamEnded, StreamFollow, StreamItem, StreamPlan, StreamReady
from connectors.coinbase import wire
from connectors.coinbase.fill_feed import FillFeed
from connectors.coinbase.market_stream import HEARTBEATS, subscribe
from connectors.coinbase.parse import SequenceCheck
from connectors.coinbase.private_parse import Seen, parse_user
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId
from engine.runtime.clock import NS_PER_S

USER: Final = "user"

_decode_probe = msgspec.json.Decoder(wire.Probe).decode
_decode_subscriptions = msgspec.json.Decoder(wire.SubscriptionsFrame).decode


class UserPlan(StreamPlan):
    """One account's orders."""

    name = "user"
    silence_ns = 10 * NS_PER_S

    def __init__(
        self,
        *,
        url: Callable[[], str],
        account_id: AccountId,
        token: Callable[[], str],
        feed: FillFeed,
        learn: Callable[[Seen], None],
        check: SequenceCheck = "connection",
    ) -> None:
        """Keep what it works with.

        Args:
            url: Gives where to dial.
            account_id: Put into every message.
            token: Makes the token of a subscription; called for each.
            feed: Fetches the fills that the channel's sums tell of.
            learn: Told of each order that is seen.
            check: Whether holes in the numbering end the connection: the account is then compared.
        """
        self._url = url
        self._account_id = account_id
        self._token = token
        self._feed = feed
        self._learn = learn
        self._checks = check == "connection"
        self._number: int | None = None
        self._is_ready = False

    async def url(self) -> str:
        """Return where to dial."""
        return self._url()

    async def opening(self) -> Sequence[str]:
        """Return the subscriptions, each with a token of its own."""
        self._number, self._is_ready = None, False
        return [subscribe(HEARTBEATS, token=self._token()), subscribe(USER, token=self._token())]

    def parse(self, raw: bytes, received_ns: int) -> Sequence[StreamItem]:
        """Read one frame."""
        del received_ns
        try:
            probe = _decode_probe(raw)
        except (msgspec.DecodeError, ValueError) as error:
            raise BadInput("frame", expected=f"a frame of Coinbase ({error})", was=raw) from error
        if probe.type == "error":
            line = f"Coinbase refuses the account's stream: {probe.message}"
            return [StreamBroken(AuthRefused("bad_key", line))]
        found: list[Any] = []
        if (why := self._missing(probe.sequence_num)) is not None:
            found.append(StreamEnded(why))
        if probe.channel == USER:
            return [*self._orders(raw), *found]
        if probe.channel == "subscriptions":
            return [*self._subscriptions(raw), *found]
        if probe.channel != HEARTBEATS:
            raise BadInput("channel", expected="user, heartbeats or subscriptions", was=probe.channel or raw)
        return found

    def _missing(self, number: int | None) -> str | None:
        last, self._number = self._number, number
        if not self._checks or number is None or last is None or number == last + 1:
            return None
        return f"frames are missing: expected number {last + 1}, was {number}"

    def _orders(self, raw: bytes) -> list[Any]:
        found: list[Any] = []
        news = parse_user(raw, self._account_id)
        for seen in news.seen:
            self._learn(seen)
            found.append(seen.message)
            if (follow := self._feed.note(seen)) is not None:
                found.append(follow)
        found += [StreamFollow(partial(_fail, error)) for error in news.unread]
        return found

    def _subscriptions(self, raw: bytes) -> list[Any]:
        try:
            events = _decode_subscriptions(raw).events
        except (msgspec.DecodeError, ValueError) as error:
            raise BadInput("subscriptions", expected=f"an acknowledgement ({error})", was=raw) from error
        if self._is_ready or not any({USER, HEARTBEATS} <= event.subscriptions.keys() for event in events):
            return []
        self._is_ready = True
        return [StreamReady()]


async def _fail(error: BadInput) -> Sequence[Any]:
    """Let an order that was not understood count as a frame that was not: the account is compared."""
    raise error
