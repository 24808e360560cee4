"""How the people of a run ask an actor of a cell: with patience, and knowing that silence proves nothing."""

import asyncio
from typing import Any, Final

import msgspec

from engine.domain.errors import BadInput, CivalError
from engine.domain.identifiers import UserId
from engine.runtime.errors import ActorDeadError, Timeout
from engine.simulation.ports import Ground

ANSWER_TIMEOUT_NS: Final = 4_000_000_000


class Nothing(Exception):
    """No answer has come; it may still have happened."""


async def attempt(ground: Ground, user_id: UserId, message: Any, door: str = "gate") -> Any:
    """Ask once; None if no answer has come, or it was refused."""
    try:
        return await ask(ground, user_id, message, door)
    except (Nothing, BadInput):
        return None


async def ask(ground: Ground, user_id: UserId, message: msgspec.Struct, door: str = "gate") -> Any:
    """Ask an actor of a cell, wherever it runs now.

    Args:
        ground: Where the run happens.
        user_id: Whose cell.
        message: What is asked.
        door: Which of its actors, as `CellRefs` names them.

    Raises:
        Nothing: Nobody has answered; what was asked may still happen.
        BadInput: It was refused for good.
    """
    refs = ground.doors.cell(user_id)
    if refs is None:
        raise Nothing
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    try:
        reply = getattr(refs, door).ask(message)
    except (CivalError, ActorDeadError) as error:
        raise Nothing from error
    reply.when_done(lambda _: _wake(waiter))
    timer = ground.clock.call_at(ground.clock.now_ns() + ANSWER_TIMEOUT_NS, lambda: _wake(waiter))
    await waiter
    timer.cancel()
    if not reply.done():
        raise Nothing
    try:
        return reply.get()
    except BadInput:
        raise
    except (CivalError, ActorDeadError, Timeout) as error:
        raise Nothing from error


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
