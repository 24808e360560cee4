"""The conflated half of the hub: newest values of markets, accounts and venues.

A topic listens on the bus only while somebody subscribes to it. Values are encoded when they are sent, at most every
`INTERVAL_NS`, once for all clients: a burst of a thousand quotes costs one frame. Keys are column names, as everywhere.
"""

from collections.abc import Callable, Hashable
from typing import Any, Final

from actors.stream_client import StreamClient
from actors.stream_frames import Channel, Frame, update_frame
from engine.domain.identifiers import UserId
from engine.messages.market import Bar, BookTop, MarketMessage, Ticker
from engine.messages.portfolio import AccountMarked
from engine.messages.render import render, rfc3339
from engine.messages.venues import VenueConnection
from engine.runtime.bus import Bus, Subscription

INTERVAL_NS: Final = 100_000_000
"""Values go out at most ten times a second: faster than an eye, and than an agent outside the process can rely on."""

Value = Ticker | BookTop | Bar | AccountMarked | VenueConnection
Source = tuple[type, Hashable | None]
"""Message type and key on the bus."""


class Topic:
    """One conflated channel of one user, or of everybody."""

    __slots__ = ("channel", "clients", "latest", "waiting")

    def __init__(self, channel: Channel) -> None:
        """Start without values."""
        self.channel = channel
        self.clients: dict[StreamClient, None] = {}
        self.latest: dict[Hashable, Value] = {}
        """Newest value by key; a market channel has one key."""
        self.waiting: dict[Hashable, None] = {}
        """Keys whose newest value was not sent yet."""

    def accept(self, value: Value) -> bool:
        """Take a value; whether it is for this topic."""
        if type(value) is Bar and value.timeframe != self.channel.timeframe:
            return False
        key = key_of(value)
        self.latest[key] = value
        self.waiting[key] = None
        return True

    def frames(self) -> dict[Hashable, Frame]:
        """Encode what was not sent yet."""
        frames = {key: frame_of(self.channel.name, self.latest[key]) for key in self.waiting}
        self.waiting.clear()
        return frames

    def all_frames(self) -> dict[Hashable, Frame]:
        """Encode everything, for a client that has just come."""
        return {key: frame_of(self.channel.name, value) for key, value in self.latest.items()}


class Topics:
    """All topics that have a client."""

    def __init__(self, bus: Bus, handler: Callable[[Any], object]) -> None:
        """Start with none; `handler` is given the values that somebody wants, and passes them to `accept`."""
        self._bus = bus
        self._handler = handler
        self._topics: dict[tuple[str, UserId | None], Topic] = {}
        self._by_source: dict[Source, list[Topic]] = {}
        self._subscriptions: dict[Source, Subscription] = {}
        self._waiting: dict[Topic, None] = {}

    def join(self, client: StreamClient, channel: Channel) -> Topic:
        """Subscribe a client; the first one makes the topic listen."""
        key = _identity(client, channel)
        topic = self._topics.get(key)
        if topic is None:
            topic = self._topics[key] = Topic(channel)
            source = _source(client.user_id, channel)
            self._by_source.setdefault(source, []).append(topic)
            if source not in self._subscriptions:
                self._subscriptions[source] = self._bus.subscribe(source[0], self._handler, key=source[1])
        topic.clients[client] = None
        return topic

    def leave(self, client: StreamClient, channel: Channel) -> None:
        """Unsubscribe a client; the last one ends the topic."""
        key = _identity(client, channel)
        topic = self._topics.get(key)
        if topic is None:
            return
        topic.clients.pop(client, None)
        client.drop_conflated(channel.name)
        if topic.clients:
            return
        del self._topics[key]
        self._waiting.pop(topic, None)
        source = _source(client.user_id, channel)
        self._by_source[source].remove(topic)
        if not self._by_source[source]:
            del self._by_source[source]
            self._subscriptions.pop(source).cancel()

    def accept(self, value: Value) -> bool:
        """Take a value from the bus; whether something waits to be sent now."""
        for topic in self._by_source.get(_source_of(value), ()):
            if topic.accept(value):
                self._waiting[topic] = None
        return bool(self._waiting)

    def take_waiting(self) -> list[Topic]:
        """Return the topics with something to send, and forget that they have."""
        topics = list(self._waiting)
        self._waiting.clear()
        return topics

    def close(self) -> None:
        """Listen no more."""
        for subscription in self._subscriptions.values():
            subscription.cancel()


def key_of(value: Value) -> Hashable:
    """Name what a value replaces within its channel."""
    if type(value) is AccountMarked:
        return value.account_id
    return value.venue if type(value) is VenueConnection else None


def frame_of(channel: str, value: Value) -> Frame:
    """Frame a value under the names of the columns that hold it."""
    at_ns = value.ts_event_ns if isinstance(value, MarketMessage) else value.at_ns
    return update_frame(channel, at_ns, render(_columns(value, rfc3339(at_ns))))


def _identity(client: StreamClient, channel: Channel) -> tuple[str, UserId | None]:
    return channel.name, client.user_id if channel.kind == "pnl" else None


def _source(user_id: UserId, channel: Channel) -> Source:
    """Return the message type and bus key behind a channel."""
    market = {"tickers": Ticker, "books": BookTop, "bars": Bar}.get(channel.kind)
    if market is not None:
        return market, (channel.venue, channel.symbol)
    return (AccountMarked, user_id) if channel.kind == "pnl" else (VenueConnection, None)


def _source_of(value: Value) -> Source:
    if isinstance(value, MarketMessage):
        return type(value), (value.venue, value.symbol)
    return (AccountMarked, value.user_id) if isinstance(value, AccountMarked) else (VenueConnection, None)


def _columns(value: Value, at: str) -> dict[str, Any]:
    if isinstance(value, Ticker):
        return {
            "symbol": value.symbol, "exchange": value.venue, "price": value.price, "bid_price": value.bid,
            "ask_price": value.ask, "volume_24h": value.volume_24h, "change_24h": value.change_24h, "updated_at": at,
        }  # fmt: skip
    if isinstance(value, BookTop):
        return {
            "symbol": value.symbol, "exchange": value.venue, "bids": value.bids, "asks": value.asks, "timestamp": at,
        }  # fmt: skip
    if isinstance(value, Bar):
        return {
            "symbol": value.symbol, "exchange": value.venue, "timeframe": value.timeframe,
            "open_time": rfc3339(value.open_time_ns), "close_time": rfc3339(value.close_time_ns),
            "open_price": value.open, "high_price": value.high, "low_price": value.low, "close_price": value.close,
            "volume": value.volume, "quote_volume": value.quote_volume, "trades_count": value.trades_count,
        }  # fmt: skip
    if isinstance(value, AccountMarked):
        return {
            "account_id": value.account_id, "at": at, "equity": value.equity, "cash": value.cash,
            "realized_pnl": value.realized_pnl, "unrealized_pnl": value.unrealized_pnl, "fees": value.fees,
            "positions": value.positions, "unpriced": value.unpriced,
        }  # fmt: skip
    return {
        "exchange": value.venue, "status": "online" if value.connected else "offline",
        "error_message": value.reason or None, "updated_at": at,
    }  # fmt: skip
