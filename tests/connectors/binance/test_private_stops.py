"""Conditional orders, amends, reductions and the countdown at a simulated Binance."""

from decimal import Decimal

import pytest

from connectors.bridge.departure import Free
from connectors.bridge.errors import Refused
from engine.domain.kinds import DoneReason, OrderType, Side
from engine.messages.venues import (
    AccountQuery,
    ArmDeadMan,
    CannotTell,
    DeadManArmed,
    FillsQuery,
    OpenOrdersQuery,
    OrderQuery,
    VenueAccepted,
    VenueAmended,
    VenueFill,
    VenueOrderDone,
    VenueRejected,
    VenueUnknown,
)
from engine.runtime.clock import WallClock
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.rig import RIG_ACCOUNT

# --- Stops ------------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_spot_stop_waits_and_then_takes(spot: LiveDesk) -> None:
    order = await spot.place(side=Side.SELL, type=OrderType.STOP, price=None, stop_price=Decimal(59000))
    spot.rig.server.exchange.print_trade("BTCUSDT", "58900")
    await spot.until(lambda: bool(spot.of(VenueFill, order)), "its fill")
    assert spot.of(VenueFill, order)[0].quantity == order.quantity


@pytest.mark.asyncio
async def test_a_usdm_stop_becomes_an_order_with_another_id(usdm: LiveDesk) -> None:
    order = await usdm.place(type=OrderType.STOP, price=None, stop_price=Decimal(61000))
    accepted = usdm.of(VenueAccepted, order)[0]
    assert accepted.external_order_id.startswith("algo:")
    waiting = await usdm.ask(
        OrderQuery(account_id=RIG_ACCOUNT, symbol=order.symbol, venue_client_id=order.venue_client_id)
    )
    assert (waiting.order.external_order_id, waiting.order.stop_price) == (accepted.external_order_id, Decimal(61000))
    usdm.rig.server.exchange.print_trade("BTCUSDT", "61000")
    await usdm.until(lambda: bool(usdm.of(VenueFill, order)), "its fill")
    done = await usdm.ask(
        OrderQuery(account_id=RIG_ACCOUNT, symbol=order.symbol, venue_client_id=order.venue_client_id)
    )
    assert done.order.external_order_id == usdm.of(VenueFill, order)[0].external_order_id
    assert done.order.done_reason is DoneReason.FILLED
    page = await usdm.ask(FillsQuery(account_id=RIG_ACCOUNT, cursor=None))
    assert page.fills == tuple(usdm.of(VenueFill, order))


@pytest.mark.asyncio
async def test_a_usdm_stop_is_cancelled_where_it_waits(usdm: LiveDesk) -> None:
    order = await usdm.place(type=OrderType.STOP, price=None, stop_price=Decimal(61000))
    usdm.tell(usdm.a_cancel(order))
    await usdm.until(lambda: bool(usdm.of(VenueOrderDone, order)), "its end")
    assert usdm.of(VenueOrderDone, order)[0].reason is DoneReason.CANCELLED


@pytest.mark.asyncio
async def test_a_lost_answer_to_a_usdm_stop_still_finds_it(usdm: LiveDesk) -> None:
    usdm.rig.server.faults.add("after_drop", "POST /fapi/v1/algoOrder")
    order = usdm.a_submit(type=OrderType.STOP, price=None, stop_price=Decimal(61000))
    usdm.tell(order)
    await usdm.until(lambda: bool(usdm.of(VenueUnknown, order)), "that nobody knows")
    usdm.tell(usdm.a_cancel(order, external_order_id=None))
    await usdm.until(lambda: bool(usdm.of(VenueOrderDone, order)), "its end")


@pytest.mark.asyncio
async def test_after_a_restart_a_usdm_stop_of_unknown_outcome_is_cancelled_where_it_waits(usdm: LiveDesk) -> None:
    usdm.rig.server.faults.add("after_drop", "POST /fapi/v1/algoOrder")
    order = usdm.a_submit(type=OrderType.STOP, price=None, stop_price=Decimal(61000))
    usdm.tell(order)
    await usdm.until(lambda: bool(usdm.of(VenueUnknown, order)), "that nobody knows")
    async with LiveDesk(usdm.rig) as later:
        await later.ready()
        later.tell(usdm.a_cancel(order, external_order_id=None))
        await later.until(lambda: bool(later.of(VenueOrderDone, order)), "its end")


# --- Take-profits ----------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("kind", "price"), [(OrderType.TAKE_PROFIT, None), (OrderType.TAKE_PROFIT_LIMIT, Decimal(58000))]
)
async def test_a_spot_take_profit_sells_when_the_price_has_risen(
    spot: LiveDesk, kind: OrderType, price: Decimal | None
) -> None:
    order = await spot.place(side=Side.SELL, type=kind, price=price, stop_price=Decimal(61000))
    page = await spot.ask(OpenOrdersQuery(account_id=RIG_ACCOUNT))
    assert [(each.type, each.price, each.stop_price) for each in page.orders] == [(kind, price, Decimal(61000))]
    spot.rig.server.exchange.print_trade("BTCUSDT", "58900")
    assert spot.rig.account.trades == []
    spot.rig.server.exchange.print_trade("BTCUSDT", "61000")
    await spot.until(lambda: bool(spot.of(VenueFill, order)), "its fill")
    assert spot.of(VenueFill, order)[0].quantity == order.quantity


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("kind", "price"), [(OrderType.TAKE_PROFIT, None), (OrderType.TAKE_PROFIT_LIMIT, Decimal(59100))]
)
async def test_a_usdm_take_profit_waits_as_one_and_is_found_and_cancelled(
    usdm: LiveDesk, kind: OrderType, price: Decimal | None
) -> None:
    order = await usdm.place(type=kind, price=price, stop_price=Decimal(59000))
    page = await usdm.ask(OpenOrdersQuery(account_id=RIG_ACCOUNT))
    assert [(each.type, each.price, each.stop_price) for each in page.orders] == [(kind, price, Decimal(59000))]
    assert page.orders[0].external_order_id.startswith("algo:")
    usdm.tell(usdm.a_cancel(order))
    await usdm.until(lambda: bool(usdm.of(VenueOrderDone, order)), "its end")
    assert usdm.of(VenueOrderDone, order)[0].reason is DoneReason.CANCELLED


@pytest.mark.asyncio
async def test_a_usdm_take_profit_becomes_an_order_when_the_price_has_fallen(usdm: LiveDesk) -> None:
    order = await usdm.place(type=OrderType.TAKE_PROFIT, price=None, stop_price=Decimal(59000))
    usdm.rig.server.exchange.print_trade("BTCUSDT", "59000")
    await usdm.until(lambda: bool(usdm.of(VenueOrderDone, order)), "its end")
    assert sum(each.quantity for each in usdm.of(VenueFill, order)) == order.quantity
    wrong = usdm.a_submit(type=OrderType.TAKE_PROFIT, price=None, stop_price=Decimal(70000))
    usdm.tell(wrong)
    await usdm.until(lambda: bool(usdm.of(VenueRejected, wrong)), "the refusal")
    assert usdm.of(VenueRejected, wrong)[0].code == "stop_would_trigger"


# --- Amends, reductions, the dead man ---------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_usdm_order_changes_in_place(usdm: LiveDesk) -> None:
    order = await usdm.place()
    usdm.tell(usdm.an_amend(order, price=Decimal(49000), quantity=Decimal("0.02")))
    await usdm.until(lambda: bool(usdm.of(VenueAmended)), "the amend")
    amended = usdm.of(VenueAmended)[0]
    assert (amended.price, amended.quantity) == (Decimal(49000), Decimal("0.02"))
    assert amended.external_order_id == usdm.external_id(order)
    assert usdm.rig.order(order.venue_client_id).price == Decimal(49000)  # type: ignore[union-attr]


@pytest.mark.asyncio
async def test_reduce_only_needs_a_position(usdm: LiveDesk) -> None:
    order = usdm.a_submit(reduce_only=True)
    usdm.tell(order)
    await usdm.until(lambda: bool(usdm.of(VenueRejected, order)), "the refusal")
    assert usdm.of(VenueRejected, order)[0].code == "reduce_only_would_not_reduce"
    await usdm.place(type=OrderType.MARKET, price=None)
    await usdm.place(side=Side.SELL, reduce_only=True, price=Decimal(61000))
    account = await usdm.ask(AccountQuery(account_id=RIG_ACCOUNT))
    assert [(each.symbol, each.size) for each in account.positions] == [(order.symbol, order.quantity)]


@pytest.mark.asyncio
async def test_the_dead_man_is_armed_for_what_was_traded(usdm: LiveDesk) -> None:
    order = await usdm.place()
    adapter = usdm.rig.adapter(WallClock())
    await adapter.open()
    await adapter.open_orders(OpenOrdersQuery(account_id=RIG_ACCOUNT))
    until_ns = await adapter.arm_dead_man(60_000_000_000, Free())
    assert until_ns > usdm.clock.now_ns()
    usdm.rig.server.clock.advance(61)
    usdm.rig.server.exchange.tick()
    await usdm.until(lambda: bool(usdm.of(VenueOrderDone, order)), "the end of the order")
    usdm.rig.server.clock.skew(0)
    assert await adapter.arm_dead_man(0, Free()) == 0
    await adapter.close()


@pytest.mark.asyncio
async def test_amending_what_is_gone_is_refused(usdm: LiveDesk) -> None:
    order = await usdm.place()
    adapter = usdm.rig.adapter(WallClock())
    await adapter.open()
    usdm.rig.server.exchange.fill(order.venue_client_id)
    with pytest.raises(Refused, match="already_done"):
        await adapter.amend(usdm.an_amend(order, price=Decimal(49000)), Free())
    await adapter.close()


@pytest.mark.asyncio
async def test_open_orders_hold_what_waits_and_what_rests(usdm: LiveDesk) -> None:
    stop = await usdm.place(type=OrderType.STOP, price=None, stop_price=Decimal(61000))
    resting = await usdm.place()
    page = await usdm.ask(OpenOrdersQuery(account_id=RIG_ACCOUNT))
    assert [(each.venue_client_id, each.type) for each in page.orders] == [
        (stop.venue_client_id, OrderType.STOP),
        (resting.venue_client_id, OrderType.LIMIT),
    ]
    assert page.next_after is None


@pytest.mark.asyncio
async def test_the_first_order_in_a_symbol_is_protected_before_it_leaves(usdm: LiveDesk) -> None:
    armed = await usdm.ask(ArmDeadMan(account_id=RIG_ACCOUNT, timeout_ns=60_000_000_000))
    assert isinstance(armed, DeadManArmed)
    await usdm.place(symbol="ETH/USDT:USDT", price=Decimal(2000), quantity=Decimal("0.1"))
    await usdm.place(symbol="ETH/USDT:USDT", price=Decimal(2000), quantity=Decimal("0.1"))
    calls = usdm.rig.server.log.requests("countdownCancelAll|POST /fapi/v1/order$")
    symbols = [dict(pair.split("=") for pair in call.body.split("&"))["symbol"] for call in calls]
    assert [(call.line, symbol) for call, symbol in zip(calls, symbols, strict=True)] == [
        ("POST /fapi/v1/countdownCancelAll", "BTCUSDT"),
        ("POST /fapi/v1/countdownCancelAll", "ETHUSDT"),
        ("POST /fapi/v1/order", "ETHUSDT"),
        ("POST /fapi/v1/order", "ETHUSDT"),
    ]


@pytest.mark.asyncio
async def test_spot_has_no_dead_man(spot: LiveDesk) -> None:
    assert isinstance(await spot.ask(ArmDeadMan(account_id=RIG_ACCOUNT, timeout_ns=1)), CannotTell)
