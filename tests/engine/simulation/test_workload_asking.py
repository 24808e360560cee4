"""Who asks gets the answer, a refusal, or nothing; never does silence count as a no."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.domain.errors import BadInput, NotReady
from engine.domain.identifiers import UserId
from engine.messages.executors import ResumeExecutor
from engine.runtime.clock import VirtualClock
from engine.runtime.future import AsyncioFuture
from engine.simulation.ports import Ground
from engine.simulation.workload_asking import ANSWER_TIMEOUT_NS, Nothing, ask, attempt
from tests.support.cell_builders import START_NS, USER, an_id

MESSAGE = ResumeExecutor(user_id=UserId(USER), executor_id=an_id(1), reason="test")  # type: ignore[arg-type]
pytestmark = pytest.mark.asyncio


def ground(reply: AsyncioFuture[Any] | None, clock: VirtualClock) -> Ground:
    door = SimpleNamespace(ask=lambda _: reply)
    refs = None if reply is None else SimpleNamespace(executors=door)
    return cast("Ground", SimpleNamespace(clock=clock, doors=SimpleNamespace(cell=lambda _: refs)))


async def asked(reply: AsyncioFuture[Any] | None, *, passes_ns: int = 0, is_patient: bool = False) -> Any:
    clock = VirtualClock(START_NS)
    way = attempt if is_patient else ask
    task = asyncio.create_task(way(ground(reply, clock), UserId(USER), MESSAGE, door="executors"))
    await asyncio.sleep(0)
    clock.advance_to(START_NS + passes_ns)
    return await task


async def test_an_answer_is_given_back() -> None:
    reply: AsyncioFuture[Any] = AsyncioFuture()
    reply.set("yes")
    assert await asked(reply) == "yes"


@pytest.mark.parametrize("is_patient", [False, True])
async def test_silence_is_nothing(*, is_patient: bool) -> None:
    if is_patient:
        assert await asked(AsyncioFuture(), passes_ns=ANSWER_TIMEOUT_NS, is_patient=True) is None
        return
    with pytest.raises(Nothing):
        await asked(AsyncioFuture(), passes_ns=ANSWER_TIMEOUT_NS)


async def test_nobody_there_is_nothing() -> None:
    with pytest.raises(Nothing):
        await asked(None)


@pytest.mark.parametrize(
    ("error", "expected"),
    [(BadInput("side", expected="buy", was="sell"), BadInput), (NotReady("database", why="away"), Nothing)],
)
async def test_a_refusal_is_final_and_not_ready_is_nothing(error: Exception, expected: type[Exception]) -> None:
    reply: AsyncioFuture[Any] = AsyncioFuture()
    reply.fail(error)
    with pytest.raises(expected):
        await asked(reply)
