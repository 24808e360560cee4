"""Commands that read a running engine."""

import json

import pytest

from engine.cli.reads import COLUMNS
from tests.support.daemon import Daemon

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("what", COLUMNS)
def test_a_list_is_json_for_machines_and_lines_for_people(running: Daemon, what: str) -> None:
    for_machines = running.command(what, "--json")
    assert for_machines.returncode == 0, for_machines.stderr
    assert set(json.loads(for_machines.stdout)) == {"items", "next_cursor"}
    for_people = running.command(what)
    assert for_people.returncode == 0, for_people.stderr
    assert for_people.stdout.strip()
    assert for_people.stderr == ""


def test_agents_are_shown_under_their_names_without_being_cut(running: Daemon) -> None:
    out = running.command("agents").stdout
    assert "trend-1" in out
    assert "mean_reversion" in out
    assert "…" not in out


def test_the_status_says_whether_it_is_ready_and_what_may_trade(running: Daemon) -> None:
    value = json.loads(running.command("status", "--json").stdout)
    assert value["ready"]["ready"] is True
    assert value["control"]["state"] == "active"
    assert "equity" in value["portfolio"]
    assert "ready" in running.command("status").stdout


def test_a_filter_that_the_engine_does_not_know_is_one_line(running: Daemon) -> None:
    done = running.command("orders", "--status", "nonsense")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("cival: ")
