"""Waiting for the venue's word: the right order, the right moment, and nobody listens longer than needed."""

from uuid import UUID

import msgspec
import pytest

from actors.api.acks import Acks
from engine.domain.identifiers import OrderId
from engine.messages.writing import CommittedEvent, EventsCommitted
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Bus
from engine.runtime.system import ActorSystem
from tests.support.cell_builders import START_NS, USER, an_id

pytestmark = pytest.mark.asyncio
ORDER = OrderId(an_id(100))


class Owner(AsyncioActor):
    """Passes on what it hears, as the API does."""

    def __init__(self, bus: Bus) -> None:
        super().__init__()
        self.acks = Acks(bus, self.actor_ref)

    @handles(EventsCommitted)
    def on_events(self, message: EventsCommitted) -> None:
        self.acks.on_events(message)


def committed(order_id: UUID, channel: str = "orders", **data: str) -> EventsCommitted:
    event = CommittedEvent(
        seq=1, prev=0, user_id=USER, channel=channel, type="X", at_ns=START_NS, account_id=None, correlation_id=None,
        data=msgspec.json.encode({"id": order_id} | data),
    )  # fmt: skip
    return EventsCommitted(user_id=USER, events=(event,))


async def test_a_status_beyond_pending_wakes_the_waiter() -> None:
    system, bus = ActorSystem(), Bus()
    ref = await system.start(Owner, bus)
    acks = ref.actor_inbox.actor.acks  # type: ignore[union-attr]
    future = acks.expect(USER, ORDER)
    for message in (
        committed(ORDER, status="pending"),
        committed(an_id(5), status="open"),
        committed(ORDER, channel="trades"),
        committed(ORDER),  # A cancel request has no status.
    ):
        bus.publish(message, key=USER)
    await system.idle()
    assert not future.done()
    bus.publish(committed(ORDER, status="open"), key=USER)
    await system.idle()
    assert await acks.until(future)
    acks.forget(USER, ORDER)
    assert bus.subscribers(EventsCommitted, USER) == 0
    await system.stop_all()


async def test_a_deadline_ends_the_wait() -> None:
    system, bus = ActorSystem(), Bus()
    ref = await system.start(Owner, bus)
    acks = ref.actor_inbox.actor.acks  # type: ignore[union-attr]
    future = acks.expect(USER, ORDER)
    future.expire_at(system.clock, 0.01)
    assert not await acks.until(future)
    acks.forget(USER, ORDER)
    acks.forget(USER, ORDER)
    await system.stop_all()
