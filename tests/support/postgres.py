"""Real PostgreSQL for tests: one embedded server per session, one fresh database per test.

The server is started so that the kernel interrupts it when pytest ends, however it ends. The migrated cluster is kept
in pytest's cache under a key of everything that made it, and copied: a warm session starts in a fraction of a second. A
test that breaks its server takes one of its own from `pg_server.copy_to(tmp_path)`.
"""

import asyncio
import fcntl
import hashlib
import itertools
import os
import shutil
import subprocess
import time
from collections.abc import AsyncGenerator, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from engine.runtime.clock import WallClock
from storage import embedded, migrate, pool
from storage.migration_files import VERSIONS
from storage.pg_binaries import find_binaries
from storage.pg_cluster import PGDATA
from storage.roles import DatabaseRole, Endpoints

T = TypeVar("T")

# A crash of PostgreSQL loses nothing without fsync; only a crash of the machine would.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "autovacuum": "off",
}
KEPT_S = 6 * 3600
"""Age at which a cluster of another schema leaves the cache."""
_ROOT = Path(__file__).parents[2]


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of its own, leaving the test's loop alone."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def pytest_configure(config: pytest.Config) -> None:
    """Keep a failed test that left a connection open from hanging the session.

    uvloop warns of an open transport while it closes; as an error that never ends, and no timeout can interrupt it. The
    warning of the connection itself still fails the test.
    """
    config.addinivalue_line("filterwarnings", "ignore:unclosed resource <.*Transport:ResourceWarning")


async def _closed_with_its_loop(connection: pool.Connection) -> AsyncGenerator[None, None]:
    """Live until the loop's asynchronous generators are shut down, which runners do before they close it."""
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.close(timeout=2.0)


@dataclass
class PostgresDatabase:
    """A migrated, empty database."""

    name: str
    endpoints: Endpoints
    socket_directory: Path
    _open: list[AsyncGenerator[None, None]] = field(default_factory=list)

    def url(self, role: DatabaseRole = DatabaseRole.DAEMON) -> str:
        """Return the URL of a role."""
        return self.endpoints.of(role).url

    async def connect(
        self, role: DatabaseRole = DatabaseRole.DAEMON, settings: Mapping[str, str] | None = None
    ) -> pool.Connection:
        """Open a connection; the test closes it, or the end of the test's loop does."""
        connection = await pool.connect(self.endpoints, role, settings=settings)
        closing = _closed_with_its_loop(connection)
        await anext(closing)
        self._open.append(closing)
        return connection


@dataclass
class PostgresServer:
    """The session's server."""

    server: embedded.EmbeddedPostgres
    cluster: Path
    """A stopped, migrated cluster to copy from."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def create_database(self, template: str = embedded.DATABASE) -> PostgresDatabase:
        """Copy the migrated database; `template1` gives an empty one."""
        name = f"test_{next(self._numbers)}"
        self._execute(f"create database {name} template {template} strategy file_copy")
        return PostgresDatabase(name, self.server.endpoints(name), self.server.socket_directory)

    def drop_database(self, name: str) -> None:
        """End its sessions and drop it."""
        self._execute(f"drop database if exists {name} with (force)")

    def copy_to(self, data_dir: Path) -> None:
        """Give a data directory a migrated cluster of its own, for `storage.embedded.start`."""
        copy_cluster(self.cluster, data_dir / PGDATA)

    def _execute(self, statement: str) -> None:
        async def work() -> None:
            connection = await pool.connect(self.server.endpoints("postgres"), DatabaseRole.ADMIN)
            await connection.execute(statement)
            await connection.close()

        run(work())


@pytest.fixture(scope="session")
def pg_cluster(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """Give a stopped cluster with the migrated database `cival` in it, to copy from."""
    return _migrated_cluster(pytestconfig, tmp_path_factory)


@pytest.fixture(scope="session")
def pg_server(tmp_path_factory: pytest.TempPathFactory, pg_cluster: Path) -> Iterator[PostgresServer]:
    """Start the session's server on a copy of the migrated cluster."""
    data_dir = tmp_path_factory.mktemp("pg")
    copy_cluster(pg_cluster, data_dir / PGDATA)
    server = run(start_server(data_dir))
    yield PostgresServer(server, pg_cluster)
    run(server.stop())


@pytest.fixture
def pg_database(pg_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """Give the test a fresh, migrated database."""
    database = pg_server.create_database()
    yield database
    pg_server.drop_database(database.name)


async def start_server(data_dir: Path, settings: Mapping[str, str] | None = None) -> embedded.EmbeddedPostgres:
    """Start an embedded server that ends with this process."""
    return await embedded.start(
        data_dir,
        clock=WallClock(),
        environ=os.environ,
        settings={**SETTINGS, **(settings or {})},
        dies_with_parent=True,
    )


def _migrated_cluster(config: pytest.Config, factory: pytest.TempPathFactory) -> Path:
    """Return a stopped cluster with the schema in it, made now or kept from an earlier session."""
    cache = getattr(config, "cache", None)  # Absent with `-p no:cacheprovider`.
    folder: Path = cache.mkdir("cival-postgres") if cache is not None else factory.mktemp("pg-cluster")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = folder / _key()
        if not kept.exists():
            # Another session may be at work with another schema, and copies from its cluster until its end.
            for old in folder.glob("cluster-*"):
                if time.time() - old.stat().st_mtime > KEPT_S:
                    shutil.rmtree(old, ignore_errors=True)
            shutil.rmtree(folder / "cluster-new", ignore_errors=True)
            made = factory.mktemp("pg-new")
            run(_make_cluster(made))
            copy_cluster(made / PGDATA, folder / "cluster-new")
            (folder / "cluster-new").rename(kept)
        os.utime(kept)
        return kept


async def _make_cluster(data_dir: Path) -> None:
    server = await start_server(data_dir)
    await migrate.migrate(server.endpoints(), clock=WallClock())
    await server.stop()


def _key() -> str:
    """Name everything that the cluster is made from."""
    sources = [*VERSIONS.glob("*"), *(_ROOT / "storage").glob("pg_*.py"), migrate.BOOTSTRAP]
    digest = hashlib.sha256(f"{os.geteuid()} {find_binaries(os.environ).version}".encode())
    for path in sorted(path for path in sources if path.is_file()):
        digest.update(path.name.encode() + path.read_bytes())
    return f"cluster-{digest.hexdigest()[:16]}"


def copy_cluster(source: Path, target: Path) -> None:
    """Copy a stopped cluster."""
    # cp clones the files where the file system can.
    subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(target)], check=True)
