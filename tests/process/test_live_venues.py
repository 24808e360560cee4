"""The engine as a process at each simulated exchange as another: `kill -9`, fills meanwhile, a lost answer."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.audit import CHECKS, unfinished, violations
from tests.support.daemon import Daemon, a_daemon
from tests.support.venues import kraken_rig
from tests.support.venues.coinbase_access import key_pair
from tests.support.venues.coinbase_rig import KEY_NAME
from tests.support.venues.hyperliquid import HyperliquidSimulator
from tests.support.venues.process import VenueProcess, a_venue_process

pytestmark = pytest.mark.slow

CONFIG = """
[market]
source = "live"
venues = ["{venue}"]
symbols = ["{symbol}"]
[venues.{venue}]
market = "{market}"
rest_url = "http://127.0.0.1:{port}"
ws_url = "ws://127.0.0.1:{port}"
[[accounts]]
name = "real"
user = "demo@example.com"
venue = "{venue}"
mode = "live"
type = "{type}"
api_key = "{key}"
api_secret = "env:TEST_VENUE_SECRET"
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One exchange and how its simulator is spoken to."""

    venue: str
    module: str
    """Runs the simulator."""
    symbol: str
    street: str
    """The exchange's name of the symbol."""
    account: str
    """The simulator's name of the account."""
    key: str
    secret: str
    submit: str
    """The request that places an order, as faults are matched."""
    market: str = "spot"
    type: str = "spot"
    unseen: frozenset[str] = frozenset()
    """Assets that the simulator keeps beside this market's."""

    def config(self, port: int) -> str:
        return CONFIG.format(
            venue=self.venue, symbol=self.symbol, market=self.market, type=self.type, key=self.key, port=port
        )


def binance(market: str, **changes: Any) -> Case:
    key, secret = f"key-ann-{'k' * 40}", f"secret-ann-{'s' * 40}"
    return Case(
        venue="binance", street="BTCUSDT", account="ann", key=key, secret=secret, market=market, **changes
    )  # fmt: skip


def hyperliquid() -> Case:
    simulator = HyperliquidSimulator()
    wallet = simulator.add_account().api_key
    return Case(
        venue="hyperliquid", module="tests.support.venues.hyperliquid", symbol="BTC/USDC:USDC", street="BTC",
        account="ann", key=wallet, secret=simulator.keys["ann"], submit="POST /exchange#order$", market="perp",
        type="margin", unseen=frozenset({"HYPE"}),
    )  # fmt: skip


CASES = [
    binance("spot", module="tests.support.venues.binance", symbol="BTC/USDT", submit="POST /api/v3/order$"),
    binance(
        "usdm", module="tests.support.venues.binance_usdm_process", symbol="BTC/USDT:USDT", type="margin",
        submit="POST /fapi/v1/order$",
    ),
    Case(
        venue="coinbase", module="tests.support.venues.coinbase_rig", symbol="BTC/USD", street="BTC-USD",
        account="alice", key=KEY_NAME, secret=key_pair(1)[0], submit="POST /api/v3/brokerage/orders$",
    ),
    hyperliquid(),
    Case(
        venue="kraken", module="tests.support.venues.kraken_rig", symbol="BTC/USD", street="BTC/USD",
        account="alice", key=kraken_rig.KEY, secret=kraken_rig.SECRETS[0], submit="POST /0/private/AddOrder$",
    ),
]  # fmt: skip


@contextmanager
def trading(venue: VenueProcess, street: str) -> Iterator[None]:
    """Let the street trade and quote on, so that prices stay fresh."""
    over = threading.Event()

    def trade() -> None:
        while not over.wait(0.5):
            venue.do("print_trade", symbol=street, price="60000")
            venue.do("set_levels", symbol=street, bids=[("59999", "5")], asks=[("60001", "5")])

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


def place(daemon: Daemon, symbol: str, quantity: str, price: str, key: str) -> dict[str, Any]:
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
    return an_order(daemon, str(answer.get("id") or answer["order"]["id"]))


def an_order(daemon: Daemon, order_id: str) -> dict[str, Any]:
    found: dict[str, Any] = daemon.get(f"/orders/{order_id}")
    return found


def is_filled(daemon: Daemon, order: dict[str, Any], quantity: str) -> bool:
    return Decimal(an_order(daemon, order["id"])["filled_quantity"]) == Decimal(quantity)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.venue}-{case.market}")
def test_a_kill_loses_no_order_and_no_fill(tmp_path: Path, pg_cluster: Path, case: Case) -> None:
    with a_venue_process(case.module) as venue, trading(venue, case.street):
        config = case.config(venue.port)
        with a_daemon(tmp_path / "data", config=config, cluster=pg_cluster, TEST_VENUE_SECRET=case.secret) as daemon:
            live_through_a_kill(daemon, venue, case)
            assert_same_books(daemon, venue, case)
            assert max(case.secret.splitlines(), key=len) not in daemon.output
            assert daemon.stop() == 0


def live_through_a_kill(daemon: Daemon, venue: VenueProcess, case: Case) -> None:
    """Lose the answer to an order, and then the engine, while both orders trade on."""

    def at_venue(order: dict[str, Any]) -> list[dict[str, Any]]:
        orders = venue.do("truth", account=case.account)["orders"]
        return [each for each in orders if each["client_id"].startswith(order["venue_client_id"])]

    start(daemon)
    resting = place(daemon, case.symbol, "0.01", "59000", "first")
    daemon.wait_for(
        lambda: an_order(daemon, resting["id"])["status"] == "open" and at_venue(resting), "the resting order", 20
    )
    venue.do("fill", client_id=resting["venue_client_id"], quantity="0.004")
    daemon.wait_for(lambda: is_filled(daemon, resting, "0.004"), "the fill", 20)

    venue.do("fault", kind="after_drop", match=case.submit)
    lost = place(daemon, case.symbol, "0.02", "58000", "second")
    daemon.wait_for(lambda: at_venue(lost), "the order at the venue", 20)
    daemon.kill()
    venue.do("fill", client_id=resting["venue_client_id"], quantity="0.001")
    venue.do("fill", client_id=lost["venue_client_id"])

    start(daemon)
    daemon.wait_for(lambda: an_order(daemon, lost["id"])["status"] == "filled", "what was filled meanwhile", 40)
    daemon.wait_for(lambda: is_filled(daemon, resting, "0.005"), "the other fill", 20)
    assert len(at_venue(lost)) == len(at_venue(resting)) == 1


def assert_same_books(daemon: Daemon, venue: VenueProcess, case: Case) -> None:
    """Compare balances and trades with the venue's own, and the books with themselves."""
    url = daemon.reader_url()
    daemon.wait_for(lambda: asyncio.run(unfinished(url)) == 0, "the outcome of every order", 40)
    truth = venue.do("truth", account=case.account)
    owned = {name: Decimal(each["free"]) + Decimal(each["locked"]) for name, each in truth["balances"].items()}
    balances = {item["asset"]: Decimal(item["total"]) for item in daemon.get("/balances")["items"]}
    assert balances == {name: total for name, total in owned.items() if name not in case.unseen}
    # What compares with the paper venue's tables finds them empty: the truth is at the exchange.
    found = asyncio.run(violations(url))
    assert {name for name in found if "paper." not in CHECKS[name]} == set(), found
    assert sorted(item["external_trade_id"] for item in daemon.get("/trades")["items"]) == sorted(
        str(trade["id"]) for trade in truth["trades"]
    )
