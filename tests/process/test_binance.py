"""The engine as a process at a simulated Binance, spot and USD-M: `kill -9`, fills meanwhile, lost answers."""

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
from tests.support.venues.process import VenueProcess, a_venue_process

pytestmark = pytest.mark.slow

KEY = f"key-ann-{'k' * 40}"
SECRET = f"secret-ann-{'s' * 40}"
CONFIG = """
[market]
source = "live"
venues = ["binance"]
symbols = ["{symbol}"]
[venues.binance]
market = "{market}"
rest_url = "http://127.0.0.1:{port}"
ws_url = "ws://127.0.0.1:{port}"
[[accounts]]
name = "real"
user = "demo@example.com"
venue = "binance"
mode = "live"
type = "{type}"
api_key = "{key}"
api_secret = "env:TEST_BINANCE_SECRET"
"""


@contextmanager
def trading(venue: VenueProcess) -> Iterator[None]:
    """Let the street trade and quote on, so that prices stay fresh."""
    over = threading.Event()

    def trade() -> None:
        while not over.wait(0.5):
            venue.do("print_trade", symbol="BTCUSDT", price="60000")
            venue.do("set_levels", symbol="BTCUSDT", bids=[("59999", "5")], asks=[("60001", "5")])

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


def place(daemon: Daemon, symbol: str, quantity: str, price: str, key: str) -> str:
    (account,) = daemon.get("/accounts")["items"]
    body = {
        "account_id": account["id"],
        "side": "buy",
        "quantity": quantity,
        "symbol": symbol,
        "type": "limit",
        "price": price,
    }
    status, answer = daemon.call("POST", "/api/v1/orders", body, Idempotency_Key=key)
    assert status in (201, 202), answer
    return str(answer.get("id") or answer["order"]["id"])


def an_order(daemon: Daemon, order_id: str) -> dict[str, Any]:
    found: dict[str, Any] = daemon.get(f"/orders/{order_id}")
    return found


def client_id(order_id: str) -> str:
    return f"cv-{order_id.replace('-', '')}"


def at_venue(venue: VenueProcess, order_id: str) -> list[dict[str, Any]]:
    orders = venue.do("truth", account="ann")["orders"]
    return [order for order in orders if order["client_id"].startswith(client_id(order_id))]


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("market", "module", "symbol", "type", "order_path"),
    [
        ("spot", "binance", "BTC/USDT", "spot", "POST /api/v3/order$"),
        ("usdm", "binance_usdm_process", "BTC/USDT:USDT", "margin", "POST /fapi/v1/order$"),
    ],
)
def test_a_kill_loses_no_order_and_no_fill(
    tmp_path: Path, pg_cluster: Path, market: str, module: str, symbol: str, type: str, order_path: str
) -> None:
    with a_venue_process(f"tests.support.venues.{module}") as venue, trading(venue):
        config = CONFIG.format(port=venue.port, market=market, symbol=symbol, type=type, key=KEY)
        with a_daemon(tmp_path / "data", config=config, cluster=pg_cluster, TEST_BINANCE_SECRET=SECRET) as daemon:
            start(daemon)
            resting = place(daemon, symbol, "0.01", "59000", "first")
            daemon.wait_for(
                lambda: an_order(daemon, resting)["status"] == "open" and at_venue(venue, resting), "open", 20
            )
            venue.do("fill", client_id=client_id(resting), quantity="0.004")
            daemon.wait_for(
                lambda: Decimal(an_order(daemon, resting)["filled_quantity"]) == Decimal("0.004"), "fill", 20
            )

            # The answer is lost, and then the engine.
            venue.do("fault", kind="after_drop", match=order_path)
            lost = place(daemon, symbol, "0.02", "58000", "second")
            daemon.wait_for(lambda: at_venue(venue, lost), "the order at the venue", 20)
            daemon.kill()
            venue.do("fill", client_id=client_id(resting), quantity="0.001")
            venue.do("fill", client_id=client_id(lost))

            start(daemon)
            daemon.wait_for(lambda: an_order(daemon, lost)["status"] == "filled", "what was filled meanwhile", 40)
            daemon.wait_for(
                lambda: Decimal(an_order(daemon, resting)["filled_quantity"]) == Decimal("0.005"), "fill", 20
            )
            assert len(at_venue(venue, lost)) == len(at_venue(venue, resting)) == 1
            url = daemon.reader_url()
            daemon.wait_for(lambda: asyncio.run(unfinished(url)) == 0, "the outcome of every order", 40)
            balances = {item["asset"]: Decimal(item["total"]) for item in daemon.get("/balances")["items"]}
            truth = venue.do("truth", account="ann")
            owned = {name: Decimal(each["free"]) + Decimal(each["locked"]) for name, each in truth["balances"].items()}
            assert balances == owned
            # What compares with the paper venue's tables finds them empty: the truth is at Binance.
            found = asyncio.run(violations(url))
            assert {name for name in found if "paper." not in CHECKS[name]} == set(), found
            assert sorted(item["external_trade_id"] for item in daemon.get("/trades")["items"]) == sorted(
                str(trade["id"]) for trade in truth["trades"]
            )
            assert SECRET not in daemon.output
            assert daemon.stop() == 0
