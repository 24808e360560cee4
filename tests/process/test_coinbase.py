"""The engine as a process at a simulated Coinbase as a process: `kill -9`, fills meanwhile, lost answers."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.audit import CHECKS, unfinished, violations
from tests.support.daemon import Daemon, a_daemon
from tests.support.venues.coinbase_access import key_pair
from tests.support.venues.coinbase_rig import KEY_NAME
from tests.support.venues.process import VenueProcess, a_venue_process

pytestmark = pytest.mark.slow

CONFIG = """
[market]
source = "live"
venues = ["coinbase"]
symbols = ["BTC/USD"]
[venues.coinbase]
rest_url = "http://127.0.0.1:{port}"
ws_url = "ws://127.0.0.1:{port}"
[[accounts]]
name = "real"
user = "demo@example.com"
venue = "coinbase"
mode = "live"
api_key = "{name}"
api_secret = "env:TEST_COINBASE_KEY"
"""


@contextmanager
def trading(venue: VenueProcess) -> Iterator[None]:
    """Let the street trade on, so that prices stay fresh."""
    over = threading.Event()

    def trade() -> None:
        while not over.wait(0.5):
            venue.do("print_trade", symbol="BTC-USD", price="60000")

    thread = threading.Thread(target=trade)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def start(daemon: Daemon) -> None:
    """Start the engine and wait until the account has been compared with the venue."""
    daemon.start()
    (account,) = daemon.get("/accounts")["items"]
    path = f"/readyz?account={account['id']}"
    daemon.wait_for(lambda: daemon.call("GET", path)[0] == 200, "the account", 30)


def place(daemon: Daemon, side: str, quantity: str, price: str, key: str) -> str:
    (account,) = daemon.get("/accounts")["items"]
    body = {
        "account_id": account["id"],
        "side": side,
        "quantity": quantity,
        "symbol": "BTC/USD",
        "type": "limit",
        "price": price,
    }
    status, answer = daemon.call("POST", "/api/v1/orders", body, Idempotency_Key=key)
    assert status in (201, 202), answer
    return str(answer.get("id") or answer["order"]["id"])


def an_order(daemon: Daemon, order_id: str) -> dict[str, Any]:
    found: dict[str, Any] = daemon.get(f"/orders/{order_id}")
    return found


def at_venue(venue: VenueProcess, order_id: str) -> list[dict[str, Any]]:
    """Return the venue's orders under an id; ours are the order ids themselves."""
    return [order for order in venue.do("truth", account="alice")["orders"] if order["client_id"] == order_id]


@pytest.mark.timeout(180)
def test_a_kill_loses_no_order_and_no_fill(tmp_path: Path, pg_cluster: Path) -> None:
    with a_venue_process("tests.support.venues.coinbase_rig") as venue, trading(venue):
        config = CONFIG.format(port=venue.port, name=KEY_NAME)
        secret = {"TEST_COINBASE_KEY": key_pair(1)[0]}
        with a_daemon(tmp_path / "data", config=config, cluster=pg_cluster, **secret) as daemon:
            start(daemon)
            resting = place(daemon, "buy", "0.01", "59000", "first")
            daemon.wait_for(
                lambda: an_order(daemon, resting)["status"] == "open" and at_venue(venue, resting), "open", 20
            )
            venue.do("fill", client_id=resting, quantity="0.004")
            daemon.wait_for(
                lambda: Decimal(an_order(daemon, resting)["filled_quantity"]) == Decimal("0.004"), "fill", 20
            )

            # The answer is lost, and then the engine.
            venue.do("fault", kind="after_drop", match="POST /api/v3/brokerage/orders$")
            lost = place(daemon, "buy", "0.02", "58000", "second")
            daemon.wait_for(lambda: at_venue(venue, lost), "the order at the venue", 20)
            daemon.kill()
            venue.do("fill", client_id=resting, quantity="0.001")
            venue.do("fill", client_id=lost)

            start(daemon)
            daemon.wait_for(lambda: an_order(daemon, lost)["status"] == "filled", "what was filled meanwhile", 40)
            daemon.wait_for(
                lambda: Decimal(an_order(daemon, resting)["filled_quantity"]) == Decimal("0.005"), "fill", 20
            )
            assert len(at_venue(venue, lost)) == len(at_venue(venue, resting)) == 1
            url = daemon.reader_url()
            daemon.wait_for(lambda: asyncio.run(unfinished(url)) == 0, "the outcome of every order", 40)
            balances = {item["asset"]: Decimal(item["total"]) for item in daemon.get("/balances")["items"]}
            truth = venue.do("truth", account="alice")["balances"]
            assert balances == {
                asset: Decimal(owned["free"]) + Decimal(owned["locked"]) for asset, owned in truth.items()
            }
            # What compares with the paper venue's tables finds them empty: the truth is at Coinbase.
            found = asyncio.run(violations(url))
            assert {name for name in found if "paper." not in CHECKS[name]} == set(), found
            traded = venue.do("truth", account="alice")["trades"]
            assert sorted(item["external_trade_id"] for item in daemon.get("/trades")["items"]) == sorted(
                str(trade["id"]) for trade in traded
            )
            assert key_pair(1)[0].splitlines()[1] not in daemon.output
            assert daemon.stop() == 0
