"""Orders, cancels and edits at a simulated Coinbase, through the connector."""

import json
from decimal import Decimal

import pytest

from connectors.live.session import LiveTimes
from engine.domain.identifiers import OrderId
from engine.domain.kinds import DoneReason, Liquidity, OrderType, Side, TimeInForce
from engine.messages.venues import (
    AccountQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueAccount,
    VenueAmended,
    VenueAmendRefused,
    VenueCancelRefused,
    VenueFill,
    VenueOrderDone,
    VenueRejected,
    VenueSubmit,
    VenueUnknown,
)
from engine.runtime.clock import NS_PER_S
from tests.support.venues.coinbase_rig import CoinbaseRig
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.rig import RIG_ACCOUNT

D = Decimal


def asked(submit: VenueSubmit) -> OrderQuery:
    return OrderQuery(account_id=RIG_ACCOUNT, symbol=submit.symbol, venue_client_id=submit.venue_client_id)


@pytest.mark.asyncio
async def test_the_full_life_of_an_order() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        submit = await desk.place()
        order = rig.order(submit.venue_client_id)
        assert order is not None
        assert (order.quantity, order.price, order.extra["configuration"]) == (
            submit.quantity,
            submit.price,
            "limit_limit_gtc",
        )
        rig.server.exchange.fill(submit.venue_client_id, "0.004")
        await desk.until(lambda: len(desk.of(VenueFill, submit)) == 1, "the first fill")
        rig.server.exchange.fill(submit.venue_client_id)
        await desk.until(lambda: len(desk.of(VenueFill, submit)) == 2, "both fills")
        first, second = desk.of(VenueFill, submit)
        assert (first.quantity, second.quantity, first.price) == (D("0.004"), D("0.006"), D(50_000))
        assert (first.liquidity, first.fee, first.fee_asset) == (Liquidity.MAKER, D("1.2"), "USD")
        assert first.external_trade_id != second.external_trade_id
        await desk.until(lambda: bool(desk.of(VenueOrderDone, submit)), "the end")
        (done,) = desk.of(VenueOrderDone, submit)
        assert (done.reason, done.filled_quantity) == (DoneReason.FILLED, D("0.01"))
        account = await desk.ask(AccountQuery(account_id=RIG_ACCOUNT))
        assert isinstance(account, VenueAccount)
        owned = {balance.asset: balance.free for balance in account.balances}
        truth = rig.account.balances
        assert owned == {"BTC": truth["BTC"].free, "USD": truth["USD"].free}


@pytest.mark.asyncio
async def test_a_cancel_is_told_by_the_stream() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        submit = await desk.place()
        done = await desk.answer_to(desk.a_cancel(submit))
        assert isinstance(done, VenueOrderDone)
        assert (done.reason, done.filled_quantity) == (DoneReason.CANCELLED, D(0))
        again = await desk.answer_to(desk.a_cancel(submit))
        assert isinstance(again, VenueCancelRefused)
        assert again.code == "already_done"
        never = await desk.answer_to(desk.a_cancel(submit, external_order_id="0a000000-0000-4000-8000-000000000099"))
        assert isinstance(never, VenueCancelRefused)
        assert never.code == "unknown_order"


@pytest.mark.asyncio
async def test_a_cancel_of_a_young_order_that_is_not_listed_proves_nothing() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        order_id = OrderId(desk.ids.uuid())
        never = desk.a_submit(order_id=order_id, venue_client_id=str(order_id))
        refused = await desk.answer_to(desk.a_cancel(never))
        assert isinstance(refused, VenueCancelRefused)
        assert refused.code == "unknown"
        old = desk.a_submit(venue_client_id="01890a5d-ac96-774b-bcce-b302099a8057")
        refused = await desk.answer_to(desk.a_cancel(old))
        assert isinstance(refused, VenueCancelRefused)
        assert refused.code == "unknown_order"


@pytest.mark.asyncio
async def test_a_partly_filled_order_that_is_cancelled_keeps_its_fills() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        submit = await desk.place()
        rig.server.exchange.fill(submit.venue_client_id, "0.003")
        desk.tell(desk.a_cancel(submit))
        await desk.until(lambda: bool(desk.of(VenueOrderDone, submit) and desk.of(VenueFill, submit)), "end and fill")
        (done,) = desk.of(VenueOrderDone, submit)
        assert (done.reason, done.filled_quantity) == (DoneReason.CANCELLED, D("0.003"))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changes", "configuration", "reason"),
    [
        ({"type": OrderType.MARKET, "price": None}, "market_market_ioc", DoneReason.FILLED),
        ({"type": OrderType.MARKET, "price": None, "side": Side.SELL}, "market_market_ioc", DoneReason.FILLED),
        ({"price": D(60_100), "time_in_force": TimeInForce.IOC}, "sor_limit_ioc", DoneReason.FILLED),
        ({"time_in_force": TimeInForce.FOK}, "limit_limit_fok", DoneReason.CANCELLED),
    ],
)
async def test_immediate_orders_end_at_once(changes: dict[str, object], configuration: str, reason: DoneReason) -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        submit = await desk.place(**changes)
        await desk.until(lambda: bool(desk.of(VenueOrderDone, submit)), "the end")
        (done,) = desk.of(VenueOrderDone, submit)
        assert done.reason is reason
        await desk.until(
            lambda: sum(fill.quantity for fill in desk.of(VenueFill, submit)) == done.filled_quantity, "all fills"
        )
        order = rig.order(submit.venue_client_id)
        assert order is not None
        assert order.extra["configuration"] == configuration


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("side", "stop", "limit", "trigger"),
    [(Side.BUY, D(60_500), D(60_600), D(60_501)), (Side.SELL, D(59_500), D(59_400), D(59_499))],
)
async def test_a_stop_limit_waits_for_its_side_of_the_market(side: Side, stop: D, limit: D, trigger: D) -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        submit = await desk.place(side=side, type=OrderType.STOP_LIMIT, stop_price=stop, price=limit)
        assert not desk.of(VenueFill, submit)
        found = await desk.ask(asked(submit))
        assert isinstance(found, OrderFound)
        assert (found.order.type, found.order.stop_price, found.order.price) == (OrderType.STOP_LIMIT, stop, limit)
        rig.server.exchange.print_trade("BTC-USD", trigger)
        await desk.until(lambda: bool(desk.of(VenueFill, submit)), "filled when triggered")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"price": D(60_100), "post_only": True}, "post_only_would_take"),
        ({"quantity": D(3000)}, "insufficient_funds"),
        ({"quantity": D("0.00000001")}, "min_notional"),
        ({"type": OrderType.STOP_LIMIT, "stop_price": D(59_000), "price": D(59_100)}, "stop_would_trigger"),
    ],
)
async def test_refusals_have_our_words(changes: dict[str, object], code: str) -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        answer = await desk.answer_to(desk.a_submit(**changes))
        assert isinstance(answer, VenueRejected)
        assert answer.code == code
        assert not rig.account.orders


@pytest.mark.asyncio
async def test_a_product_that_is_halted_is_refused() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        rig.market.status = "HALT"
        answer = await desk.answer_to(desk.a_submit())
        assert isinstance(answer, VenueRejected)
        assert answer.code == "market_closed"


# --- Edits ------------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_an_edit_names_what_stays_as_well() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        submit = await desk.place()
        amended = await desk.answer_to(desk.an_amend(submit, price=D("50100.50")))
        assert isinstance(amended, VenueAmended)
        assert (amended.quantity, amended.price) == (D("0.01"), D("50100.50"))
        assert amended.external_order_id == desk.external_id(submit)
        (request,) = rig.server.log.requests("orders/edit")
        assert json.loads(request.body) == {"order_id": desk.external_id(submit), "size": "0.01", "price": "50100.5"}


@pytest.mark.asyncio
async def test_an_edit_that_is_refused_leaves_the_order() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        submit = await desk.place()
        rig.server.exchange.fill(submit.venue_client_id, "0.004")
        await desk.until(lambda: bool(desk.of(VenueFill, submit)), "the fill")
        refused = await desk.answer_to(desk.an_amend(submit, quantity=D("0.003")))
        assert isinstance(refused, VenueAmendRefused)
        assert refused.code == "bad_quantity"
        order = rig.order(submit.venue_client_id)
        assert order is not None
        assert order.quantity == D("0.01")


@pytest.mark.asyncio
async def test_an_edit_that_is_only_queued_is_unknown_until_it_shows() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        submit = await desk.place()
        rig.server.queues_edits = True
        unknown = await desk.answer_to(desk.an_amend(submit, price=D(50_200)))
        assert isinstance(unknown, VenueAmendRefused)
        assert unknown.code == "unknown"
        rig.server.do_edits()
        found = await desk.ask(asked(submit))
        assert isinstance(found, OrderFound)
        assert found.order.price == D(50_200)


@pytest.mark.asyncio
async def test_a_look_that_fails_says_nothing_of_the_edit_or_the_cancel() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        submit = await desk.place()
        # The first look finds the order, the second one would see it edited.
        rig.server.faults.add("status", "GET .*historical/", skip=1, status=404, body='{"error":"INVALID_ARGUMENT"}')
        unknown = await desk.answer_to(desk.an_amend(submit, price=D(50_300)))
        assert isinstance(unknown, VenueAmendRefused)
        assert unknown.code == "unknown"
        order = rig.order(submit.venue_client_id)
        assert order is not None
        assert order.price == D(50_300)
        await desk.answer_to(desk.a_cancel(submit))
        rig.server.faults.add("status", "GET .*historical/", status=404, body='{"error":"INVALID_ARGUMENT"}')
        refused = await desk.answer_to(desk.a_cancel(submit))
        assert isinstance(refused, VenueCancelRefused)
        assert refused.code == "unknown_order"


# --- Lost answers -----------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["after_drop", "truncate", "html", "empty"])
async def test_a_lost_answer_leaves_one_order_which_is_found_by_its_client_id(kind: str) -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        rig.server.faults.add(kind, rig.paths.submit)  # type: ignore[arg-type]  # One of its words.
        submit = desk.a_submit()
        answer = await desk.answer_to(submit)
        assert isinstance(answer, VenueUnknown)
        found = await desk.ask(asked(submit))
        assert isinstance(found, OrderFound)
        assert (found.order.is_open, found.order.quantity) == (True, submit.quantity)
        assert len(rig.orders(submit.venue_client_id)) == 1
        assert len(rig.server.log.requests(rig.paths.submit)) == 1


@pytest.mark.asyncio
async def test_an_order_that_nobody_saw_is_found_by_the_time_in_its_id() -> None:
    async with CoinbaseRig() as rig:
        async with LiveDesk(rig) as desk:
            await desk.ready()
            order_id = OrderId(desk.ids.uuid())
            submit = await desk.place(order_id=order_id, venue_client_id=str(order_id))
            order = rig.order(submit.venue_client_id)
            assert order is not None
            rig.server.exchange.cancel(rig.account, order)
        rig.server.log.clear()
        async with LiveDesk(rig) as later:
            await later.ready()
            found = await later.ask(asked(submit))
        assert isinstance(found, OrderFound)
        assert found.order.done_reason is DoneReason.CANCELLED
        (request,) = rig.server.log.requests(r"historical/batch\?.*product_ids")
        assert "product_ids=BTC-USD" in request.line
        assert "start_date=20" in request.line


@pytest.mark.asyncio
async def test_an_order_that_never_was_is_absent() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        rig.server.faults.add("drop", rig.paths.submit)
        submit = desk.a_submit()
        assert isinstance(await desk.answer_to(submit), VenueUnknown)
        answer = await desk.ask(asked(submit))
        assert isinstance(answer, OrderAbsent)
        assert answer.venue_time_ns > 0


@pytest.mark.asyncio
async def test_a_token_ends_with_the_time_limit_of_its_order() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        rig.server.access.tokens.clear()
        submit = await desk.place(valid_until_ns=desk.clock.now_ns() + 5 * NS_PER_S)
        (claims, *_) = [
            claims for claims in rig.server.access.tokens if str(claims.get("uri", "")).endswith("/brokerage/orders")
        ]
        assert claims["exp"] <= submit.valid_until_ns / NS_PER_S < claims["exp"] + 1
        assert claims["uri"] == f"POST 127.0.0.1:{rig.server.port}/api/v3/brokerage/orders"


@pytest.mark.asyncio
async def test_an_order_that_comes_after_its_token_is_too_late_and_the_account_stays_open() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig, times=LiveTimes()) as desk:
        await desk.ready()
        rig.server.faults.add("before", rig.paths.submit, delay_s=1.2)
        late = await desk.answer_to(desk.a_submit(valid_until_ns=desk.clock.now_ns() + 100_000_000))
        assert isinstance(late, VenueRejected)
        assert late.code == "too_late"
        assert not rig.account.orders
        assert desk.is_connected()
        await desk.place()


@pytest.mark.asyncio
async def test_no_secret_is_on_the_wire_log_or_in_ccxt() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        await desk.place()
        adapter = rig.adapter(desk.clock)
        assert "PRIVATE KEY" not in repr(vars(adapter.wire))
        assert "PRIVATE KEY" not in "".join(record.body + record.line for record in rig.server.log.records)
        await adapter.close()
