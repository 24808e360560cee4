"""Publish and subscribe by type and key."""

from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.actor import AsyncioActor, MailboxSpec
from engine.runtime.bus import Bus, Subscription
from engine.runtime.errors import MailboxFull
from engine.runtime.system import ActorSystem


class Tick(msgspec.Struct, frozen=True):
    """A message."""

    n: int = 0


class Fill(msgspec.Struct, frozen=True):
    """Another."""


def _note(log: list[Any], what: Any, _: Tick) -> None:
    log.append(what)


def test_subscribers_of_the_key_and_of_every_key_get_it_in_order_of_subscription() -> None:
    bus = Bus()
    got: list[str] = []
    for name, key in (("all", None), ("btc", "BTC"), ("eth", "ETH"), ("all too", None), ("btc too", "BTC")):
        bus.subscribe(Tick, partial(_note, got, name), key=key)
    bus.publish(Tick(), key="BTC")
    assert got == ["all", "btc", "all too", "btc too"]


def test_a_message_without_a_key_reaches_only_those_of_every_key() -> None:
    bus = Bus()
    got: list[str] = []
    bus.subscribe(Tick, lambda _: got.append("all"))
    bus.subscribe(Tick, lambda _: got.append("btc"), key="BTC")
    bus.publish(Tick())
    assert got == ["all"]


def test_the_type_is_exact() -> None:
    class Special(Tick, frozen=True):
        pass

    bus = Bus()
    got: list[Any] = []
    bus.subscribe(Tick, got.append)
    bus.publish(Special())
    bus.publish(Fill())
    assert got == []


def test_a_cancelled_subscription_gets_nothing_and_may_be_cancelled_again() -> None:
    bus = Bus()
    got: list[Any] = []
    subscription = bus.subscribe(Tick, got.append, key="BTC")
    subscription.cancel()
    subscription.cancel()
    bus.publish(Tick(), key="BTC")
    assert got == []
    assert bus.subscribers(Tick, "BTC") == 0


def test_who_subscribes_during_a_publish_gets_the_next_message() -> None:
    bus = Bus()
    got: list[Any] = []

    def subscribes(message: Tick) -> None:
        if message.n == 0:
            bus.subscribe(Tick, got.append)

    bus.subscribe(Tick, subscribes)
    bus.publish(Tick(0))
    bus.publish(Tick(1))
    assert got == [Tick(1)]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("subscribe"), st.sampled_from([None, "a", "b"])),
            st.tuples(st.just("cancel"), st.integers(0, 20)),
            st.tuples(st.just("publish"), st.sampled_from([None, "a", "b", "c"])),
        ),
        max_size=40,
    )
)
def test_the_bus_agrees_with_a_plain_list_of_subscriptions(steps: list[tuple[str, Any]]) -> None:
    bus = Bus()
    made: list[tuple[Any, Subscription]] = []
    live: dict[int, Any] = {}
    got: list[int] = []
    for step, argument in steps:
        if step == "subscribe":
            number = len(made)
            made.append((argument, bus.subscribe(Tick, partial(_note, got, number), key=argument)))
            live[number] = argument
        elif step == "cancel" and argument < len(made):
            made[argument][1].cancel()
            live.pop(argument, None)
        elif step == "publish":
            got.clear()
            bus.publish(Tick(), key=argument)
            assert got == [number for number, key in live.items() if key is None or key == argument]
            assert bus.subscribers(Tick, argument) == len(got)


def test_an_error_of_a_handler_rises_when_all_have_been_served() -> None:
    bus = Bus()
    got: list[str] = []

    def fails(_: Tick) -> None:
        raise ValueError("first" if not got else "second")

    bus.subscribe(Tick, fails)
    bus.subscribe(Tick, lambda _: got.append("served"))
    bus.subscribe(Tick, fails)
    with pytest.raises(ValueError, match="first"):
        bus.publish(Tick())
    assert got == ["served"]


class Listener(AsyncioActor):
    """Keeps what it hears."""

    mailbox = MailboxSpec(limit=2)

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        self.heard.append(message)
        return self.heard


@pytest.mark.asyncio
async def test_a_stopped_actor_is_unsubscribed_and_costs_nobody_a_message(system: ActorSystem) -> None:
    bus = Bus()
    dead, alive = await system.start(Listener), await system.start(Listener)
    bus.subscribe(Tick, dead.tell)
    bus.subscribe(Tick, alive.tell, key="BTC")
    await dead.stop()
    bus.publish(Tick(), key="BTC")
    assert await alive.ask("who?") == [Tick(), "who?"]
    assert bus.subscribers(Tick, "BTC") == 1
    assert bus.subscribers(Tick) == 0


@pytest.mark.asyncio
async def test_an_actor_that_misses_a_message_because_it_is_full_fails_and_nobody_else(system: ActorSystem) -> None:
    bus = Bus()
    slow, quick = await system.start(Listener), await system.start(Listener)
    ended: list[Any] = []
    system.watch(slow, lambda _, error: ended.append(error))
    bus.subscribe(Tick, slow.tell)
    bus.subscribe(Tick, quick.tell)
    slow.tell("one")
    slow.tell("two")
    bus.publish(Tick())
    await system.idle()
    assert [type(error) for error in ended] == [MailboxFull]
    assert await quick.ask("who?") == [Tick(), "who?"]


@pytest.mark.asyncio
async def test_several_broken_receivers_are_each_dealt_with(system: ActorSystem) -> None:
    bus = Bus()
    refs = [await system.start(Listener) for _ in range(3)]
    for ref in refs:
        bus.subscribe(Tick, ref.tell)
    await refs[0].stop()
    await refs[1].stop()
    bus.publish(Tick())
    assert bus.subscribers(Tick) == 1
    assert await refs[2].ask("who?") == [Tick(), "who?"]
