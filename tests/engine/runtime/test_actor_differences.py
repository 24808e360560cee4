"""Where this runtime differs from pykka on purpose, and what it adds to the actor itself."""

import asyncio
import threading
from typing import Any, ClassVar

import msgspec
import pykka
import pytest

from engine.runtime.actor import AsyncioActor, MailboxSpec, handles
from engine.runtime.errors import BlockingCall, MailboxFull
from engine.runtime.system import ActorSystem


class Count(msgspec.Struct, frozen=True):
    """Add."""

    n: int = 1


class Command(msgspec.Struct, frozen=True):
    """Goes before everything else."""

    __lane__: ClassVar[str] = "control"

    text: str


class Tick(msgspec.Struct, frozen=True):
    """Goes behind everything else."""

    __lane__: ClassVar[str] = "market"

    text: str


class Counter(AsyncioActor):
    """Counts and writes down."""

    mailbox = MailboxSpec(limit=3)

    def __init__(self) -> None:
        super().__init__()
        self.total = 0
        self.seen: list[str] = []

    @handles(Count)
    def on_count(self, message: Count) -> int:
        self.total += message.n
        return self.total

    @handles(Command, Tick)
    def on_text(self, message: Command | Tick) -> None:
        self.seen.append(message.text)

    def on_stop(self) -> None:
        self.seen.append("stopped")


class Fatal(AsyncioActor):
    """Raises what it is told."""

    def on_receive(self, message: Any) -> Any:
        raise message


def test_start_without_a_loop_registers_nothing() -> None:
    before = pykka.ActorRegistry.get_all()
    with pytest.raises(RuntimeError, match="no running event loop"):
        Counter.start()
    assert pykka.ActorRegistry.get_all() == before


@pytest.mark.asyncio
async def test_a_future_that_is_not_here_raises_instead_of_blocking(system: ActorSystem) -> None:
    reply = (await system.start(Counter)).ask(Count())
    with pytest.raises(BlockingCall, match="await future"):
        reply.get()
    assert await reply == 1
    assert reply.get(timeout=1.0) == 1


@pytest.mark.asyncio
async def test_a_full_mailbox_raises_instead_of_blocking(system: ActorSystem) -> None:
    ref = await system.start(Counter)
    for _ in range(3):
        ref.tell(Count())
    with pytest.raises(MailboxFull, match="less than 3 messages in lane orders"):
        ref.tell(Count())
    with pytest.raises(MailboxFull):
        ref.ask(Count())
    await system.idle()
    assert await ref.ask(Count()) == 4


@pytest.mark.asyncio
@pytest.mark.parametrize("error", [SystemExit(1), GeneratorExit(), asyncio.CancelledError()])
async def test_a_base_exception_ends_its_actor_and_never_all(system: ActorSystem, error: BaseException) -> None:
    ref, other = await system.start(Fatal), await system.start(Counter)
    answer, left = ref.ask(error), ref.ask(error)
    for reply in (answer, left):
        with pytest.raises(pykka.ActorDeadError):
            await reply
    assert not ref.is_alive()
    assert await other.ask(Count()) == 1


@pytest.mark.asyncio
async def test_the_operators_interrupt_ends_the_actor_and_reaches_the_loop(system: ActorSystem) -> None:
    ref, other = await system.start(Fatal), await system.start(Counter)
    ref.tell(KeyboardInterrupt())
    other.tell(Count(5))
    with pytest.raises(KeyboardInterrupt):
        system.drain()
    assert not ref.is_alive()
    assert await other.ask(Count()) == 6


@pytest.mark.asyncio
async def test_stop_is_a_barrier_behind_all_lanes(system: ActorSystem) -> None:
    ref = await system.start(Counter)
    actor = ref.actor_inbox.actor
    assert isinstance(actor, Counter)
    ref.tell(Tick("tick"))
    ref.tell(Count())
    stopped = ref.stop()
    ref.tell(Command("too late"))
    ref.tell(Tick("too late"))
    assert await stopped is True
    assert actor.total == 1
    assert actor.seen == ["tick", "stopped"]
    assert system.dead_letters == 2


@pytest.mark.asyncio
async def test_a_handler_that_halts_its_own_actor_is_its_last(system: ActorSystem) -> None:
    class Suicidal(Counter):
        @handles(Count)
        def on_count(self, message: Count) -> int:
            self.actor_ref.halt()
            return super().on_count(message)

    ref = await system.start(Suicidal)
    actor = ref.actor_inbox.actor
    assert isinstance(actor, Suicidal)
    for text in ("one", "two"):
        ref.tell(Count())
        ref.tell(Tick(text))
    await system.idle()
    assert actor.total == 1
    assert actor.seen == ["stopped"]
    assert not ref.is_alive()


@pytest.mark.asyncio
async def test_urns_come_from_the_ids_of_the_system(system: ActorSystem) -> None:
    before = system.ids.text()
    ref = await system.start(Counter)
    after = system.ids.text()
    assert before < ref.actor_urn.removeprefix("urn:uuid:") < after


@pytest.mark.asyncio
async def test_a_tell_from_another_thread_wakes_the_loop(system: ActorSystem) -> None:
    ref = await system.start(Counter)
    await system.idle()
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Listener(AsyncioActor):
        def on_receive(self, message: Any) -> Any:
            assert threading.get_ident() == main
            if message == 99:
                heard.set()

    def tell_a_hundred() -> None:
        for number in range(100):
            listener.tell(number)

    main = threading.get_ident()
    listener = await system.start(Listener)
    await system.idle()
    await loop.run_in_executor(None, tell_a_hundred)
    await heard.wait()
    assert await ref.ask(Count()) == 1


def test_an_actor_made_by_hand_can_be_called_but_has_no_system() -> None:
    counter = Counter()
    assert counter.on_count(Count(3)) == 3
    with pytest.raises(AssertionError, match="started by an ActorSystem"):
        _ = counter.system


def test_a_subclass_may_not_take_a_name_of_the_runtime() -> None:
    with pytest.raises(AssertionError, match="_actor_tasks"):
        type("Clashing", (AsyncioActor,), {"_actor_tasks": {}})
