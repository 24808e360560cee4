"""PostgreSQL goes away while the engine trades: no order leaves, cancels do, readiness says why, then it is right."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.runtime.clock import WallClock
from storage import embedded
from storage.roles import DatabaseRole
from tests.process.test_first_run import cheap
from tests.support.audit import violations
from tests.support.daemon import Daemon, a_daemon, database_pid, query, stop_database

AWAY_S = float(os.environ.get("CIVAL_AWAY_S", "4"))
"""How long the database is away; `CIVAL_AWAY_S=20` for the long one."""
CONFIG = '[[accounts]]\nname = "paper-1"\nuser = "demo@localhost"\nstarting_balances = { USDT = 100000, BTC = 1 }\n'

pytestmark = pytest.mark.slow


def an_order(daemon: Daemon, price: str) -> dict[str, Any]:
    items = daemon.get("/accounts")["items"]
    return {
        "account_id": items[0]["id"],
        "symbol": "BTC/USDT",
        "side": "buy",
        "type": "limit",
        "quantity": "0.01",
        "price": price,
    }


def database_reason(daemon: Daemon) -> str | None:
    """Why the database holds readiness back; None while it does not."""
    status, body = daemon.readiness()
    parts = {part["part"]: part for part in body.get("parts", [])}
    is_away = status == 503 and not parts["database"]["ready"]
    return str(parts["database"]["reason"]) if is_away else None


@asynccontextmanager
async def a_served_database(data_dir: Path) -> AsyncIterator[str]:
    """A server that is not the engine's, as an operator runs it; the superuser's URL."""
    await asyncio.to_thread(data_dir.mkdir, mode=0o700)
    server = await embedded.start(data_dir, clock=WallClock(), environ=os.environ, dies_with_parent=True)
    try:
        yield server.endpoints().of(DatabaseRole.ADMIN).url
    finally:
        stop_database(data_dir)


@pytest.mark.timeout(150)
def test_nothing_is_ordered_while_a_served_database_is_away(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_served_database(tmp_path / "served") as url:
            await asyncio.to_thread(lose_and_find, tmp_path, url)

    asyncio.run(run())


def lose_and_find(tmp_path: Path, url: str) -> None:
    with a_daemon(tmp_path / "data", config=CONFIG, DATABASE_URL=url) as daemon:
        refused = daemon.command("db", "status")
        assert refused.returncode == 0, refused.stderr
        assert daemon.command("run", "--port", "0").returncode == 2, "an empty served database is not migrated unasked"
        assert daemon.command("db", "migrate").returncode == 0
        daemon.start()
        order = an_order(daemon, cheap(daemon))
        _, resting = daemon.call("POST", "/api/v1/orders?wait=ack", order)
        assert resting["status"] == "open"

        began = time.monotonic()
        stop_database(tmp_path / "served", signal.SIGQUIT)  # An immediate shutdown, as a crash of the server.
        assert daemon.wait_for(lambda: database_reason(daemon), "the reason", 20)
        status, _ = daemon.call("POST", "/api/v1/orders", order | {"client_order_id": "while-away"})
        assert status == 503
        status, cancelled = daemon.call("DELETE", f"/api/v1/orders/{resting['id']}")
        assert (status, cancelled["durable"]) == (202, False)
        time.sleep(max(0.0, AWAY_S - (time.monotonic() - began)))

        asyncio.run(embedded.start(tmp_path / "served", clock=WallClock(), environ=os.environ))
        daemon.wait_for(lambda: daemon.readiness()[0] == 200, "readiness", 40)
        daemon.wait_for(lambda: daemon.get(f"/orders/{resting['id']}")["status"] == "cancelled", "the cancel", 40)
        ids = {row["client_order_id"] for row in daemon.get("/orders?limit=500")["items"]}
        assert "while-away" not in ids, "no order left while the database was away"
        status, again = daemon.call("POST", "/api/v1/orders?wait=ack", order)
        assert (status, again["status"]) == (201, "open")
        assert asyncio.run(violations(url)) == {}
        assert daemon.stop() == 0


@pytest.mark.timeout(120)
def test_an_embedded_database_that_dies_is_started_again(tmp_path: Path, pg_cluster: Path) -> None:
    with a_daemon(tmp_path / "data", cluster=pg_cluster) as daemon:
        daemon.start()
        daemon.wait_for(lambda: daemon.get("/market/tickers")["items"], "prices", 10)
        pid = database_pid(daemon.data_dir)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        daemon.wait_for(lambda: database_pid(daemon.data_dir) not in {None, pid}, "another server", 40)
        daemon.wait_for(lambda: daemon.readiness()[0] == 200, "readiness", 40)
        url = daemon.reader_url()
        seen = asyncio.run(query(url, "select count(*) as n from events"))[0]["n"]
        daemon.wait_for(
            lambda: asyncio.run(query(url, "select count(*) as n from events"))[0]["n"] > seen, "events", 60
        )
        assert daemon.stop() == 0
        assert database_pid(daemon.data_dir) is None
