"""One account at a simulated Hyperliquid: real sockets, real signatures, checked by the venue's own library."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from connectors.bridge.departure import Free
from connectors.bridge.errors import Duplicate, NotSent
from engine.domain.identifiers import OrderId
from engine.domain.kinds import DoneReason, Liquidity, OrderType, Side, TimeInForce
from engine.messages.venues import (
    AccountQuery,
    ArmDeadMan,
    DeadManArmed,
    FillsQuery,
    OpenOrdersQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueAccepted,
    VenueAmended,
    VenueAmendRefused,
    VenueFill,
    VenueNotSent,
    VenueOrderDone,
    VenueRejected,
    VenueSubmit,
    VenueUnknown,
)
from tests.support.venues.hyperliquid_rig import HyperliquidRig, HyperliquidSpotRig
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.rig import RIG_ACCOUNT

D = Decimal


@pytest_asyncio.fixture(params=[HyperliquidRig, HyperliquidSpotRig], ids=["perp", "spot"])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[LiveDesk]:
    async with request.param() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        yield desk


@pytest_asyncio.fixture
async def perp() -> AsyncIterator[LiveDesk]:
    async with HyperliquidRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        yield desk


def rig_of(desk: LiveDesk) -> HyperliquidRig:
    assert isinstance(desk.rig, HyperliquidRig)
    return desk.rig


def sent(desk: LiveDesk, kind: str = "order") -> list[dict[str, Any]]:
    """Return the signed requests of a type, as they came."""
    return [json.loads(each.body) for each in rig_of(desk).server.log.requests(rf"POST /exchange#{kind}")]


async def fills_of(desk: LiveDesk, submit: VenueSubmit, count: int) -> list[VenueFill]:
    await desk.until(lambda: len(desk.of(VenueFill, submit)) >= count, f"{count} fills")
    return desk.of(VenueFill, submit)


async def end_of(desk: LiveDesk, submit: VenueSubmit) -> VenueOrderDone:
    await desk.until(lambda: bool(desk.of(VenueOrderDone, submit)), "the end of the order")
    (done,) = desk.of(VenueOrderDone, submit)
    return done


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
async def test_an_amend_of_what_is_over_is_refused(desk: LiveDesk) -> None:
    submit = await desk.place()
    desk.tell(desk.a_cancel(submit))
    await end_of(desk, submit)
    answer = await desk.answer_to(desk.an_amend(submit, price=rig_of(desk).price + 1))
    assert isinstance(answer, VenueAmendRefused)
    assert answer.code == "unknown_order"


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


# --- What nobody has asked for ----------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_nothing_is_signed_that_nobody_has_asked_for(desk: LiveDesk) -> None:
    submit = await desk.place()
    desk.tell(desk.a_cancel(submit))
    await end_of(desk, submit)
    kinds = [each.line.partition("#")[2] for each in rig_of(desk).server.log.requests("POST /exchange")]
    assert kinds == ["order", "cancelByCloid"]
    log = [each.body for each in rig_of(desk).server.log.records]
    assert not [body for body in log if "builder" in body or "setReferrer" in body or "approve" in body]


@pytest.mark.asyncio
async def test_the_ways_of_ccxt_that_sign_more_are_closed(perp: LiveDesk) -> None:
    adapter = rig_of(perp).adapter(perp.clock)
    assert await adapter.wire.initialize_client() is False
    for call in (adapter.wire.approve_builder_fee("0x1", "0.01%"), adapter.wire.set_ref()):
        with pytest.raises(NotSent, match="forbidden"):
            await call
    assert not adapter.wire.privateKey
    await adapter.close()


# --- Questions --------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_the_account_says_what_it_owns(desk: LiveDesk) -> None:
    rig, submit = rig_of(desk), await desk.place(type=OrderType.MARKET, price=None)
    await fills_of(desk, submit, 1)
    account = await desk.ask(AccountQuery(account_id=RIG_ACCOUNT))
    owned = {each.asset: each.free + each.locked for each in account.balances}
    assert owned["USDC"] == rig.account.balance("USDC").total
    if rig.market.is_margined:
        (position,) = account.positions
        assert (position.symbol, position.size) == (rig.symbol, rig.quantity)
    else:
        assert owned["HYPE"] == rig.account.balance("HYPE").total


@pytest.mark.asyncio
async def test_open_orders_are_listed_with_those_of_others(desk: LiveDesk) -> None:
    rig, submit = rig_of(desk), await desk.place()
    rig.server.exchange.place(
        rig.account, symbol=rig.coin, side="buy", type="Limit", quantity=rig.quantity, client_id="", price=rig.price
    )
    page = await desk.ask(OpenOrdersQuery(account_id=RIG_ACCOUNT))
    assert sorted(each.venue_client_id for each in page.orders) == ["", submit.venue_client_id]
    assert {each.symbol for each in page.orders} == {rig.symbol}


@pytest.mark.asyncio
async def test_fills_come_page_by_page_each_once(perp: LiveDesk) -> None:
    rig = rig_of(perp)
    rig.server.info.fills_max = 4
    adapter = rig.adapter(perp.clock)
    await adapter.open()
    adapter._fills._page = 4
    submit, other = await perp.place(), await perp.place()
    for number in range(10):
        rig.server.clock.advance(0.005 if number % 3 == 0 else 0)
        rig.server.exchange.fill((submit, other)[number % 2].venue_client_id, "0.001")
    for wish, count in ((None, 10), (submit.venue_client_id, 5)):
        told: list[VenueFill] = []
        cursor: str | None = None
        for _ in range(20):
            page = await adapter.fills(FillsQuery(account_id=RIG_ACCOUNT, cursor=cursor, venue_client_id=wish))
            told += page.fills
            if not page.has_more:
                break
            assert page.cursor != cursor
            cursor = page.cursor
        assert len(told) == len({each.external_trade_id for each in told}) == count
        assert {each.venue_client_id for each in told} <= {submit.venue_client_id, other.venue_client_id}
    assert (await adapter.fills(FillsQuery(account_id=RIG_ACCOUNT, cursor="99999999999999"))).fills == ()
    await adapter.close()


@pytest.mark.asyncio
async def test_the_dead_mans_switch_cancels_and_can_be_taken_back(perp: LiveDesk) -> None:
    rig, submit = rig_of(perp), await perp.place()
    armed = await perp.ask(ArmDeadMan(account_id=RIG_ACCOUNT, timeout_ns=6_000_000_000))
    assert isinstance(armed, DeadManArmed)
    assert armed.until_ns // 1_000_000 == rig.account.dead_man_ms
    disarmed = await perp.ask(ArmDeadMan(account_id=RIG_ACCOUNT, timeout_ns=0))
    assert (disarmed.until_ns, rig.account.dead_man_ms) == (0, 0)
    await perp.ask(ArmDeadMan(account_id=RIG_ACCOUNT, timeout_ns=6_000_000_000))
    rig.server.clock.advance(7)
    rig.server.exchange.tick()
    assert (await end_of(perp, submit)).reason is DoneReason.CANCELLED


# --- Streams ----------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_fill_whose_order_is_unknown_is_asked_about(perp: LiveDesk) -> None:
    rig = rig_of(perp)
    submit = await perp.place()
    order = rig.order(submit.venue_client_id)
    assert order is not None
    adapter = rig.adapter(perp.clock)
    await adapter.open()
    (plan,) = adapter.streams()
    adapter._known._cloids.clear()
    rig.server.exchange.fill(submit.venue_client_id)
    raw = json.dumps({"channel": "userFills", "data": {"fills": rig.server.info.fills["ann"]}}).encode()
    assert list(plan.parse(raw, 10**18)) == []
    (follow,) = plan.parse(b'{"channel":"pong"}', 10**18 + 4 * 10**9)
    (fill,) = await follow.ask()  # type: ignore[union-attr]
    assert isinstance(fill, VenueFill)
    assert fill.venue_client_id == submit.venue_client_id
    await adapter.close()


@pytest.mark.asyncio
async def test_a_burst_of_private_events_comes_whole_and_in_order(perp: LiveDesk) -> None:
    rig = rig_of(perp)
    rig.server.exchange.markets["BTC"].min_quantity = D("0.00001")
    submit = await perp.place(quantity=D("0.1"))
    for _ in range(2_000):
        rig.server.exchange.fill(submit.venue_client_id, "0.00005")
    told = await fills_of(perp, submit, 2_000)
    assert [each.external_trade_id for each in told] == [str(each.id) for each in rig.account.trades]
    assert (await end_of(perp, submit)).reason is DoneReason.FILLED


@pytest.mark.asyncio
async def test_a_stream_that_broke_comes_back_and_tells_what_was_missed(desk: LiveDesk) -> None:
    rig, submit = rig_of(desk), await desk.place()
    rig.server.sockets.abort()
    await desk.until(lambda: not desk.is_connected(), "the account is away")
    rig.server.exchange.fill(submit.venue_client_id)
    await desk.until(desk.is_connected, "the account is back")
    (fill,) = await fills_of(desk, submit, 1)
    assert fill.quantity == rig.quantity


@pytest.mark.asyncio
@pytest.mark.parametrize("key", ["unknown", "wrong_secret"])
async def test_a_wrong_key_keeps_the_account_shut_with_one_line(key: Any) -> None:
    async with HyperliquidRig() as rig, LiveDesk(rig, key=key) as desk:
        await desk.until(lambda: bool(desk.connections()), "the account is refused")
        said = desk.connections()[-1]
        assert not said.connected
        assert "does not know this key" in said.reason
        assert not rig.server.log.requests("POST /exchange")


@pytest.mark.asyncio
async def test_an_account_with_shared_collateral_is_not_traded() -> None:
    async with HyperliquidRig() as rig:
        rig.server.info.mode = "unifiedAccount"
        async with LiveDesk(rig) as desk:
            await desk.until(lambda: bool(desk.connections()), "the account is refused")
            assert "unifiedAccount" in desk.connections()[-1].reason
