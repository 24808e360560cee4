"""The venue answers questions about committed facts only, from memory and from its store."""

from decimal import Decimal

import pytest

from connectors.paper import queries
from connectors.paper.capabilities import capabilities
from engine.domain.errors import BadInput
from engine.domain.kinds import DoneReason, OrderType, PositionSide
from engine.messages.venues import (
    AccountOpened,
    AccountQuery,
    CannotTell,
    FillsQuery,
    OpenOrdersQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenuePosition,
)
from tests.connectors.paper.floor import a_floor
from tests.connectors.paper.support import (
    ACCOUNT,
    NOW_NS,
    OTHER,
    PERPETUAL,
    SPOT,
    VENUE,
    TestStore,
    a_quote,
    an_account,
)

D = Decimal

pytestmark = pytest.mark.asyncio


def the_order(number: int) -> OrderQuery:
    return OrderQuery(account_id=ACCOUNT, symbol=SPOT.symbol, venue_client_id=f"cv-{number}")


def opened(*, created: bool) -> AccountOpened:
    return AccountOpened(account_id=ACCOUNT, created=created, capabilities=capabilities(VENUE))


async def test_an_account_is_seeded_once_and_keeps_its_money() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        message = an_account({"USDT": "1000"})
        assert await floor.ask(message) == opened(created=True)
        assert await floor.ask(an_account({"USDT": "5"})) == opened(created=False)
    async with a_floor(store, seed=2) as floor:
        assert await floor.ask(message) == opened(created=False)
        account = await floor.ask(AccountQuery(account_id=ACCOUNT))
        assert [(b.asset, b.free) for b in account.balances] == [("USDT", D(1000))]
        assert account.cursor is None


@pytest.mark.parametrize(
    ("kind", "amount", "field"),
    [("cash", "1", "kind"), ("spot", "-1", "starting_balances.USDT"), ("spot", "1E30", "starting_balances.USDT")],
)
async def test_an_account_that_makes_no_sense_is_refused(kind: str, amount: str, field: str) -> None:
    async with a_floor() as floor:
        with pytest.raises(BadInput) as caught:
            await floor.ask(an_account({"USDT": amount}, kind=kind))
        assert caught.value.field == field
        assert isinstance(await floor.ask(AccountQuery(account_id=ACCOUNT)), CannotTell)


async def test_an_asset_that_no_column_holds_is_refused() -> None:
    async with a_floor() as floor:
        for asset in ("", "A" * 21):
            with pytest.raises(BadInput):
                await floor.ask(an_account({asset: "1"}))


async def test_an_order_is_found_open_and_done_and_otherwise_absent_as_of_wall_time() -> None:
    async with a_floor() as floor:
        await floor.open()
        await floor.market(a_quote("100", "101", sizes="1 1"))
        await floor.send("buy 2 @ 101", number=1)
        await floor.send("buy 0.000001", number=2)
        found = await floor.ask(the_order(1))
        assert isinstance(found, OrderFound)
        assert (found.order.is_open, found.order.filled_quantity, found.order.type) == (True, D(1), OrderType.LIMIT)
        refused = await floor.ask(the_order(2))
        assert isinstance(refused, OrderFound)
        assert (refused.order.is_open, refused.order.done_reason) == (False, DoneReason.REJECTED)
        floor.wall.advance_to(NOW_NS + 77)
        assert await floor.ask(the_order(3)) == OrderAbsent(venue_time_ns=NOW_NS + 77)


async def test_open_orders_are_listed_in_the_order_they_came() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        await floor.open()
        await floor.market(a_quote("100", "101"))
        for number, order in enumerate(["buy 1 @ 99 post", "buy 1", "sell 1 stop 90", "sell 1 @ 102"], start=1):
            await floor.send(order, number=number)
        listed = (await floor.ask(OpenOrdersQuery(account_id=ACCOUNT))).orders
        assert [order.venue_client_id for order in listed] == ["cv-1", "cv-3", "cv-4"]
        assert [(o.price, o.stop_price, o.post_only) for o in listed[:2]] == [(D(99), None, True), (None, D(90), False)]
    async with a_floor(store, seed=2) as floor:
        assert (await floor.ask(OpenOrdersQuery(account_id=ACCOUNT))).orders == listed


async def test_open_orders_come_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "ORDERS_PER_PAGE", 2)
    async with a_floor() as floor:
        await floor.open()
        await floor.market(a_quote("100", "101"))
        for number in range(1, 6):
            await floor.send("buy 1 @ 99 post", number=number)
        seen: list[str] = []
        after: str | None = None
        sizes: list[int] = []
        while True:
            page = await floor.ask(OpenOrdersQuery(account_id=ACCOUNT, after=after))
            seen += [order.venue_client_id for order in page.orders]
            sizes.append(len(page.orders))
            after = page.next_after
            if after is None:
                break
        assert (seen, sizes) == ([f"cv-{number}" for number in range(1, 6)], [2, 2, 1])
        with pytest.raises(BadInput):
            await floor.ask(OpenOrdersQuery(account_id=ACCOUNT, after="x1"))


async def test_fills_come_after_a_cursor_page_by_page_and_equal_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "FILLS_PER_READ", 2)
    async with a_floor() as floor:
        await floor.open()
        await floor.ask(an_account({"USDT": "1000"}, account=OTHER))
        await floor.market(a_quote("100", "101"))
        for number in range(1, 6):
            await floor.send("buy 1", number=number, account=OTHER if number == 2 else ACCOUNT)
        said = [fill for fill in floor.fills() if fill.account_id == ACCOUNT]
        first = await floor.ask(FillsQuery(account_id=ACCOUNT, cursor=None))
        assert (list(first.fills), first.cursor, first.has_more) == (said[:2], said[1].cursor, True)
        second = await floor.ask(FillsQuery(account_id=ACCOUNT, cursor=first.cursor))
        assert (list(second.fills), second.cursor) == (said[2:], "5")
        last = await floor.ask(FillsQuery(account_id=ACCOUNT, cursor=second.cursor))
        assert (last.fills, last.cursor, last.has_more) == ((), "5", False)
        nothing = await floor.ask(FillsQuery(account_id=ACCOUNT, cursor="5"))
        assert (nothing.fills, nothing.cursor) == ((), "5")
        assert (await floor.ask(AccountQuery(account_id=ACCOUNT))).cursor == "5"
        assert (await floor.ask(FillsQuery(account_id=OTHER, cursor="2"))).cursor == "2"
        with pytest.raises(BadInput):
            await floor.ask(FillsQuery(account_id=ACCOUNT, cursor="x1"))


async def test_fills_of_one_order_leave_out_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "FILLS_PER_READ", 1)
    async with a_floor() as floor:
        await floor.open()
        await floor.market(a_quote("100", "101"))
        for number in (1, 2):
            await floor.send("buy 1", number=number)
        theirs = [fill for fill in floor.fills() if fill.venue_client_id == "cv-2"]
        assert len(theirs) == 1
        page = await floor.ask(FillsQuery(account_id=ACCOUNT, cursor=None, venue_client_id="cv-2"))
        assert (list(page.fills), page.has_more) == (theirs, True)
        behind = await floor.ask(FillsQuery(account_id=ACCOUNT, cursor=page.cursor, venue_client_id="cv-2"))
        assert (behind.fills, behind.has_more) == ((), False)
        nobody = await floor.ask(FillsQuery(account_id=ACCOUNT, cursor=None, venue_client_id="cv-9"))
        assert (nobody.fills, nobody.cursor, nobody.has_more) == ((), None, False)


async def test_an_account_without_fills_has_no_cursor() -> None:
    async with a_floor() as floor:
        await floor.open()
        answer = await floor.ask(FillsQuery(account_id=ACCOUNT, cursor=None))
        assert (answer.fills, answer.cursor) == ((), None)


async def test_positions_are_shown_after_a_restart_before_the_instruments_are_known() -> None:
    store = TestStore()
    async with a_floor(store, instruments=[PERPETUAL]) as floor:
        await floor.open(kind="margin", USDT="1000")
        await floor.market(a_quote("100", "101", symbol=PERPETUAL.symbol))
        await floor.send("sell 3", number=1, symbol=PERPETUAL.symbol)
        before = await floor.ask(AccountQuery(account_id=ACCOUNT))
    position = VenuePosition(symbol=PERPETUAL.symbol, position_side=PositionSide.NET, size=D(-3), entry_price=D(100))
    assert before.positions == (position,)
    async with a_floor(store, seed=2, instruments=[]) as floor:
        after = await floor.ask(AccountQuery(account_id=ACCOUNT))
        assert (after.positions, after.balances) == (before.positions, before.balances)


@pytest.mark.parametrize(
    "query",
    [
        OpenOrdersQuery(account_id=OTHER),
        AccountQuery(account_id=OTHER),
        FillsQuery(account_id=OTHER, cursor=None),
        OrderQuery(account_id=OTHER, symbol="BTC/USDT", venue_client_id="cv-1"),
    ],
)
async def test_about_an_unknown_account_nothing_can_be_told(query: object) -> None:
    async with a_floor() as floor:
        assert await floor.ask(query) == CannotTell(why="unknown_account")
