"""An older cluster is brought to this build's version; the old one stays, and a crash in between loses neither."""

import os
from pathlib import Path

import pytest

from engine.domain.errors import ConfigError, DependencyAway
from engine.runtime.clock import WallClock
from storage import migrate, pg_upgrade, pool
from storage.pg_binaries import OLDEST_MAJOR, find_binaries
from storage.pg_upgrade import Upgrade, upgrade
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresServer, start_server
from tests.support.tenants import Tenant, insert_tenant

CLOCK = WallClock()
NEW = find_binaries({}).major
OLDER = sorted(
    bindir
    for bindir in Path("/usr/lib/postgresql").glob("*/bin")
    if (bindir / "postgres").exists() and int(bindir.parent.name) in range(OLDEST_MAJOR, NEW)
)
"""Programs of older versions, as far as this machine has them."""


async def emails_after_start(data_dir: Path) -> tuple[int, list[str]]:
    """Start the server; return its major version and what the users' table holds."""
    server = await start_server(data_dir)
    assert (await migrate.read_schema(server.endpoints())).is_current
    connection = await pool.connect(server.endpoints(), DatabaseRole.DAEMON)
    found = await connection.fetch("select email from users")
    major = connection.get_server_version().major
    await connection.close()
    await server.stop()
    return major, [row["email"] for row in found]


async def old_cluster(data_dir: Path) -> None:
    """Make a cluster of the version that CIVAL_PG_BINDIR names, with a tenant in it."""
    server = await start_server(data_dir)
    await migrate.migrate(server.endpoints(), clock=CLOCK)
    daemon = await pool.connect(server.endpoints(), DatabaseRole.DAEMON)
    await insert_tenant(daemon, Tenant(1))
    await daemon.close()
    await server.stop()


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_dir()}


@pytest.mark.asyncio
async def test_a_cluster_of_this_version_and_none_at_all_are_left_alone(
    pg_server: PostgresServer, tmp_path: Path
) -> None:
    assert await upgrade(tmp_path, clock=CLOCK, environ=os.environ) is None
    pg_server.copy_to(tmp_path)
    assert await upgrade(tmp_path, clock=CLOCK, environ={}) is None
    assert names_in(tmp_path) == {"postgres"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("version", "message"), [(f"{NEW + 1}", "expected a cluster up to"), ("9", "PostgreSQL 9 pro")]
)
async def test_a_version_that_nothing_here_can_read_is_refused(
    pg_server: PostgresServer, tmp_path: Path, version: str, message: str
) -> None:
    pg_server.copy_to(tmp_path)
    (tmp_path / "postgres" / "PG_VERSION").write_text(version)
    with pytest.raises(ConfigError, match=message):
        await upgrade(tmp_path, clock=CLOCK, environ={})
    assert names_in(tmp_path) == {"postgres"}


if OLDER:

    @pytest.mark.slow
    @pytest.mark.asyncio
    async def test_an_upgrade_fails_is_repeated_is_killed_and_nothing_is_lost(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = int(OLDER[0].parent.name)
        monkeypatch.setenv("CIVAL_PG_DIES_WITH_PARENT", "1")
        monkeypatch.setenv("CIVAL_PG_BINDIR", str(OLDER[0]))
        await old_cluster(tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(pg_upgrade, "make_cluster", lambda scratch, *_: scratch.mkdir())
            with pytest.raises(DependencyAway, match="pg_upgrade"):
                await upgrade(tmp_path, clock=CLOCK, environ=os.environ)
        assert await emails_after_start(tmp_path) == (before, ["t1@localhost"])

        kept = tmp_path / f"postgres.{before}"
        assert await upgrade(tmp_path, clock=CLOCK, environ=os.environ) == Upgrade(before, NEW, kept)
        assert names_in(tmp_path) == {"postgres", kept.name}
        # Killed between the two renames: the next start puts the new cluster into its place.
        monkeypatch.delenv("CIVAL_PG_BINDIR")
        (tmp_path / "postgres").rename(tmp_path / "postgres.upgraded")
        assert await emails_after_start(tmp_path) == (NEW, ["t1@localhost"])
        assert await upgrade(tmp_path, clock=CLOCK, environ=os.environ) is None

    @pytest.mark.asyncio
    async def test_an_old_cluster_of_an_earlier_upgrade_is_never_overwritten(
        pg_server: PostgresServer, tmp_path: Path
    ) -> None:
        pg_server.copy_to(tmp_path)
        before = OLDER[0].parent.name
        (tmp_path / "postgres" / "PG_VERSION").write_text(before)
        (tmp_path / f"postgres.{before}").mkdir()
        with pytest.raises(ConfigError, match="from an earlier upgrade"):
            await upgrade(tmp_path, clock=CLOCK, environ=os.environ)
