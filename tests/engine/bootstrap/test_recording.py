"""A live venue is recorded to files, and these are the market again."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from config.settings import VenueSettings
from connectors.replay.session import ReplaySession
from engine.bootstrap.live import LiveFeed
from engine.bootstrap.recording import Recorder
from engine.domain.book import BINANCE_SPOT, Book
from engine.messages.market import BookDelta, BookSnapshot
from engine.runtime.clock import NS_PER_S, WallClock
from engine.runtime.entropy import system_rng
from tests.connectors.live.test_market import a_book, a_diff_frame, a_quote_frame
from tests.support.live_market import FakePublic, FeedServer, PlayedPlan, a_pair
from tests.support.market import SYMBOL

pytestmark = pytest.mark.asyncio


def a_feed(adapter: FakePublic) -> LiveFeed:
    return LiveFeed(
        adapter=adapter, listing=adapter.listing, instruments=adapter.listing.instruments, symbols=(SYMBOL,),
        configured=VenueSettings(), by_symbol={each.symbol: each for each in adapter.listing.instruments},
    )  # fmt: skip


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def test_what_was_recorded_is_the_market_again(tmp_path: Path) -> None:
    server = await FeedServer().start()
    adapter = FakePublic(a_pair(), plans=[PlayedPlan(server)])
    adapter.snapshots = [a_book(10), a_book(20), a_book(42)]
    recorder = Recorder(
        "binance", a_feed(adapter), tmp_path / "out", rotate_ns=NS_PER_S, clock=WallClock(), rng=system_rng()
    )
    task = asyncio.create_task(recorder.run(for_ns=4 * NS_PER_S))
    await until(lambda: recorder.is_connected and recorder.synced)
    number = 11
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        if number == 30:
            number = 42  # A hole, after which the book is fetched anew.
        await server.say(a_diff_frame(number, number), a_quote_frame())
        number += 1
        await asyncio.sleep(0.02)
    await server.say("{")
    await task
    await adapter.close()
    await server.stop()

    assert recorder.error is None
    assert (recorder.synced, recorder.counts.unread) == (1, 1)
    assert recorder.counts.files >= 3
    frames = list(ReplaySession(tmp_path / "out", venue="binance").play())
    assert [frame.error for frame in frames if frame.error] == []
    book = Book(BINANCE_SPOT)
    for message in (each for frame in frames for each in frame.messages):
        if isinstance(message, BookSnapshot):
            book.apply_snapshot(message.last_update_id, message.bids, message.asks)
        elif isinstance(message, BookDelta):
            book.apply_diff(message.first_update_id, message.last_update_id, None, message.bids, message.asks)
    assert (book.gaps, book.state.value, book.last_update_id) == (1, "synced", number - 1)


async def test_a_disk_that_is_full_ends_the_recording_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await FeedServer().start()
    adapter = FakePublic(a_pair(), plans=[PlayedPlan(server)])
    adapter.snapshots = [a_book(10)]
    recorder = Recorder("binance", a_feed(adapter), tmp_path, rotate_ns=NS_PER_S, clock=WallClock(), rng=system_rng())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recorder._recording, "frame", full)
    task = asyncio.create_task(recorder.run(for_ns=None))
    await until(lambda: recorder.is_connected)
    await server.say(a_quote_frame())
    with pytest.raises(OSError, match="No space left"):
        await task
    await adapter.close()
    await server.stop()
