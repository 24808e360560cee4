"""How the coroutines of actors end: as a value or an error, and never as the end of the loop."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class _Exit(Exception):
    """Carries a SystemExit out of a task, as its cause: raised as itself it would stop the loop."""


async def guard(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return what `coroutine` returns, and wrap what would stop the loop."""
    try:
        return await coroutine
    except SystemExit as error:
        raise _Exit from error


def error_of(task: "asyncio.Task[Any]") -> BaseException | None:
    """Return the error that ended a task made of a guarded coroutine; None if it returned."""
    if task.cancelled():
        return asyncio.CancelledError()
    error = task.exception()
    return error.__cause__ if type(error) is _Exit else error
