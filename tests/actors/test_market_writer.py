"""Bringing public history to the database."""

import asyncio

import pytest

from actors.market_writer import RETRY_NS, MarketWriter
from engine.runtime.clock import VirtualClock
from engine.runtime.log import get_logger
from tests.actors.test_market_rows import names, row
from tests.support.market import FakeBulk


def a_writer() -> tuple[MarketWriter, FakeBulk, VirtualClock]:
    bulk, clock = FakeBulk(), VirtualClock(1_000)
    return MarketWriter(bulk, clock, get_logger("test")), bulk, clock


@pytest.mark.asyncio
async def test_everything_that_waits_is_written_in_bounded_batches() -> None:
    writer, bulk, _ = a_writer()
    for number in range(2_500):
        writer.rows.append(row(f"h{number}"))
    assert writer.is_due
    await writer.write()
    assert bulk.batches == [1_000, 1_000, 500]
    assert names(bulk.rows) == [f"h{number}" for number in range(2_500)]
    assert not writer.is_due


@pytest.mark.asyncio
async def test_while_the_database_is_away_rows_wait_and_it_is_asked_now_and_then() -> None:
    writer, bulk, clock = a_writer()
    writer.rows.append(row("h1"))
    bulk.is_away = True
    await writer.write()
    assert bulk.rows == []
    assert len(writer.rows) == 1
    due = [writer.is_due]
    clock.advance(RETRY_NS)
    assert [*due, writer.is_due] == [False, True]
    bulk.is_away = False
    writer.rows.append(row("h2"))
    await writer.write()
    assert names(bulk.rows) == ["h1", "h2"]


@pytest.mark.asyncio
async def test_a_write_that_is_cancelled_loses_nothing() -> None:
    writer, _, _ = a_writer()
    writer.rows.append(row("h1"))
    task = asyncio.create_task(writer.write())
    await asyncio.sleep(0)
    assert writer.is_writing
    assert not writer.is_due
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert names(writer.rows.take()) == ["h1"]
    assert not writer.is_writing
