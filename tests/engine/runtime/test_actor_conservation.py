"""Whatever happens to actors, no message and no reply is ever lost without a word."""

import asyncio
import threading
from collections import Counter
from typing import Any, ClassVar

import msgspec
import pykka
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.actor import AsyncioActor, MailboxSpec, handles
from engine.runtime.clock import VirtualClock
from engine.runtime.errors import MailboxFull
from engine.runtime.system import ActorSystem


class Job(msgspec.Struct, frozen=True):
    """Something to do; `how` says how it ends."""

    number: int
    how: str


class Urgent(Job, frozen=True):
    """The same, before the rest."""

    __lane__: ClassVar[str] = "control"


class Slow(Job, frozen=True):
    """The same, in a coroutine."""


class Worker(AsyncioActor):
    """Does jobs and counts them."""

    mailbox = MailboxSpec(limit=6)

    def __init__(self, done: Counter[int]) -> None:
        super().__init__()
        self.finished = done

    @handles(Job, Urgent)
    def on_job(self, message: Job) -> Any:
        self.finished[message.number] += 1
        if message.how == "fail":
            raise ValueError(message.number)
        if message.how == "defer":
            return self.new_future()
        if message.how == "halt":
            self.actor_ref.halt()
        if message.how == "spawn":
            self.spawn(self.on_slow(Slow(number=-1, how="fail")), name="side")
        return message.number

    @handles(Slow)
    async def on_slow(self, message: Slow) -> Any:
        self.finished[message.number] += 1
        await asyncio.sleep(0)
        if message.how == "fail":
            raise ValueError(message.number)
        return message.number


JOBS = st.tuples(
    st.sampled_from(["tell", "ask"]),
    st.integers(0, 2),
    st.sampled_from([Job, Urgent, Slow]),
    st.sampled_from(["well", "well", "well", "fail", "defer", "halt", "spawn"]),
)
STEPS = st.lists(
    st.one_of(
        JOBS,
        st.tuples(st.sampled_from(["stop", "halt"]), st.integers(0, 2)),
        st.tuples(st.sampled_from(["turn", "drain", "idle"])),
    ),
    max_size=40,
)


class Run:
    """One random program, and the account of its messages."""

    def __init__(self) -> None:
        self.broken: list[BaseException] = []
        self.system = ActorSystem(clock=VirtualClock(), fatal=self.broken.append)
        self.done: Counter[int] = Counter()
        self.replies: list[Any] = []
        self.sent: list[int] = []
        self.refused = 0
        self.refs: list[Any] = []

    async def begin(self) -> None:
        self.refs = [await self.system.start(Worker, self.done) for _ in range(3)]

    async def step(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("tell" | "ask" as way, place, kind, how):
                number = len(self.sent) + self.refused
                try:
                    reply = getattr(self.refs[place], way)(kind(number=number, how=how))
                except (MailboxFull, pykka.ActorDeadError):
                    self.refused += 1
                else:
                    self.sent.append(number)
                    self.replies += [] if reply is None else [reply]
            case ("stop" | "halt" as way, place):
                self.replies.append(getattr(self.refs[place], way)())
            case ("turn",):
                await asyncio.sleep(0)
            case ("drain",):
                self.system.drain()
            case _:
                await self.system.idle()


@given(steps=STEPS)
def test_every_message_is_handled_once_or_counted_and_every_reply_is_settled(steps: list[tuple[Any, ...]]) -> None:
    run = Run()

    async def main() -> None:
        await run.begin()
        for step in steps:
            await run.step(step)
        await run.system.idle()
        await run.system.stop_all()

    asyncio.run(main())
    assert run.broken == []
    assert all(reply.done() for reply in run.replies)
    handled = [number for number in run.sent if run.done[number]]
    assert all(run.done[number] == 1 for number in handled)
    # An ask to a stopped actor is answered with the error and never enters a mailbox.
    unsent = sum(_is_not_found(reply) for reply in run.replies)
    assert len(handled) + run.system.dead_letters + unsent == len(run.sent)
    assert len(run.system.directory) == 0
    assert run.system.scheduler._busy == {}


def _is_not_found(reply: Any) -> bool:
    return isinstance(reply._error, pykka.ActorDeadError) and str(reply._error).endswith("not found")


class Listener(AsyncioActor):
    """Keeps what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        self.heard.append(message)
        return len(self.heard)


@pytest.mark.asyncio
async def test_threads_that_tell_at_once_lose_nothing_and_keep_their_own_order(system: ActorSystem) -> None:
    ref: Any = await system.start(Listener)
    count, senders = 2_000, 3
    barrier = threading.Barrier(senders)

    def send(sender: int) -> None:
        barrier.wait()
        for number in range(count):
            ref.tell((sender, number))

    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.run_in_executor(None, send, sender) for sender in range(senders)))
    assert await ref.ask("last") == count * senders + 1
    heard = ref.actor_inbox.actor.heard[:-1]
    for sender in range(senders):
        assert [number for who, number in heard if who == sender] == list(range(count))
