"""An account is opened only with a key that may sign for it."""

import pytest

from connectors.bridge.errors import AuthRefused
from connectors.bridge.exchange import Bridge
from connectors.hyperliquid.exchange import Hyperliquid
from connectors.hyperliquid.opening import prove_key, prove_mode, require_address
from engine.domain.errors import BadInput, NotReady
from engine.runtime.clock import WallClock
from tests.support.venues.hyperliquid import HyperliquidSimulator


@pytest.mark.parametrize("text", ["", "0x12", "ab" * 21, "0x" + "g" * 40, "0x" + "A" * 40])
def test_what_is_no_address_is_refused(text: str) -> None:
    require_address("0x" + "a9" * 20)
    with pytest.raises(AuthRefused, match="address"):
        require_address(text)


@pytest.mark.asyncio
async def test_a_key_signs_for_its_account_or_for_the_one_that_has_approved_it() -> None:
    async with HyperliquidSimulator() as venue:
        ann, bob = venue.add_account("ann"), venue.add_account("bob")
        exchange = Hyperliquid(Bridge(Hyperliquid.limits, WallClock()), urls=venue.urls())
        await prove_key(exchange, ann.api_key, ann.api_key)
        await prove_key(exchange, ann.api_key, ann.secret)
        for signer, why in (
            (bob.secret, "another account"), ("0x" + "00" * 20, "knows no API wallet"), (bob.api_key, "that of a user"),
        ):  # fmt: skip
            with pytest.raises(AuthRefused, match=why):
                await prove_key(exchange, ann.api_key, signer)
        ann.is_revoked = True
        with pytest.raises(AuthRefused):
            await prove_key(exchange, ann.api_key, ann.secret)
        assert venue.log.requests("POST /exchange") == []
        await exchange.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(("mode", "is_good"), [("disabled", True), ("default", True), ("portfolioMargin", False)])
async def test_spot_and_perpetuals_have_a_collateral_each(mode: str, is_good: bool) -> None:
    async with HyperliquidSimulator() as venue:
        venue.info.mode = mode
        exchange = Hyperliquid(Bridge(Hyperliquid.limits, WallClock()), urls=venue.urls())
        if is_good:
            await prove_mode(exchange, "0x1")
        else:
            with pytest.raises(NotReady, match=mode):
                await prove_mode(exchange, "0x1")
        venue.faults.add("status", "POST /info", status=200, body="{}")
        with pytest.raises(BadInput):
            await prove_mode(exchange, "0x1")
        await exchange.close()
