"""The guarded exchange: what requests weigh, what the time is, where it dials."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from connectors.bridge.departure import Free
from connectors.bridge.errors import Limited, NotSent, Refused, Unknown
from connectors.bridge.exchange import Bridge
from connectors.hyperliquid.exchange import WEIGHT, Hyperliquid
from engine.runtime.clock import NS_PER_S, WallClock
from tests.support.venues.hyperliquid import HyperliquidSimulator


@pytest_asyncio.fixture
async def venue() -> AsyncIterator[HyperliquidSimulator]:
    async with HyperliquidSimulator() as server:
        yield server


@pytest_asyncio.fixture
async def exchange(venue: HyperliquidSimulator) -> AsyncIterator[Hyperliquid]:
    made = Hyperliquid(Bridge(Hyperliquid.limits, WallClock()), urls=venue.urls())
    yield made
    await made.close()


def used(exchange: Hyperliquid) -> int:
    return exchange.bridge.budgets.of().used(WEIGHT)[60 * NS_PER_S]


@pytest.mark.asyncio
async def test_the_venues_time_is_followed(exchange: Hyperliquid, venue: HyperliquidSimulator) -> None:
    venue.clock.skew(3.0)
    await exchange.follow_clock()
    assert abs(exchange.bridge.time.offset_ns - 3 * NS_PER_S) < NS_PER_S // 2


@pytest.mark.asyncio
async def test_requests_are_counted_as_the_venue_counts_them(
    exchange: Hyperliquid, venue: HyperliquidSimulator
) -> None:
    for request in ({"type": "l2Book", "coin": "BTC"}, {"type": "meta"}, {"type": "userRole", "user": "0x1"}):
        await exchange.info(request)
    assert used(exchange) == sum(weight for _, weight in venue._weights) == 82
    await exchange.charge("userFillsByTime", 2_000)
    await exchange.charge("candleSnapshot", 59)
    assert used(exchange) == 182


@pytest.mark.asyncio
async def test_a_refusal_is_read_and_a_broken_answer_is_not_one(
    exchange: Hyperliquid, venue: HyperliquidSimulator
) -> None:
    with pytest.raises(Refused, match="malformed"):
        await exchange.info({"type": "nonsense"})
    venue.faults.add("status", "POST /info", status=502, body="<html>")
    with pytest.raises(Unknown):
        await exchange.info({"type": "meta"})
    venue.faults.add("status", "POST /info", status=429, body="null", headers={"Retry-After": "7"})
    with pytest.raises(Limited) as caught:
        await exchange.info({"type": "meta"})
    assert caught.value.retry_after_ns == 7 * NS_PER_S
    with pytest.raises(Limited):
        await exchange.act({"action": {"type": "order"}}, Free())
    assert len(venue.log.requests("POST /exchange")) == 0


@pytest.mark.asyncio
async def test_signatures_are_for_the_chain_that_is_dialled() -> None:
    addresses: tuple[dict[str, str], ...] = (
        {},
        {"private": "https://api.hyperliquid-testnet.xyz"},
        {"private": "http://127.0.0.1:1"},
    )
    made = [Hyperliquid(Bridge((), WallClock()), urls={"api": api}) for api in addresses]
    assert [each.is_mainnet for each in made] == [True, False, True]
    assert made[0].stream_url.startswith("wss://api.hyperliquid.xyz")


@pytest.mark.asyncio
async def test_nothing_leaves_after_the_end(exchange: Hyperliquid) -> None:
    await exchange.close()
    with pytest.raises(NotSent):
        await exchange.info({"type": "meta"})


@pytest.mark.asyncio
async def test_ccxts_own_orders_sign_nothing(exchange: Hyperliquid, venue: HyperliquidSimulator) -> None:
    exchange.walletAddress = "0x" + "01" * 20
    calls: list[Any] = [
        exchange.create_order("BTC/USDC:USDC", "limit", "buy", 1, 50_000),
        exchange.cancel_all_orders_after(5_000),
        exchange.initialize_client(),
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(each, Exception) for each in results] == [True, True, False]
    assert venue.log.requests("POST /exchange") == []
