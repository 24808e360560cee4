"""The clock that is turned by hand, and the one that nobody turns."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.clock import VirtualClock, WallClock, elapsed_ns


def test_timers_run_in_order_of_time_and_then_of_making_each_at_its_own_time() -> None:
    clock = VirtualClock(100)
    fired: list[tuple[str, int]] = []
    for name, when_ns in (("late", 130), ("first", 110), ("second", 110), ("past", 50)):
        clock.call_at(when_ns, lambda name=name: fired.append((name, clock.now_ns())))  # type: ignore[misc]
    clock.advance_to(120)
    assert fired == [("past", 100), ("first", 110), ("second", 110)]
    assert clock.now_ns() == clock.monotonic_ns() == 120
    assert clock.next_timer_ns() == 130


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=30), st.lists(st.integers(0, 20), max_size=6))
def test_every_timer_runs_once_in_order_and_cancelled_ones_never(
    timers: list[tuple[int, bool]], moves: list[int]
) -> None:
    clock = VirtualClock()
    fired: list[tuple[int, int]] = []
    for number, (when_ns, cancelled) in enumerate(timers):
        timer = clock.call_at(when_ns, lambda when=when_ns, number=number: fired.append((when, number)))  # type: ignore[misc]
        if cancelled:
            timer.cancel()
    for move in moves:
        clock.advance(move)
    due = [(when, number) for number, (when, cancelled) in enumerate(timers) if not cancelled and when <= sum(moves)]
    assert fired == (sorted(due) if moves else [])


def test_a_timer_may_add_timers_and_cancel_others() -> None:
    clock = VirtualClock()
    fired: list[str] = []
    victim = clock.call_at(20, lambda: fired.append("victim"))

    def first() -> None:
        fired.append("first")
        victim.cancel()
        clock.call_after(5, lambda: fired.append("added"))
        clock.call_after(500, lambda: fired.append("beyond"))

    clock.call_at(10, first)
    clock.advance_to(100)
    assert fired == ["first", "added"]


def test_an_error_of_a_timer_leaves_the_rest_pending() -> None:
    clock = VirtualClock()
    fired: list[str] = []
    clock.call_at(10, lambda: 1 / 0)
    clock.call_at(20, lambda: fired.append("rest"))
    with pytest.raises(ZeroDivisionError):
        clock.advance_to(30)
    assert clock.now_ns() == 10
    clock.advance_to(30)
    assert fired == ["rest"]


def test_the_clock_does_not_go_back() -> None:
    with pytest.raises(AssertionError, match="expected 5 or later, was 4"):
        VirtualClock(5).advance_to(4)


@pytest.mark.asyncio
async def test_sleep_ends_when_the_clock_has_moved() -> None:
    clock = VirtualClock()
    sleeper = asyncio.ensure_future(clock.sleep(10))
    await asyncio.sleep(0)
    clock.advance(9)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance(1)
    await sleeper


@pytest.mark.asyncio
async def test_a_cancelled_sleep_leaves_no_timer() -> None:
    clock = VirtualClock()
    sleeper = asyncio.ensure_future(clock.sleep(10))
    await asyncio.sleep(0)
    sleeper.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeper
    assert clock.next_timer_ns() is None


class _World:
    """A wall clock's source of time that a test sets."""

    def __init__(self) -> None:
        self.wall_ns = 1_000
        self.steady_ns = 0


def test_the_wall_clock_takes_its_time_from_its_source() -> None:
    world = _World()
    clock = WallClock(lambda: world.wall_ns, lambda: world.steady_ns)
    assert (clock.now_ns(), clock.monotonic_ns()) == (1_000, 0)
    assert WallClock().now_ns() > 1_700_000_000_000_000_000


@pytest.mark.asyncio
async def test_wall_timers_run_on_the_loop() -> None:
    clock = WallClock()
    fired: list[str] = []
    done = asyncio.Event()
    clock.call_at(clock.now_ns() - 1, lambda: fired.append("past"))
    clock.call_after(0, lambda: fired.append("cancelled")).cancel()
    clock.call_at(clock.now_ns(), lambda: fired.append("cancelled too")).cancel()
    clock.call_at(clock.now_ns() + 1_000_000, done.set)
    await clock.sleep(0)
    await done.wait()
    assert fired == ["past"]


@pytest.mark.asyncio
async def test_a_wall_timer_waits_on_when_the_clock_was_set_back() -> None:
    world = _World()
    clock = WallClock(lambda: world.wall_ns, lambda: world.steady_ns)
    fired: list[Any] = []
    done = asyncio.Event()

    def on_time() -> None:
        fired.append(world.wall_ns)
        done.set()

    clock.call_at(1_000, on_time)
    world.wall_ns = 500
    for _ in range(5):
        await asyncio.sleep(0)
    assert fired == []
    world.wall_ns = 1_000
    await done.wait()
    assert fired == [1_000]


def test_elapsed_time_never_goes_back_and_is_at_least_the_time_awake() -> None:
    began, awake = elapsed_ns(), time.monotonic_ns()
    assert 0 <= time.monotonic_ns() - awake <= elapsed_ns() - began + 1_000_000_000
    assert elapsed_ns() >= began
