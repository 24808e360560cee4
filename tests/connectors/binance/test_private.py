"""Accounts at a simulated Binance, spot and USD-M, through the connector: orders' whole lives, and what goes wrong."""

from decimal import Decimal
from typing import Any

import pytest

from connectors.bridge.errors import AuthRefused
from engine.domain.errors import NotReady
from engine.domain.kinds import DoneReason, Liquidity, OrderType, TimeInForce
from engine.messages.venues import (
    AccountQuery,
    FillsQuery,
    OpenOrdersQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueFill,
    VenueOrderDone,
    VenueRejected,
    VenueUnknown,
)
from engine.runtime.clock import WallClock
from tests.support.venues.binance_rig import BinanceRig, SpotRig, UsdmRig
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.rig import RIG_ACCOUNT

RIGS = [pytest.param(SpotRig, id="spot"), pytest.param(UsdmRig, id="usdm")]


def fills_of(rig: Any) -> list[tuple[str, Decimal, Decimal, Decimal, str]]:
    return [(str(each.id), each.price, each.quantity, each.fee, each.fee_asset) for each in rig.account.trades]


def told_fills(fills: Any) -> list[tuple[str, Decimal, Decimal, Decimal, str]]:
    return [(each.external_trade_id, each.price, each.quantity, each.fee, each.fee_asset) for each in fills]


@pytest.mark.asyncio
async def test_an_order_rests_fills_in_parts_and_is_told_exactly(desk: LiveDesk) -> None:
    rig = desk.rig
    order = await desk.place()
    known = rig.order(order.venue_client_id)
    assert known is not None
    rig.server.exchange.fill(order.venue_client_id, rig.quantity / 4)
    rig.server.exchange.fill(order.venue_client_id)
    await desk.until(lambda: len(desk.of(VenueFill, order)) == 2, "both fills")
    assert told_fills(desk.of(VenueFill, order)) == fills_of(rig)
    assert all(fill.liquidity is Liquidity.MAKER for fill in desk.of(VenueFill, order))
    page = await desk.ask(FillsQuery(account_id=RIG_ACCOUNT, cursor=None))
    assert list(page.fills) == desk.of(VenueFill, order)
    again = await desk.ask(FillsQuery(account_id=RIG_ACCOUNT, cursor=page.cursor))
    assert (again.cursor, again.has_more) == (page.cursor, False)
    mine = await desk.ask(FillsQuery(account_id=RIG_ACCOUNT, cursor=None, venue_client_id=order.venue_client_id))
    assert mine.fills == page.fills


@pytest.mark.asyncio
async def test_a_market_order_takes_at_once(desk: LiveDesk) -> None:
    order = await desk.place(type=OrderType.MARKET, price=None)
    await desk.until(lambda: bool(desk.of(VenueFill, order)), "its fill")
    (fill,) = desk.of(VenueFill, order)
    assert (fill.quantity, fill.liquidity) == (order.quantity, Liquidity.TAKER)


@pytest.mark.asyncio
async def test_a_fee_in_a_third_asset_is_told_as_it_was_taken(desk: LiveDesk) -> None:
    desk.rig.account.fee_asset = "BNB"
    order = await desk.place()
    desk.rig.server.exchange.fill(order.venue_client_id)
    await desk.until(lambda: bool(desk.of(VenueFill, order)), "its fill")
    assert told_fills(desk.of(VenueFill, order)) == fills_of(desk.rig)
    assert desk.of(VenueFill, order)[0].fee_asset == "BNB"
    page = await desk.ask(FillsQuery(account_id=RIG_ACCOUNT, cursor=None))
    assert list(page.fills) == desk.of(VenueFill, order)


@pytest.mark.asyncio
async def test_an_order_that_finds_too_little_expires(desk: LiveDesk) -> None:
    desk.rig.server.exchange.set_levels("BTCUSDT", asks=[(price, "0") for price in list(desk.rig.market.asks)])
    desk.rig.server.exchange.set_levels("BTCUSDT", asks=[("60010", "0.004")])
    order = await desk.place(price=Decimal(61000), time_in_force=TimeInForce.FOK)
    await desk.until(lambda: bool(desk.of(VenueOrderDone, order)), "its end")
    assert {done.reason for done in desk.of(VenueOrderDone, order)} == {DoneReason.EXPIRED}
    assert not desk.of(VenueFill, order)
    partly = await desk.place(price=Decimal(61000), time_in_force=TimeInForce.IOC)
    await desk.until(lambda: bool(desk.of(VenueOrderDone, partly)), "the end of the other")
    await desk.until(lambda: bool(desk.of(VenueFill, partly)), "what it has taken")
    assert desk.of(VenueFill, partly)[0].quantity == Decimal("0.004")
    assert desk.of(VenueOrderDone, partly)[-1].filled_quantity == Decimal("0.004")


@pytest.mark.asyncio
async def test_an_order_is_cancelled_under_its_own_id(desk: LiveDesk) -> None:
    order = await desk.place()
    desk.tell(desk.a_cancel(order))
    await desk.until(lambda: bool(desk.of(VenueOrderDone, order)), "its end")
    done = desk.of(VenueOrderDone, order)[0]
    assert (done.reason, done.symbol, not done.filled_quantity) == (DoneReason.CANCELLED, desk.rig.symbol, True)


@pytest.mark.asyncio
async def test_a_post_only_order_that_would_take_is_refused_by_a_word_of_ours(desk: LiveDesk) -> None:
    order = desk.a_submit(post_only=True, price=Decimal(61000))
    desk.tell(order)
    await desk.until(lambda: bool(desk.of(VenueRejected, order)), "the refusal")
    assert desk.of(VenueRejected, order)[0].code == "post_only_would_take"
    resting = await desk.place(post_only=True)
    found = await desk.ask(
        OrderQuery(account_id=RIG_ACCOUNT, symbol=resting.symbol, venue_client_id=resting.venue_client_id)
    )
    assert isinstance(found, OrderFound)
    assert (found.order.post_only, found.order.type, found.order.is_open) == (True, OrderType.LIMIT, True)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": Decimal(1000)}, "insufficient_funds"),
        ({"price": Decimal("50000.001")}, "bad_price"),
        ({"quantity": Decimal("0.0000001")}, "bad_quantity"),
    ],
)
async def test_refusals_have_words_that_all_venues_share(desk: LiveDesk, changes: dict[str, Any], code: str) -> None:
    order = desk.a_submit(**changes)
    desk.tell(order)
    await desk.until(lambda: bool(desk.of(VenueRejected, order)), "the refusal")
    assert desk.of(VenueRejected, order)[0].code == code
    assert desk.rig.order(order.venue_client_id) is None


@pytest.mark.asyncio
async def test_a_lost_acknowledgement_makes_one_order_that_is_found(desk: LiveDesk) -> None:
    desk.rig.server.faults.add("after_drop", desk.rig.paths.submit)
    order = desk.a_submit()
    desk.tell(order)
    await desk.until(lambda: bool(desk.of(VenueUnknown, order)), "that nobody knows")
    found = await desk.ask(
        OrderQuery(account_id=RIG_ACCOUNT, symbol=order.symbol, venue_client_id=order.venue_client_id)
    )
    assert isinstance(found, OrderFound)
    assert len(desk.rig.orders(order.venue_client_id)) == 1
    assert len(desk.rig.server.log.requests(desk.rig.paths.submit)) == 1


@pytest.mark.asyncio
async def test_an_order_that_never_was_is_absent(desk: LiveDesk) -> None:
    before_ns = desk.clock.now_ns()
    absent = await desk.ask(OrderQuery(account_id=RIG_ACCOUNT, symbol=desk.rig.symbol, venue_client_id="cv-no"))
    assert isinstance(absent, OrderAbsent)
    assert abs(absent.venue_time_ns - before_ns) < 5_000_000_000


@pytest.mark.asyncio
async def test_what_is_signed_is_void_when_the_intent_is(desk: LiveDesk) -> None:
    order = await desk.place()
    (request,) = desk.rig.server.log.requests(desk.rig.paths.submit)
    sent = dict(pair.split("=") for pair in request.body.split("&"))
    assert int(sent["timestamp"]) + int(sent["recvWindow"]) <= order.valid_until_ns // 1_000_000 + 1_000
    assert sent["signature"] == "***"


@pytest.mark.asyncio
async def test_money_is_told_as_the_venue_has_it(desk: LiveDesk) -> None:
    await desk.place()
    account = await desk.ask(AccountQuery(account_id=RIG_ACCOUNT))
    by_asset = {balance.asset: balance for balance in account.balances}
    truth = desk.rig.account.balance("USDT")
    assert by_asset["USDT"].free + by_asset["USDT"].locked == truth.total
    assert by_asset["USDT"].locked > 0
    assert account.cursor is None


@pytest.mark.asyncio
async def test_fills_from_before_the_process_are_found_with_their_own_ids(desk: LiveDesk) -> None:
    order = await desk.place()
    desk.rig.server.exchange.fill(order.venue_client_id, desk.rig.quantity / 2)
    adapter = desk.rig.adapter(WallClock())
    await adapter.open()
    page = await adapter.fills(FillsQuery(account_id=RIG_ACCOUNT, cursor=None))
    assert [fill.venue_client_id for fill in page.fills] == [order.venue_client_id]
    assert page.cursor is not None
    desk.rig.server.exchange.fill(order.venue_client_id)
    more = await adapter.fills(FillsQuery(account_id=RIG_ACCOUNT, cursor=page.cursor))
    assert told_fills(more.fills)[-1] == fills_of(desk.rig)[-1]
    await adapter.close()


@pytest.mark.asyncio
async def test_many_fills_come_page_by_page_and_none_is_left_out(spot: LiveDesk) -> None:
    order = await spot.place(quantity=Decimal("1.2"))
    for _ in range(1_150):
        spot.rig.server.exchange.fill(order.venue_client_id, "0.001")
    adapter = spot.rig.adapter(WallClock())
    await adapter.open()
    seen: set[str] = set()
    cursor, has_more, pages = None, True, 0
    while has_more:
        page = await adapter.fills(FillsQuery(account_id=RIG_ACCOUNT, cursor=cursor))
        seen |= {fill.external_trade_id for fill in page.fills}
        cursor, has_more, pages = page.cursor, page.has_more, pages + 1
    await adapter.close()
    assert (len(seen), pages) == (1_150, 2)


@pytest.mark.asyncio
async def test_orders_of_others_are_listed_too(desk: LiveDesk) -> None:
    exchange = desk.rig.server.exchange
    exchange.place(
        desk.rig.account, symbol="BTCUSDT", side="sell", type="LIMIT", quantity=Decimal("0.01"), client_id="web_1",
        price=Decimal(70000),
    )  # fmt: skip
    order = await desk.place()
    names, after = [], None
    while True:
        page = await desk.ask(OpenOrdersQuery(account_id=RIG_ACCOUNT, after=after))
        names += [each.venue_client_id for each in page.orders]
        after = page.next_after
        if after is None:
            break
    assert sorted(names) == sorted(["web_1", order.venue_client_id])


# --- Accounts that cannot trade ---------------------------------------------------------------------------------------


def revoke(rig: BinanceRig) -> None:
    rig.account.is_revoked = True


def forbid(rig: BinanceRig) -> None:
    rig.account.extra["no_trade"] = "1"


def forbid_key(rig: BinanceRig) -> None:
    rig.account.permissions = {"read"}


def move_away(rig: BinanceRig) -> None:
    rig.account.allowed_ips = {"10.0.0.1"}


def hedge(rig: BinanceRig) -> None:
    rig.account.is_hedged = True


@pytest.mark.asyncio
@pytest.mark.parametrize("rig", RIGS)
@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (revoke, "the venue does not let this key in"),
        (move_away, "the venue does not let this key in"),
        (forbid, "the key may not trade"),
        (forbid_key, "the key may not trade"),
    ],
)
async def test_an_account_that_may_not_trade_says_why(rig: type[BinanceRig], spoil: Any, line: str) -> None:
    async with rig() as venue:
        spoil(venue)
        adapter = venue.adapter(WallClock())
        with pytest.raises(AuthRefused) as refused:
            await adapter.open()
        assert refused.value.line.startswith(line)
        await adapter.close()


@pytest.mark.asyncio
async def test_hedge_mode_is_not_traded() -> None:
    async with UsdmRig() as venue:
        hedge(venue)
        adapter = venue.adapter(WallClock())
        with pytest.raises(NotReady, match="hedge mode"):
            await adapter.open()
        await adapter.close()


@pytest.mark.asyncio
async def test_the_modes_of_an_account_are_read() -> None:
    async with UsdmRig() as venue:
        venue.account.leverage["BTCUSDT"] = 5
        venue.account.margin_mode.update(BTCUSDT="ISOLATED", ETHUSDT="ISOLATED")
        adapter = venue.adapter(WallClock())
        modes = await adapter.open()
        assert (modes.margin_mode, modes.leverage["BTC/USDT:USDT"], modes.position_mode) == ("isolated", 5, "net")
        await adapter.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("rig", RIGS)
async def test_a_clock_ten_minutes_off_is_followed(rig: type[BinanceRig]) -> None:
    async with rig() as venue:
        venue.server.clock.skew(600)
        adapter = venue.adapter(WallClock())
        modes = await adapter.open()
        assert abs(modes.clock_offset_ns - 600_000_000_000) < 2_000_000_000
        await adapter.close()


@pytest.mark.asyncio
async def test_an_unknown_symbol_is_refused_and_disturbs_nobody(desk: LiveDesk) -> None:
    suffix = ":USDT" if desk.rig.name == "binance_usdm" else ""
    order = desk.a_submit(symbol=f"NOPE/USDT{suffix}")
    desk.tell(order)
    await desk.until(lambda: bool(desk.of(VenueRejected, order)), "the refusal")
    assert desk.of(VenueRejected, order)[0].code == "unknown_symbol"
    await desk.place()


@pytest.mark.asyncio
async def test_too_many_orders_of_one_account_stop_no_cancel_and_no_other_account(desk: LiveDesk) -> None:
    resting = await desk.place()
    said = '{"code":-1015,"msg":"Too many new orders; current limit is 100 orders per 10 SECOND."}'
    desk.rig.server.faults.add("status", desk.rig.paths.submit, status=429, body=said)
    answer = await desk.answer_to(desk.a_submit())
    assert isinstance(answer, VenueRejected), answer
    assert answer.code == "too_many_orders"
    assert isinstance(await desk.answer_to(desk.a_cancel(resting)), VenueOrderDone)
