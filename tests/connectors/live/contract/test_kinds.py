"""Stops, take-profits, reductions and many orders at once, where the venue has them."""

from decimal import Decimal
from typing import Any

import pytest

from connectors.live.session import LiveTimes
from engine.domain.kinds import PRICED_TYPES, TAKE_PROFIT_TYPES, InstrumentKind, OrderType, Side
from engine.messages.venues import (
    OrderFound,
    OrderQuery,
    VenueAccepted,
    VenueFill,
    VenueNotSent,
    VenueOrderDone,
    VenueRejected,
    VenueSubmit,
)
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.rig import RIG_ACCOUNT, VenueRig

pytestmark = pytest.mark.venue_level("gold")


TRIGGERED = [OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT]


def a_stop(rig: VenueRig, kind: OrderType) -> dict[str, Any]:
    """Buy when the price has risen by a few ticks; as a take-profit, when it has fallen."""
    away = (-30 if kind in TAKE_PROFIT_TYPES else 30) * rig.market.tick
    stop = rig.market.last + away
    needs_price = kind in PRICED_TYPES or rig.capabilities.market_needs_price
    return {"type": kind, "stop_price": stop, "price": stop + 40 * rig.market.tick if needs_price else None}


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", TRIGGERED)
async def test_a_stop_waits_is_found_and_is_cancelled(rig: VenueRig, desk: LiveDesk, kind: OrderType) -> None:
    if kind not in rig.capabilities.order_types:
        return
    submit = await desk.place(**a_stop(rig, kind))
    found = await desk.ask(
        OrderQuery(account_id=RIG_ACCOUNT, symbol=submit.symbol, venue_client_id=submit.venue_client_id)
    )
    assert isinstance(found, OrderFound), found
    assert (found.order.type, found.order.stop_price, found.order.is_open) == (kind, submit.stop_price, True)
    desk.tell(desk.a_cancel(submit))
    await desk.until(lambda: bool(desk.of(VenueOrderDone, submit)), "cancelled")
    assert rig.account.open_orders() == []
    assert rig.account.trades == []


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", TRIGGERED)
async def test_a_stop_trades_once_when_its_price_is_reached(rig: VenueRig, desk: LiveDesk, kind: OrderType) -> None:
    if kind not in rig.capabilities.order_types:
        return
    submit = await desk.place(**a_stop(rig, kind))
    assert submit.stop_price is not None
    rig.server.exchange.print_trade(rig.market.symbol, submit.stop_price)
    await desk.until(lambda: filled(desk, submit) == rig.quantity, "its fills")
    await desk.until(lambda: bool(desk.of(VenueOrderDone, submit)), "its end")
    assert sum(trade.quantity for trade in rig.account.trades) == rig.quantity


def filled(desk: LiveDesk, submit: VenueSubmit) -> Decimal:
    return sum((each.quantity for each in desk.of(VenueFill, submit)), Decimal(0))


@pytest.mark.asyncio
async def test_a_reduction_of_nothing_is_refused_and_one_of_a_position_trades(rig: VenueRig, desk: LiveDesk) -> None:
    if InstrumentKind.PERPETUAL not in rig.capabilities.reduce_only:
        return
    bid = rig.market.best("bid")
    answer = await desk.answer_to(desk.a_submit(side=Side.SELL, price=bid, reduce_only=True))
    assert isinstance(answer, VenueRejected | VenueNotSent | VenueAccepted), answer
    assert rig.account.trades == []
    opened = await desk.place(price=rig.market.best("ask"))
    await desk.until(lambda: filled(desk, opened) == rig.quantity, "the position")
    reduced = await desk.place(side=Side.SELL, price=bid, reduce_only=True)
    await desk.until(lambda: filled(desk, reduced) == rig.quantity, "the reduction")
    assert [each.size for each in rig.account.positions.values() if each.size] == []


@pytest.mark.asyncio
async def test_many_orders_at_once_are_each_placed_and_cancelled_once(rig: VenueRig) -> None:
    async with LiveDesk(rig, times=LiveTimes()) as desk:
        await desk.ready()
        submits = [desk.a_submit() for _ in range(15)]
        for submit in submits:
            desk.tell(submit)
        await desk.until(lambda: len(desk.of(VenueAccepted)) == 15, "all accepted", 20)
        for submit in submits:
            desk.tell(desk.a_cancel(submit))
        await desk.until(lambda: len(desk.of(VenueOrderDone)) == 15, "all cancelled", 20)
        assert [len(rig.orders(submit.venue_client_id)) for submit in submits] == [1] * 15
        assert rig.account.open_orders() == []


@pytest.mark.asyncio
async def test_an_order_that_is_cancelled_at_once_is_either_never_sent_or_cancelled(
    rig: VenueRig, desk: LiveDesk
) -> None:
    submit = desk.a_submit()
    desk.tell(submit)
    desk.tell(desk.a_cancel(submit))
    await desk.until(
        lambda: bool(desk.of(VenueNotSent, submit) or desk.of(VenueOrderDone, submit)), "never sent, or cancelled"
    )
    assert rig.account.open_orders() == []
