"""What Kraken's errors prove, what its requests cost, and its time."""

import pytest

from connectors.bridge.answers import Seen, judged
from connectors.bridge.errors import (
    AuthRefused,
    BridgeError,
    ClockOff,
    Duplicate,
    Limited,
    Maintenance,
    Refused,
    Unknown,
)
from connectors.bridge.exchange import Bridge
from connectors.kraken.exchange import Kraken
from engine.runtime.clock import NS_PER_S, WallClock
from tests.support.venues.kraken_rig import KrakenRig


def kraken() -> Kraken:
    return Kraken(Bridge(Kraken.limits, WallClock()), {})


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("EOrder:Insufficient funds", Refused, "insufficient_funds"),
        ("EOrder:Invalid price:Invalid price argument", Refused, "bad_price"),
        ("EGeneral:Invalid arguments:volume", Refused, "EGeneral:Invalid arguments"),
        ("EAPI:Rate limit exceeded", Limited, "rate_limited"),
        ("EAPI:Invalid key", AuthRefused, "bad_key"),
        ("EGeneral:Permission denied", AuthRefused, "no_permission"),
        ("EAPI:Invalid nonce", ClockOff, "EAPI:Invalid nonce"),
        ("EService:Unavailable", Maintenance, "maintenance"),
        ("EService:Busy", Maintenance, "maintenance"),
        ("EService:Deadline elapsed", Unknown, "EService:Deadline elapsed"),
        ("EOrder:cl_ord_id is not unique", Duplicate, "duplicate_client_id"),
    ],
)
def test_an_error_proves_what_it_says_also_with_status_200(text: str, kind: type[BridgeError], code: str) -> None:
    body = f'{{"error":["WGeneral:Deprecated","{text}"]}}'.encode()
    error = judged(kraken().venue_error(200, body), Seen(200, {}, body), Kraken.rules)
    assert isinstance(error, kind)
    assert error.code == code
    assert error.is_definite is (kind in (Refused, Limited, AuthRefused, ClockOff))


@pytest.mark.parametrize("body", [b'{"error":[],"result":{}}', b'{"error": ["WGeneral:x"]}', b"<html>", b"{}", b"[]"])
def test_what_is_no_error_is_none(body: bytes) -> None:
    assert kraken().venue_error(200, body) is None


def test_a_request_costs_where_kraken_counts_it() -> None:
    exchange = kraken()
    assert exchange.cost_of("Time", ["public"], "GET", {}) == {"public": 1}
    assert exchange.cost_of("BalanceEx", ["private"], "POST", {}) == {"counter": 1}
    assert exchange.cost_of("TradesHistory", ["private"], "POST", {}) == {"counter": 2}
    assert exchange.cost_of("AddOrder", ["private"], "POST", {}) == {}


@pytest.mark.asyncio
async def test_the_time_is_the_middle_of_the_second_that_kraken_tells() -> None:
    async with KrakenRig() as rig:
        public = rig.public(WallClock())
        assert abs(await public.server_time_ns() - rig.server.clock.now_ns()) <= NS_PER_S
        await public.close()
