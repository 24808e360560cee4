"""The published behaviour of pykka's actors, with `await` in the place of `get()` and `block=True`."""

from types import TracebackType
from typing import Any

import pykka
import pytest

from engine.runtime.actor import AsyncioActor
from engine.runtime.system import ActorSystem

pytestmark = pytest.mark.asyncio


class Recorder(AsyncioActor):
    """Writes down what happens to it, as the actors of pykka's own tests do."""

    def __init__(self, log: list[Any] | None = None) -> None:
        super().__init__()
        self.seen = log if log is not None else []

    def on_start(self) -> None:
        self.seen.append("on_start")

    def on_stop(self) -> None:
        self.seen.append("on_stop")

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert traceback is not None
        self.seen.append(("on_failure", exception_type, str(exception_value)))

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Exception):
            raise message
        if message == "stop yourself":
            self.stop()
        self.seen.append(message)
        return f"reply to {message}"


async def test_start_gives_a_ref_to_a_running_actor(system: ActorSystem) -> None:
    ref = Recorder.start()
    assert isinstance(ref, pykka.ActorRef)
    assert ref.is_alive()
    assert ref.actor_class is Recorder
    assert isinstance(ref.actor_inbox.actor, pykka.Actor)
    assert ref in pykka.ActorRegistry.get_all()


async def test_arguments_of_start_reach_the_constructor(system: ActorSystem) -> None:
    log: list[Any] = []
    Recorder.start(log)
    Recorder.start(log=log)
    await system.idle()
    assert log == ["on_start", "on_start"]


async def test_an_actor_has_a_urn_of_its_own(system: ActorSystem) -> None:
    first, second = Recorder.start(), Recorder.start()
    assert first.actor_urn.startswith("urn:uuid:")
    assert first.actor_urn != second.actor_urn
    assert pykka.ActorRegistry.get_by_urn(first.actor_urn) is first


async def test_a_constructor_without_super_is_refused_and_registers_nothing(system: ActorSystem) -> None:
    class Forgetful(AsyncioActor):
        def __init__(self) -> None:
            pass

    with pytest.raises(AssertionError, match=r"super\(\).__init__"):
        Forgetful.start()
    assert system.directory.get_all() == []


async def test_on_start_runs_before_the_first_message(system: ActorSystem) -> None:
    log: list[Any] = []
    ref = Recorder.start(log)
    ref.tell("early")
    assert log == []
    await system.idle()
    assert log == ["on_start", "early"]


async def test_an_error_in_on_start_stops_the_actor_without_on_failure(system: ActorSystem) -> None:
    class Early(Recorder):
        def on_start(self) -> None:
            super().on_start()
            raise RuntimeError("not today")

    log: list[Any] = []
    ref = Early.start(log)
    reply = ref.ask("left behind")
    await system.idle()
    assert log == ["on_start"]
    assert not ref.is_alive()
    assert ref not in pykka.ActorRegistry.get_all()
    with pytest.raises(pykka.ActorDeadError):
        await reply


async def test_messages_are_handled_in_the_order_in_which_they_were_sent(system: ActorSystem) -> None:
    log: list[Any] = []
    ref = Recorder.start(log)
    for number in range(300):
        ref.tell(number)
    await system.idle()
    assert log == ["on_start", *range(300)]


async def test_tell_returns_nothing_and_the_reply_is_dropped(system: ActorSystem) -> None:
    ref = Recorder.start()
    answers = [ref.tell("a")]  # type: ignore[func-returns-value]
    await system.idle()
    assert answers == [None]


async def test_ask_gives_the_return_value(system: ActorSystem) -> None:
    ref = Recorder.start()
    assert await ref.ask("b") == "reply to b"
    assert await ref.ask("c", block=False) == "reply to c"


async def test_an_error_in_an_ask_goes_to_the_asker_and_the_actor_lives_on(system: ActorSystem) -> None:
    log: list[Any] = []
    ref = Recorder.start(log)
    with pytest.raises(ValueError, match="wrong"):
        await ref.ask(ValueError("wrong"))
    assert await ref.ask("still here") == "reply to still here"
    assert log == ["on_start", "still here"]


async def test_an_error_in_a_tell_calls_on_failure_and_stops_the_actor(system: ActorSystem) -> None:
    log: list[Any] = []
    ref = Recorder.start(log)
    ref.tell(ValueError("wrong"))
    await system.idle()
    assert log == ["on_start", ("on_failure", ValueError, "wrong")]
    assert not ref.is_alive()
    assert ref not in pykka.ActorRegistry.get_all()


async def test_an_error_in_on_failure_still_stops_the_actor(system: ActorSystem) -> None:
    class Clumsy(Recorder):
        def on_failure(self, *_: Any) -> None:
            raise RuntimeError("twice")

    ref = Clumsy.start()
    later = ref.ask("later") if ref.tell(ValueError("once")) is None else None  # type: ignore[func-returns-value]
    assert later is not None
    with pytest.raises(pykka.ActorDeadError):
        await later
    assert not ref.is_alive()


async def test_stop_is_awaited_and_runs_on_stop(system: ActorSystem) -> None:
    log: list[Any] = []
    ref = Recorder.start(log)
    assert await ref.stop() is True
    assert log == ["on_start", "on_stop"]
    assert not ref.is_alive()
    assert ref not in pykka.ActorRegistry.get_all()


async def test_messages_sent_before_stop_are_handled_first(system: ActorSystem) -> None:
    log: list[Any] = []
    ref = Recorder.start(log)
    ref.tell("one")
    answer = ref.ask("two")
    await ref.stop()
    assert log == ["on_start", "one", "two", "on_stop"]
    assert await answer == "reply to two"


async def test_messages_left_after_stop_get_an_error(system: ActorSystem) -> None:
    ref = Recorder.start()
    stopped = ref.stop()
    left = ref.ask("left behind")
    with pytest.raises(pykka.ActorDeadError, match="stopped before handling the message"):
        await left
    assert await stopped is True


async def test_stopping_a_stopped_actor_says_so(system: ActorSystem) -> None:
    ref = Recorder.start()
    first, second = ref.stop(), ref.stop()
    assert (await first, await second) == (True, True)
    assert await ref.stop() is False


async def test_tell_to_a_stopped_actor_raises_and_an_ask_is_answered_with_the_error(system: ActorSystem) -> None:
    ref = Recorder.start()
    await ref.stop()
    with pytest.raises(pykka.ActorDeadError, match="not found"):
        ref.tell("anyone?")
    future = ref.ask("anyone?")
    with pytest.raises(pykka.ActorDeadError, match="not found"):
        await future


async def test_an_actor_can_stop_itself(system: ActorSystem) -> None:
    log: list[Any] = []
    ref = Recorder.start(log)
    ref.tell("stop yourself")
    await system.idle()
    assert log == ["on_start", "stop yourself", "on_stop"]
    assert not ref.is_alive()


async def test_an_error_in_on_stop_still_stops_the_actor_and_is_no_failure(system: ActorSystem) -> None:
    class Stubborn(Recorder):
        def on_stop(self) -> None:
            raise RuntimeError("no")

    log: list[Any] = []
    ref = Stubborn.start(log)
    assert await ref.stop() is True
    assert log == ["on_start"]
    assert not ref.is_alive()


async def test_a_message_that_nobody_handles_is_an_error_by_default(system: ActorSystem) -> None:
    class Deaf(AsyncioActor):
        pass

    ref = Deaf.start()
    with pytest.raises(Exception, match="expected a message it handles, was str"):
        await ref.ask("hello")
    assert ref.is_alive()
    ref.tell("hello")
    await system.idle()
    assert not ref.is_alive()


async def test_the_ref_and_the_actor_say_who_they_are(system: ActorSystem) -> None:
    ref = await system.start(Recorder, name="ledger/7")
    assert str(ref) == "Recorder (ledger/7)"
    assert repr(ref) == "<ActorRef for Recorder (ledger/7)>"
    assert str(ref.actor_inbox.actor) == "Recorder (ledger/7)"


async def test_an_actor_is_at_rest_when_nothing_waits_for_it(system: ActorSystem) -> None:
    ref = await system.start(Recorder)
    await system.idle()
    actor = ref.actor_inbox.actor
    assert actor is not None
    seen = [actor.is_at_rest]
    ref.tell("anything")
    seen.append(actor.is_at_rest)
    await system.idle()
    seen.append(actor.is_at_rest)
    assert seen == [True, False, True]
