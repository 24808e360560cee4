"""The simulated Hyperliquid is as strict as the venue: who signed, what was signed, when, and how often."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from connectors.hyperliquid.signing import Signer
from engine.runtime.secret import Secret
from tests.support.venues.hyperliquid import HyperliquidSimulator
from tests.support.venues.hyperliquid_desk import DAY_MS, NONCES_KEPT, ActionError

ORDER: dict[str, Any] = {
    "a": 0, "b": True, "p": "50000", "s": "0.01", "r": False, "t": {"limit": {"tif": "Gtc"}}, "c": "0x" + "ab" * 16,
}  # fmt: skip
ACTION: dict[str, Any] = {"type": "order", "orders": [ORDER], "grouping": "na"}


def a_venue() -> HyperliquidSimulator:
    venue = HyperliquidSimulator()
    venue.add_account("ann")
    return venue


def signed(venue: HyperliquidSimulator, nonce: int = 0, action: Any = None, **more: Any) -> dict[str, Any]:
    nonce = nonce or venue.clock.now_ms()
    action = copy.deepcopy(ACTION) if action is None else action
    signature = Signer(Secret(venue.keys["ann"])).sign(action, nonce, expires_ms=more.get("expiresAfter"))
    return {"action": action, "nonce": nonce, "signature": signature, **more}


def orders(venue: HyperliquidSimulator) -> int:
    return len(venue.exchange.accounts["ann"].orders)


def test_a_signed_order_is_taken_once() -> None:
    venue = a_venue()
    request = signed(venue)
    answer = venue.desk.act(request)
    assert "resting" in answer["response"]["data"]["statuses"][0]
    with pytest.raises(ActionError, match="duplicate nonce"):
        venue.desk.act(request)
    assert orders(venue) == 1


@pytest.mark.parametrize(
    "tamper",
    [
        lambda request: request["action"]["orders"][0].update(p="50001"),
        lambda request: request["action"]["orders"][0].update(b=False),
        lambda request: request.update(nonce=request["nonce"] + 1),
        lambda request: request.update(expiresAfter=request["nonce"] + 60_000),
        lambda request: request.update(vaultAddress="0x" + "11" * 20),
        lambda request: request["action"].update(builder={"b": "0x" + "22" * 20, "f": 10}),
    ],
    ids=["price", "side", "nonce", "limit", "vault", "builder"],
)
def test_nothing_can_be_changed_after_it_was_signed(tamper: Callable[[dict[str, Any]], None]) -> None:
    venue = a_venue()
    request = signed(venue)
    tamper(request)
    with pytest.raises(ActionError, match="does not exist"):
        venue.desk.act(request)
    assert orders(venue) == 0


def test_a_number_must_be_near_the_time_and_among_the_highest() -> None:
    venue = a_venue()
    now = venue.clock.now_ms()
    for nonce in (now - 3 * DAY_MS, now + 2 * DAY_MS):
        with pytest.raises(ActionError, match="too far"):
            venue.desk.act(signed(venue, nonce))
    for number in range(NONCES_KEPT):
        venue.desk.act(signed(venue, now + number, {"type": "scheduleCancel"}))
    with pytest.raises(ActionError, match="too low"):
        venue.desk.act(signed(venue, now - 1))
    assert orders(venue) == 0


def test_a_late_request_does_nothing() -> None:
    venue = a_venue()
    with pytest.raises(ActionError, match="expired"):
        venue.desk.act(signed(venue, expiresAfter=venue.clock.now_ms() - 1))
    venue.desk.act(signed(venue, venue.clock.now_ms() + 5, expiresAfter=venue.clock.now_ms() + 1_000))
    assert orders(venue) == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"p": "50000.5"}, "tick size"), ({"s": "0.000001"}, "invalid size"), ({"s": "0.0001"}, "minimum value"),
        ({"s": "9000"}, "Insufficient margin"), ({"r": True}, "Reduce only"),
        ({"p": "60001", "t": {"limit": {"tif": "Alo"}}}, "Post only"),
        ({"t": {"limit": {"tif": "Ioc"}}}, "immediately match"),
    ],
)  # fmt: skip
def test_orders_are_refused_in_the_venues_words(change: dict[str, Any], sentence: str) -> None:
    venue = a_venue()
    answer = venue.desk.act(signed(venue, action={**ACTION, "orders": [{**ORDER, **change}]}))
    (status,) = answer["response"]["data"]["statuses"]
    assert sentence in status["error"]


@pytest.mark.parametrize("number", ["50000.0", "050000", "5e4"])
def test_numbers_that_are_not_canonical_are_refused(number: str) -> None:
    venue = a_venue()
    with pytest.raises(ActionError, match="canonical"):
        venue.desk.act(signed(venue, action={**ACTION, "orders": [{**ORDER, "p": number}]}))
