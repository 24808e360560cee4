"""The small parts of an actor."""

from typing import Any

import pykka
import pytest

from engine.runtime.actor import AsyncioActor
from engine.runtime.clock import VirtualClock
from engine.runtime.future import AsyncioFuture
from engine.runtime.mailbox import Lane, lane_of
from engine.runtime.parts import ActorTimer, Failure, Start, StopFlag, births, dead_error, fail_dead
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


def test_a_reply_that_will_not_come_is_settled_once() -> None:
    reply: AsyncioFuture[Any] = AsyncioFuture()
    fail_dead(reply, "Ledger (ledger/7)")
    fail_dead(reply, "Ledger (ledger/7)")
    fail_dead(None, "Ledger (ledger/7)")
    with pytest.raises(pykka.ActorDeadError, match=r"Ledger \(ledger/7\) stopped before handling the message"):
        reply.get()


def test_what_was_not_meant_for_the_asker_is_only_the_cause() -> None:
    error = dead_error("a", SystemExit(3))
    assert isinstance(error, Exception)
    assert isinstance(error.__cause__, SystemExit)
