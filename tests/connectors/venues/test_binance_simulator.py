"""The simulated Binance: as strict as the real one where a connector could be wrong, and shaped like the recordings."""

import asyncio
import json
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.connectors.binance.recorded import flow
from tests.support.venues.binance import BinanceSimulator
from tests.support.venues.binance_access import sign
from tests.support.venues.core import SimAccount
from tests.support.venues.kit import Answer, Call

ROOT = Path(__file__).parents[3]


async def ask(
    venue: BinanceSimulator,
    account: SimAccount,
    method: str,
    path: str,
    *,
    secret: str = "",
    at_ms: int = 0,
    **params: str,
) -> tuple[int, int]:
    """Send a signed request; return status and code."""
    at_ms = at_ms or venue.clock.now_ms()
    text = "&".join(f"{name}={value}" for name, value in {**params, "timestamp": str(at_ms)}.items())
    signed = f"{text}&signature={sign(text, secret or account.secret)}"
    call = Call(
        method=method, path=path, query_string=signed, query={}, headers={"x-mbx-apikey": account.api_key}, body=b"",
        ip="127.0.0.1",
    )  # fmt: skip
    answer: Answer = await venue.answer(call)
    body = json.loads(answer.encoded())
    return answer.status, body.get("code", 0) if isinstance(body, dict) else 0


LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "50000",
}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (200, 0)),
        ({"secret": "another"}, (400, -1022)),
        ({"price": "50000.001"}, (400, -1013)),
        ({"stopPrice": "1"}, (400, -1104)),
        ({"timeInForce": ""}, (400, -1102)),
        ({"type": "BEST"}, (400, -1116)),
        ({"newClientOrderId": "a" * 37}, (400, -1100)),
        ({"symbol": "NOPE"}, (400, -1121)),
    ],
)
async def test_a_request_is_checked_as_the_venue_does(changes: dict[str, Any], expected: tuple[int, int]) -> None:
    venue = BinanceSimulator("spot")
    account = venue.add_account()
    assert await ask(venue, account, "POST", "/api/v3/order", **{**LIMIT, **changes}) == expected


@pytest.mark.asyncio
@pytest.mark.parametrize(("late_ms", "code"), [(0, 0), (4_900, 0), (6_000, -1021), (-900, 0), (-1_100, -1021)])
async def test_time_is_judged_by_the_venues_own_clock(late_ms: int, code: int) -> None:
    venue = BinanceSimulator("spot")
    account = venue.add_account()
    venue.clock.skew(1_000)
    at_ms = venue.clock.now_ms() - late_ms
    assert (await ask(venue, account, "GET", "/api/v3/account", at_ms=at_ms))[1] == code


@pytest.mark.asyncio
async def test_who_goes_on_beyond_the_limit_is_banned() -> None:
    venue = BinanceSimulator("spot")
    account = venue.add_account()
    statuses = [(await ask(venue, account, "GET", "/api/v3/openOrders"))[0] for _ in range(90)]
    assert statuses[:75] == [200] * 75
    assert 429 in statuses
    assert statuses[-1] == 418


@pytest.mark.asyncio
async def test_a_listen_key_lives_an_hour() -> None:
    venue = BinanceSimulator("usdm")
    account = venue.add_account()

    async def key(method: str) -> dict[str, Any]:
        call = Call(
            method=method, path="/fapi/v1/listenKey", query_string="", query={}, body=b"", ip="",
            headers={"x-mbx-apikey": account.api_key},
        )  # fmt: skip
        found: dict[str, Any] = json.loads((await venue.answer(call)).encoded())
        return found

    first = (await key("POST"))["listenKey"]
    venue.clock.advance(3_000)
    assert (await key("PUT"))["listenKey"] == first
    venue.clock.advance(3_000)
    assert (await key("POST"))["listenKey"] == first
    venue.clock.advance(3_601)
    assert (await key("PUT"))["code"] == -1125
    assert (await key("POST"))["listenKey"] != first


def told(market: str) -> tuple[BinanceSimulator, SimAccount, list[dict[str, Any]]]:
    venue = BinanceSimulator(market)
    account = venue.add_account()
    events: list[dict[str, Any]] = []
    venue.tell = lambda account, event: events.append(event)  # type: ignore[method-assign]
    return venue, account, events


def place(venue: BinanceSimulator, account: SimAccount, **changes: Any) -> None:
    usual = {"symbol": "BTCUSDT", "side": "buy", "type": "LIMIT", "quantity": Decimal("0.01"), "client_id": "a"}
    venue.exchange.place(account, **{**usual, "price": Decimal(50_000), **changes})


def test_spots_events_have_the_fields_of_the_recorded_ones(fixtures_dir: Path) -> None:
    venue, account, events = told("spot")
    place(venue, account)
    venue.exchange.fill("a")
    ours = [set(event) for event in events if event["e"] == "executionReport"]
    recorded = [set(json.loads(frame)["event"]) for frame in flow(fixtures_dir, "spot limit filled")]
    assert ours == recorded


def test_usdms_events_have_the_fields_and_the_order_of_the_recorded_ones(fixtures_dir: Path) -> None:
    venue, account, events = told("usdm")
    child = {"algo": "1", "child_type": "MARKET"}
    place(venue, account, type="STOP_MARKET", price=None, stop_price=Decimal(60_100), extra=child)
    venue.exchange.print_trade("BTCUSDT", "60100")
    ours = [event for event in events if event["e"] != "ACCOUNT_UPDATE"]
    recorded = [json.loads(frame) for frame in flow(fixtures_dir, "usdm stop filled in two")]
    for event in ours:
        alike = next(each for each in recorded if each["e"] == event["e"] and each["o"]["X"] == event["o"]["X"])
        assert set(event["o"]) == set(alike["o"]), event
    words = [event["o"]["X"] for event in ours]
    assert words == ["NEW", "TRIGGERING", "NEW", "TRIGGERED", "FILLED", "FINISHED"]


@pytest.mark.asyncio
async def test_it_runs_as_a_process_of_its_own() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.venues.binance", "--port", "0", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        port = int((await asyncio.wait_for(process.stdout.readline(), 20)).split()[1])
        base = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{base}/api/v3/time") as answer:
                assert abs((await answer.json())["serverTime"] - time.time() * 1_000) < 5_000
            wish = {"do": "truth", "with": {"account": "ann"}}
            async with session.post(f"{base}/_control", json=wish) as answer:
                assert (await answer.json())["result"]["orders"] == []
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0
