"""What a new user sees: two commands, prices that move, agents that trade, and everything there after a restart."""

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.audit import violations
from tests.support.daemon import Daemon, a_daemon, query

pytestmark = pytest.mark.slow

STATE = """
select 'balance' as what, asset as name, total::text as value from balances
union all select 'position', symbol, size::text from positions
union all select 'order', id::text, status from orders
union all select 'event', seq::text, type from events
order by 1, 2, 3
"""


def prices(daemon: Daemon) -> dict[str, str]:
    return {row["symbol"]: row["price"] for row in daemon.get("/market/tickers")["items"]}


def agents_trades(daemon: Daemon) -> list[Any]:
    return [
        row
        for row in daemon.get("/orders?limit=500")["items"]
        if row["origin"] == "agent" and row["status"] == "filled"
    ]


@pytest.mark.timeout(200)
def test_a_first_run_trades_and_a_second_continues(tmp_path: Path) -> None:
    with a_daemon(tmp_path / "data") as daemon:
        began = time.monotonic()
        daemon.start()
        assert time.monotonic() - began < 10, "ready in under ten seconds from an empty directory"
        assert "log in as demo@localhost" in daemon.output

        before = daemon.wait_for(lambda: prices(daemon), "prices", 10)
        daemon.wait_for(lambda: prices(daemon) != before, "moving prices", 10)
        daemon.wait_for(lambda: agents_trades(daemon), "a trade of an agent", 60)

        began = time.monotonic()
        assert daemon.stop(signal.SIGINT) == 0
        assert time.monotonic() - began < 5, "Ctrl-C ends it within five seconds"

        daemon.start()
        after = daemon.get("/balances")["items"]
        assert {row["asset"] for row in after} >= {"USDT", "BTC"}
        url = daemon.reader_url()
        assert asyncio.run(violations(url)) == {}
        assert daemon.stop() == 0


@pytest.mark.timeout(120)
def test_nothing_changes_between_a_stop_and_the_next_start(tmp_path: Path, pg_cluster: Path) -> None:
    """Agents are switched off, an order rests: the same state before and after, journal included."""
    config = '[[accounts]]\nname = "paper-1"\nuser = "demo@localhost"\nstarting_balances = { USDT = 100000, BTC = 1 }\n'
    with a_daemon(tmp_path / "data", config=config, cluster=pg_cluster) as daemon:
        daemon.start()
        (account,) = daemon.get("/accounts")["items"]
        order = {
            "account_id": account["id"],
            "symbol": "BTC/USDT",
            "side": "buy",
            "type": "limit",
            "quantity": "0.01",
            "price": cheap(daemon),
        }
        status, placed = daemon.call("POST", "/api/v1/orders?wait=ack", order)
        assert (status, placed["status"]) == (201, "open")
        url = daemon.reader_url()
        before = asyncio.run(query(url, STATE))
        assert daemon.stop() == 0
        daemon.start()
        assert asyncio.run(query(daemon.reader_url(), STATE)) == before
        (kept,) = daemon.get("/orders?status=open")["items"]
        assert kept["id"] == placed["id"]
        status, _ = daemon.call("DELETE", f"/api/v1/orders/{kept['id']}")
        assert status in {200, 202}
        daemon.wait_for(lambda: daemon.get(f"/orders/{kept['id']}")["status"] == "cancelled", "the cancel", 10)
        assert asyncio.run(violations(daemon.reader_url())) == {}
        assert daemon.stop() == 0


def cheap(daemon: Daemon) -> str:
    """A price five percent below the market, on the tick."""
    price = daemon.wait_for(lambda: prices(daemon).get("BTC/USDT"), "a price", 10)
    assert price is not None
    return f"{float(price) * 0.95:.2f}"
