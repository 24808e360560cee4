"""ccxt's Coinbase behind the guard."""

import pytest

from connectors.bridge.errors import AuthRefused, Limited, Maintenance, Refused, Unknown
from connectors.bridge.exchange import Bridge
from connectors.coinbase.exchange import USER_STREAM, Coinbase
from engine.runtime.clock import WallClock
from engine.runtime.secret import Secret
from tests.support.venues.coinbase_access import key_pair
from tests.support.venues.coinbase_rig import KEY_NAME, CoinbaseRig


def test_without_overrides_it_knows_the_real_addresses() -> None:
    exchange = Coinbase(Bridge(Coinbase.limits, WallClock()))
    assert exchange.market_url == "wss://advanced-trade-ws.coinbase.com"
    assert exchange.user_url == USER_STREAM
    assert exchange.urls["api"]["rest"] == "https://api.coinbase.com"


def test_ccxt_holds_neither_the_secret_nor_the_name_of_the_key() -> None:
    exchange = Coinbase(Bridge(Coinbase.limits, WallClock()), name=Secret(KEY_NAME), secret=Secret(key_pair(1)[0]))
    assert KEY_NAME not in (exchange.apiKey, exchange.secret)
    assert "PRIVATE" not in exchange.secret


@pytest.mark.asyncio
async def test_the_time_is_the_venues() -> None:
    async with CoinbaseRig() as rig:
        exchange = Coinbase(Bridge(Coinbase.limits, WallClock()), urls=rig.urls)
        rig.server.clock.skew(20)
        assert abs(await exchange.venue_time_ns() - rig.server.clock.now_ns()) < 5_000_000_000
        await exchange.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, "Unauthorized", AuthRefused),
        (403, '{"error":"PERMISSION_DENIED"}', AuthRefused),
        (403, "<html></html>", Unknown),
        (400, '{"error":"INVALID_ARGUMENT"}', Refused),
        (429, "Too Many Requests", Limited),
        (500, '{"error":"INTERNAL"}', Unknown),
        (503, '{"error":"UNAVAILABLE"}', Maintenance),
    ],
)
async def test_errors_mean_the_same_whatever_the_address(status: int, body: str, error: type[Exception]) -> None:
    async with CoinbaseRig() as rig:
        rig.server.faults.add("status", "/accounts", status=status, body=body)
        adapter = rig.adapter(WallClock())
        with pytest.raises(error):
            await adapter.account()
        await adapter.close()


@pytest.mark.asyncio
async def test_requests_are_counted_by_address_without_a_key_and_by_key_with_one() -> None:
    async with CoinbaseRig() as rig:
        adapter, public = rig.adapter(WallClock()), rig.public(WallClock())
        await adapter.account()
        await public.server_time_ns()
        assert adapter.wire.bridge.budgets.of(KEY_NAME).used("private") == {1_000_000_000: 1}
        assert public.wire.bridge.budgets.of("").used("public") == {1_000_000_000: 1}
        await adapter.close()
        await public.close()


@pytest.mark.asyncio
async def test_a_burst_stays_within_what_the_venue_lets_through() -> None:
    async with CoinbaseRig() as rig:
        rig.server.limits.is_strict = True
        adapter = rig.adapter(WallClock())
        for _ in range(70):
            await adapter.account()
        assert max(rig.server.limits.used.values()) <= 30
        await adapter.close()
