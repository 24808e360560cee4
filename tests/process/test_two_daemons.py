"""Two daemons on one served database: one trades, the other stands by, writes nothing, and takes over when it must."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.process.test_database_away import CONFIG, a_served_database, an_order
from tests.process.test_first_run import cheap
from tests.support.audit import violations
from tests.support.daemon import Daemon, a_daemon, query

pytestmark = pytest.mark.slow

TTL_S = 10.0
FACTS = "select (select count(*) from orders) + (select count(*) from paper.orders) as n"
WRITTEN = "select count(*) as n from write_units where user_id in (select user_id from cell_leases)"


def stands_by(daemon: Daemon) -> str | None:
    """Why the daemon stands by, as its readiness says it; None while it does not."""
    status, body = daemon.readiness()
    reasons = [part["reason"] for part in body.get("parts", []) if part["part"].startswith("lease:")]
    return next((reason for reason in reasons if status == 503 and "has the lease" in reason), None)


def place(daemon: Daemon, name: str) -> tuple[int, Any]:
    return daemon.call("POST", "/api/v1/orders?wait=ack", an_order(daemon, cheap(daemon)) | {"client_order_id": name})


def value(url: str, sql: str) -> Any:
    return asyncio.run(query(url, sql))[0]["n"]


@pytest.mark.timeout(240)
def test_one_daemon_trades_and_the_other_waits_for_its_end(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_served_database(tmp_path / "served") as url:
            await asyncio.to_thread(trade_in_turns, tmp_path, url)

    asyncio.run(run())


def trade_in_turns(tmp_path: Path, url: str) -> None:
    with (
        a_daemon(tmp_path / "first", config=CONFIG, DATABASE_URL=url) as first,
        a_daemon(tmp_path / "second", config=CONFIG, DATABASE_URL=url) as second,
    ):
        assert first.command("db", "migrate").returncode == 0
        first.start()
        assert first.process is not None
        resting = place(first, "from-the-first")[1]
        assert resting["status"] == "open"

        # The second finds the lease taken, says by whom, and writes and sends nothing.
        second.start(ready=False)
        reason = str(second.wait_for(lambda: stands_by(second), "the reason", 30))
        assert f"pid {first.process.pid}" in reason
        written = value(url, WRITTEN), value(url, FACTS)
        body = an_order(first, "1000") | {"client_order_id": "from-the-second"}
        assert second.call("POST", "/api/v1/orders", body)[0] == 503
        time.sleep(4)
        assert value(url, FACTS) == written[1]

        # A frozen owner loses its lease; awake again it notices, and stands by without a word.
        os.kill(first.process.pid, signal.SIGSTOP)
        try:
            second.wait_for(lambda: second.readiness()[0] == 200, "the take-over", 3 * TTL_S)
            assert second.get(f"/orders/{resting['id']}")["status"] == "open"
            assert place(second, "after-the-take-over")[1]["status"] == "open"
        finally:
            os.kill(first.process.pid, signal.SIGCONT)
        first.wait_for(lambda: stands_by(first), "the frozen owner to stand by", 30)
        assert place(first, "late")[0] == 503
        settled = value(url, FACTS)
        time.sleep(4)
        assert value(url, FACTS) == settled
        assert first.process.poll() is None

        # The owner dies: the other takes over when the lease has expired, and the books are right.
        second.kill()
        killed = time.monotonic()
        first.wait_for(lambda: first.readiness()[0] == 200, "the second take-over", 3 * TTL_S)
        assert time.monotonic() - killed < TTL_S + 10
        for order in first.get("/orders?limit=500")["items"]:
            first.call("DELETE", f"/api/v1/orders/{order['id']}")
        first.wait_for(
            lambda: {each["status"] for each in first.get("/orders?limit=500")["items"]} == {"cancelled"}, "cancels", 20
        )
        assert asyncio.run(violations(url)) == {}
        names = {row["client_order_id"] for row in first.get("/orders?limit=500")["items"]}
        assert names == {"from-the-first", "after-the-take-over"}
        assert first.stop() == 0
