"""`cival record`, `cival backfill` and `cival check venues` against a simulated Binance in another process."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.replay.session import ReplaySession
from tests.support.daemon import a_daemon
from tests.support.source import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
CONFIG = '[venues.binance]\nrest_url = "http://127.0.0.1:{port}"\nws_url = "ws://127.0.0.1:{port}"\n'
CIVAL = [sys.executable, "-P", "-m", "engine"]


@contextmanager
def a_venue() -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.venues.binance"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline().removeprefix("PORT "))
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def tell(port: int, what: str, **arguments: Any) -> None:
    body = json.dumps({"do": what, "with": arguments}).encode()
    urllib.request.urlopen(f"http://127.0.0.1:{port}/_control", body, timeout=10).close()


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*CIVAL, *words], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)


def test_what_is_recorded_until_ctrl_c_can_be_replayed(tmp_path: Path) -> None:
    with a_venue() as port:
        config = tmp_path / "c.toml"
        config.write_text(CONFIG.format(port=port))
        words = ["record", "--config", str(config), "--venue", "binance", "--symbols", "BTC/USDT,ETH/USDT"]
        process = subprocess.Popen(
            [*CIVAL, *words, "--out", str(tmp_path / "out")], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        deadline = time.monotonic() + 60
        while len(list((tmp_path / "out").glob("*.gz"))) < 2:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)
        for number in range(20):
            tell(port, "set_levels", symbol="BTCUSDT", bids=[["59999.00", str(number + 1)]])
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        text, _ = process.communicate(timeout=30)
        assert process.returncode == 0
    assert "frames of 2 symbols in 2 files" in text
    session = ReplaySession(tmp_path / "out", venue="binance")
    assert {each.symbol for each in session.instruments} >= {"BTC/USDT"}
    frames = list(session.play())
    assert [frame.error for frame in frames if frame.error] == []
    assert len(frames) >= 40


def test_a_recording_that_cannot_begin_is_one_line(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(CONFIG.format(port=1))
    out = ("--out", str(tmp_path / "out"))
    away = run("record", "--config", str(config), "--venue", "binance", "--symbols", "BTC/USDT", *out)
    assert (away.returncode, away.stderr.count("\n")) == (75, 1)
    assert "venue binance" in away.stderr
    unknown = run("record", "--venue", "nowhere", "--symbols", "BTC/USDT", *out)
    assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1)
    assert "binance, coinbase" in unknown.stderr


def test_candles_are_fetched_once_and_the_rest_by_the_next_run(tmp_path: Path, pg_cluster: Path) -> None:
    with a_venue() as port, a_daemon(tmp_path / "data", config=CONFIG.format(port=port), cluster=pg_cluster) as daemon:
        tell(port, "set_candles", symbol="BTCUSDT", interval="1h", first_ms=1_700_006_400_000, count=48)
        words = ["backfill", "--venue", "binance", "--symbols", "BTC/USDT", "--timeframe", "1h", "--json"]
        first = daemon.command(*words, "--from", "2023-11-15", "--to", "2023-11-16")
        assert first.returncode == 0, first.stderr
        assert json.loads(first.stdout)["written"] == 24
        second = json.loads(daemon.command(*words, "--from", "2023-11-15", "--to", "2023-11-17").stdout)
        assert (second["missing"], second["written"]) == (24, 24)
        third = json.loads(daemon.command(*words, "--from", "2023-11-15", "--to", "2023-11-17").stdout)
        assert (third["missing"], third["requests"]) == (0, 0)
        backwards = daemon.command(*words, "--from", "2023-11-17", "--to", "2023-11-15")
        assert backwards.returncode == 2


def test_a_venue_is_checked_line_by_line(tmp_path: Path) -> None:
    market = '[market]\nsource = "live"\nvenues = ["binance"]\nsymbols = ["BTC/USDT"]\n'
    config = tmp_path / "c.toml"
    with a_venue() as port:
        config.write_text(market + CONFIG.format(port=port))
        good = run("check", "venues", "--config", str(config))
        assert good.returncode == 0, good.stdout
        assert "venue binance: 2 instruments, follows BTC/USDT" in good.stdout
        config.write_text(market.replace("BTC/USDT", "BTK/USDT") + CONFIG.format(port=port))
        wrong = run("check", "venues", "--config", str(config))
        assert wrong.returncode == 1
    config.write_text(market + CONFIG.format(port=1))
    away = run("check", "venues", "--config", str(config))
    assert (away.returncode, "cannot be reached" in away.stdout) == (75, True)
