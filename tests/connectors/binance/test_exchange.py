"""ccxt's Binance behind the guard, against the simulator: signatures, weights, keys that stay hidden."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.binance.exchange import CLASSES, MINUTE_NS, WEIGHT, Binance, Spot
from connectors.binance.requests import Request, account, order_query
from connectors.bridge.errors import AuthRefused, Limited, Refused
from engine.runtime.clock import WallClock
from engine.runtime.secret import Secret
from tests.support.venues.binance_rig import BinanceRig, SpotRig, UsdmRig

RIGS = [pytest.param(SpotRig, id="spot"), pytest.param(UsdmRig, id="usdm")]


def an_exchange(rig: BinanceRig, *, secret: str = "") -> Binance:
    return CLASSES[rig.market_name](
        rig.bridge(WallClock()),
        urls=rig.server.urls(),
        key=Secret(rig.account.api_key),
        secret=Secret(secret or rig.account.secret),
    )


@pytest.mark.asyncio
@pytest.mark.parametrize("rig", RIGS)
async def test_the_time_is_the_venues(rig: type[BinanceRig]) -> None:
    async with rig() as venue:
        venue.server.clock.skew(100)
        exchange = an_exchange(venue)
        assert abs(await exchange.venue_time_ns() - venue.server.clock.now_ns()) < 5_000_000_000
        await exchange.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("rig", RIGS)
async def test_the_weight_that_the_venue_counts_is_followed(rig: type[BinanceRig]) -> None:
    async with rig() as venue:
        exchange = an_exchange(venue)
        venue.server.limits.foreign = 700
        await exchange.send(account(venue.market_name))
        used = exchange.bridge.budgets.of().used(WEIGHT)[MINUTE_NS]
        assert used == 700 + (20 if venue.market_name == "spot" else 5)
        await exchange.close()


@pytest.mark.asyncio
async def test_a_limit_shuts_the_gate_for_as_long_as_it_says() -> None:
    async with SpotRig() as venue:
        exchange = an_exchange(venue)
        venue.server.faults.add("status", "GET /api/v3/account", **venue.rate_limited.fields)
        with pytest.raises(Limited) as limited:
            await exchange.send(account("spot"))
        assert limited.value.retry_after_ns == 2_000_000_000
        with pytest.raises(Limited):
            await exchange.send(account("spot"))
        assert len(venue.server.log.requests("account")) == 1
        await exchange.close()


@pytest.mark.asyncio
async def test_codes_hold_behind_any_address() -> None:
    async with UsdmRig() as venue:
        exchange = an_exchange(venue)
        with pytest.raises(Refused) as refused:
            await exchange.send(order_query("BTCUSDT", "usdm", client_id="nobody"))
        assert (refused.value.code, refused.value.venue_code) == ("unknown_order", "-2013")
        await exchange.close()


@pytest.mark.asyncio
async def test_no_error_shows_key_or_signature() -> None:
    async with SpotRig() as venue:
        exchange = an_exchange(venue, secret="another secret that must not be seen")
        with pytest.raises(AuthRefused) as refused:
            await exchange.send(account("spot"))
        shown = f"{refused.value!r} {refused.value} {refused.value.__cause__}"
        assert "another secret" not in shown
        assert venue.account.api_key not in shown
        assert "signature=" not in shown
        await exchange.close()


@pytest.mark.asyncio
async def test_bulk_answers_are_not_parsed_by_ccxt() -> None:
    async with SpotRig() as venue:
        exchange = an_exchange(venue)
        raw = await exchange.send(Request(method="GET", api="public", path="exchangeInfo", params={}), is_bulk=True)
        assert raw.startswith(b'{"timezone"')
        await exchange.close()


def test_streams_are_dialled_where_ccxt_says() -> None:
    spot, usdm = (CLASSES[market](SpotRig().bridge(WallClock())) for market in ("spot", "usdm"))
    assert (spot.stream_url, spot.api_url) == (
        "wss://stream.binance.com:9443",
        "wss://ws-api.binance.com:443/ws-api/v3",
    )
    assert usdm.stream_url == "wss://fstream.binance.com"


def test_keys_of_ed25519_sign_too() -> None:
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    exchange = Spot(SpotRig().bridge(WallClock()), key=Secret("k"), secret=Secret(pem))
    signed = exchange.signed_params({"b": 2})
    assert list(signed) == ["b", "apiKey", "timestamp", "signature"]
    assert len(str(signed["signature"])) > 80
