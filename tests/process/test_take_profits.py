"""A take-profit waits at the paper venue over a kill of the engine, is moved, and trades once the market is there."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.process.test_first_run import cheap
from tests.support.audit import violations
from tests.support.daemon import Daemon, a_daemon

pytestmark = pytest.mark.slow

CONFIG = '[[accounts]]\nname = "paper-1"\nuser = "demo@localhost"\nstarting_balances = { USDT = 100000, BTC = 1 }\n'
BELOW = Decimal("0.9999")


def price(daemon: Daemon) -> Decimal:
    (ticker,) = [each for each in daemon.get("/market/tickers")["items"] if each["symbol"] == "BTC/USDT"]
    return Decimal(ticker["price"])


def filled(daemon: Daemon, order_id: str) -> dict[str, Any] | None:
    """Move the trigger to right below the market, until the market has come to it."""
    row: dict[str, Any] = daemon.get(f"/orders/{order_id}")
    if row["status"] == "filled":
        return row
    assert row["status"] == "open"
    near = {"stop_price": str((price(daemon) * BELOW).quantize(Decimal("0.1")))}
    daemon.call("PATCH", f"/api/v1/orders/{order_id}", near)  # Refused when it would trigger at once.
    return None


@pytest.mark.timeout(120)
def test_a_take_profit_outlives_a_kill_and_trades_in_our_favour(tmp_path: Path, pg_cluster: Path) -> None:
    with a_daemon(tmp_path / "data", config=CONFIG, cluster=pg_cluster) as daemon:
        daemon.start()
        (account,) = daemon.get("/accounts")["items"]
        status, placed = daemon.call("POST", "/api/v1/orders?wait=ack", {
            "account_id": account["id"], "symbol": "BTC/USDT", "side": "buy", "type": "take_profit",
            "quantity": "0.01", "stop_price": cheap(daemon),
        })  # fmt: skip
        assert (status, placed["status"]) == (201, "open")
        daemon.kill()
        daemon.start()
        daemon.wait_for(lambda: daemon.get("/market/tickers")["items"], "prices", 15)
        assert daemon.get(f"/orders/{placed['id']}")["status"] == "open"
        row = daemon.wait_for(lambda: filled(daemon, placed["id"]), "the trade", 60)
        assert row is not None
        assert (row["type"], Decimal(row["filled_quantity"])) == ("take_profit", Decimal("0.01"))
        assert asyncio.run(violations(daemon.reader_url())) == {}
        assert daemon.stop() == 0
