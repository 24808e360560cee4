"""Publish and subscribe by message type and key.

A subscriber names a message type and a key, or no key for all of them; the type is exact, never a base class. Delivery
is a direct call in order of subscription, so a handler is normally an actor's `tell`. Who gets what is worked out when
somebody subscribes, never when something is published.
"""

from collections.abc import Callable, Hashable
from itertools import count
from operator import attrgetter
from typing import Any, TypeVar

from pykka import ActorDeadError

from engine.runtime.errors import MailboxFull
from engine.runtime.ref import Ref

M = TypeVar("M")

Handler = Callable[[Any], object]

_NO_KEYS: dict[Hashable, tuple[Handler, ...]] = {}


class Subscription:
    """One handler on one topic; `cancel` ends it."""

    __slots__ = ("_bus", "handler", "key", "message_type", "number")

    def __init__(self, bus: "Bus", message_type: type, key: Hashable | None, handler: Handler, number: int) -> None:
        """Remember the topic; `number` orders the deliveries."""
        self._bus: Bus | None = bus
        self.message_type = message_type
        self.key = key
        self.handler = handler
        self.number = number

    def cancel(self) -> None:
        """Deliver nothing more; harmless when repeated. What is being published at this moment still arrives."""
        if self._bus is not None:
            self._bus._remove(self)  # noqa: SLF001 - the other half of the same class.
            self._bus = None


class Bus:
    """Topics of one engine."""

    def __init__(self) -> None:
        self._subscriptions: dict[type, dict[Hashable | None, list[Subscription]]] = {}
        # Tuples are made anew on subscribe, so that publishing walks something that nobody changes under it.
        self._every_key: dict[type, tuple[Handler, ...]] = {}
        self._by_key: dict[type, dict[Hashable, tuple[Handler, ...]]] = {}
        self._numbers = count()

    def subscribe(
        self, message_type: type[M], handler: Callable[[M], object], key: Hashable | None = None
    ) -> Subscription:
        """Call `handler` with each message of exactly this type under `key`; None: under every key and under none."""
        subscription = Subscription(self, message_type, key, handler, next(self._numbers))
        self._subscriptions.setdefault(message_type, {}).setdefault(key, []).append(subscription)
        self._resolve(message_type, key)
        return subscription

    def publish(self, message: object, key: Hashable | None = None) -> None:
        """Hand `message` to the subscribers of its type and `key`, and to those of every key.

        One receiver never costs another its message. A stopped actor is unsubscribed; an actor whose mailbox may not
        drop and is full has missed a fact, so it fails with `MailboxFull`; an error of any other handler rises here
        when all have been called (the first one, if there are several).
        """
        kind = type(message)
        try:
            handlers = self._every_key[kind] if key is None else self._by_key[kind][key]
        except KeyError:
            handlers = self._every_key.get(kind, ())
        for handler in handlers:
            try:
                handler(message)
            except Exception as error:  # noqa: BLE001 - sorted out once every receiver has been served.
                self._publish_rest(message, key, handlers, handler, error)
                return

    def subscribers(self, message_type: type, key: Hashable | None = None) -> int:
        """Return how many handlers a message of this type and key would reach."""
        every = self._every_key.get(message_type, ())
        return len(every if key is None else self._by_key.get(message_type, _NO_KEYS).get(key, every))

    def _publish_rest(
        self, message: object, key: Hashable | None, handlers: tuple[Handler, ...], at: Handler, error: Exception
    ) -> None:
        rest = iter(handlers)
        for handler in rest:
            if handler is at:
                break
        first = self._settle(type(message), key, at, error)
        for handler in rest:
            try:
                handler(message)
            except Exception as another:  # noqa: BLE001 - as above.
                first = first or self._settle(type(message), key, handler, another)
        if first is not None:
            raise first

    def _settle(self, kind: type, key: Hashable | None, handler: Handler, error: Exception) -> Exception | None:
        receiver = getattr(handler, "__self__", None)
        if not isinstance(receiver, Ref):
            return error
        if isinstance(error, MailboxFull):
            receiver.fail(error)
            return None
        if not isinstance(error, ActorDeadError):
            return error
        topics = self._subscriptions.get(kind, {})
        for topic in (*topics.get(key, ()), *topics.get(None, ())):
            if topic.handler is handler:
                topic.cancel()
        return None

    def _remove(self, subscription: Subscription) -> None:
        topics = self._subscriptions[subscription.message_type]
        listed = topics[subscription.key]
        listed.remove(subscription)
        if not listed:
            del topics[subscription.key]
        self._resolve(subscription.message_type, subscription.key)
        if not topics:
            del self._subscriptions[subscription.message_type]

    def _resolve(self, message_type: type, key: Hashable | None) -> None:
        """Work out who gets a message of this type under `key`; None concerns every key."""
        topics = self._subscriptions[message_type]
        every = topics.get(None, [])
        by_key = self._by_key.setdefault(message_type, {})
        if key is None:
            self._every_key[message_type] = tuple(topic.handler for topic in every)
        for one in [known for known in topics if known is not None] if key is None else [key]:
            if one in topics:
                merged = sorted([*every, *topics[one]], key=attrgetter("number"))
                by_key[one] = tuple(topic.handler for topic in merged)
            else:
                del by_key[one]
