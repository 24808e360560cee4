"""What keeps an account shut is one clear line; nothing is sent meanwhile, and it comes back by itself."""

import asyncio
from typing import Any

import msgspec
import pytest

from engine.messages.venues import AccountQuery, CannotTell, VenueNotSent, VenueRejected
from engine.runtime.clock import NS_PER_S
from tests.support.venues.live_desk import QUICK, LiveDesk
from tests.support.venues.rig import RIG_ACCOUNT, VenueRig

pytestmark = pytest.mark.venue_level("silver")

PATIENT = msgspec.structs.replace(QUICK, auth_retry_ns=NS_PER_S)
"""An account stays shut long enough to be looked at."""


async def shut(desk: LiveDesk) -> str:
    """Wait until the account is said to be shut; return the line."""

    def is_shut() -> bool:
        said = desk.connections()
        return bool(said) and not said[-1].connected and "connecting" not in said[-1].reason

    await desk.until(is_shut, "the account is shut")
    line = desk.connections()[-1].reason
    answer, not_sent = await desk.ask(AccountQuery(account_id=RIG_ACCOUNT)), await desk.answer_to(desk.a_submit())
    assert isinstance(answer, CannotTell)
    assert isinstance(not_sent, VenueNotSent)
    assert line
    assert "\n" not in line
    assert len(line) < 200
    return line


async def try_to_trade(desk: LiveDesk) -> None:
    """Some venues tell what a key may do only when it does it."""
    await desk.until(lambda: desk.connections() != [], "it was tried")
    await asyncio.sleep(0.2)
    answer = await desk.answer_to(desk.a_submit())
    assert isinstance(answer, VenueNotSent | VenueRejected), answer


@pytest.mark.asyncio
@pytest.mark.parametrize("key", ["unknown", "wrong_secret"])
async def test_a_wrong_key(rig: VenueRig, key: Any) -> None:
    async with LiveDesk(rig, key=key) as desk:
        line = await shut(desk)
        assert "key" in line
        assert rig.account.secret not in line
        assert rig.account.api_key not in line
        assert rig.server.log.requests(rig.paths.submit) == []


@pytest.mark.asyncio
async def test_a_key_that_is_revoked_while_we_trade_shuts_the_account(rig: VenueRig, desk: LiveDesk) -> None:
    await desk.place()
    rig.account.is_revoked = True
    await try_to_trade(desk)
    line = await shut(desk)
    assert "key" in line
    rig.account.is_revoked = False
    await desk.ready()
    await desk.place()


@pytest.mark.asyncio
async def test_a_key_that_may_not_trade(rig: VenueRig) -> None:
    rig.account.permissions.discard("trade")
    async with LiveDesk(rig, times=PATIENT) as desk:
        await try_to_trade(desk)
        line = await shut(desk)
        assert "key" in line
        rig.account.permissions.add("trade")
        await desk.ready()


@pytest.mark.asyncio
async def test_an_address_that_is_not_allowed(rig: VenueRig) -> None:
    if not rig.lists_addresses:
        return
    rig.account.allowed_ips = {"203.0.113.7"}
    async with LiveDesk(rig) as desk:
        line = await shut(desk)
        assert "address" in line or "key" in line
        rig.account.allowed_ips = None
        await desk.ready()


@pytest.mark.asyncio
@pytest.mark.parametrize("minutes", [10, -10])
async def test_a_clock_that_is_ten_minutes_off(rig: VenueRig, minutes: int) -> None:
    rig.server.clock.skew(60 * minutes)
    async with LiveDesk(rig) as desk:
        line = await shut(desk)
        assert "clock" in line
        assert ("behind" if minutes > 0 else "ahead") in line


@pytest.mark.asyncio
async def test_a_clock_that_is_a_little_off_is_followed(rig: VenueRig) -> None:
    rig.server.clock.skew(12)
    async with LiveDesk(rig) as desk:
        await desk.ready()
        await desk.place()


@pytest.mark.asyncio
async def test_maintenance(rig: VenueRig) -> None:
    rig.server.faults.add("status", "/", **rig.maintenance.fields, times=-1)
    async with LiveDesk(rig) as desk:
        await shut(desk)
        rig.server.faults.clear()
        await desk.ready(30)


@pytest.mark.asyncio
async def test_a_venue_that_is_not_there(rig: VenueRig) -> None:
    port = rig.server.port
    await rig.server.stop()
    rig.server.port = port
    async with LiveDesk(rig) as desk:
        line = await shut(desk)
        assert "cannot be reached" in line
        await rig.server.start(port)
        await desk.ready(30)


@pytest.mark.asyncio
async def test_a_symbol_that_the_venue_does_not_list(rig: VenueRig, desk: LiveDesk) -> None:
    answer = await desk.answer_to(desk.a_submit(symbol="NOSUCH/" + rig.symbol.partition("/")[2]))
    assert type(answer).__name__ in {"VenueRejected", "VenueNotSent"}, answer
    await desk.place()


@pytest.mark.asyncio
async def test_a_symbol_that_is_delisted(rig: VenueRig, desk: LiveDesk) -> None:
    rig.market.status = "BREAK"
    answer = await desk.answer_to(desk.a_submit())
    assert type(answer).__name__ in {"VenueRejected", "VenueNotSent"}, answer
    rig.market.status = "TRADING"
    await desk.place()
