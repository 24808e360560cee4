"""One process runs a paper venue: the others stand by, and take over from the store and not from what they remember."""

from typing import Any

import pytest

from connectors.paper.ownership import CLAIM_EVERY_NS
from engine.domain.errors import DependencyAway
from engine.messages.ports import VenueClaim
from engine.messages.venues import (
    AccountQuery,
    CannotTell,
    OpenOrdersQuery,
    OrderFound,
    OrderQuery,
    VenueUnknown,
)
from tests.connectors.paper.floor import Floor, a_floor
from tests.connectors.paper.support import ACCOUNT, SPOT, VENUE, TestStore, a_quote, an_account

ELSEWHERE = VenueClaim(epoch=None, holder="pid 7 on elsewhere")

pytestmark = pytest.mark.asyncio


async def renew(floor: Floor) -> None:
    """Let the next claim be made."""
    await floor.system.advance(floor.wall, floor.wall.now_ns() + CLAIM_EVERY_NS)


async def open_ids(floor: Floor) -> list[str]:
    answer: Any = await floor.ask(OpenOrdersQuery(account_id=ACCOUNT))
    return [order.venue_client_id for order in answer.orders]


async def test_who_stands_by_answers_nothing_that_could_be_a_fact_and_writes_nothing() -> None:
    store = TestStore()
    store.claim_answer = ELSEWHERE
    async with a_floor(store) as floor:
        with pytest.raises(DependencyAway, match="pid 7 on elsewhere runs this venue"):
            await floor.ask(an_account({"USDT": "100"}))
        submit = await floor.send("buy 1 @ 99", number=1)
        (unknown,) = floor.heard
        assert isinstance(unknown, VenueUnknown)
        assert unknown.why == "pid 7 on elsewhere runs this venue"
        floor.told()
        await floor.cancel(submit)
        assert floor.told() == ["VenueCancelRefused unknown"]
        for query in (AccountQuery(account_id=ACCOUNT), OpenOrdersQuery(account_id=ACCOUNT)):
            assert isinstance(await floor.ask(query), CannotTell)
        await floor.market(a_quote("98", "99"))
        assert store.batches == {}
    assert store.released == []


async def test_who_stands_by_takes_over_from_the_store_when_the_claim_is_free() -> None:
    inner = TestStore().inner
    first, second = TestStore(inner), TestStore(inner)
    second.claim_answer = ELSEWHERE
    async with a_floor(first) as running, a_floor(second, seed=2) as waiting:
        await running.open()
        await running.market(a_quote("100", "101"))
        await running.send("buy 1 @ 99", number=1)
        await waiting.market(a_quote("100", "101"))
        second.claim_answer = VenueClaim(epoch=2)
        await renew(waiting)
        assert await open_ids(waiting) == ["cv-1"]
        await waiting.market(a_quote("98", "99"))
        assert waiting.told() == ["VenueFill", "VenueOrderDone filled"]


async def test_a_cell_that_comes_here_finds_the_venue_at_once() -> None:
    store = TestStore()
    store.claim_answer = ELSEWHERE
    async with a_floor(store) as floor:
        store.claim_answer = VenueClaim(epoch=2)
        await floor.open()
        await floor.send("buy 1 @ 99", number=1)
        assert floor.told() == ["VenueAccepted"]


async def test_a_process_that_slept_through_its_claim_drops_what_it_had_in_memory() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        await floor.open()
        await floor.send("buy 1 @ 99", number=1)
        floor.told()
        store.is_away = True  # The commit is refused: the claim has expired.
        await floor.send("buy 1 @ 98", number=2)
        assert floor.told() == ["VenueUnknown"]
        store.is_away, store.claim_answer = False, ELSEWHERE
        await floor.pass_time(1_000_000_000)
        committed = len(store.batches)
        assert isinstance(await floor.ask(AccountQuery(account_id=ACCOUNT)), CannotTell)
        store.claim_answer = VenueClaim(epoch=3)
        await renew(floor)
        assert len(store.batches) == committed, "what was not durable is gone"
        assert await open_ids(floor) == ["cv-1"]
        found = await floor.ask(OrderQuery(account_id=ACCOUNT, symbol=SPOT.symbol, venue_client_id="cv-1"))
        assert isinstance(found, OrderFound)


async def test_a_claim_that_nobody_took_is_the_old_one_and_its_batch_goes_in() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        await floor.open()
        store.is_away = True
        await floor.send("buy 1 @ 98", number=1)
        store.is_away = False
        await floor.pass_time(1_000_000_000)
        assert floor.told() == ["VenueUnknown", "VenueAccepted"]
        assert await open_ids(floor) == ["cv-1"]


async def test_a_store_that_is_away_changes_nothing_about_whose_the_venue_is() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        await floor.open()
        store.is_away = True
        await renew(floor)
        store.is_away = False
        await floor.send("buy 1 @ 98", number=1)
        assert floor.told() == ["VenueAccepted"]


async def test_a_clean_stop_gives_the_venue_back() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        await floor.open()
    assert store.released == [VENUE]
