"""One account at a simulated Hyperliquid: real sockets, real signatures, checked by the venue's own library."""

import asyncio
from decimal import Decimal

import msgspec
import pytest

from connectors.bridge.departure import Free
from connectors.bridge.errors import Duplicate
from engine.domain.identifiers import OrderId
from engine.domain.kinds import DoneReason, Liquidity, OrderType, Side, TimeInForce
from engine.messages.venues import (
    OpenOrdersQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueAccepted,
    VenueAmended,
    VenueAmendRefused,
    VenueNotSent,
    VenueOrderDone,
    VenueRejected,
    VenueUnknown,
)
from tests.support.venues.hyperliquid_scene import end_of, fills_of, rig_of, sent
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.rig import RIG_ACCOUNT

D = Decimal


# --- The life of an order ---------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_an_order_rests_fills_in_parts_and_ends(desk: LiveDesk) -> None:
    rig, submit = rig_of(desk), await desk.place()
    (accepted,) = desk.of(VenueAccepted, submit)
    rig.server.exchange.fill(submit.venue_client_id, rig.quantity / 4)
    (fill,) = await fills_of(desk, submit, 1)
    assert (fill.price, fill.quantity, fill.liquidity) == (rig.price, rig.quantity / 4, Liquidity.MAKER)
    assert (fill.external_order_id, fill.side, fill.symbol) == (accepted.external_order_id, Side.BUY, rig.symbol)
    trade = rig.account.trades[0]
    assert (fill.fee, fill.fee_asset, fill.external_trade_id) == (trade.fee, trade.fee_asset, str(trade.id))
    rig.server.exchange.fill(submit.venue_client_id)
    await fills_of(desk, submit, 2)
    done = await end_of(desk, submit)
    assert (done.reason, done.filled_quantity) == (DoneReason.FILLED, rig.quantity)


@pytest.mark.asyncio
async def test_an_order_is_cancelled_by_its_cloid(desk: LiveDesk) -> None:
    submit = await desk.place()
    desk.tell(desk.a_cancel(submit))
    done = await end_of(desk, submit)
    assert (done.reason, done.filled_quantity) == (DoneReason.CANCELLED, D(0))
    assert sent(desk, "cancelByCloid")[0]["action"]["cancels"][0]["cloid"] == submit.venue_client_id


@pytest.mark.asyncio
async def test_a_market_order_is_an_immediate_one_near_the_best_price(desk: LiveDesk) -> None:
    rig, best = rig_of(desk), rig_of(desk).market.best("ask")
    assert best is not None
    submit = await desk.place(type=OrderType.MARKET, price=None)
    (fill,) = await fills_of(desk, submit, 1)
    assert (fill.price, fill.liquidity) == (best, Liquidity.TAKER)
    assert (await end_of(desk, submit)).reason is DoneReason.FILLED
    (request,) = sent(desk)
    (order,) = request["action"]["orders"]
    assert order["t"] == {"limit": {"tif": "Ioc"}}
    assert best < D(order["p"]) <= best * D("1.005")
    assert rig.order(submit.venue_client_id) is not None


@pytest.mark.asyncio
async def test_a_post_only_order_that_would_take_is_refused(desk: LiveDesk) -> None:
    best = rig_of(desk).market.best("ask")
    submit = desk.a_submit(price=best, post_only=True)
    answer = await desk.answer_to(submit)
    assert isinstance(answer, VenueRejected)
    assert answer.code == "post_only_would_take"
    resting = await desk.place(post_only=True)
    assert sent(desk)[-1]["action"]["orders"][0]["t"] == {"limit": {"tif": "Alo"}}
    assert rig_of(desk).order(resting.venue_client_id) is not None


@pytest.mark.asyncio
async def test_an_immediate_order_that_finds_nobody_is_refused(desk: LiveDesk) -> None:
    answer = await desk.answer_to(desk.a_submit(time_in_force=TimeInForce.IOC))
    assert isinstance(answer, VenueRejected)
    assert answer.code == "no_liquidity"


@pytest.mark.asyncio
async def test_a_stop_waits_triggers_and_trades(perp: LiveDesk) -> None:
    rig = rig_of(perp)
    submit = await perp.place(type=OrderType.STOP, price=None, stop_price=D(61000))
    rig.server.exchange.print_trade("BTC", "61000")
    await fills_of(perp, submit, 1)
    assert (await end_of(perp, submit)).reason is DoneReason.FILLED
    wrong = await perp.answer_to(perp.a_submit(type=OrderType.STOP, price=None, stop_price=D(50000)))
    assert isinstance(wrong, VenueRejected)
    assert wrong.code == "stop_would_trigger"


@pytest.mark.asyncio
@pytest.mark.parametrize(("kind", "price"), [(OrderType.TAKE_PROFIT, None), (OrderType.TAKE_PROFIT_LIMIT, D(62000))])
async def test_a_take_profit_waits_triggers_and_trades(perp: LiveDesk, kind: OrderType, price: Decimal | None) -> None:
    rig = rig_of(perp)
    order = await perp.place(type=kind, price=price, stop_price=D(59000))
    page = await perp.ask(OpenOrdersQuery(account_id=RIG_ACCOUNT))
    assert [(each.type, each.price, each.stop_price) for each in page.orders] == [(kind, price, D(59000))]
    rig.server.exchange.print_trade("BTC", "61000")
    assert rig.account.trades == []
    rig.server.exchange.print_trade("BTC", "59000")
    await fills_of(perp, order, 1)
    assert (await end_of(perp, order)).reason is DoneReason.FILLED
    wrong = await perp.answer_to(perp.a_submit(type=kind, price=price, stop_price=D(70000)))
    assert isinstance(wrong, VenueRejected)
    assert wrong.code == "stop_would_trigger"


@pytest.mark.asyncio
async def test_an_order_that_only_reduces_needs_a_position(perp: LiveDesk) -> None:
    answer = await perp.answer_to(perp.a_submit(side=Side.SELL, price=D(70000), reduce_only=True))
    assert isinstance(answer, VenueRejected)
    assert answer.code == "reduce_only_would_not_reduce"


@pytest.mark.asyncio
async def test_what_does_not_fit_the_rules_is_refused_or_not_sent(perp: LiveDesk) -> None:
    for changes, code in (
        ({"price": D("50000.5")}, "bad_price"), ({"quantity": D("0.000001")}, "bad_quantity"),
        ({"symbol": "DOGE/USDC:USDC"}, "unknown_symbol"), ({"time_in_force": TimeInForce.FOK}, "unsupported"),
    ):  # fmt: skip
        answer = await perp.answer_to(perp.a_submit(**changes))
        assert isinstance(answer, VenueNotSent)
        assert answer.why == code
    small = await perp.answer_to(perp.a_submit(quantity=D("0.0001")))
    assert isinstance(small, VenueRejected)
    assert small.code == "min_notional"
    large = await perp.answer_to(perp.a_submit(quantity=D(9000)))
    assert isinstance(large, VenueRejected)
    assert large.code == "insufficient_funds"


# --- Amends -----------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_an_amend_replaces_the_order_and_counts_on(desk: LiveDesk) -> None:
    rig, submit = rig_of(desk), await desk.place()
    rig.server.exchange.fill(submit.venue_client_id, rig.quantity / 4)
    await fills_of(desk, submit, 1)
    price = rig.price + 1
    answer = await desk.answer_to(desk.an_amend(submit, price=price, quantity=rig.quantity * 2))
    assert isinstance(answer, VenueAmended)
    assert (answer.quantity, answer.price) == (rig.quantity * 2, price)
    (first, second) = rig.orders(submit.venue_client_id)
    assert (first.state, second.state, answer.external_order_id) == ("cancelled", "open", str(second.id))
    assert (second.quantity, second.price) == (rig.quantity * 2 - rig.quantity / 4, price)
    found = await desk.ask(
        OrderQuery(account_id=RIG_ACCOUNT, symbol=rig.symbol, venue_client_id=submit.venue_client_id)
    )
    assert isinstance(found, OrderFound)
    assert (found.order.quantity, found.order.filled_quantity) == (rig.quantity * 2, rig.quantity / 4)
    assert not desk.of(VenueOrderDone, submit)
    rig.server.exchange.fill(submit.venue_client_id)
    await fills_of(desk, submit, 2)
    done = await end_of(desk, submit)
    assert (done.reason, done.filled_quantity) == (DoneReason.FILLED, rig.quantity * 2)


@pytest.mark.asyncio
async def test_an_amend_tells_what_was_filled_while_it_was_under_way(desk: LiveDesk) -> None:
    rig, submit = rig_of(desk), await desk.place()
    rig.server.faults.add("before", "POST /exchange#batchModify", delay_s=0.2)
    desk.tell(desk.an_amend(submit, quantity=rig.quantity * 2))
    await desk.until(lambda: bool(sent(desk, "batchModify")), "the amend has left")
    rig.server.exchange.fill(submit.venue_client_id, rig.quantity / 4)
    await desk.until(lambda: bool(desk.of(VenueAmended)), "the answer")
    (answer,) = desk.of(VenueAmended)
    assert answer.quantity == rig.quantity * 2 + rig.quantity / 4
    found = await desk.ask(
        OrderQuery(account_id=RIG_ACCOUNT, symbol=rig.symbol, venue_client_id=submit.venue_client_id)
    )
    assert isinstance(found, OrderFound)
    assert (found.order.quantity, found.order.filled_quantity) == (answer.quantity, rig.quantity / 4)


@pytest.mark.asyncio
async def test_an_amend_of_what_is_over_is_refused(desk: LiveDesk) -> None:
    submit = await desk.place()
    desk.tell(desk.a_cancel(submit))
    await end_of(desk, submit)
    answer = await desk.answer_to(desk.an_amend(submit, price=rig_of(desk).price + 1))
    assert isinstance(answer, VenueAmendRefused)
    assert answer.code == "unknown_order"


@pytest.mark.asyncio
async def test_an_order_of_others_without_a_name_is_not_amended(perp: LiveDesk) -> None:
    submit = await perp.place()
    amend = perp.an_amend(submit, price=rig_of(perp).price + 1)
    answer = await perp.answer_to(msgspec.structs.replace(amend, venue_client_id="external:BTC/USDC:USDC:5"))
    assert isinstance(answer, VenueAmendRefused)
    assert answer.code == "unsupported"
    assert not sent(perp, "batchModify")


@pytest.mark.asyncio
async def test_an_amend_that_trades_at_once_ends_the_order(desk: LiveDesk) -> None:
    rig, best = rig_of(desk), rig_of(desk).market.best("ask")
    submit = await desk.place()
    rig.server.faults.add("after", "POST /exchange#batchModify", delay_s=0.2)
    answer = await desk.answer_to(desk.an_amend(submit, price=best))
    assert isinstance(answer, VenueAmended)
    await fills_of(desk, submit, 1)
    done = await end_of(desk, submit)
    assert (done.reason, done.filled_quantity) == (DoneReason.FILLED, rig.quantity)


@pytest.mark.asyncio
async def test_an_amend_whose_answer_is_lost_leaves_one_order_and_no_false_end(desk: LiveDesk) -> None:
    rig, submit = rig_of(desk), await desk.place()
    rig.server.faults.add("after_drop", "POST /exchange#batchModify")
    answer = await desk.answer_to(desk.an_amend(submit, price=rig.price + 1))
    assert isinstance(answer, VenueAmendRefused)
    assert answer.code == "unknown"
    await asyncio.sleep(0.2)
    assert not desk.of(VenueOrderDone, submit)
    assert [each.state for each in rig.orders(submit.venue_client_id)] == ["cancelled", "open"]
    found = await desk.ask(
        OrderQuery(account_id=RIG_ACCOUNT, symbol=rig.symbol, venue_client_id=submit.venue_client_id)
    )
    assert isinstance(found, OrderFound)
    assert (found.order.is_open, found.order.price) == (True, rig.price + 1)
    desk.tell(desk.a_cancel(submit))
    assert (await end_of(desk, submit)).reason is DoneReason.CANCELLED


# --- Once ------------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", ["after_drop", "truncate", "html", "empty"])
async def test_after_a_lost_answer_there_is_exactly_one_order(desk: LiveDesk, fault: str) -> None:
    rig = rig_of(desk)
    rig.server.faults.add(fault, "POST /exchange#order")  # type: ignore[arg-type]
    submit = desk.a_submit()
    assert isinstance(await desk.answer_to(submit), VenueUnknown)
    query = OrderQuery(account_id=RIG_ACCOUNT, symbol=rig.symbol, venue_client_id=submit.venue_client_id)
    found = await desk.ask(query)
    assert isinstance(found, OrderFound)
    assert found.order.is_open
    assert len(rig.orders(submit.venue_client_id)) == 1
    assert len(sent(desk)) == 1


@pytest.mark.asyncio
async def test_a_request_that_never_arrived_left_no_order(desk: LiveDesk) -> None:
    rig = rig_of(desk)
    rig.server.faults.add("drop", "POST /exchange#order")
    submit = desk.a_submit()
    assert isinstance(await desk.answer_to(submit), VenueUnknown)
    query = OrderQuery(account_id=RIG_ACCOUNT, symbol=rig.symbol, venue_client_id=submit.venue_client_id)
    assert isinstance(await desk.ask(query), OrderAbsent)


@pytest.mark.asyncio
async def test_the_same_order_sent_again_has_the_same_number_and_is_refused_by_the_venue(desk: LiveDesk) -> None:
    rig, order_id = rig_of(desk), OrderId(desk.ids.uuid())
    submit = await desk.place(order_id=order_id, venue_client_id=desk.client_id(order_id))
    adapter = rig.adapter(desk.clock)
    await adapter.open()
    with pytest.raises(Duplicate):
        await adapter.submit(submit, Free())
    await adapter.close()
    first, again = sent(desk)
    assert (again["nonce"], again["action"]) == (first["nonce"], first["action"])
    assert first["nonce"] == order_id.int >> 80
    assert len(rig.orders(submit.venue_client_id)) == 1


@pytest.mark.asyncio
async def test_a_request_that_arrives_too_late_does_nothing(perp: LiveDesk) -> None:
    rig = rig_of(perp)
    rig.server.faults.add("before", "POST /exchange#order", delay_s=0.4)
    submit = perp.a_submit(valid_until_ns=perp.clock.now_ns() + 200_000_000)
    answer = await perp.answer_to(submit)
    assert isinstance(answer, VenueRejected)
    assert (answer.code, rig.orders(submit.venue_client_id)) == ("expired", [])
