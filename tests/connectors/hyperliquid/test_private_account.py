"""What an account at a simulated Hyperliquid is told and asked, and what it never signs."""

import json
from decimal import Decimal
from typing import Any

import pytest

from connectors.bridge.errors import NotSent
from engine.domain.kinds import DoneReason, OrderType
from engine.messages.venues import (
    AccountQuery,
    ArmDeadMan,
    CannotTell,
    DeadManArmed,
    FillsQuery,
    OpenOrdersQuery,
    VenueFill,
    VenueRejected,
)
from tests.support.venues.hyperliquid_rig import HyperliquidRig
from tests.support.venues.hyperliquid_scene import end_of, fills_of, rig_of, sent
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.rig import RIG_ACCOUNT

D = Decimal


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


@pytest.mark.asyncio
async def test_a_key_that_is_revoked_shuts_the_account_until_it_is_good_again(perp: LiveDesk) -> None:
    rig = rig_of(perp)
    rig.account.is_revoked = True
    answer = await perp.answer_to(perp.a_submit())
    assert isinstance(answer, VenueRejected)
    assert answer.code == "auth_bad_key"
    await perp.until(lambda: not perp.is_connected(), "the account is shut")
    assert "revoked" in perp.connections()[-1].reason
    assert "0x" + rig.account.secret[2:] not in perp.connections()[-1].reason
    rig.account.is_revoked = False
    await perp.until(perp.is_connected, "the account is open again")
    await perp.place()


@pytest.mark.asyncio
async def test_a_clock_that_is_ten_minutes_off_is_said_in_one_line() -> None:
    async with HyperliquidRig() as rig:
        rig.server.clock.skew(600)
        async with LiveDesk(rig) as desk:
            await desk.until(lambda: bool(desk.connections()), "the account is refused")
            assert desk.connections()[-1].reason == "our clock is 600 s behind the venue's: set it right"


@pytest.mark.asyncio
async def test_a_clock_that_is_a_little_off_is_followed() -> None:
    async with HyperliquidRig() as rig:
        rig.server.clock.skew(8)
        async with LiveDesk(rig) as desk:
            await desk.ready()
            submit = await desk.place()
            (request,) = sent(desk)
            assert abs(request["expiresAfter"] - submit.valid_until_ns // 10**6 - 8_000) < 100


@pytest.mark.asyncio
async def test_maintenance_is_waited_for() -> None:
    async with HyperliquidRig() as rig:
        said = rig.maintenance
        fault = rig.server.faults.add("status", "POST /info", times=-1, **said.fields)
        async with LiveDesk(rig) as desk:
            await desk.until(lambda: bool(desk.connections()), "the account is away")
            assert "http_502" in desk.connections()[-1].reason
            rig.server.faults.rules.remove(fault)
            await desk.ready()


@pytest.mark.asyncio
async def test_without_volume_there_is_no_dead_mans_switch(perp: LiveDesk) -> None:
    rig_of(perp).server.desk.can_switch = False
    answer = await perp.ask(ArmDeadMan(account_id=RIG_ACCOUNT, timeout_ns=6_000_000_000))
    assert isinstance(answer, CannotTell)
    assert "dead_man_unavailable" in answer.why
