"""A simulated market on the market clock."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from connectors.simulated.market import SimulatedMarket
from connectors.simulated.source import LATE_NS, SimulatedSource
from engine.messages.market import Bar, BookStatus, InstrumentsLoaded, QuoteTick
from engine.messages.system import ReadinessChanged
from engine.messages.venues import VenueConnection
from engine.runtime.entropy import seeded_rng
from tests.support.market import NOON, SECOND, MarketStage

VENUE = "simulated"


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[MarketStage]:
    made = MarketStage()
    yield made
    await made.stop()


async def open_market(stage: MarketStage, **settings: Any) -> SimulatedSource:
    market = SimulatedMarket(seeded_rng(42), start_ns=NOON)
    fields: dict[str, Any] = {"venue": VENUE, "market": market, "bus": stage.bus, "market_clock": stage.market}
    ref = await stage.system.start(SimulatedSource, name="source", **(fields | settings))
    await asyncio.sleep(0)
    actor = ref.actor_inbox.actor
    assert isinstance(actor, SimulatedSource)
    return actor


async def pass_time(stage: MarketStage, seconds: float) -> None:
    end_ns = stage.market.now_ns() + int(seconds * SECOND)
    while (due_ns := stage.market.next_timer_ns()) is not None and due_ns <= end_ns:
        stage.market.advance_to(max(due_ns, stage.market.now_ns()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await stage.system.idle()
    stage.market.advance_to(end_ns)


@pytest.mark.asyncio
async def test_it_introduces_itself_before_the_first_price(stage: MarketStage) -> None:
    heard: list[Any] = []
    for kind in (InstrumentsLoaded, VenueConnection, ReadinessChanged, QuoteTick):
        stage.bus.subscribe(kind, heard.append)
    await open_market(stage)
    assert [type(message) for message in heard[:4]] == [InstrumentsLoaded, VenueConnection, ReadinessChanged, QuoteTick]
    assert len(heard[0].instruments) == 4
    assert (heard[2].part, heard[2].ready) == ("feed:simulated", True)


@pytest.mark.asyncio
async def test_events_come_at_their_own_time(stage: MarketStage) -> None:
    late: list[int] = []
    stage.bus.subscribe(QuoteTick, lambda quote: late.append(stage.market.now_ns() - quote.ts_init_ns))
    source = await open_market(stage)
    await pass_time(stage, 20)
    assert set(late) == {0}
    assert 20 * 15 < source.published < 20 * 80


@pytest.mark.asyncio
async def test_market_data_builds_a_whole_market_from_it(stage: MarketStage) -> None:
    await stage.start(venue=VENUE)
    await open_market(stage)
    await pass_time(stage, 200)
    assert {status.state.value for status in stage.of(BookStatus)} == {"synced"}
    assert {bar.symbol for bar in stage.of(Bar)} == {"BTC/USDT", "ETH/USDT", "SOL/USDT", "BTC/USDT:USDT"}
    assert {bar.close_time_ns - bar.open_time_ns for bar in stage.of(Bar)} == {60 * SECOND}
    for symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT", "BTC/USDT:USDT"):
        assert not stage.marks.is_stale(VENUE, symbol)


@pytest.mark.asyncio
async def test_a_long_sleep_is_not_made_up_for(stage: MarketStage) -> None:
    source = await open_market(stage)
    before = source.published
    stage.market.advance_to(NOON + 100 * LATE_NS)
    for _ in range(50):
        await asyncio.sleep(0)
    assert source.published - before < 60
    await pass_time(stage, 10)
    assert source.published - before < 900


@pytest.mark.asyncio
async def test_a_restarted_source_goes_on_with_the_same_market(stage: MarketStage) -> None:
    market = SimulatedMarket(seeded_rng(42), start_ns=NOON)
    await stage.start(venue=VENUE)
    first = await open_market(stage, market=market)
    await pass_time(stage, 30)
    await first.actor_ref.stop()
    stage.market.advance(5 * SECOND)
    await open_market(stage, market=market)
    await pass_time(stage, 30)
    assert {status.state.value for status in stage.of(BookStatus)} == {"synced"}
    assert not stage.marks.is_stale(VENUE, "BTC/USDT")
