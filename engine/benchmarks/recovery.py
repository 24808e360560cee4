"""How long an engine with a long past takes from `kill -9` to `/readyz`, and how much memory.

Real engines are started on a data directory with 1,000,000 past and 10,000 open orders, killed and started again. The
database server survives them, as it does on a machine where only the engine dies. The time is from the kill to the
first 200: imports, schema check, lease take-over, loading, the first comparison of the account with its venue, durable.
The engine finds its bytecode, as one that is installed does, even where the caller's environment forbids to write any.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from engine.benchmarks.harness import Result, gauge
from engine.benchmarks.recovery_past import fill, found
from engine.runtime.clock import WallClock
from storage import embedded
from storage.embedded import EmbeddedPostgres

PAST: Final = 1_000_000
OPEN: Final = 10_000
READY_S: Final = 3.0
"""Goal: seconds from the kill to 200."""
PEAK_MIB: Final = 512.0
"""Goal: resident memory of the engine, at most."""
TIMEOUT_S: Final = 120.0
POLL_S: Final = 0.02
CONFIG: Final = """
[market]
source = "simulated"

[[accounts]]
name = "paper-1"
user = "demo@localhost"
mode = "paper"
starting_balances = { USDT = 10000000, BTC = 100 }
"""


class Engine:
    """One `cival run` at a time on a data directory."""

    def __init__(self, folder: Path) -> None:
        """Make the configuration; nothing runs."""
        self.data_dir = folder / "data"
        self._config = folder / "bench.toml"
        self._config.write_text(CONFIG)
        self._log = folder / "engine.log"
        # Without bytecode each start compiles every module: 0.5 s of CPU that nobody has after the first start.
        self._environ = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            RuntimeError: It ended, or is not ready in time.
        """
        (self.data_dir / "engine.json").unlink(missing_ok=True)
        command = [sys.executable, "-P", "-m", "engine", "run", "--data-dir", str(self.data_dir), "--port", "0"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program.
                [*command, "--config", str(self._config)], stdout=log, stderr=log, env=self._environ
            )
        deadline_s = _now_s() + TIMEOUT_S
        while not self._is_ready():
            if self._process.poll() is not None or _now_s() > deadline_s:
                raise RuntimeError(f"the engine does not become ready:\n{self._log.read_text()[-2000:]}")
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(POLL_S)

    def _is_ready(self) -> bool:
        try:
            url = json.loads((self.data_dir / "engine.json").read_text())["url"]
            with urllib.request.urlopen(url + "/readyz", timeout=5) as answer:  # noqa: S310 - our own engine.
                return bool(answer.status == 200)
        except (OSError, ValueError, KeyError, urllib.error.URLError):
            return False

    @property
    def peak_mib(self) -> float:
        """Highest resident memory so far. Source: proc(5), VmHWM."""
        assert self._process is not None, "expected an engine that runs"
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
        return 0.0

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Let it end."""
        assert self._process is not None, "expected an engine that runs"
        self._process.terminate()
        self._process.wait()


@contextmanager
def _an_engine(past: int, still_open: int) -> Iterator[Engine]:
    """Give an engine that has been killed, on a database with a long past."""
    with tempfile.TemporaryDirectory(prefix="cival-bench-") as folder:
        engine = Engine(Path(folder))
        try:
            engine.start()
            engine.stop()
            asyncio.run(_with_server(engine.data_dir, past, still_open))
            engine.start()  # The first one after the filling warms the server's memory and stores the locks.
            yield engine
        finally:
            engine.kill()
            asyncio.run(_stop_server(engine.data_dir))


async def _server(data_dir: Path) -> EmbeddedPostgres:
    return await embedded.start(data_dir, clock=WallClock(), environ=os.environ)


async def _with_server(data_dir: Path, past: int, still_open: int) -> None:
    server = await _server(data_dir)
    try:
        await fill(server.endpoints(), past=past, still_open=still_open)
    finally:
        await server.stop()


async def _stop_server(data_dir: Path) -> None:
    server = await embedded.attach(data_dir, clock=WallClock())
    if server is not None:
        await server.stop()


async def _check(data_dir: Path, past: int, still_open: int) -> float:
    """Return seconds of the newest comparison, which must have found everything as it was."""
    server = await _server(data_dir)
    run = await found(server.endpoints(), past=past, still_open=still_open)
    assert (run["outcome"], run["matched"], run["discrepancies"]) == ("done", still_open, 0), run
    assert run["unlike"] == 0, run
    return float(run["duration_ms"]) / 1_000


def _now_s() -> float:
    return WallClock().monotonic_ns() / 1_000_000_000


def measure(rounds: int, *, past: int, still_open: int) -> tuple[list[float], list[float], list[float]]:
    """Return per round: seconds from kill to ready, MiB at most, seconds of the comparison."""
    ready_s: list[float] = []
    peaks: list[float] = []
    compared_s: list[float] = []
    with _an_engine(past, still_open) as engine:
        for _ in range(rounds):
            began_s = _now_s()
            engine.kill()
            engine.start()
            ready_s.append(_now_s() - began_s)
            peaks.append(engine.peak_mib)
            compared_s.append(asyncio.run(_check(engine.data_dir, past, still_open)))
    return ready_s, peaks, compared_s


def run(rounds: int) -> list[Result]:
    """Measure the recovery of a large account."""
    ready_s, peaks, compared_s = measure(rounds, past=PAST, still_open=OPEN)
    size = f"{PAST:,} past, {OPEN:,} open"
    return [
        gauge(f"V1 kill -9 to /readyz, {size}", ready_s, unit="s", goal=READY_S),
        gauge("V2 peak resident memory of the engine", peaks, unit="MiB", goal=PEAK_MIB),
        gauge("V3 of V1, the first comparison", compared_s, unit="s"),
    ]
