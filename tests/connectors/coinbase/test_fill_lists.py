"""Coinbase's list of fills, oldest first."""

from decimal import Decimal

import pytest

from connectors.bridge.errors import Unknown
from connectors.coinbase import fill_lists
from connectors.coinbase.fill_lists import FillLists
from connectors.coinbase.order_lists import KnownIds, OrderLists
from engine.messages.venues import FillsQuery, VenueFill
from engine.runtime.clock import WallClock
from tests.support.venues.coinbase_rig import CoinbaseRig
from tests.support.venues.core import SimOrder
from tests.support.venues.rig import RIG_ACCOUNT

D = Decimal


def lists_of(rig: CoinbaseRig, odd: list[str] | None = None, since_ns: int = 0) -> FillLists:
    exchange = rig.adapter(WallClock()).wire
    orders = OrderLists(exchange, KnownIds(), exchange.bridge.time.now_ns)
    return FillLists(
        exchange,
        orders,
        account_id=RIG_ACCOUNT,
        venue="coinbase",
        since_ns=since_ns,
        odd=([] if odd is None else odd).append,
    )


def an_order(rig: CoinbaseRig, client_id: str = "mine") -> SimOrder:
    return rig.server.exchange.place(
        rig.account, symbol="BTC-USD", side="buy", type="LIMIT", quantity=D(1), client_id=client_id,
        price=D(1_000), extra={"configuration": "limit_limit_gtc"},
    )  # fmt: skip


def fill_times(rig: CoinbaseRig, *steps_ms: int, client_id: str = "mine") -> None:
    """Fill a little, so many milliseconds apart."""
    for step_ms in steps_ms:
        rig.server.clock.advance(step_ms / 1000)
        rig.server.exchange.fill(client_id, "0.001")


async def all_of(lists: FillLists, cursor: str | None = None) -> list[list[VenueFill]]:
    pages = []
    while True:
        page = await lists.fills(FillsQuery(account_id=RIG_ACCOUNT, cursor=cursor))
        pages.append(list(page.fills))
        if not page.has_more:
            return pages
        assert page.cursor != cursor, "it goes on"
        cursor = page.cursor


@pytest.mark.asyncio
async def test_pages_are_walked_backwards_and_given_forwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_lists, "PAGE", 3)
    monkeypatch.setattr(fill_lists, "GIVEN_MAX", 4)
    async with CoinbaseRig() as rig:
        lists = lists_of(rig)
        an_order(rig)
        fill_times(rig, *[10] * 10)
        pages = await all_of(lists)
        assert [len(page) for page in pages] == [4, 4, 2]
        found = [fill for page in pages for fill in page]
        assert [fill.executed_at_ns for fill in found] == sorted(fill.executed_at_ns for fill in found)
        assert [fill.quantity for fill in found] == [D("0.001")] * 10
        # One walk serves all of them.
        assert len(rig.server.log.requests("historical/fills")) == 4
        await lists._exchange.close()


@pytest.mark.asyncio
async def test_fills_of_one_time_are_not_torn_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_lists, "GIVEN_MAX", 2)
    async with CoinbaseRig() as rig:
        now_ns = rig.server.clock.now_ns()
        monkeypatch.setattr(rig.server.clock, "_now_ns", lambda: now_ns)
        lists = lists_of(rig)
        an_order(rig)
        fill_times(rig, 10, 10, 0, 0, 10)
        assert [len(page) for page in await all_of(lists)] == [4, 1]
        await lists._exchange.close()


@pytest.mark.asyncio
async def test_from_a_place_on_only_a_little_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_lists, "GIVEN_MAX", 100)
    async with CoinbaseRig() as rig:
        lists = lists_of(rig)
        an_order(rig)
        fill_times(rig, 10, 20_000, 3_000, 1_000)
        (every,) = await all_of(lists)
        page = await lists.fills(FillsQuery(account_id=RIG_ACCOUNT, cursor=every[2].cursor))
        # What is five seconds before the place may have been shown late.
        assert [fill.external_trade_id for fill in page.fills] == [fill.external_trade_id for fill in every[1:]]
        assert page.cursor == every[3].cursor
        ahead = str(int(every[3].cursor) + 1)
        late = await lists.fills(FillsQuery(account_id=RIG_ACCOUNT, cursor=ahead))
        assert late.cursor == ahead, "the place never goes back"
        await lists._exchange.close()


@pytest.mark.asyncio
async def test_nothing_from_before_the_account_was_introduced() -> None:
    async with CoinbaseRig() as rig:
        an_order(rig)
        fill_times(rig, 10)
        rig.server.clock.advance(60)
        since_ns = rig.server.clock.now_ns()
        fill_times(rig, 10_000)
        lists = lists_of(rig, since_ns=since_ns)
        (found,) = await all_of(lists)
        assert len(found) == 1
        await lists._exchange.close()


@pytest.mark.asyncio
async def test_fills_of_one_order_by_its_client_id() -> None:
    async with CoinbaseRig() as rig:
        lists = lists_of(rig)
        an_order(rig)
        an_order(rig, "other")
        fill_times(rig, 10, 10)
        fill_times(rig, 10, client_id="other")
        page = await lists.fills(FillsQuery(account_id=RIG_ACCOUNT, cursor=None, venue_client_id="mine"))
        assert [fill.venue_client_id for fill in page.fills] == ["mine", "mine"]
        later = FillsQuery(account_id=RIG_ACCOUNT, cursor=page.fills[1].cursor, venue_client_id="mine")
        assert len((await lists.fills(later)).fills) == 1
        nobody = FillsQuery(account_id=RIG_ACCOUNT, cursor=None, venue_client_id="nobody")
        assert (await lists.fills(nobody)).fills == ()
        await lists._exchange.close()


@pytest.mark.asyncio
async def test_a_reversal_is_told_and_not_booked() -> None:
    async with CoinbaseRig() as rig:
        odd: list[str] = []
        lists = lists_of(rig, odd)
        an_order(rig)
        fill_times(rig, 10)
        (page,) = await all_of(lists)
        body = rig.server.log.answers("historical/fills")[0].body.replace('"FILL"', '"REVERSAL"')
        rig.server.faults.add("status", "historical/fills", status=200, body=body)
        assert await all_of(lists) == [[]]
        assert (len(page), odd) == (1, ["REVERSAL BTC-USD"])
        await lists._exchange.close()


@pytest.mark.asyncio
async def test_a_list_that_does_not_end_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_lists, "PAGE", 1)
    monkeypatch.setattr(fill_lists, "PAGES_MAX", 2)
    async with CoinbaseRig() as rig:
        lists = lists_of(rig)
        an_order(rig)
        fill_times(rig, 1, 1, 1)
        with pytest.raises(Unknown, match="list_too_long"):
            await all_of(lists)
        await lists._exchange.close()
