"""A venue in another process, behind the released daemon: away at the start, there, gone and back."""

import time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from config.venue_url import UnixAddress
from engine.domain.identifiers import AccountId, OrderId
from engine.domain.kinds import OrderType, Side
from engine.messages.remote import RemoteHello
from engine.messages.venues import OpenAccount, VenueCancel, VenueSubmit
from tests.process.test_first_run import cheap
from tests.support.daemon import Daemon, a_daemon
from tests.support.remote_peer import HonestPeer, a_venue_beside

CONFIG = """
[market]
venues = ["mars"]

[venues.mars]
kind = "remote"
url = "unix:{path}"
token = "env:MARS_TOKEN"

[[accounts]]
name = "real"
user = "demo@localhost"
mode = "live"
"""

pytestmark = pytest.mark.slow


def account_part(daemon: Daemon) -> dict[str, Any]:
    _, body = daemon.readiness()
    return next((part for part in body["parts"] if part["part"].startswith("account:")), {})


def is_account_ready(daemon: Daemon) -> bool:
    return bool(account_part(daemon).get("ready"))


def an_order(daemon: Daemon, **changes: Any) -> dict[str, Any]:
    account = daemon.get("/accounts")["items"][0]
    assert account["mode"] == "live"
    return {"account_id": account["id"], "symbol": "BTC/USDT", "side": "buy", "type": "market", "quantity": "0.01"} | (
        changes
    )


@pytest.mark.timeout(150)
def test_orders_reach_a_venue_in_another_process_and_come_back(tmp_path: Path) -> None:
    address = UnixAddress(str(tmp_path / "mars.sock"))
    peer = HonestPeer("mars", time.time_ns)
    with a_daemon(tmp_path / "data", config=CONFIG.format(path=address.path), MARS_TOKEN="sesame") as daemon:
        daemon.start()
        assert not is_account_ready(daemon), "the engine is ready, its account is not"
        assert "No such file" in account_part(daemon)["reason"]
        status, answer = daemon.call("POST", "/api/v1/orders", an_order(daemon))
        assert status == 422, answer

        with a_venue_beside(peer, address):
            daemon.wait_for(lambda: is_account_ready(daemon), "the account", 40)
            hello = next(body for body in peer.asked if isinstance(body, RemoteHello))
            assert hello.token == "sesame"
            opened = next(body for body in peer.asked if isinstance(body, OpenAccount))
            assert opened.starting_balances == {}
            assert {b["asset"]: b["total"] for b in daemon.get("/balances")["items"]}["USDT"] == "50000"
            trade(daemon, peer)
        daemon.wait_for(lambda: not is_account_ready(daemon), "the loss", 20)
        with a_venue_beside(peer, address):
            daemon.wait_for(lambda: is_account_ready(daemon), "the return", 40)
            status, filled = daemon.call("POST", "/api/v1/orders?wait=ack", an_order(daemon))
            assert status == 201, filled
            assert filled["venue_client_id"] in peer.orders
        assert daemon.stop() == 0
        assert "sesame" not in daemon.output


def trade(daemon: Daemon, peer: HonestPeer) -> None:
    """Fill one order, let one rest and cancel it."""
    status, order = daemon.call("POST", "/api/v1/orders?wait=ack", an_order(daemon))
    assert status == 201, order
    order_id = order["id"]
    daemon.wait_for(lambda: daemon.get(f"/orders/{order_id}")["status"] == "filled", "the fill", 10)
    submit = next(body for body in peer.asked if isinstance(body, VenueSubmit))
    assert (str(submit.order_id), submit.venue_client_id) == (order_id, order["venue_client_id"])
    assert [str(fill["quantity"]) for fill in daemon.get("/trades")["items"]] == ["0.01"]

    status, resting = daemon.call(
        "POST", "/api/v1/orders?wait=ack", an_order(daemon, type="limit", price=cheap(daemon))
    )
    assert (status, resting["status"]) == (201, "open")
    daemon.call("DELETE", f"/api/v1/orders/{resting['id']}")
    daemon.wait_for(lambda: daemon.get(f"/orders/{resting['id']}")["status"] == "cancelled", "the cancel", 10)
    assert peer.orders[resting["venue_client_id"]][1] == "cancelled"


def by_hand(peer: HonestPeer, daemon: Daemon) -> VenueSubmit:
    """Let a person place an order at the venue itself."""
    order = VenueSubmit(
        order_id=OrderId(UUID(int=7)),
        account_id=AccountId(UUID(daemon.get("/accounts")["items"][0]["id"])),
        venue_client_id="web-1",
        venue="mars",
        symbol="BTC/USDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        quantity=Decimal("0.02"),
        price=Decimal(1_000),
        valid_until_ns=time.time_ns() + 60_000_000_000,
    )
    peer.orders[order.venue_client_id] = (order, "open")
    return order


@pytest.mark.timeout(90)
def test_an_order_placed_by_hand_is_adopted_and_cancelled_over_http(tmp_path: Path) -> None:
    address = UnixAddress(str(tmp_path / "mars.sock"))
    peer = HonestPeer("mars", time.time_ns)
    with a_daemon(tmp_path / "data", config=CONFIG.format(path=address.path), MARS_TOKEN="sesame") as daemon:
        daemon.start()
        placed = by_hand(peer, daemon)
        with a_venue_beside(peer, address):
            daemon.wait_for(lambda: is_account_ready(daemon), "the account", 40)
            (adopted,) = daemon.get("/orders")["items"]
            assert (adopted["origin"], adopted["venue_client_id"]) == ("external", placed.venue_client_id)
            assert (adopted["status"], Decimal(adopted["quantity"])) == ("open", placed.quantity)
            status, answer = daemon.call("DELETE", f"/api/v1/orders/{adopted['id']}")
            assert status in (200, 202), answer
            daemon.wait_for(lambda: daemon.get(f"/orders/{adopted['id']}")["status"] == "cancelled", "the cancel", 10)
            (cancel,) = [body for body in peer.asked if isinstance(body, VenueCancel)]
            assert (cancel.venue_client_id, cancel.external_order_id) == ("web-1", "1")
            assert peer.orders["web-1"][1] == "cancelled"
        assert daemon.stop() == 0
    assert not any(isinstance(body, VenueSubmit) for body in peer.asked)
