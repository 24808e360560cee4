"""How a coroutine ends, told apart."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from engine.runtime.tasks import error_of, guard

pytestmark = pytest.mark.asyncio


async def _raises(error: BaseException) -> None:
    raise error


async def _returns() -> str:
    return "value"


async def _ended(coroutine: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    task = asyncio.ensure_future(guard(coroutine))
    await asyncio.wait([task])
    return task


async def test_a_value_is_no_error() -> None:
    task = await _ended(_returns())
    assert error_of(task) is None
    assert task.result() == "value"


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3)])
async def test_an_error_and_an_exit_are_what_was_raised(error: BaseException) -> None:
    assert error_of(await _ended(_raises(error))) is error


async def test_a_cancellation_is_an_error() -> None:
    assert isinstance(error_of(await _ended(_raises(asyncio.CancelledError()))), asyncio.CancelledError)
