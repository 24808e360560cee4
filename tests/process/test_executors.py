"""A bracket through a `kill -9`: its stop keeps resting at the venue, and nothing of it is lost or doubled."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.process.test_first_run import prices
from tests.support.audit import violations
from tests.support.daemon import Daemon, a_daemon, query

pytestmark = pytest.mark.slow

AT_THE_VENUE = "select venue_client_id, quantity::text, state from paper.orders where type = 'stop' order by 1"
PLACES = "select intent_key, count(*)::int as times from orders where executor_id = $1 group by 1 having count(*) > 1"


def bracket(daemon: Daemon) -> dict[str, Any]:
    (account,) = daemon.get("/accounts")["items"]
    price = int(float(prices(daemon)["BTC/USDT"]))
    body = {
        "account_id": account["id"],
        "kind": "bracket",
        "symbol": "BTC/USDT",
        "configuration": {
            "side": "buy", "quantity": "0.01", "stop_price": str(price // 2), "take_price": str(price * 2),
        },
    }  # fmt: skip
    status, started = daemon.call("POST", "/api/v1/executors", body)
    assert status == 201, started
    found: dict[str, Any] = started
    return found


def living(daemon: Daemon, executor_id: str) -> dict[str, Any]:
    orders = daemon.get(f"/executors/{executor_id}")["orders"]
    return {order["type"]: order for order in orders if order["status"] in ("open", "partial")}


@pytest.mark.timeout(120)
def test_a_bracket_is_guarded_while_the_engine_is_dead(tmp_path: Path, pg_cluster: Path) -> None:
    with a_daemon(tmp_path / "data", cluster=pg_cluster) as daemon:
        daemon.start()
        daemon.wait_for(lambda: "BTC/USDT" in prices(daemon), "prices", 10)
        executor_id = bracket(daemon)["id"]
        stop: Any = daemon.wait_for(lambda: living(daemon, executor_id).get("stop"), "the stop", 20)
        assert stop["quantity"] == "0.01000"

        daemon.kill()
        daemon.start()
        # A stop that has not triggered is pending at the paper venue.
        at_venue = asyncio.run(query(daemon.reader_url(), AT_THE_VENUE))
        assert [(row["venue_client_id"], row["state"]) for row in at_venue] == [(stop["venue_client_id"], "pending")]
        again = daemon.wait_for(lambda: living(daemon, executor_id), "the plan", 10)
        assert {kind: order["id"] for kind, order in again.items()} == {"stop": stop["id"]}
        assert daemon.get(f"/executors/{executor_id}")["status"] == "active"

        status, _ = daemon.call("DELETE", f"/api/v1/executors/{executor_id}?flatten=true")
        assert status == 202
        daemon.wait_for(lambda: daemon.get(f"/executors/{executor_id}")["status"] == "cancelled", "its end", 20)
        sold = [order for order in daemon.get(f"/executors/{executor_id}")["orders"] if order["side"] == "sell"]
        assert sorted(order["status"] for order in sold) == ["cancelled", "filled"]
        assert asyncio.run(query(daemon.reader_url(), PLACES, executor_id)) == []
        assert not any(asyncio.run(violations(daemon.reader_url())).values())
