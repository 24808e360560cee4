"""Coroutine handlers, tasks and timers: what actors at the rim have and pykka does not."""

import asyncio
from typing import Any, ClassVar

import msgspec
import pykka
import pytest

from engine.domain.errors import InvariantBroken
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.clock import VirtualClock
from engine.runtime.errors import BlockingCall
from engine.runtime.log import get_logger
from engine.runtime.system import ActorSystem

pytestmark = pytest.mark.asyncio


class Fetch(msgspec.Struct, frozen=True):
    """Wait for the gate, then answer."""

    name: str


class Note(msgspec.Struct, frozen=True):
    """Write down."""

    text: str


class Urgent(msgspec.Struct, frozen=True):
    """Write down before the rest."""

    __lane__: ClassVar[str] = "control"

    text: str


class Raise(msgspec.Struct, frozen=True):
    """Raise in a coroutine."""

    error: Any


class Rim(AsyncioActor):
    """Waits at a gate that the test opens."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.gate = asyncio.Event()

    async def on_start(self) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        self.seen.append("started")

    async def on_stop(self) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        self.seen.append("stopped")

    @handles(Fetch)
    async def on_fetch(self, message: Fetch) -> str:
        self.seen.append(f"begin {message.name}")
        await self.gate.wait()
        self.seen.append(f"end {message.name}")
        return message.name

    @handles(Note, Urgent)
    def on_note(self, message: Note | Urgent) -> None:
        self.seen.append(message.text)

    @handles(Raise)
    async def on_raise(self, message: Raise) -> None:
        await asyncio.sleep(0)
        raise message.error


def actor_of(ref: Any) -> Any:
    return ref.actor_inbox.actor


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_start_returns_when_on_start_is_over(system: ActorSystem) -> None:
    ref = await system.start(Rim)
    assert actor_of(ref).seen == ["started"]


async def test_an_error_in_on_start_is_raised_by_start(system: ActorSystem) -> None:
    class Broken(AsyncioActor):
        async def on_start(self) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        await system.start(Broken, name="feed")
    assert system.directory.get("feed") is None
    await system.start(Rim, name="feed")


async def test_stop_waits_for_a_coroutine_on_stop(system: ActorSystem) -> None:
    ref = await system.start(Rim)
    actor = actor_of(ref)
    assert await ref.stop() is True
    assert actor.seen == ["started", "stopped"]


async def test_the_next_message_waits_until_the_coroutine_is_done(system: ActorSystem) -> None:
    ref = await system.start(Rim)
    actor = actor_of(ref)
    first, second = ref.ask(Fetch("a")), ref.ask(Fetch("b"))
    ref.tell(Note("note"))
    ref.tell(Urgent("urgent"))
    await turns()
    assert actor.seen == ["started", "urgent", "begin a"]
    actor.gate.set()
    assert [await first, await second] == ["a", "b"]
    await system.idle()
    assert actor.seen == ["started", "urgent", "begin a", "end a", "begin b", "end b", "note"]


async def test_a_coroutine_that_began_is_not_overtaken_by_control(system: ActorSystem) -> None:
    ref = await system.start(Rim)
    actor = actor_of(ref)
    ref.tell(Fetch("a"))
    await turns()
    ref.tell(Note("note"))
    ref.tell(Urgent("urgent"))
    await turns()
    assert actor.seen == ["started", "begin a"]
    actor.gate.set()
    await system.idle()
    assert actor.seen == ["started", "begin a", "end a", "urgent", "note"]


async def test_an_error_in_a_coroutine_goes_to_the_asker_or_stops_the_actor(system: ActorSystem) -> None:
    ref = await system.start(Rim)
    with pytest.raises(ValueError, match="asked"):
        await ref.ask(Raise(ValueError("asked")))
    assert ref.is_alive()
    ref.tell(Raise(ValueError("told")))
    await system.idle()
    assert not ref.is_alive()


async def test_stop_waits_for_the_running_coroutine(system: ActorSystem) -> None:
    ref = await system.start(Rim)
    actor = actor_of(ref)
    ref.tell(Fetch("a"))
    await turns()
    stopped = ref.stop()
    await turns()
    assert actor.seen[-1] == "begin a"
    actor.gate.set()
    assert await stopped is True
    assert actor.seen == ["started", "begin a", "end a", "stopped"]


async def test_halt_cancels_the_running_coroutine_and_its_asker_hears_that_the_actor_is_gone(
    system: ActorSystem,
) -> None:
    ref = await system.start(Rim)
    actor = actor_of(ref)
    answer = ref.ask(Fetch("a"))
    await turns()
    assert await ref.halt() is True
    assert actor.seen == ["started", "begin a", "stopped"]
    with pytest.raises(pykka.ActorDeadError):
        await answer


async def test_halt_before_the_coroutine_has_taken_its_first_step_leaves_no_warning(system: ActorSystem) -> None:
    ref = await system.start(Rim)
    ref.tell(Fetch("a"))
    system.drain()
    assert await ref.halt() is True


async def test_a_handler_that_returns_a_future_answers_when_it_is_set(system: ActorSystem) -> None:
    class Deferring(AsyncioActor):
        def __init__(self) -> None:
            super().__init__()
            self.promise = self.new_future()

        @handles(Fetch)
        def on_fetch(self, _: Fetch) -> Any:
            return self.promise

        @handles(Note)
        def on_note(self, message: Note) -> None:
            self.promise.set(message.text)

    ref = await system.start(Deferring)
    answer = ref.ask(Fetch("x"))
    await system.idle()
    assert not answer.done()
    ref.tell(Note("now"))
    assert await answer == "now"


async def test_a_deferred_answer_is_an_error_when_the_actor_stops_first(system: ActorSystem) -> None:
    class Deferring(AsyncioActor):
        def on_receive(self, message: Any) -> Any:
            return self.new_future()

    ref = await system.start(Deferring)
    answer = ref.ask("x")
    await ref.stop()
    with pytest.raises(pykka.ActorDeadError):
        await answer


async def test_a_deferred_answer_may_be_an_error(system: ActorSystem) -> None:
    class Asking(AsyncioActor):
        def on_receive(self, message: Any) -> Any:
            return message.ask(Raise(ValueError("below")))

    below = await system.start(Rim)
    above = await system.start(Asking)
    with pytest.raises(ValueError, match="below"):
        await above.ask(below)


class Exits(BaseException):
    """Neither an error nor the operator."""


@pytest.mark.parametrize("error", [Exits("out"), SystemExit(3), asyncio.CancelledError(), GeneratorExit()])
async def test_a_base_exception_in_a_coroutine_ends_its_actor_only(system: ActorSystem, error: BaseException) -> None:
    asked, told, other = [await system.start(Rim) for _ in range(3)]
    answer = asked.ask(Raise(error))
    told.tell(Raise(error))
    with pytest.raises(pykka.ActorDeadError):
        await answer
    await system.idle()
    assert [ref.is_alive() for ref in (asked, told, other)] == [False, False, True]


async def test_a_broken_invariant_ends_the_actor_also_when_it_was_asked(system: ActorSystem) -> None:
    ref = await system.start(Rim)
    broken = InvariantBroken("sum of lines", expected=0, was=1)
    ended: list[Any] = []
    system.watch(ref, lambda _, error: ended.append(error))
    with pytest.raises(InvariantBroken):
        await ref.ask(Raise(broken))
    await system.idle()
    assert ended == [broken]


async def test_a_spawned_task_that_fails_stops_the_actor_after_the_running_handler(system: ActorSystem) -> None:
    class Reader(Rim):
        @handles(Raise)
        async def on_raise(self, message: Raise) -> None:
            self.spawn(self.read(message.error), name="reader")
            await self.gate.wait()
            self.seen.append("handler done")

        async def read(self, error: Exception) -> None:
            raise error

    ref = await system.start(Reader)
    actor = actor_of(ref)
    ended: list[Any] = []
    system.watch(ref, lambda _, error: ended.append(error))
    error = ConnectionError("gone")
    ref.tell(Raise(error))
    ref.tell(Note("never seen"))
    await turns()
    assert ended == []
    actor.gate.set()
    await system.idle()
    assert ended == [error]
    assert actor.seen == ["started", "handler done"]


async def test_spawned_tasks_are_cancelled_after_on_stop_and_awaited(system: ActorSystem) -> None:
    class Reader(Rim):
        @handles(Note)
        def on_note(self, message: Note | Urgent) -> None:
            self.spawn(self.read(), name="reader")

        async def read(self) -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                await asyncio.sleep(0)
                self.seen.append("reader closed")

    ref = await system.start(Reader)
    actor = actor_of(ref)
    ref.tell(Note("go"))
    await turns()
    await ref.stop()
    assert actor.seen == ["started", "stopped", "reader closed"]


async def test_a_task_that_ends_well_or_is_cancelled_changes_nothing(system: ActorSystem) -> None:
    ref = await system.start(Rim)
    actor = actor_of(ref)
    task = actor.spawn(asyncio.sleep(0), name="short")
    other = actor.spawn(asyncio.Event().wait(), name="long")
    assert task.get_name() == f"{ref.name}/short"
    other.cancel()
    await turns()
    assert ref.is_alive()
    assert (task.done(), other.cancelled()) == (True, True)


async def test_a_message_for_later_comes_on_the_clock(system: ActorSystem, clock: VirtualClock) -> None:
    ref = await system.start(Rim)
    actor = actor_of(ref)
    actor.after(500, Note("late"))
    actor.after(300, Note("cancelled")).cancel()
    market = VirtualClock()
    actor.after(10, Note("market"), clock=market)
    await system.advance(clock, clock.now_ns() + 499)
    assert actor.seen == ["started"]
    await system.advance(clock, clock.now_ns() + 1)
    assert actor.seen == ["started", "late"]
    await system.advance(market, 10)
    assert actor.seen == ["started", "late", "market"]


async def test_timers_of_a_stopped_actor_are_cancelled(system: ActorSystem, clock: VirtualClock) -> None:
    ref = await system.start(Rim)
    timer = actor_of(ref).after(500, Note("late"))
    await ref.stop()
    assert clock.next_timer_ns() is None
    timer.cancel()
    clock.advance(1_000)
    assert system.drain()


async def test_waiting_for_quiet_inside_a_handler_is_refused(system: ActorSystem) -> None:
    class Impatient(AsyncioActor):
        async def on_receive(self, message: Any) -> Any:
            await self.system.idle()

    ref = await system.start(Impatient)
    with pytest.raises(BlockingCall, match="idle"):
        await ref.ask("wait for me")


async def test_a_line_of_the_log_inside_a_coroutine_names_the_actor(
    system: ActorSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    class Talker(AsyncioActor):
        async def on_receive(self, message: Any) -> Any:
            get_logger("somewhere").warning("spoken")

    ref = await system.start(Talker, name="feed/binance")
    await ref.ask("speak")
    assert "actor=feed/binance" in capsys.readouterr().err
