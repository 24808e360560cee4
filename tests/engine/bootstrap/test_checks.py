"""The questions of `cival check`: each finds what is wrong, and says nothing where all is well."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from config.loader import load_settings
from config.venue_url import UnixAddress
from engine.bootstrap.checks import check_books, check_config, check_database, check_venues
from engine.bootstrap.findings import Finding
from storage.roles import DatabaseRole
from tests.support.host import CONFIG, settings_of
from tests.support.postgres import PostgresDatabase
from tests.support.remote_peer import HonestPeer, a_server
from tests.support.tenants import Tenant, insert_tenant

CANDLES = """open_time_ms,open,high,low,close,volume
1600560000000,1,2,1,2,5
1600563600000,2,2,1,1,5
"""


def levels(findings: list[Finding]) -> set[str]:
    return {finding.level for finding in findings}


def error_texts(findings: list[Finding]) -> list[str]:
    return [f"{finding.what}: {finding.text}" for finding in findings if finding.level == "error"]


def test_what_ships_with_the_engine_is_well() -> None:
    assert levels(check_config(load_settings(None, environ={}))) == {"ok"}


def test_a_wrong_parameter_names_its_agent(tmp_path: Path) -> None:
    found = check_config(settings_of(tmp_path, CONFIG + "parameters = { fast = 50, slow = 9 }\n"))
    (error,) = error_texts(found)
    assert error.startswith("agent trend-1: ")
    assert "less than slow (9)" in error


def test_every_secret_that_is_missing_is_named_and_none_is_shown(tmp_path: Path) -> None:
    text = '[database]\nurl = "env:CIVAL_TEST_NOPE"\n[secrets]\nmaster_key = "file:/nowhere"\n[redis]\nurl = "redis://u:hush@h"\n'
    found = check_config(settings_of(tmp_path, text))
    assert [error.partition(":")[0] for error in error_texts(found)] == ["database.url", "secrets.master_key"]
    assert "hush" not in str(found)


def test_a_proxys_word_for_tls_is_a_warning(tmp_path: Path) -> None:
    found = check_config(settings_of(tmp_path, '[server]\nhost = "0.0.0.0"\nbehind_tls_proxy = true\n'))
    assert [finding.what for finding in found if finding.level == "warning"] == ["server.host"]


@pytest.mark.asyncio
async def test_an_embedded_database_that_does_not_run_is_no_error(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "")
    (finding,) = await check_database(settings, tmp_path / "data")
    assert (finding.level, finding.text) == (
        "ok",
        f"embedded in {tmp_path / 'data'}, not running; the engine starts it",
    )
    (books,) = await check_books(settings, tmp_path / "data")
    assert books.level == "warning"
    assert not (tmp_path / "data").exists(), "looking makes nothing"


def served(database: PostgresDatabase) -> str:
    return f'[database]\nurl = "{database.url(DatabaseRole.ADMIN)}"\n'


@pytest.mark.asyncio
async def test_a_served_database_is_asked_for_its_schema_and_roles(
    pg_database: PostgresDatabase, tmp_path: Path
) -> None:
    found = await check_database(settings_of(tmp_path, served(pg_database)), tmp_path)
    assert [(finding.level, finding.what) for finding in found] == [
        ("ok", "database"), ("ok", "schema"), ("warning", "database roles"),
    ]  # fmt: skip


@pytest.mark.asyncio
async def test_an_empty_database_is_an_error(pg_empty: PostgresDatabase, tmp_path: Path) -> None:
    (error,) = error_texts(await check_database(settings_of(tmp_path, served(pg_empty)), tmp_path))
    assert "run cival db migrate" in error


@pytest.mark.asyncio
async def test_a_schema_that_was_edited_is_an_error(pg_database: PostgresDatabase, tmp_path: Path) -> None:
    admin = await pg_database.connect(DatabaseRole.ADMIN)
    await admin.execute("update schema_files set sha256 = 'x' where ctid = (select min(ctid) from schema_files)")
    (error,) = error_texts(await check_database(settings_of(tmp_path, served(pg_database)), tmp_path))
    assert "edited since" in error


@pytest.mark.asyncio
async def test_a_database_that_is_away_is_an_error(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, '[database]\nurl = "postgresql://nobody@127.0.0.1:9/none"\n')
    assert levels(await check_database(settings, tmp_path)) == {"error"}
    assert levels(await check_books(settings, tmp_path)) == {"error"}


@pytest.mark.asyncio
async def test_books_that_do_not_add_up_are_errors(pg_database: PostgresDatabase, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, served(pg_database))
    assert levels(await check_books(settings, tmp_path)) == {"ok"}
    daemon = await pg_database.connect()
    await insert_tenant(daemon, Tenant(1))  # Rows that have nothing to do with each other.
    assert any("trades without a ledger entry" in error for error in error_texts(await check_books(settings, tmp_path)))


@pytest.mark.asyncio
async def test_a_replay_is_tried_and_what_cannot_be_played_is_named(tmp_path: Path) -> None:
    (simulated,) = await check_venues(settings_of(tmp_path, ""))
    assert simulated.level == "ok"
    folder = tmp_path / "day"
    folder.mkdir()
    (folder / "BTCUSDT-1h.csv").write_text(CANDLES)
    (folder / "notes.txt").write_text("dear diary\n")
    text = f'[market]\nsource = "replay"\npath = "{folder}"\n'
    played, refused = await check_venues(settings_of(tmp_path, text))
    assert (played.level, played.text) == ("ok", "replay of 8 frames: BTC/USDT")
    assert refused.level == "error"
    assert "notes.txt:1" in refused.text
    (folder / "BTCUSDT-1h.csv").unlink()
    (nothing,) = await check_venues(settings_of(tmp_path, text))
    assert nothing.level == "error"


@pytest.mark.asyncio
async def test_a_remote_venue_is_greeted(tmp_path: Path) -> None:
    address = UnixAddress(str(tmp_path / "v.sock"))
    settings = settings_of(tmp_path, f'[venues.mars]\nkind = "remote"\nurl = "unix:{address.path}"\n')
    _, away = await check_venues(settings)
    assert (away.level, away.what) == ("error", "venue mars")
    clocks: dict[str, Callable[[], int]] = {"ok": time.time_ns, "warning": lambda: time.time_ns() + 10**12}
    for level, clock in clocks.items():
        async with a_server(HonestPeer("mars", clock), address):
            _, there = await check_venues(settings)
        assert there.level == level, there.text
    async with a_server(HonestPeer("venus", time.time_ns), address):
        _, another = await check_venues(settings)
    assert another.text == "welcome.venue: expected mars, was 'venus'"
