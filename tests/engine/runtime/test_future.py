"""Futures: pykka's operations, awaited."""

import asyncio
import queue
from typing import Any

import pykka
import pytest

from engine.runtime.clock import VirtualClock
from engine.runtime.errors import BlockingCall
from engine.runtime.future import AsyncioFuture


def a_future(value: Any = None) -> AsyncioFuture[Any]:
    future: AsyncioFuture[Any] = AsyncioFuture()
    if value is not None:
        future.set(value)
    return future


def test_a_value_can_be_read_many_times() -> None:
    future = a_future("x")
    assert [future.get(), future.get(timeout=0)] == ["x", "x"]
    assert isinstance(future, pykka.Future)
    assert repr(future) == "<AsyncioFuture set>"


def test_nothing_may_be_set_twice() -> None:
    future = a_future("x")
    with pytest.raises(queue.Full):
        future.set("y")
    with pytest.raises(queue.Full):
        future.set_exception((ValueError, None, None))
    with pytest.raises(queue.Full):
        future.set_get_hook(lambda _: "y")
    assert future.get() == "x"


def test_set_without_a_value_sets_none() -> None:
    future = a_future()
    future.set()
    assert future.get() is None


def test_an_error_is_raised_with_its_traceback() -> None:
    future = a_future()
    try:
        _raise_here()
    except ValueError:
        future.set_exception()
    with pytest.raises(ValueError, match="here") as caught:
        future.get()
    assert caught.traceback[-1].name == "_raise_here"
    assert repr(future) == "<AsyncioFuture failed>"


def test_an_error_may_come_as_a_triple_without_a_value() -> None:
    future = a_future()
    future.set_exception((KeyError, None, None))
    with pytest.raises(KeyError):
        future.get()


def test_a_hook_is_called_once_and_only_when_read() -> None:
    calls: list[Any] = []

    def hook(timeout: float | None) -> str:
        calls.append(timeout)
        return "made"

    future = a_future()
    future.set_get_hook(hook)
    assert calls == []
    assert [future.get(timeout=2), future.get()] == ["made", "made"]
    assert calls == [2]
    with pytest.raises(queue.Full):
        future.set("x")


def test_reading_what_is_not_here_raises() -> None:
    future = a_future()
    with pytest.raises(BlockingCall):
        future.get()
    assert repr(future) == "<AsyncioFuture pending>"
    assert not future.done()


@pytest.mark.asyncio
async def test_every_waiter_gets_the_value() -> None:
    future = a_future()
    waiters = [asyncio.ensure_future(_wait(future)) for _ in range(3)]
    await asyncio.sleep(0)
    future.set("x")
    assert await asyncio.gather(*waiters) == ["x", "x", "x"]


@pytest.mark.asyncio
async def test_a_cancelled_waiter_leaves_the_others_alone() -> None:
    future = a_future()
    first, second = (asyncio.ensure_future(_wait(future)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    future.set("x")
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == "x"


@pytest.mark.asyncio
async def test_a_waiter_that_is_cancelled_before_the_value_comes_is_forgotten() -> None:
    future = a_future()
    waiter = asyncio.ensure_future(_wait(future))
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.sleep(0)
    assert future._callbacks == []
    future.set("x")
    assert await future == "x"


@pytest.mark.asyncio
async def test_a_deadline_ends_the_wait_on_the_clock() -> None:
    clock = VirtualClock()
    future = a_future()
    future.expire_at(clock, 1.5)
    waiter = asyncio.ensure_future(_wait(future))
    await asyncio.sleep(0)
    clock.advance(1_499_999_999)
    await asyncio.sleep(0)
    assert not waiter.done()
    clock.advance(1)
    with pytest.raises(pykka.Timeout, match=r"1\.5 seconds"):
        await waiter
    assert future._callbacks == []
    future.set("late")
    assert await future == "late"


@pytest.mark.asyncio
async def test_a_value_in_time_cancels_the_deadline() -> None:
    clock = VirtualClock()
    future = a_future()
    future.expire_at(clock, 1.5)
    waiter = asyncio.ensure_future(_wait(future))
    await asyncio.sleep(0)
    future.set("x")
    assert await waiter == "x"
    assert clock.next_timer_ns() is None


@pytest.mark.asyncio
async def test_map_passes_the_whole_value_through_a_function() -> None:
    future = a_future()
    mapped = future.map(lambda value: {**value, "more": 2})
    future.set({"foo": 1})
    assert await mapped == {"foo": 1, "more": 2}


@pytest.mark.asyncio
async def test_map_runs_once_and_its_error_is_the_value() -> None:
    calls: list[Any] = []

    def fails(value: Any) -> Any:
        calls.append(value)
        raise ValueError("in map")

    mapped = a_future("x").map(fails)
    for _ in range(2):
        with pytest.raises(ValueError, match="in map"):
            await mapped
    assert calls == ["x"]


@pytest.mark.asyncio
async def test_an_error_passes_through_map() -> None:
    future = a_future()
    mapped = future.map(str)
    future.fail(ValueError("source"))
    with pytest.raises(ValueError, match="source"):
        await mapped


@pytest.mark.asyncio
async def test_filter_keeps_what_passes() -> None:
    assert await a_future(range(5, 15)).filter(lambda item: item > 10) == [11, 12, 13, 14]
    with pytest.raises(TypeError):
        await a_future(3).filter(bool)


@pytest.mark.asyncio
async def test_join_waits_for_all_and_keeps_their_order() -> None:
    first, second, third = a_future(), a_future("b"), a_future()
    joined = first.join(second, third)
    third.set(False)
    assert not joined.done()
    first.set("a")
    assert await joined == ["a", "b", False]


@pytest.mark.asyncio
async def test_the_first_error_in_order_is_the_error_of_a_join() -> None:
    first, second = a_future(), a_future()
    joined = first.join(second)
    second.fail(ValueError("second"))
    first.fail(ValueError("first"))
    with pytest.raises(ValueError, match="first"):
        await joined


@pytest.mark.asyncio
@pytest.mark.parametrize(("items", "start", "expected"), [(["a", "b"], (), "ab"), ([1, 2, 3], (5,), 11), ([], (5,), 5)])
async def test_reduce_folds_from_left_to_right(items: list[Any], start: tuple[Any, ...], expected: Any) -> None:
    assert await a_future(items).reduce(lambda x, y: x + y, *start) == expected


@pytest.mark.asyncio
async def test_reduce_of_nothing_without_a_start_is_an_error() -> None:
    future = a_future()
    reduced = future.reduce(lambda x, y: x + y)
    future.set([])
    with pytest.raises(TypeError):
        await reduced


@pytest.mark.asyncio
async def test_operations_can_be_chained_and_keep_the_deadline() -> None:
    clock = VirtualClock()
    future = a_future()
    future.expire_at(clock, 1.0)
    chained = future.filter(lambda item: item > 1).map(list)
    clock.advance(1_000_000_000)
    with pytest.raises(pykka.Timeout):
        await chained
    future.set([1, 2, 3])
    assert await chained == [2, 3]


@pytest.mark.asyncio
async def test_a_hooked_future_can_be_awaited_and_copied() -> None:
    hooked, broken = a_future(), a_future()
    hooked.set_get_hook(lambda _: "made")
    broken.set_get_hook(lambda _: 1 / 0)
    assert await hooked == "made"
    copies = a_future(), a_future()
    hooked.copy_to(copies[0])
    broken.copy_to(copies[1])
    assert copies[0].get() == "made"
    with pytest.raises(ZeroDivisionError):
        copies[1].get()


def _raise_here() -> None:
    raise ValueError("here")


async def _wait(future: AsyncioFuture[Any]) -> Any:
    return await future
