"""The lists of one account at a simulated Coinbase, and its fills, through the connector."""

import asyncio
from decimal import Decimal

import pytest

from engine.messages.venues import (
    AccountQuery,
    CannotTell,
    FillsQuery,
    OpenOrdersQuery,
    VenueAccount,
    VenueFill,
    VenueFills,
    VenueOrders,
)
from tests.support.venues.coinbase_rig import CoinbaseRig
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.rig import RIG_ACCOUNT

D = Decimal


def by_hand(rig: CoinbaseRig, count: int) -> None:
    """Let somebody place orders at the venue itself."""
    for number in range(count):
        rig.server.exchange.place(
            rig.account, symbol="BTC-USD", side="buy", type="LIMIT", quantity=D("0.001"),
            client_id=f"by-hand-{number}", price=D(40_000), extra={"configuration": "limit_limit_gtc"},
        )  # fmt: skip


# --- Fills ------------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_fills_come_oldest_first_page_by_page_and_none_is_left_out() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        submit = await desk.place(quantity=D("1"))
        for _ in range(230):
            rig.server.exchange.fill(submit.venue_client_id, "0.001")
        found: list[VenueFill] = []
        cursor: str | None = None
        for _ in range(20):
            page = await desk.ask(FillsQuery(account_id=RIG_ACCOUNT, cursor=cursor))
            assert isinstance(page, VenueFills)
            found += page.fills
            if not page.has_more:
                break
            assert page.cursor != cursor
            cursor = page.cursor
        assert [int(fill.cursor) for fill in found] == sorted(int(fill.cursor) for fill in found)
        assert len({fill.external_trade_id for fill in found}) == 230
        assert {fill.venue_client_id for fill in found} == {submit.venue_client_id}
        again = await desk.ask(FillsQuery(account_id=RIG_ACCOUNT, cursor=None, venue_client_id=submit.venue_client_id))
        assert isinstance(again, VenueFills)
        assert len(again.fills) == 230
        assert not again.has_more


@pytest.mark.asyncio
async def test_fills_that_the_list_shows_late_are_told_once() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        submit = await desk.place()
        rig.server.lag_s = 0.4
        rig.server.exchange.fill(submit.venue_client_id, "0.004")
        rig.server.exchange.fill(submit.venue_client_id)
        await desk.until(lambda: len(desk.of(VenueFill, submit)) == 2, "both fills")
        await asyncio.sleep(0.3)
        assert len(desk.of(VenueFill, submit)) == 2


@pytest.mark.asyncio
async def test_many_orders_that_fill_at_once_share_their_requests() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        by_hand(rig, 120)
        rig.server.log.clear()
        for number in range(120):
            rig.server.exchange.fill(f"by-hand-{number}")
        await desk.until(lambda: len(desk.of(VenueFill)) == 120, "all fills", 20)
        assert len({fill.external_trade_id for fill in desk.of(VenueFill)}) == 120
        assert {fill.venue_client_id for fill in desk.of(VenueFill)} == {f"by-hand-{number}" for number in range(120)}
        assert len(rig.server.log.requests(rig.paths.fills)) < 20


# --- Lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_open_orders_come_page_by_page() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        by_hand(rig, 260)
        first = await desk.ask(OpenOrdersQuery(account_id=RIG_ACCOUNT))
        assert isinstance(first, VenueOrders)
        second = await desk.ask(OpenOrdersQuery(account_id=RIG_ACCOUNT, after=first.next_after))
        assert isinstance(second, VenueOrders)
        assert (len(first.orders), len(second.orders), second.next_after) == (250, 10, None)
        assert len({order.venue_client_id for order in (*first.orders, *second.orders)}) == 260


@pytest.mark.asyncio
async def test_balances_come_from_all_pages() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        for number in range(300):
            rig.account.balance(f"COIN{number}").free = D(1)
        await desk.ready()
        account = await desk.ask(AccountQuery(account_id=RIG_ACCOUNT))
        assert isinstance(account, VenueAccount)
        assert len(account.balances) == 302


@pytest.mark.asyncio
async def test_an_unreadable_answer_proves_nothing() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        rig.server.faults.add("status", rig.paths.open_orders, status=200, body='{"orders": [{"order_id": 7}]}')
        assert isinstance(await desk.ask(OpenOrdersQuery(account_id=RIG_ACCOUNT)), CannotTell)
