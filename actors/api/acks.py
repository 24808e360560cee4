"""Waits for the venue's word on an order: the first committed event that is not `pending` (`POST /orders?wait=ack`)."""

from typing import Any
from uuid import UUID

import msgspec

from engine.domain.identifiers import OrderId, UserId
from engine.domain.kinds import OrderStatus
from engine.messages.writing import EventsCommitted
from engine.runtime.bus import Bus, Subscription
from engine.runtime.errors import Timeout
from engine.runtime.future import AsyncioFuture
from engine.runtime.ref import Ref


class _OrderState(msgspec.Struct):
    id: UUID
    status: str = OrderStatus.PENDING
    """Absent in the events of a cancel request."""


_decode = msgspec.json.Decoder(_OrderState).decode


class Acks:
    """Who waits for which order. Listens on the bus only while somebody does."""

    def __init__(self, bus: Bus, owner: Ref[Any]) -> None:
        """Let `owner` hear of commits; it passes them to `on_events`."""
        self._bus = bus
        self._owner = owner
        self._waiting: dict[UserId, dict[UUID, AsyncioFuture[None]]] = {}
        self._subscriptions: dict[UserId, Subscription] = {}

    def expect(self, user_id: UserId, order_id: OrderId) -> AsyncioFuture[None]:
        """Begin to wait; call before the order is placed."""
        if user_id not in self._waiting:
            self._waiting[user_id] = {}
            self._subscriptions[user_id] = self._bus.subscribe(EventsCommitted, self._owner.tell, key=user_id)
        future: AsyncioFuture[None] = AsyncioFuture()
        self._waiting[user_id][order_id] = future
        return future

    def forget(self, user_id: UserId, order_id: OrderId) -> None:
        """Wait no more."""
        waiting = self._waiting.get(user_id, {})
        waiting.pop(order_id, None)
        if not waiting and user_id in self._subscriptions:
            self._subscriptions.pop(user_id).cancel()
            del self._waiting[user_id]

    def on_events(self, message: EventsCommitted) -> None:
        """Wake whoever waits for an order that these events show beyond `pending`."""
        waiting = self._waiting.get(message.user_id)
        if not waiting:
            return
        for event in message.events:
            if event.channel != "orders":
                continue
            order = _decode(event.data)
            future = waiting.get(order.id)
            if future is not None and order.status != OrderStatus.PENDING and not future.done():
                future.set(None)

    async def until(self, future: AsyncioFuture[None]) -> bool:
        """Return True when the word has come, False when the future's deadline has passed."""
        try:
            await future
        except Timeout:
            return False
        return True
