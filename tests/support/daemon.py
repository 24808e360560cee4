"""Runs the engine as its own process, as a user would, and looks at it from outside.

Every wait is a poll with a deadline: the process has its own clock, and there is nothing to turn by hand.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

import asyncpg

from storage.datadir import FORMAT_VERSION, VERSION_FILE
from storage.pg_cluster import PGDATA
from tests.support.postgres import copy_cluster
from tests.support.warm import warm_cival

T = TypeVar("T")

CIVAL = [sys.executable, "-P", "-m", "engine"]
START_TIMEOUT_S = 60.0
POLL_S = 0.05


class Process(Protocol):
    """What is used of `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, number: int, /) -> None: ...

    def kill(self) -> None: ...


Launch = Callable[[Sequence[str], IO[bytes], Mapping[str, str]], Process]


def _launch(command: Sequence[str], log: IO[bytes], environ: Mapping[str, str]) -> Process:
    return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environ)


class Daemon:
    """One `cival run` on a data directory."""

    def __init__(self, data_dir: Path, *arguments: str, config: str | None = None, **environ: str) -> None:
        """Remember how to start; `config` is the text of a configuration file."""
        self.data_dir = data_dir
        self.arguments = list(arguments)
        self.environ = environ
        self.process: Process | None = None
        self.launch: Launch = _launch
        self.log_file = data_dir.with_name(data_dir.name + ".log")
        if config is not None:
            file = data_dir.with_name(data_dir.name + ".toml")
            file.write_text(config)
            self.arguments += ["--config", str(file)]

    def spawn(self) -> None:
        """Start the process; its output goes to a file beside the data directory."""
        self._engine_file.unlink(missing_ok=True)
        command = [*CIVAL, "run", "--data-dir", str(self.data_dir), "--port", "0", *self.arguments]
        with self.log_file.open("ab") as log:
            self.process = self.launch(command, log, self._environ())

    def command(self, *words: str, timeout_s: float = 60.0, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Run another `cival` command on the same data directory and configuration, to its end."""
        config = self.arguments[self.arguments.index("--config") :][:2] if "--config" in self.arguments else []
        command = [*words, "--data-dir", str(self.data_dir), *config]
        return warm_cival().run(command, self._environ() | environ, timeout_s)

    def _environ(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("CIVAL_", "DATABASE_URL"))}
        return {**kept, **self.environ}

    def start(self, *, ready: bool = True) -> "Daemon":
        """Start and wait until `/readyz` says 200 (or, without `ready`, until it answers at all)."""
        self.spawn()
        self.wait_for(lambda: self.readiness()[0] in ({200} if ready else {200, 503}), "readiness", START_TIMEOUT_S)
        return self

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = 20.0) -> int:
        """Ask it to end; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout_s)

    @property
    def _engine_file(self) -> Path:
        return self.data_dir / "engine.json"

    @property
    def url(self) -> str:
        """Where it listens."""
        return str(json.loads(self._engine_file.read_text())["url"])

    @property
    def token(self) -> str:
        """The admin token of this machine."""
        return (self.data_dir / "local-token").read_text().strip()

    @property
    def output(self) -> str:
        """Everything that it has printed."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def readiness(self) -> tuple[int, dict[str, Any]]:
        """Status and body of `/readyz`; (0, {}) while nothing answers."""
        try:
            return self.call("GET", "/readyz")
        except (OSError, ValueError, KeyError):
            return 0, {}

    def call(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Make one request with the admin token."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def get(self, path: str) -> Any:
        """GET under the prefix; the body of a 200."""
        status, body = self.call("GET", f"/api/v1{path}")
        assert status == 200, (path, status, body)
        return body

    def wait_for(self, condition: Callable[[], T], what: str, timeout_s: float) -> T:
        """Poll until `condition` is true; fails with the engine's last words if it ends or the time is over."""
        deadline = time.monotonic() + timeout_s
        while True:
            if value := condition():
                return value
            assert self.process is not None
            code = self.process.poll()
            assert code is None, f"the engine ended with {code} while waiting for {what}:\n{self.output[-4000:]}"
            assert time.monotonic() < deadline, f"no {what} within {timeout_s} s:\n{self.output[-4000:]}"
            time.sleep(POLL_S)

    def reader_url(self) -> str:
        """A URL of the read-only role that sees all rows; the engine or its server must run."""
        done = self.command("db", "url")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@contextlib.contextmanager
def a_daemon(
    data_dir: Path, *arguments: str, config: str | None = None, cluster: Path | None = None, **environ: str
) -> Iterator[Daemon]:
    """Give a daemon and make sure that neither it nor its database outlives the test.

    Args:
        cluster: A migrated one to copy (`pg_cluster`); without it the first start makes its own, which takes seconds.
    """
    if cluster is not None:
        data_dir.mkdir(mode=0o700)
        (data_dir / VERSION_FILE).write_text(f"{FORMAT_VERSION}\n")
        copy_cluster(cluster, data_dir / PGDATA)
    daemon = Daemon(data_dir, *arguments, config=config, **environ)
    try:
        yield daemon
    finally:
        if daemon.process is not None and daemon.process.poll() is None:
            daemon.process.kill()
            daemon.process.wait(10)
        stop_database(data_dir)


def database_pid(data_dir: Path) -> int | None:
    """The embedded server's pid, if it runs."""
    try:
        pid = int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, 0)
    except (OSError, ValueError, IndexError):
        return None
    return pid


def stop_database(data_dir: Path, number: int = signal.SIGINT, timeout_s: float = 20.0) -> None:
    """Stop the embedded server of a data directory, by its pid."""
    pid = database_pid(data_dir)
    if pid is None:
        return
    os.kill(pid, number)
    deadline = time.monotonic() + timeout_s
    while database_pid(data_dir) == pid:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        assert time.monotonic() < deadline, f"PostgreSQL {pid} does not end"
        time.sleep(POLL_S)


async def query(url: str, sql: str, *arguments: object) -> list[dict[str, Any]]:
    """Run one query; rows as dicts."""
    connection = await asyncpg.connect(url)
    try:
        return [dict(row) for row in await connection.fetch(sql, *arguments)]
    finally:
        await connection.close()
