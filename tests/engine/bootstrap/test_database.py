"""Which database is meant, who starts and stops it, and whether its schema is this build's."""

import os
from pathlib import Path

import pytest

from engine.bootstrap.database import bring_up_to_date, exists, find_database, make_private, open_database, served_url
from engine.domain.errors import ConfigError, DependencyAway
from engine.runtime.clock import WallClock
from storage import migrate, pool
from storage.roles import DatabaseRole
from tests.support.daemon import database_pid, stop_database
from tests.support.host import settings_of
from tests.support.postgres import PostgresDatabase, PostgresServer

WALL = WallClock()


def test_the_configurations_database_wins_over_the_environments(tmp_path: Path) -> None:
    given = settings_of(tmp_path, '[database]\nurl = "env:MINE"\n')
    url = served_url(given, {"MINE": "postgresql://a/b", "DATABASE_URL": "postgresql://c/d"})
    assert url is not None
    assert url.reveal() == "postgresql://a/b"
    silent = settings_of(tmp_path, "")
    url = served_url(silent, {"DATABASE_URL": "postgresql://c/d"})
    assert url is not None
    assert url.reveal() == "postgresql://c/d"
    assert served_url(silent, {"DATABASE_URL": ""}) is None


def test_a_directory_is_made_for_us_alone(tmp_path: Path) -> None:
    make_private(tmp_path / "a" / "b")
    assert exists(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert not exists(tmp_path / "c")


@pytest.mark.asyncio
async def test_a_served_database_has_a_login_for_each_role_that_is_given_one(tmp_path: Path) -> None:
    text = '[database]\nurl = "postgresql://d@h/x"\nreader_url = "env:READ"\n'
    environ = {"READ": "postgresql://r@h/x"}
    found = await open_database(settings_of(tmp_path, text), tmp_path, clock=WALL, environ=environ, owns_data_dir=True)
    assert found.server is None
    assert found.endpoints.of(DatabaseRole.READER).url == "postgresql://r@h/x"
    assert found.endpoints.of(DatabaseRole.DAEMON).url == "postgresql://d@h/x"
    await found.close()  # It is not ours to stop.


@pytest.mark.asyncio
async def test_a_served_database_is_never_migrated_unasked(pg_empty: PostgresDatabase, tmp_path: Path) -> None:
    text = f'[database]\nurl = "{pg_empty.url(DatabaseRole.ADMIN)}"\n'
    found = await open_database(settings_of(tmp_path, text), tmp_path, clock=WALL, environ={}, owns_data_dir=True)
    with pytest.raises(ConfigError, match="cival db migrate"):
        await bring_up_to_date(found, clock=WALL)
    await migrate.migrate(found.endpoints, clock=WALL)
    await bring_up_to_date(found, clock=WALL)


@pytest.mark.asyncio
async def test_a_schema_of_a_later_build_is_refused(pg_database: PostgresDatabase, tmp_path: Path) -> None:
    admin = await pg_database.connect(DatabaseRole.ADMIN)
    await admin.execute("update alembic_version set version_num = '9999'")
    text = f'[database]\nurl = "{pg_database.url(DatabaseRole.ADMIN)}"\n'
    found = await open_database(settings_of(tmp_path, text), tmp_path, clock=WALL, environ={}, owns_data_dir=True)
    with pytest.raises(ConfigError, match="9999"):
        await bring_up_to_date(found, clock=WALL)


@pytest.mark.asyncio
async def test_an_embedded_server_is_stopped_by_who_started_it(pg_server: PostgresServer, tmp_path: Path) -> None:
    """A command that finds a server leaves it; one that started it, or owns the data directory, stops it."""
    settings = settings_of(tmp_path, "")
    data_dir = tmp_path / "data"
    assert await find_database(settings, data_dir, clock=WALL, environ={}) is None
    assert not data_dir.exists(), "looking makes nothing"
    data_dir.mkdir(mode=0o700)
    pg_server.copy_to(data_dir)
    assert await find_database(settings, data_dir, clock=WALL, environ={}) is None
    environ = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    try:
        first = await open_database(settings, data_dir, clock=WALL, environ=environ, owns_data_dir=False)
        pid = database_pid(data_dir)
        second = await open_database(settings, data_dir, clock=WALL, environ=environ, owns_data_dir=False)
        found = await find_database(settings, data_dir, clock=WALL, environ=environ)
        assert found is not None
        await second.close()
        await found.close()
        assert database_pid(data_dir) == pid
        await bring_up_to_date(first, clock=WALL)
        connection = await pool.connect(first.endpoints, DatabaseRole.READER)
        await connection.close()
        await first.close()
        assert database_pid(data_dir) is None
    finally:
        stop_database(data_dir)


@pytest.mark.asyncio
async def test_a_served_database_that_is_away_is_a_reason_to_try_again(tmp_path: Path) -> None:
    text = '[database]\nurl = "postgresql://nobody@127.0.0.1:9/none"\n'
    found = await open_database(settings_of(tmp_path, text), tmp_path, clock=WALL, environ={}, owns_data_dir=True)
    with pytest.raises(DependencyAway) as caught:
        await bring_up_to_date(found, clock=WALL)
    assert caught.value.exit_code == 75
