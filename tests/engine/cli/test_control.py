"""Commands that act on a running engine."""

import json
from typing import Any

import pytest

from tests.process.test_first_run import cheap
from tests.support.daemon import Daemon

pytestmark = pytest.mark.slow


def done(daemon: Daemon, *words: str) -> Any:
    result = daemon.command(*words, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_an_order_is_placed_shown_and_cancelled(running: Daemon) -> None:
    order = done(running, "order", "place", "buy", "0.001", "BTC/USDT", "--type", "limit", "--price", cheap(running))
    assert order["status"] == "open"
    shown = running.command("orders", "--status", "open").stdout
    assert order["id"] in shown
    amended = running.command("order", "amend", order["id"], "--quantity", "0.002")
    assert amended.stdout == f"amend requested: {order['id']}\n"
    running.wait_for(lambda: running.get(f"/orders/{order['id']}")["quantity"] == "0.002", "the amend", 10)
    cancelled = running.command("order", "cancel", order["id"])
    assert cancelled.stdout == f"cancel requested: {order['id']}\n"
    running.wait_for(lambda: running.get(f"/orders/{order['id']}")["status"] == "cancelled", "the cancel", 10)


def test_a_take_profit_is_placed(running: Daemon) -> None:
    words = ("--type", "take_profit", "--stop-price", cheap(running))
    order = done(running, "order", "place", "buy", "0.001", "BTC/USDT", *words)
    assert (order["type"], order["status"], order["stop_price"]) == ("take_profit", "open", cheap(running))
    done(running, "order", "cancel", order["id"])


def test_all_open_orders_are_cancelled_at_once(running: Daemon) -> None:
    price = cheap(running)
    for quantity in ("0.001", "0.002"):
        done(running, "order", "place", "buy", quantity, "BTC/USDT", "--type", "limit", "--price", price)
    result = running.command("order", "cancel-all", "--symbol", "BTC/USDT")
    assert result.returncode == 0, result.stderr
    assert int(result.stdout.removeprefix("cancels requested: ")) >= 2
    running.wait_for(lambda: not running.get("/orders?status=open&symbol=BTC/USDT")["items"], "the cancels", 10)


def test_a_denial_names_rule_limit_and_value(running: Daemon) -> None:
    result = running.command("order", "place", "buy", "500", "BTC/USDT")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("cival: ")
    assert "limit" in result.stderr
    assert "value" in result.stderr


def test_a_halt_holds_until_somebody_resumes(running: Daemon) -> None:
    try:
        assert "halted: user" in running.command("halt", "--reason", "a test").stdout
        assert running.get("/control/state")["state"] == "halted"
        refused = running.command("order", "place", "buy", "0.001", "BTC/USDT")
        assert refused.returncode == 1
        assert "halted" in refused.stderr
    finally:
        resumed = running.command("resume", "--reason", "the test is over")
    assert resumed.stdout == "active: user\n"
    assert running.get("/control/state")["state"] == "active"


def test_an_agent_is_paused_stopped_and_started_by_its_name(running: Daemon) -> None:
    for verb, status in (("pause", "paused"), ("stop", "inactive"), ("start", "active")):
        result = running.command("agent", verb, "reversion-1")
        assert result.stdout == f"reversion-1: {status}\n", result.stderr


def test_an_agent_that_is_not_there_is_named(running: Daemon) -> None:
    result = running.command("agent", "stop", "nobody")
    assert (result.returncode, result.stderr) == (1, "cival: not_found: no agent is called nobody\n")
