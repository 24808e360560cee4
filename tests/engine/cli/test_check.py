"""`cival check`."""

import json
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, a_daemon

pytestmark = pytest.mark.slow


def test_a_running_engine_passes_every_check(running: Daemon) -> None:
    report = running.command("check", "--json")
    assert report.returncode == 0, report.stdout
    value = json.loads(report.stdout)
    assert value["ok"] is True
    assert {finding["what"] for finding in value["findings"]} >= {
        "configuration",
        "database",
        "schema",
        "market",
        "books",
    }
    assert all(line.startswith(("ok", "warning")) for line in running.command("check").stdout.splitlines())


def test_only_what_was_asked_is_checked(running: Daemon) -> None:
    findings = json.loads(running.command("check", "books", "--json").stdout)["findings"]
    assert {finding["what"] for finding in findings} == {"books"}


def test_an_agent_with_wrong_parameters_fails_the_check(tmp_path: Path) -> None:
    config = """
[[accounts]]
name = "paper-1"
user = "a@b"

[[agents]]
name = "trend-1"
type = "trend_follower"
account = "paper-1"
symbols = ["BTC/USDT"]
parameters = { fast = 50, slow = 9 }
"""
    with a_daemon(tmp_path / "data", config=config) as daemon:
        report = daemon.command("check", "config")
        assert report.returncode == 1
        assert "ERROR" in report.stdout
        assert "trend-1" in report.stdout
