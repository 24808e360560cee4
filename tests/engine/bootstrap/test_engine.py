"""The whole engine in this process: up in order, ready, down in reverse, and nothing left."""

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from config.settings import Settings
from engine.bootstrap.engine import Engine
from engine.bootstrap.service import ServiceManager
from engine.domain.errors import ConfigError
from engine.runtime.lifecycle import Lifecycle
from storage.datadir import engine_pid
from tests.support.daemon import database_pid, stop_database
from tests.support.host import CONFIG, settings_of
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.asyncio


def an_engine(settings: Settings, data_dir: Path) -> Engine:
    def failed(name: str, error: BaseException) -> None:
        raise AssertionError(f"{name}: {error!r}")

    return Engine(lambda: settings, data_dir, ServiceManager({}), failed)


async def test_it_comes_up_ready_and_goes_down_clean(
    pg_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    data_dir = tmp_path / "data"
    engine = an_engine(settings_of(tmp_path, CONFIG + "\n[server]\nport = 0\n"), data_dir)
    await engine.prepare()
    pg_server.copy_to(data_dir)
    lifecycle = Lifecycle(engine.wall)
    try:
        await lifecycle.start(engine.stages())
        assert lifecycle.started[0] == "data directory"
        assert lifecycle.started[-1] == "source"
        async with aiohttp.ClientSession() as session, session.get(engine.url + "/readyz") as answer:
            assert (answer.status, (await answer.json())["ready"]) == (200, True)
        pid = database_pid(data_dir)
        assert pid is not None
        deadline = time.monotonic() + 10
        while not await engine.stores.loader.last_prices("simulated"):
            assert time.monotonic() < deadline, "no prices"
            await asyncio.sleep(0.02)
        assert len(list(engine.cells.users())) == 1
    finally:
        ended = await lifecycle.stop()
        stop_database(data_dir)
    assert [stage.error for stage in ended] == [None] * len(engine.stages())
    assert (database_pid(data_dir), engine_pid(data_dir)) == (None, None)
    assert not (data_dir / "engine.json").exists()


async def test_what_cannot_start_leaves_the_directory_free(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, '[market]\nsymbols = ["NO/NE"]\n[server]\nport = 0\n')
    for _ in range(2):
        with pytest.raises(ConfigError, match="symbols"):
            await an_engine(settings, tmp_path / "data").prepare()
        assert engine_pid(tmp_path / "data") is None


async def test_two_engines_do_not_share_a_directory(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "[server]\nport = 0\n")
    first = an_engine(settings, tmp_path / "data")
    await first.prepare()
    with pytest.raises(ConfigError, match="data_dir"):
        await an_engine(settings, tmp_path / "data").prepare()
    first.directory.close()
