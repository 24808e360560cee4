"""`cival db`, without an engine and beside one."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.daemon import CIVAL, Daemon, a_daemon, database_pid

pytestmark = pytest.mark.slow


def test_a_database_is_seeded_looked_at_and_then_used_by_an_engine(tmp_path: Path) -> None:
    with a_daemon(tmp_path / "data") as daemon:
        first = daemon.command("db", "seed")
        assert first.returncode == 0, first.stderr
        assert "seeded: 1 users" in first.stdout
        assert (daemon.data_dir / "first-login").exists()
        assert daemon.command("db", "seed").stdout.startswith("seeded: 0 users, 0 rows")
        state = json.loads(daemon.command("db", "status", "--json").stdout)
        assert state["is_current"]
        assert state["revision"] == state["head"]
        assert daemon.command("db", "migrate").stdout == f"schema {state['head']}: nothing to do\n"
        assert daemon.command("db", "upgrade").stdout == "nothing to upgrade\n"
        assert database_pid(daemon.data_dir) is None, "no server is left running"
        daemon.start()
        assert {row["name"] for row in daemon.get("/agents")["items"]} == {"trend-1", "reversion-1"}


def test_revisions_are_taken_back_only_after_a_yes(tmp_path: Path) -> None:
    with a_daemon(tmp_path / "data") as daemon:
        assert daemon.command("db", "migrate").returncode == 0
        refused = daemon.command("db", "downgrade", "base")
        assert refused.returncode != 0
        assert json.loads(daemon.command("db", "status", "--json").stdout)["is_current"]
        assert daemon.command("db", "downgrade", "base", "--yes").stdout == "schema base\n"
        assert not json.loads(daemon.command("db", "status", "--json").stdout)["is_current"]
        unknown = daemon.command("db", "downgrade", "9999", "--yes")
        assert unknown.returncode == 2
        assert "9999" in unknown.stderr


def test_the_url_is_good_while_an_engine_runs(running: Daemon) -> None:
    assert running.command("db", "url").stdout.startswith("postgresql://cival_reader@/")
    assert "cival_daemon" in running.command("db", "url", "--role", "cival_daemon").stdout
    assert json.loads(running.command("db", "status", "--json").stdout)["is_current"]
    upgrade = running.command("db", "upgrade")
    assert upgrade.returncode == 2
    assert "locked by pid" in upgrade.stderr


def test_the_url_waits_where_it_is_told_to(tmp_path: Path) -> None:
    with a_daemon(tmp_path / "data") as daemon:
        nothing = daemon.command("db", "url")
        assert nothing.returncode == 75
        assert "add --wait" in nothing.stderr
        command = [*CIVAL, "db", "url", "--wait", "--data-dir", str(daemon.data_dir)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
            assert waiting.stdout is not None
            assert waiting.stdout.readline().startswith("postgresql://cival_reader@/")
            assert database_pid(daemon.data_dir) is not None
            waiting.send_signal(signal.SIGINT)
            assert waiting.wait(20) == 0
        assert database_pid(daemon.data_dir) is None
