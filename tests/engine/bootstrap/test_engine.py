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


async def test_a_replay_that_starts_over_is_the_past_until_it_has_caught_up(
    pg_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    (tmp_path / "session.txt").write_text(
        "".join(
            f'{at}000000000 {{"stream":"btcusdt@trade","data":{{"e":"trade","t":{at},"p":"5","q":"1","T":{at}000}}}}\n'
            for at in range(1_700_000_000, 1_700_000_004)
        )
    )
    replay = f'[market]\nsource = "replay"\npath = "{tmp_path}/session.txt"\nspeed = "max"\n[server]\nport = 0\n'
    engine = an_engine(settings_of(tmp_path, CONFIG + replay), tmp_path / "data")
    await engine.prepare()
    pg_server.copy_to(tmp_path / "data")
    lifecycle = Lifecycle(engine.wall)
    *below, market, cells, interface, source = engine.stages()
    try:
        await lifecycle.start(below)
        (user_id, *_) = await engine.stores.loader.users()
        await engine.stores.daemon_pool.execute(
            "INSERT INTO replay_positions (user_id, session, frame) VALUES ($1, $2, 3)", user_id,
            engine.markets.session_name,
        )  # fmt: skip
        await lifecycle.start([market, cells, interface])
        assert engine.market_stage.marks.is_past("binance")
        await lifecycle.start([source])
        deadline = time.monotonic() + 10
        while engine.market_stage.marks.is_past("binance"):
            assert time.monotonic() < deadline, "it does not catch up"
            await asyncio.sleep(0.02)
        async with aiohttp.ClientSession() as session, session.get(engine.url + "/readyz") as answer:
            assert answer.status == 200
    finally:
        await lifecycle.stop()
        stop_database(tmp_path / "data")
