"""The full life of an order at every venue, exact to the last digit."""

import asyncio
from decimal import Decimal

import pytest

from engine.domain.capabilities import AmendKind
from engine.domain.kinds import DoneReason, OrderType, Side, TimeInForce
from engine.messages.venues import (
    AccountQuery,
    ArmDeadMan,
    CannotTell,
    DeadManArmed,
    FillsQuery,
    OpenOrdersQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueAccepted,
    VenueAccount,
    VenueAmended,
    VenueAmendRefused,
    VenueCancelRefused,
    VenueFill,
    VenueFills,
    VenueOrderDone,
    VenueOrders,
    VenueRejected,
    VenueSubmit,
)
from engine.runtime.clock import NS_PER_S
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.rig import RIG_ACCOUNT, VenueRig

pytestmark = pytest.mark.venue_level("gold")


def a_query(submit: VenueSubmit) -> OrderQuery:
    return OrderQuery(account_id=RIG_ACCOUNT, symbol=submit.symbol, venue_client_id=submit.venue_client_id)


async def all_fills(desk: LiveDesk, submit: VenueSubmit | None = None) -> list[VenueFill]:
    """Read every page."""
    client_id = None if submit is None else submit.venue_client_id
    found: list[VenueFill] = []
    cursor: str | None = None
    for _ in range(1_000):
        page = await desk.ask(FillsQuery(account_id=RIG_ACCOUNT, cursor=cursor, venue_client_id=client_id))
        assert isinstance(page, VenueFills), page
        found += page.fills
        assert not page.has_more or page.cursor != cursor
        cursor = page.cursor
        if not page.has_more:
            return found
    raise AssertionError("pages without an end")


@pytest.mark.asyncio
async def test_an_order_rests_fills_in_parts_and_is_filled(rig: VenueRig, desk: LiveDesk) -> None:
    submit = await desk.place()
    order = rig.order(submit.venue_client_id)
    assert order is not None
    assert (order.quantity, order.price, order.side) == (submit.quantity, submit.price, "buy")
    assert desk.external_id(submit) is not None
    quarter = rig.quantity / 4
    for _ in range(4):
        rig.server.exchange.fill(submit.venue_client_id, quarter)
    await desk.until(lambda: bool(desk.of(VenueOrderDone, submit)), "filled")
    await desk.until(lambda: len(desk.of(VenueFill, submit)) == 4, "four fills")
    fills = desk.of(VenueFill, submit)
    trades = rig.account.trades
    assert [str(each.quantity.normalize()) for each in fills] == [str(quarter.normalize())] * 4
    assert [each.price for each in fills] == [each.price for each in trades]
    assert [each.fee for each in fills] == [each.fee for each in trades]
    assert {each.external_order_id for each in fills} == {desk.external_id(submit)}
    assert len({each.external_trade_id for each in fills}) == 4
    (done,) = desk.of(VenueOrderDone, submit)
    assert (done.reason, done.filled_quantity) == (DoneReason.FILLED, rig.quantity)


@pytest.mark.asyncio
async def test_an_order_is_cancelled_after_a_part_is_filled(rig: VenueRig, desk: LiveDesk) -> None:
    submit = await desk.place(side=Side.SELL, price=rig.market.last + 10_000 * rig.market.tick)
    rig.server.exchange.fill(submit.venue_client_id, rig.quantity / 2)
    answer = await desk.answer_to(desk.a_cancel(submit))
    await desk.until(lambda: bool(desk.of(VenueOrderDone, submit)), "cancelled")
    done = desk.of(VenueOrderDone, submit)[-1]
    assert (done.reason, done.filled_quantity) == (DoneReason.CANCELLED, rig.quantity / 2)
    assert not isinstance(answer, VenueCancelRefused)
    order = rig.order(submit.venue_client_id)
    assert order is not None
    assert order.state == "cancelled"
    assert rig.account.open_orders() == []


@pytest.mark.asyncio
async def test_a_cancel_of_what_is_over_or_never_was_is_refused_by_name(desk: LiveDesk) -> None:
    submit = await desk.place()
    desk.tell(desk.a_cancel(submit))
    await desk.until(lambda: bool(desk.of(VenueOrderDone, submit)), "cancelled")
    refused = await desk.answer_to(desk.a_cancel(submit, venue_client_id=submit.venue_client_id))
    assert isinstance(refused, VenueCancelRefused | VenueOrderDone)
    never = desk.a_submit()
    refused = await desk.answer_to(desk.a_cancel(never))
    assert isinstance(refused, VenueCancelRefused)
    assert refused.code in {"unknown_order", "already_done"}


@pytest.mark.asyncio
async def test_what_the_venue_refuses_is_rejected_by_a_word(rig: VenueRig, desk: LiveDesk) -> None:
    too_much = await desk.answer_to(desk.a_submit(quantity=rig.quantity * 100_000))
    assert isinstance(too_much, VenueRejected)
    assert too_much.code
    assert rig.account.open_orders() == []


@pytest.mark.asyncio
async def test_a_post_only_order_that_would_take_is_refused_and_never_trades(rig: VenueRig, desk: LiveDesk) -> None:
    if not rig.capabilities.post_only:
        pytest.fail("every venue so far has post-only orders; take this out when one comes that has not")
    best = rig.market.best("ask")
    submit = desk.a_submit(price=best, post_only=True)
    desk.tell(submit)
    await desk.until(
        lambda: bool(desk.of(VenueRejected, submit) or desk.of(VenueOrderDone, submit)), "refused or ended"
    )
    assert rig.account.trades == []
    resting = await desk.place(post_only=True)
    assert desk.of(VenueAccepted, resting)


@pytest.mark.asyncio
async def test_an_immediate_order_takes_what_is_there(rig: VenueRig, desk: LiveDesk) -> None:
    assert TimeInForce.IOC in rig.capabilities.times_in_force
    submit = await desk.place(price=rig.market.best("ask"), time_in_force=TimeInForce.IOC)
    await desk.until(lambda: bool(desk.of(VenueOrderDone, submit)), "filled")
    await desk.until(lambda: bool(desk.of(VenueFill, submit)), "its fill")
    assert desk.of(VenueOrderDone, submit)[0].reason is DoneReason.FILLED
    assert sum(each.quantity for each in desk.of(VenueFill, submit)) == rig.quantity


@pytest.mark.asyncio
async def test_a_market_order_trades(rig: VenueRig, desk: LiveDesk) -> None:
    assert OrderType.MARKET in rig.capabilities.order_types
    worst = rig.market.last * Decimal("1.05") if rig.capabilities.market_needs_price else None
    price = None if worst is None else worst.quantize(rig.market.tick)
    submit = await desk.place(type=OrderType.MARKET, price=price)
    await desk.until(lambda: bool(desk.of(VenueFill, submit)), "a fill")
    await desk.until(lambda: bool(desk.of(VenueOrderDone, submit)), "filled")
    assert sum(each.quantity for each in desk.of(VenueFill, submit)) == rig.quantity


@pytest.mark.asyncio
async def test_an_order_is_amended_where_the_venue_can(rig: VenueRig, desk: LiveDesk) -> None:
    submit = await desk.place()
    price = rig.price - 100 * rig.market.tick
    answer = await desk.answer_to(desk.an_amend(submit, price=price, quantity=rig.quantity * 2))
    if rig.capabilities.amend is AmendKind.NONE:
        assert isinstance(answer, VenueAmendRefused)
    else:
        assert isinstance(answer, VenueAmended), answer
        assert (answer.price, answer.quantity) == (price, rig.quantity * 2)
        (order,) = rig.account.open_orders()
        assert (order.price, order.quantity) == (price, rig.quantity * 2)


@pytest.mark.asyncio
async def test_the_venue_is_asked_for_orders_fills_and_money(rig: VenueRig, desk: LiveDesk) -> None:
    resting, filled = await desk.place(), await desk.place()
    rig.server.exchange.fill(filled.venue_client_id)
    await desk.until(lambda: bool(desk.of(VenueOrderDone, filled)), "filled")
    page = await desk.ask(OpenOrdersQuery(account_id=RIG_ACCOUNT))
    assert isinstance(page, VenueOrders), page
    assert [each.venue_client_id for each in page.orders] == [resting.venue_client_id]
    (order,) = page.orders
    assert (order.symbol, order.quantity, order.price, order.is_open) == (rig.symbol, rig.quantity, rig.price, True)
    found = await desk.ask(a_query(resting))
    assert isinstance(found, OrderFound), found
    assert (found.order.external_order_id, found.order.is_open) == (desk.external_id(resting), True)
    over = await desk.ask(a_query(filled))
    assert isinstance(over, OrderFound), over
    assert (over.order.is_open, over.order.done_reason) == (False, DoneReason.FILLED)
    assert over.order.filled_quantity == rig.quantity
    pushed = desk.of(VenueFill, filled)
    (asked,) = await all_fills(desk)
    assert [(each.external_trade_id, each.price, each.quantity, each.fee, each.fee_asset) for each in pushed] == [
        (asked.external_trade_id, asked.price, asked.quantity, asked.fee, asked.fee_asset)
    ]
    (of_order,) = await all_fills(desk, filled)
    assert of_order.external_trade_id == asked.external_trade_id
    account = await desk.ask(AccountQuery(account_id=RIG_ACCOUNT))
    assert isinstance(account, VenueAccount), account
    if not rig.market.is_margined:
        truth = {asset: (each.free, each.locked) for asset, each in rig.account.balances.items() if each.total}
        assert {each.asset: (each.free, each.locked) for each in account.balances if each.free + each.locked} == truth
    else:
        assert [each.size for each in account.positions] == [rig.quantity]


@pytest.mark.asyncio
async def test_an_order_that_never_was_is_absent_by_the_venues_word(rig: VenueRig, desk: LiveDesk) -> None:
    answer = await desk.ask(a_query(desk.a_submit()))
    if rig.capabilities.client_id.is_queryable:
        assert isinstance(answer, OrderAbsent), answer
        assert abs(answer.venue_time_ns - desk.clock.now_ns()) < 10 * NS_PER_S
    else:
        assert isinstance(answer, OrderAbsent | CannotTell)


@pytest.mark.asyncio
async def test_many_fills_are_read_page_by_page_without_a_hole(rig: VenueRig, desk: LiveDesk) -> None:
    for balance in rig.account.balances.values():
        balance.free += 1_000_000_000
    submit = await desk.place(quantity=rig.quantity * 1_000)
    for _ in range(1_150):
        rig.server.exchange.fill(submit.venue_client_id, rig.quantity / 4)
    await desk.until(lambda: len(desk.of(VenueFill, submit)) == 1_150, "all fills pushed", 20)
    fills = await all_fills(desk)
    assert sorted({each.external_trade_id for each in fills}) == sorted(
        {each.external_trade_id for each in desk.of(VenueFill, submit)}
    )


@pytest.mark.asyncio
async def test_the_dead_mans_switch_is_armed_where_the_venue_has_one(rig: VenueRig, desk: LiveDesk) -> None:
    answer = await desk.ask(ArmDeadMan(account_id=RIG_ACCOUNT, timeout_ns=60 * NS_PER_S))
    if rig.capabilities.dead_man_switch:
        assert isinstance(answer, DeadManArmed), answer
        assert abs(answer.until_ns - desk.clock.now_ns() - 60 * NS_PER_S) < 5 * NS_PER_S
        assert rig.account.dead_man_ms > 0
        disarmed = await desk.ask(ArmDeadMan(account_id=RIG_ACCOUNT, timeout_ns=0))
        assert isinstance(disarmed, DeadManArmed), disarmed
        assert disarmed.until_ns == 0
        assert rig.account.dead_man_ms == 0
    else:
        assert isinstance(answer, CannotTell)


@pytest.mark.asyncio
async def test_a_burst_of_8000_private_events_is_told_once_and_in_order(rig: VenueRig, desk: LiveDesk) -> None:
    part = rig.quantity / 4
    for balance in rig.account.balances.values():
        balance.free += 1_000_000_000
    submit = await desk.place(quantity=rig.quantity * 2_000)
    for _ in range(8_000):
        rig.server.exchange.fill(submit.venue_client_id, part)
    await desk.until(lambda: len(desk.of(VenueFill, submit)) >= 8_000, "8,000 fills", 40)
    await asyncio.sleep(0.2)
    told = [each.external_trade_id for each in desk.of(VenueFill, submit)]
    assert told == [str(each.id) for each in rig.account.trades]
