"""The small parts of an actor."""

from typing import Any

import pytest

from engine.runtime.actor import AsyncioActor
from engine.runtime.clock import VirtualClock
from engine.runtime.mailbox import Lane, lane_of
from engine.runtime.parts import ActorTimer, Failure, Start, StopFlag, births
from engine.runtime.system import ActorSystem


def test_the_flag_is_set_once_and_for_ever() -> None:
    flag = StopFlag()
    assert not flag.is_set()
    flag.set()
    flag.set()
    assert flag.is_set()


def test_what_the_runtime_says_goes_first() -> None:
    assert [lane_of(Start), lane_of(Failure)] == [Lane.CONTROL, Lane.CONTROL]


@pytest.mark.asyncio
async def test_a_timer_that_fires_or_is_cancelled_is_forgotten(system: ActorSystem, clock: VirtualClock) -> None:
    class Idle(AsyncioActor):
        def on_receive(self, message: Any) -> Any:
            return message

    actor: Any = (await system.start(Idle)).actor_inbox.actor
    fired, cancelled = actor.after(1, "a"), actor.after(1, "b")
    assert list(actor._actor_timers) == [fired, cancelled]
    cancelled.cancel()
    clock.advance(1)
    assert actor._actor_timers == {}
    ActorTimer(actor, "never armed").cancel()


@pytest.mark.asyncio
async def test_an_actor_that_makes_actors_in_its_constructor_gives_each_its_own_place(system: ActorSystem) -> None:
    class Inner(AsyncioActor):
        pass

    class Outer(AsyncioActor):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Inner.start()

    outer: Any = await system.start(Outer, name="outer")
    assert outer.actor_inbox.actor.inner.name == "Inner-1"
    assert outer.name == "outer"
    assert births == []
