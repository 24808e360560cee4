"""The engine as a service: what its manager hears, and how it ends whenever it is told to."""

import itertools
import os
import signal
import socket
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from storage.datadir import engine_pid
from tests.support.daemon import Daemon, a_daemon, database_pid

CONFIG = '[[accounts]]\nname = "paper-1"\nuser = "demo@localhost"\nstarting_balances = { USDT = 100000, BTC = 1 }\n'

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]


class Manager:
    """The service manager's end of the socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.heard: list[tuple[float, str]] = []

    def listen(self, seconds: float = 0.0) -> list[str]:
        """Take in what comes within some seconds; the first line of everything so far."""
        until = time.monotonic() + seconds
        while True:
            self.socket.settimeout(max(0.001, until - time.monotonic()))
            try:
                text = self.socket.recv(4_096).decode()
            except TimeoutError:
                if time.monotonic() >= until:
                    return [line for _, line in self.heard]
            else:
                self.heard.append((time.monotonic(), text.partition("\n")[0]))

    def times(self, word: str) -> list[float]:
        """When a word was heard."""
        return [at for at, line in self.heard if line == word]


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    found = Manager(tmp_path / "notify")
    yield found
    found.socket.close()


def is_over(data_dir: Path) -> bool:
    """Whether nothing of an engine is left."""
    return (database_pid(data_dir), engine_pid(data_dir)) == (None, None) and not (data_dir / "engine.json").exists()


def test_the_manager_hears_of_a_whole_life(tmp_path: Path, manager: Manager) -> None:
    with a_daemon(tmp_path / "data", NOTIFY_SOCKET=str(manager.path), WATCHDOG_USEC="900000") as daemon:
        daemon.spawn()
        daemon.wait_for(lambda: "READY=1" in manager.listen(0.05), "READY=1", 60)
        assert daemon.readiness()[0] == 200, "it is said when it is true"
        assert manager.listen().count("READY=1") == 1
        manager.heard.clear()
        manager.listen(2.5)
        beats = manager.times("WATCHDOG=1")
        gaps = [after - before for before, after in pairwise(beats)]
        assert len(beats) >= 5
        assert max(gaps) < 0.9, "never as late as the manager's patience"
        assert daemon.stop() == 0
        assert manager.listen()[-1] == "STOPPING=1"
        assert manager.listen().count("STOPPING=1") == 1
    assert is_over(tmp_path / "data")


def test_a_loop_that_stands_still_is_not_said_to_be_alive(tmp_path: Path, manager: Manager, pg_cluster: Path) -> None:
    heard = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "300000"}
    with a_daemon(tmp_path / "data", cluster=pg_cluster, **heard) as daemon:
        daemon.start()
        assert daemon.process is not None
        os.kill(daemon.process.pid, signal.SIGSTOP)
        manager.listen(0.5)
        manager.heard.clear()
        assert "WATCHDOG=1" not in manager.listen(1.0)
        os.kill(daemon.process.pid, signal.SIGCONT)
        daemon.wait_for(lambda: "WATCHDOG=1" in manager.listen(0.05), "signs of life", 10)
        assert daemon.stop() == 0


def test_a_drain_leaves_nothing_unsaid_and_a_second_signal_changes_nothing(tmp_path: Path, pg_cluster: Path) -> None:
    with a_daemon(tmp_path / "data", config=CONFIG, cluster=pg_cluster) as daemon:
        daemon.start()
        assert daemon.process is not None
        began = time.monotonic()
        daemon.process.send_signal(signal.SIGTERM)
        for number in itertools.cycle((signal.SIGTERM, signal.SIGINT, signal.SIGHUP)):
            time.sleep(0.002)  # To its very end: also while it hands the loop back.
            if daemon.process.poll() is not None:
                break
            daemon.process.send_signal(number)
            assert time.monotonic() - began < 5
        assert daemon.process.wait(1) == 0
        assert '"event":"stopped","logger":"engine.bootstrap.daemon","failed":[]' in daemon.output
        assert "Traceback" not in daemon.output
    assert is_over(tmp_path / "data")


@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.3, 0.6, 1.0, 1.5, 2.5])
def test_a_signal_while_starting_ends_it_cleanly(after_s: float, tmp_path: Path) -> None:
    """Before Python has installed a handler the kernel ends it (-15); afterwards it ends itself with 0."""
    with a_daemon(tmp_path / "data", config=CONFIG) as daemon:
        daemon.spawn()
        time.sleep(after_s)
        code = daemon.stop()
        assert code in {0, -signal.SIGTERM}
        assert "Traceback" not in daemon.output
        deadline = time.monotonic() + 10
        while not is_over(daemon.data_dir):  # PostgreSQL may take a moment longer than the engine.
            assert time.monotonic() < deadline, (database_pid(daemon.data_dir), daemon.output)
            time.sleep(0.02)
        daemon.start()
        assert daemon.stop() == 0


def reloaded(daemon: Daemon, manager: Manager) -> list[str]:
    """Send SIGHUP and wait for the end of the reload; what was said."""
    assert daemon.process is not None
    manager.listen()
    manager.heard.clear()
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for(lambda: "READY=1" in manager.listen(0.05), "the end of the reload", 20)
    return [line for line in manager.listen() if line != "WATCHDOG=1"]


def test_a_hangup_changes_limits_of_a_running_engine(tmp_path: Path, manager: Manager, pg_cluster: Path) -> None:
    with a_daemon(tmp_path / "data", config=CONFIG, cluster=pg_cluster, NOTIFY_SOCKET=str(manager.path)) as daemon:
        daemon.start()
        daemon.wait_for(lambda: daemon.get("/market/tickers")["items"], "prices", 10)
        (account,) = daemon.get("/accounts")["items"]
        order: dict[str, Any] = {
            "account_id": account["id"], "symbol": "BTC/USDT", "side": "buy", "type": "market", "quantity": "0.01",
        }  # fmt: skip
        assert daemon.call("POST", "/api/v1/orders", order)[0] == 201
        file = tmp_path / "data.toml"

        file.write_text(CONFIG + "[risk]\norder_notional = 10\n[server]\nport = 8000\n")
        assert reloaded(daemon, manager) == ["RELOADING=1", "READY=1"]
        status, problem = daemon.call("POST", "/api/v1/orders", order)
        assert (status, problem["code"], problem["limit"]) == (422, "order_notional", "10")

        file.write_text("[risk\n")
        assert reloaded(daemon, manager) == ["RELOADING=1", "READY=1"]
        assert daemon.output.count("configuration_not_reloaded") == 1
        status, problem = daemon.call("POST", "/api/v1/control/reload")
        assert (status, problem["code"]) == (422, "invalid_configuration")
        assert f"{file}:1: the file: expected valid TOML" in problem["detail"]

        file.write_text(CONFIG + '[log]\nformat = "json"\n')
        status, answer = daemon.call("POST", "/api/v1/control/reload")
        assert (status, answer) == (
            200,
            {"applied": ["risk.order_notional"], "needs_restart": ["log.format"], "kept": [], "refused": []},
        )
        assert daemon.call("POST", "/api/v1/orders", order)[0] == 201
        assert daemon.stop() == 0
