"""Keys, permissions, clocks, holes, bursts: what keeps a Coinbase account shut, and what must not lose anything."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from engine.messages.venues import (
    OrderAbsent,
    OrderQuery,
    VenueFill,
    VenueOrderDone,
    VenueOrderUpdate,
    VenueRejected,
)
from tests.support.venues.coinbase_rig import CoinbaseRig
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.rig import RIG_ACCOUNT, Key

D = Decimal


async def line_of(desk: LiveDesk) -> str:
    """Return why the account is not ready."""
    await desk.until(lambda: any(not each.connected for each in desk.connections()), "told why")
    return next(each.reason for each in desk.connections() if not each.connected)


@pytest.mark.asyncio
@pytest.mark.parametrize("key", ["unknown", "wrong_secret"])
async def test_a_wrong_key_is_one_clear_line(key: Key) -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig, key=key) as desk:
        line = await line_of(desk)
        assert line == "the venue does not know this key, or has revoked it (UNAUTHORIZED Unauthorized)"
        assert not desk.is_connected()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda rig: rig.account.permissions.discard("trade"), "the key may not trade (it may only read)"),
        (lambda rig: rig.account.permissions.clear(), "the key may not trade (PERMISSION_DENIED Missing required"),
        (lambda rig: setattr(rig.account, "allowed_ips", {"1.2.3.4"}), "the key may not be used from this address"),
        (lambda rig: rig.server.clock.skew(600), "our clock is 600 s behind the venue's: set it right"),
        (lambda rig: rig.server.faults.add("status", "key_permissions", times=9, **rig.maintenance.fields),
         "the venue is closed for maintenance (Coinbase is under maintenance)"),
    ],
)  # fmt: skip
async def test_what_keeps_an_account_shut_is_one_clear_line(spoil: Callable[[CoinbaseRig], object], line: str) -> None:
    async with CoinbaseRig() as rig:
        spoil(rig)
        async with LiveDesk(rig) as desk:
            assert (await line_of(desk)).startswith(line)
            assert not desk.is_connected()


@pytest.mark.asyncio
async def test_a_key_that_is_revoked_shuts_the_account_and_opens_it_when_it_is_good_again() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        rig.account.is_revoked = True
        refused = await desk.answer_to(desk.a_submit())
        assert isinstance(refused, VenueRejected)
        await desk.until(lambda: not desk.is_connected(), "shut")
        assert "revoked" in desk.connections()[-1].reason
        rig.account.is_revoked = False
        await desk.ready()


@pytest.mark.asyncio
async def test_a_clock_that_is_a_little_off_is_followed() -> None:
    async with CoinbaseRig() as rig:
        rig.server.clock.skew(-20)
        async with LiveDesk(rig) as desk:
            await desk.ready()
            await desk.place()


@pytest.mark.asyncio
async def test_a_clock_that_is_set_meanwhile_is_measured_again() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        rig.server.clock.skew(-15)
        refused = await desk.answer_to(desk.a_submit())
        assert isinstance(refused, VenueRejected)
        await desk.until(lambda: not desk.is_connected(), "shut: Coinbase calls a wrong time a wrong key")
        await desk.ready()
        await desk.place()


@pytest.mark.asyncio
async def test_a_hole_in_the_private_numbers_brings_a_new_connection() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        submit = await desk.place()
        rig.server.sockets.gap(1, sockets="/ws-user", frames='"user"')
        rig.server.exchange.fill(submit.venue_client_id, "0.004")
        rig.server.exchange.fill(submit.venue_client_id, "0.001")
        await desk.until(lambda: any("frames are missing" in each.reason for each in desk.connections()), "away")
        await desk.ready()
        await desk.until(lambda: len(desk.of(VenueFill, submit)) == 2, "both fills")


@pytest.mark.asyncio
async def test_connections_that_break_lose_no_fill() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        submit = await desk.place(quantity=D(1))
        for number in range(4):
            rig.server.exchange.fill(submit.venue_client_id, "0.001")
            rig.server.sockets.abort("/ws-user")
            await desk.until(lambda: not desk.is_connected(), f"gone {number}")
            await desk.ready(40)
        rig.server.exchange.fill(submit.venue_client_id, "0.001")
        await desk.until(lambda: len(desk.of(VenueFill, submit)) == 5, "all fills")


@pytest.mark.asyncio
@pytest.mark.timeout(120)
async def test_a_burst_of_thousands_of_events_is_told_once_and_in_order() -> None:
    async with CoinbaseRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        submit = await desk.place(quantity=D(1))
        for _ in range(8_000):
            rig.server.exchange.fill(submit.venue_client_id, "0.0001")
        await desk.until(lambda: len(desk.of(VenueOrderUpdate, submit)) == 8_001, "all updates", 60)
        sums = [update.order.filled_quantity for update in desk.of(VenueOrderUpdate, submit)]
        assert sums == sorted(sums)
        await desk.until(lambda: len(desk.of(VenueFill, submit)) == 8_000, "all fills", 60)
        assert len({fill.external_trade_id for fill in desk.of(VenueFill, submit)}) == 8_000
        assert sum(fill.quantity for fill in desk.of(VenueFill, submit)) == D("0.8")
        assert not desk.of(VenueOrderDone, submit)
        # 80 pages hold all of them; the list grew while it was read.
        assert len(rig.server.log.requests(rig.paths.fills)) < 400


@pytest.mark.asyncio
async def test_an_order_that_is_not_listed_is_absent_as_of_our_asking() -> None:
    async with CoinbaseRig() as rig:
        rig.server.clock.skew(20)
        async with LiveDesk(rig) as desk:
            await desk.ready()
            query = OrderQuery(account_id=RIG_ACCOUNT, symbol=rig.symbol, venue_client_id="nobody")
            answer = await desk.ask(query)
            assert isinstance(answer, OrderAbsent)
            # A venue ahead of us proves nothing about the seconds that we have not had yet.
            assert 15_000_000_000 < rig.server.clock.now_ns() - answer.venue_time_ns < 25_000_000_000
