"""Executors from the command line of a running engine."""

import json
from typing import Any

import pytest

from tests.process.test_first_run import cheap
from tests.support.daemon import Daemon

pytestmark = pytest.mark.slow


def done(daemon: Daemon, *words: str) -> Any:
    result = daemon.command("executor", *words, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def begin(daemon: Daemon, *words: str) -> Any:
    entry = cheap(daemon)
    stop = str(int(float(entry)) // 2)
    settings = ("-p", f"entry_price={entry}", "-p", f"stop_price={stop}")
    where = ("--symbol", "BTC/USDT", "--side", "buy", "--quantity", "0.01")
    return done(daemon, "start", "bracket", *where, *settings, *words)


def test_an_executor_is_started_shown_paused_resumed_and_stopped(running: Daemon) -> None:
    executor_id = begin(running)["id"]
    running.wait_for(lambda: done(running, "show", executor_id)["orders"], "its entry", 10)
    shown = running.command("executor", "show", executor_id).stdout
    assert executor_id in shown
    assert "entry:1" in shown
    assert executor_id in running.command("executor", "list", "--status", "active").stdout
    assert running.command("executor", "pause", executor_id).stdout == f"bracket {executor_id}: paused\n"
    assert running.command("executor", "resume", executor_id).stdout == f"bracket {executor_id}: active\n"
    assert done(running, "stop", executor_id, "--flatten")["status"] in ("stopping", "cancelled")
    running.wait_for(lambda: running.get(f"/executors/{executor_id}")["status"] == "cancelled", "its end", 10)
    again = running.command("executor", "stop", executor_id)
    assert (again.returncode, again.stdout) == (1, "")
    assert "already_done" in again.stderr or "has ended" in again.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("-p", "stop_price"), "expected NAME=VALUE, was 'stop_price'"),
        (("-p", "=3"), "expected NAME=VALUE, was '=3'"),
    ],
)
def test_a_setting_without_a_name_or_a_value_is_bad_usage(words: tuple[str, ...], says: str, running: Daemon) -> None:
    where = ("--symbol", "BTC/USDT", "--side", "buy", "--quantity", "0.01")
    result = running.command("executor", "start", "chase", *where, *words)
    assert (result.returncode, result.stdout) == (2, "")
    assert says in result.stderr


def test_the_engine_names_the_setting_that_is_wrong(running: Daemon) -> None:
    where = ("--symbol", "BTC/USDT", "--side", "buy", "--quantity", "0.01")
    result = running.command("executor", "start", "grid", *where, "-p", "lower_price=9", "-p", "upper_price=8")
    assert result.returncode == 1
    assert "levels" in result.stderr
