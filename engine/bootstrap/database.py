"""Finds the database that the configuration means, starts it if it is ours, and brings its schema to this build."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.credentials import resolve_secret
from config.settings import Settings
from engine.domain.errors import ConfigError
from engine.runtime.clock import Clock
from engine.runtime.secret import Secret
from storage import embedded, migrate
from storage.embedded import EmbeddedPostgres
from storage.roles import DatabaseRole, Endpoints, served_endpoints


@dataclass(frozen=True, slots=True)
class Database:
    """An open way to a database."""

    endpoints: Endpoints
    server: EmbeddedPostgres | None
    """The embedded server; None where the database is served by somebody else."""
    is_ours_to_stop: bool
    """Whether this process started the embedded server, or owns its data directory."""

    async def close(self) -> None:
        """Stop the embedded server if it is ours."""
        if self.server is not None and self.is_ours_to_stop:
            await self.server.stop()


def served_url(settings: Settings, environ: Mapping[str, str]) -> Secret | None:
    """Return the URL of a served database; None means the embedded one."""
    if settings.database.url:
        return resolve_secret(settings.database.url, key="database.url", environ=environ)
    return Secret(environ["DATABASE_URL"]) if environ.get("DATABASE_URL") else None


def make_private(directory: Path) -> None:
    """Make a directory that only we can enter."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def exists(directory: Path) -> bool:
    """Tell whether a directory is there."""
    return directory.is_dir()


async def open_database(
    settings: Settings, data_dir: Path, *, clock: Clock, environ: Mapping[str, str], owns_data_dir: bool
) -> Database:
    """Return a way to the database; start the embedded server if none runs on the data directory.

    Args:
        owns_data_dir: The caller holds the data directory's lock, so a server found there is its to stop.

    Raises:
        ConfigError: A URL or the data directory cannot be used.
        DependencyAway: The embedded server does not come up.
    """
    if url := served_url(settings, environ):
        others = {
            name: secret.reveal()
            if (secret := resolve_secret(value, key=f"database.{name}", environ=environ))
            else None
            for name in ("migrate_url", "api_url", "reader_url")
            if (value := getattr(settings.database, name)) is not None
        }
        return Database(served_endpoints(url.reveal(), **others), None, is_ours_to_stop=False)
    make_private(data_dir)
    server = await embedded.start(data_dir, clock=clock, environ=environ)
    return Database(server.endpoints(), server, is_ours_to_stop=owns_data_dir or not server.was_running)


async def find_database(
    settings: Settings, data_dir: Path, *, clock: Clock, environ: Mapping[str, str]
) -> Database | None:
    """Return a way to the database if it runs; None if it is embedded and does not. Starts nothing."""
    if served_url(settings, environ):
        return await open_database(settings, data_dir, clock=clock, environ=environ, owns_data_dir=False)
    server = await embedded.attach(data_dir, clock=clock) if exists(data_dir) else None
    return None if server is None else Database(server.endpoints(), server, is_ours_to_stop=False)


async def bring_up_to_date(database: Database, *, clock: Clock) -> None:
    """Migrate the embedded database; refuse a served one whose schema is not this build's.

    Raises:
        ConfigError: The schema is ahead, edited, or (served) behind: the message names `cival db migrate`.
    """
    if database.server is not None:
        await migrate.migrate(database.endpoints, clock=clock)
        return
    state = await migrate.read_schema(database.endpoints, DatabaseRole.ADMIN)
    if state.revision is None:
        raise ConfigError(
            "database schema", expected="a migrated database (run `cival db migrate`)", was="an empty one"
        )
    await migrate.require_current(database.endpoints)
