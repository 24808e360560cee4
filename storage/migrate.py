"""Brings the schema to this build's head, and says how a database differs from it.

The engine reads one row at start (`read_schema`). Alembic and SQLAlchemy (22 MB, a second of import) are loaded only
when there is something to do. What Alembic lacks is added here: one migrator at a time, and a checksum per file.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from engine.domain.errors import ConfigError, DependencyAway, InvariantBroken
from engine.runtime.clock import Clock
from engine.runtime.log import get_logger
from storage import pool
from storage.migration_files import FOLDER, head, migration_files
from storage.roles import DatabaseRole, Endpoints

if TYPE_CHECKING:
    from alembic.config import Config

BOOTSTRAP = Path(__file__).with_name("bootstrap.sql")
LOCK_KEY = 0x636976616C  # "cival"
LOCK_TIMEOUT_NS = 300_000_000_000
_LOCK_POLL_NS = 50_000_000
_log = get_logger("storage.migrate")


@dataclass(frozen=True, slots=True)
class SchemaState:
    """What a database says about its schema."""

    revision: str | None
    """None: nothing has been migrated here yet."""
    drifted: tuple[str, ...]
    """Names of applied files whose text is not the one of this build."""

    @property
    def is_current(self) -> bool:
        """Whether this build can work with it as it is."""
        return self.revision == head() and not self.drifted


async def read_schema(endpoints: Endpoints, role: DatabaseRole = DatabaseRole.DAEMON) -> SchemaState:
    """Return the state of the schema.

    Args:
        role: `ADMIN` where the other roles may not exist yet.

    Raises:
        ConfigError: The database was migrated by a newer build, or the role cannot log in.
        DependencyAway: The database does not answer.
    """
    connection = await pool.connect(endpoints, role, application_name="cival-schema")
    try:
        return await _read(connection)
    finally:
        await connection.close()


async def require_current(endpoints: Endpoints) -> None:
    """Refuse a served database whose schema is not this build's.

    Raises:
        ConfigError: It is behind (the message names `cival db migrate`), ahead, or edited.
        DependencyAway: The database does not answer.
    """
    state = await read_schema(endpoints)
    _refuse_drift(state)
    if not state.is_current:
        raise ConfigError("database schema", expected=f"revision {head()} (run `cival db migrate`)", was=state.revision)


async def migrate(endpoints: Endpoints, *, clock: Clock) -> bool:
    """Make roles and schema what this build needs; True if anything was done. Safe to run twice at once.

    Raises:
        ConfigError: The database is ahead of this build, or an applied file was edited.
        DependencyAway: The database does not answer, or another migrator does not finish.
    """
    if (await _read_as_admin(endpoints)).is_current:
        return False
    async with _only_migrator(endpoints, clock) as connection:
        await _bootstrap(connection)
        state = await _read(connection)  # Whoever held the lock before us may have done it.
        _refuse_drift(state)
        if state.is_current:
            return False
        await _run(endpoints, _upgrade)
        await _verify(connection)
        _log.info("schema_migrated", before=state.revision, after=head())
    return True


async def downgrade(endpoints: Endpoints, revision: str, *, clock: Clock) -> None:
    """Take revisions back, newest first, until `revision` is the newest; `base` takes back all. Deletes data.

    Raises:
        ConfigError: No such revision in this build, or an applied file was edited.
        DependencyAway: The database does not answer, or another migrator does not finish.
    """
    known = ["base", *(file.revision for file in migration_files())]
    if revision not in known:
        raise ConfigError("revision", expected=" or ".join(known), was=revision)
    async with _only_migrator(endpoints, clock) as connection:
        state = await _read(connection)
        _refuse_drift(state)
        await _run(endpoints, lambda config: _downgrade(config, revision))
        _log.info("schema_downgraded", before=state.revision, after=revision)


async def bootstrap(endpoints: Endpoints, *, clock: Clock) -> None:
    """Make roles, memberships, extension and identity functions where they are absent.

    Raises:
        ConfigError: The user of the URL may not make them; the message names what was refused.
        DependencyAway: The database does not answer.
    """
    async with _only_migrator(endpoints, clock) as connection:
        await _bootstrap(connection)


async def _bootstrap(connection: pool.Connection) -> None:
    text = await asyncio.to_thread(BOOTSTRAP.read_text, encoding="utf-8")
    try:
        await connection.execute(text)
    except asyncpg.InsufficientPrivilegeError as error:
        raise ConfigError(
            "database.migrate_url", expected="a user who may make roles and schemas", was=str(error)
        ) from error


async def _read_as_admin(endpoints: Endpoints) -> SchemaState:
    return await read_schema(endpoints, DatabaseRole.ADMIN)


async def _read(connection: pool.Connection) -> SchemaState:
    if await connection.fetchval("select to_regclass('public.alembic_version')") is None:
        return SchemaState(None, ())
    revision: str | None = await connection.fetchval("select version_num from public.alembic_version")
    known = {file.name: file for file in migration_files()}
    if revision is not None and revision not in {file.revision for file in known.values()}:
        raise ConfigError("database schema", expected=f"a revision up to {head()}; this build is older", was=revision)
    applied = await connection.fetch("select file, sha256 from public.schema_files order by file")
    drifted = tuple(
        row["file"] for row in applied if row["file"] not in known or known[row["file"]].sha256 != row["sha256"]
    )
    return SchemaState(revision, drifted)


def _refuse_drift(state: SchemaState) -> None:
    if state.drifted:
        names = ", ".join(state.drifted)
        raise ConfigError(
            "database schema", expected="the migration files that were applied", was=f"edited since: {names}"
        )


@contextlib.asynccontextmanager
async def _only_migrator(endpoints: Endpoints, clock: Clock) -> AsyncIterator[pool.Connection]:
    """Hold the advisory lock of migrators.

    Polled: a session that waits inside `pg_advisory_lock` holds a snapshot, and CREATE INDEX CONCURRENTLY of the one at
    work would wait for that snapshot: a deadlock.
    """
    # As the administrator: before the first bootstrap there is no other role.
    connection = await pool.connect(endpoints, DatabaseRole.ADMIN, application_name="cival-migrate-lock")
    try:
        deadline_ns = clock.monotonic_ns() + LOCK_TIMEOUT_NS
        while not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK_KEY):
            if clock.monotonic_ns() > deadline_ns:
                raise DependencyAway("database schema", why="another process has been migrating for too long")
            await clock.sleep(_LOCK_POLL_NS)
        yield connection
    finally:
        await connection.close()  # Ends the session, and with it the lock.


async def _run(endpoints: Endpoints, command: "Callable[[Config], None]") -> None:
    """Run an Alembic command on a connection of ours."""
    from alembic.config import Config  # noqa: PLC0415 - a second of import, needed only here
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - as above
    from sqlalchemy.pool import NullPool  # noqa: PLC0415 - as above

    async def connect(*_: Any, **__: Any) -> Any:
        # Under FORCE ROW LEVEL SECURITY a data migration would silently change 0 rows: this makes it an error.
        settings = {"row_security": "off", "lock_timeout": "60s"}
        return await pool.connect(endpoints, DatabaseRole.OWNER, settings=settings, application_name="cival-migrate")

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:

            def work(sync_connection: object) -> None:
                config.attributes["connection"] = sync_connection
                command(config)

            await connection.run_sync(work)
    finally:
        await engine.dispose()


def _upgrade(config: "Config") -> None:
    from alembic import command  # noqa: PLC0415 - see `_run`

    command.upgrade(config, "head")


def _downgrade(config: "Config", revision: str) -> None:
    from alembic import command  # noqa: PLC0415 - see `_run`

    command.downgrade(config, revision)


async def _verify(connection: pool.Connection) -> None:
    """Look at the catalogue: a data migration switches FORCE off for a moment and must have switched it on again."""
    open_tables = await connection.fetch(
        """
        select c.relname from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
            and (c.relname = 'users' or exists (
                select from pg_attribute a where a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped))
            and not (c.relrowsecurity and c.relforcerowsecurity)
        order by c.relname
        """
    )
    if open_tables:
        names = ", ".join(row["relname"] for row in open_tables)
        raise InvariantBroken("row-level security on every table with a user", expected="forced", was=names)
