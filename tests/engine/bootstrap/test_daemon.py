"""The process around the engine: signals, exit codes, and what a person sees."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from config.loader import load_settings
from config.settings import Settings
from engine.bootstrap.daemon import Daemon
from tests.support.daemon import database_pid, stop_database
from tests.support.host import CONFIG
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.asyncio


@pytest.fixture
def data_dir(pg_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory whose database exists already, which saves its making."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    (directory / "version").write_text("1\n")
    pg_server.copy_to(directory)
    return directory


def loader(folder: Path, text: str) -> Callable[[], Settings]:
    """Read the file that is there, as a start and each reload do."""
    file = folder / "cival.toml"
    file.write_text(text + "\n[server]\nport = 0\n")
    return lambda: load_settings(file, environ={})


async def until_ready(daemon: Daemon, run: "asyncio.Task[int]") -> None:
    while daemon._is_starting:
        assert not run.done(), run.exception()
        await asyncio.sleep(0.01)


async def ended(data_dir: Path, run: "asyncio.Task[int]") -> int:
    try:
        return await asyncio.wait_for(run, 30)
    finally:
        stop_database(data_dir)


async def test_it_greets_and_a_signal_ends_it_with_0(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = Daemon(loader(tmp_path, CONFIG), data_dir)
    run = asyncio.get_running_loop().create_task(daemon.run())
    await until_ready(daemon, run)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Cival {daemon.engine.version}: {daemon.engine.url}"
    assert lines[1] == f"data directory: {data_dir}"
    assert lines[2] == f"log in as demo@localhost, password in {data_dir}/first-login", "no password into a pipe"
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGTERM)
    assert await ended(data_dir, run) == 0
    assert database_pid(data_dir) is None


async def test_a_vital_actor_that_fails_ends_it_with_1(data_dir: Path, tmp_path: Path) -> None:
    daemon = Daemon(loader(tmp_path, CONFIG), data_dir)
    run = asyncio.get_running_loop().create_task(daemon.run())
    await until_ready(daemon, run)
    daemon._on_vital_end("ledger", RuntimeError("boom"))
    assert await ended(data_dir, run) == 1
    assert database_pid(data_dir) is None


async def test_a_signal_while_starting_gives_up_the_start(data_dir: Path, tmp_path: Path) -> None:
    daemon = Daemon(loader(tmp_path, ""), data_dir)
    run = asyncio.get_running_loop().create_task(daemon.run())
    while "database" not in daemon.lifecycle.started:  # noqa: ASYNC110 - nothing tells of a stage.
        await asyncio.sleep(0)
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGTERM)
    assert await ended(data_dir, run) == 0
    assert daemon._is_starting
    assert database_pid(data_dir) is None


async def test_a_hangup_reads_the_configuration_again(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = Daemon(loader(tmp_path, CONFIG), data_dir)
    run = asyncio.get_running_loop().create_task(daemon.run())
    await asyncio.sleep(0)  # It begins; before, the signal would end this process.
    os.kill(os.getpid(), signal.SIGHUP)  # While starting there is nothing to reload yet; it must not end the process.
    await until_ready(daemon, run)
    (tmp_path / "cival.toml").write_text("[server\n")
    os.kill(os.getpid(), signal.SIGHUP)
    async with asyncio.timeout(10):
        while "configuration_not_reloaded" not in (seen := capsys.readouterr().err):
            assert not run.done()
            await asyncio.sleep(0.01)
    assert "Traceback" not in seen
    os.kill(os.getpid(), signal.SIGTERM)
    assert await ended(data_dir, run) == 0
