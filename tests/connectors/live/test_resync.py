"""Books are fetched until they are in sync, however long that takes."""

import asyncio
from typing import Any

import pytest

from connectors.bridge.errors import Limited, Unknown
from connectors.live.resync import AT_ONCE, STREAM_NS, Resync
from engine.domain.errors import BadInput
from engine.messages.market import BookSnapshot
from engine.runtime.clock import NS_PER_S, VirtualClock
from engine.runtime.entropy import seeded_rng
from engine.runtime.log import get_logger
from tests.support.live_market import FakePublic
from tests.support.market import SYMBOL, a_snapshot

pytestmark = pytest.mark.asyncio


class Bench:
    """One `Resync` in virtual time, and what it did."""

    def __init__(self) -> None:
        self.adapter = FakePublic()
        self.clock = VirtualClock(0)
        self.published: list[BookSnapshot] = []
        self.redialled: list[str] = []
        self.counted = 0
        self.tasks: list[asyncio.Task[Any]] = []
        self.resync = Resync(
            self.adapter, publish=self.published.append, redial=self.redialled.append, count=self.count,
            clock=self.clock, rng=seeded_rng(1), log=get_logger("test"),
        )  # fmt: skip

    def count(self) -> None:
        self.counted += 1

    def spawn(self, work: Any, name: str) -> "asyncio.Task[Any]":
        task = asyncio.create_task(work, name=name)
        self.tasks.append(task)
        return task

    def begin(self, symbol: str = SYMBOL) -> None:
        self.resync.begin(symbol, "gap", self.spawn)

    async def pass_time(self, seconds: float) -> None:
        until_ns = self.clock.now_ns() + int(seconds * NS_PER_S)
        while True:
            for _ in range(20):
                await asyncio.sleep(0)
            due_ns = self.clock.next_timer_ns()
            if due_ns is None or due_ns > until_ns:
                break
            self.clock.advance_to(max(due_ns, self.clock.now_ns()))
        self.clock.advance_to(until_ns)

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_it_never_gives_up_and_counts_each_attempt() -> None:
    bench = Bench()
    bench.adapter.snapshots += [Unknown("timeout"), Limited(1), BadInput("x", expected="y", was="z"), OSError("gone")]
    bench.adapter.snapshots += [Unknown("timeout")] * 500
    bench.resync.online()
    bench.begin()
    await bench.pass_time(3_600)
    assert bench.published == []
    assert bench.counted == len(bench.adapter.asked) == bench.resync.attempts[SYMBOL]
    assert bench.counted > 3_600 / 31, "once in 30 s at the least"
    bench.adapter.snapshots = [a_snapshot(7)]
    await bench.pass_time(31)
    assert [each.last_update_id for each in bench.published] == [7]
    bench.resync.end(SYMBOL)
    asked = len(bench.adapter.asked)
    await bench.pass_time(120)
    assert (len(bench.adapter.asked), bench.resync.attempts) == (asked, {})
    await bench.end()


async def test_a_book_that_does_not_fit_is_fetched_again() -> None:
    bench = Bench()
    bench.adapter.snapshots = [a_snapshot(1), a_snapshot(2), a_snapshot(3)]
    bench.resync.online()
    bench.begin()
    bench.begin()
    await bench.pass_time(2)
    assert [each.last_update_id for each in bench.published] == [1, 2, 3]
    await bench.end()


async def test_nothing_is_fetched_while_the_feed_is_away() -> None:
    bench = Bench()
    bench.adapter.snapshots = [a_snapshot(1)]
    bench.begin()
    await bench.pass_time(60)
    assert bench.adapter.asked == []
    bench.resync.online()
    await bench.pass_time(0.01)
    assert [each.last_update_id for each in bench.published] == [1]
    await bench.end()


async def test_a_book_of_the_connection_before_is_not_published() -> None:
    bench = Bench()
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(symbol: str) -> BookSnapshot:
        bench.adapter.asked.append(symbol)
        asked.set()
        await answer.wait()
        return a_snapshot(len(bench.adapter.asked))

    bench.adapter.snapshot = slow  # type: ignore[method-assign]
    bench.resync.online()
    bench.begin()
    await asked.wait()
    bench.resync.offline()
    bench.resync.online()
    answer.set()
    await bench.pass_time(1)
    assert bench.published[0].last_update_id == 2, "the first one may be older than what was missed"
    await bench.end()


async def test_where_the_stream_brings_books_the_sockets_are_dialled_anew_more_and_more_seldom() -> None:
    bench = Bench()
    bench.resync.online()
    bench.begin()
    await bench.pass_time(STREAM_NS / NS_PER_S - 1)
    assert bench.redialled == [], "it is on its way"
    await bench.pass_time(2)
    assert bench.redialled == [f"no book of {SYMBOL}: gap"]
    await bench.pass_time(3_600)
    assert 5 <= len(bench.redialled) <= 10, "a symbol that is not there must not cost the others their sockets"
    await bench.end()


async def test_a_whole_venue_comes_back_little_by_little() -> None:
    bench = Bench()
    waiting = 0
    most = 0

    async def slow(symbol: str) -> BookSnapshot:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        await bench.clock.sleep(NS_PER_S)
        waiting -= 1
        return a_snapshot(1, symbol=symbol)

    bench.adapter.snapshot = slow  # type: ignore[method-assign]
    bench.resync.online()
    for number in range(100):
        bench.begin(f"A{number}/USDT")
    await bench.pass_time(1.5)
    assert most == AT_ONCE
    await bench.pass_time(60)
    assert {each.symbol for each in bench.published} == {f"A{number}/USDT" for number in range(100)}
    await bench.end()
