"""Proxies as pykka documents them, and what a ref refuses."""

import gc
from typing import Any

import pykka
import pytest

from engine.runtime.actor import AsyncioActor
from engine.runtime.errors import BlockingCall
from engine.runtime.system import ActorSystem

pytestmark = pytest.mark.asyncio


@pykka.traversable
class Playback:
    """An attribute whose own attributes a proxy may reach."""

    def __init__(self) -> None:
        self.volume = 3

    def play(self, track: str) -> str:
        return f"playing {track}"


class Player(AsyncioActor):
    """Something to proxy."""

    class_field = "of the class"

    def __init__(self) -> None:
        super().__init__()
        self.field = "of the actor"
        self.playback = Playback()
        self.broken = 0
        self._private = "hidden"

    @property
    def a_property(self) -> str:
        return self.field.upper()

    def method(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        return (*args, kwargs)

    async def slow(self, value: int) -> int:
        return value + 1

    def fail(self) -> None:
        self.broken += 1
        raise ValueError("broken")


async def test_a_proxy_calls_methods_and_reads_attributes(system: ActorSystem) -> None:
    proxy = Player.start().proxy()
    assert await proxy.method(1, two=2) == (1, {"two": 2})
    assert await proxy.field == "of the actor"
    assert await proxy.class_field == "of the class"
    assert await proxy.a_property == "OF THE ACTOR"


async def test_a_proxy_waits_for_a_coroutine_method(system: ActorSystem) -> None:
    assert await Player.start().proxy().slow(4) == 5


async def test_a_proxy_reaches_through_what_is_traversable(system: ActorSystem) -> None:
    proxy = Player.start().proxy()
    assert await proxy.playback.play("one") == "playing one"
    assert await proxy.playback.volume == 3


async def test_a_proxy_shows_no_private_and_no_unknown_attributes(system: ActorSystem) -> None:
    proxy = Player.start().proxy()
    with pytest.raises(AttributeError):
        _ = proxy.unknown
    assert "_private" not in dir(proxy)
    assert "method" in dir(proxy)


async def test_an_error_of_a_proxied_method_is_raised_where_it_is_awaited(system: ActorSystem) -> None:
    proxy = Player.start().proxy()
    future = proxy.fail()
    with pytest.raises(ValueError, match="broken"):
        await future
    assert await proxy.broken == 1


async def test_a_deferred_call_is_a_tell_whose_error_stops_the_actor(system: ActorSystem) -> None:
    ref = Player.start()
    proxy = ref.proxy()
    assert proxy.fail.defer() is None
    await system.idle()
    assert not ref.is_alive()


async def test_proxies_of_one_actor_are_equal(system: ActorSystem) -> None:
    ref = Player.start()
    assert ref.proxy() == ref.proxy()
    assert ref.proxy() != Player.start().proxy()


async def test_there_is_no_proxy_of_a_stopped_actor(system: ActorSystem) -> None:
    ref = Player.start()
    await ref.stop()
    with pytest.raises(pykka.ActorDeadError):
        ref.proxy()


async def test_assignment_through_a_proxy_is_refused_before_anything_is_sent(system: ActorSystem) -> None:
    ref = Player.start()
    proxy = ref.proxy()
    await system.idle()
    with pytest.raises(BlockingCall, match="assignment through a proxy"):
        proxy.field = "changed"
    assert ref.actor_inbox.empty()
    assert await proxy.field == "of the actor"


@pytest.mark.parametrize("call", ["ask", "stop"])
async def test_a_blocking_call_raises_before_anything_is_sent(system: ActorSystem, call: str) -> None:
    ref = Player.start()
    await system.idle()
    arguments = ("hello",) if call == "ask" else ()
    with pytest.raises(BlockingCall, match="await"):
        getattr(ref, call)(*arguments, block=True)
    assert ref.actor_inbox.empty()
    assert await ref.proxy().broken == 0


async def test_a_reply_that_is_late_raises_timeout_and_can_still_be_awaited(system: ActorSystem) -> None:
    class Later(AsyncioActor):
        def __init__(self) -> None:
            super().__init__()
            self.answer = self.new_future()

        def on_receive(self, message: Any) -> Any:
            return self.answer

    actor = Later.start()
    reply = actor.ask("when?", timeout_s=2.0)
    await system.idle()
    clock: Any = system.clock
    clock.advance(2_000_000_000)
    with pytest.raises(pykka.Timeout, match=r"2\.0 seconds"):
        await reply
    answer = actor.actor_inbox.actor
    assert isinstance(answer, Later)
    answer.answer.set("now")
    assert await reply == "now"


async def test_pykkas_own_name_of_the_deadline_works_too(system: ActorSystem) -> None:
    class Silent(AsyncioActor):
        def on_receive(self, message: Any) -> Any:
            return self.new_future()

    reply = Silent.start().ask("hello", timeout=1)
    clock: Any = system.clock
    clock.advance(1_000_000_000)
    with pytest.raises(pykka.Timeout):
        await reply


async def test_a_ref_outlives_its_actor_and_the_inbox_keeps_the_actor_until_then(system: ActorSystem) -> None:
    ref: Any = Player.start()
    await system.idle()
    gc.collect()
    assert ref.actor_inbox.actor is not None
    await ref.stop()
    assert ref.actor_inbox.actor is None
    assert ref._actor_weakref() is None
    assert str(ref).startswith("Player (Player-")


async def test_halt_overtakes_what_waits(system: ActorSystem) -> None:
    handled: list[Any] = []

    class Worker(AsyncioActor):
        def on_receive(self, message: Any) -> Any:
            handled.append(message)

        def on_stop(self) -> None:
            handled.append("stopped")

    ref = Worker.start()
    await system.idle()
    ref.tell("dropped")
    left = ref.ask("dropped too")
    assert await ref.halt() is True
    assert handled == ["stopped"]
    assert system.dead_letters == 2
    with pytest.raises(pykka.ActorDeadError):
        await left
