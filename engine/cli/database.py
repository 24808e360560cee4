"""`cival db`: the schema, the demo data, and a URL to look with."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import click

from config.datadir import resolve_data_dir
from config.loader import load_settings
from config.settings import Settings
from engine.bootstrap.database import Database, find_database, open_database, served_url
from engine.bootstrap.seeding import seed as write_seed
from engine.cli.options import config_option, data_dir_option, json_option
from engine.cli.output import print_json, print_object
from engine.domain.errors import DependencyAway
from engine.runtime.clock import WallClock
from engine.runtime.entropy import Ids, system_rng
from storage import migrate as schema
from storage.datadir import DataDirectoryLocked, open_data_directory
from storage.migration_files import head
from storage.pg_upgrade import upgrade as upgrade_cluster
from storage.roles import DatabaseRole

T = TypeVar("T")


def with_database(config_file: Path | None, data_dir: Path | None, work: Callable[[Database], Awaitable[T]]) -> T:
    """Open the database that the configuration means, do `work`, and leave it as it was found."""
    settings = load_settings(config_file)
    directory = resolve_data_dir(data_dir, os.environ)

    async def run() -> T:
        database = await open_database(settings, directory, clock=WallClock(), environ=os.environ, owns_data_dir=False)
        try:
            return await work(database)
        finally:
            await database.close()

    with _data_directory(settings, directory):
        return asyncio.run(run())


@contextmanager
def _data_directory(settings: Settings, path: Path) -> Iterator[None]:
    """Hold the data directory of an embedded database, unless an engine does: then its server is used as it runs."""
    if served_url(settings, os.environ):
        yield
        return
    try:
        directory = open_data_directory(path, make_node_id=_new_id)
    except DataDirectoryLocked:
        yield
        return
    with directory:
        yield


def _new_id() -> UUID:
    return Ids(WallClock(), system_rng()).uuid()


@click.group("db")
def database() -> None:
    """Look after the database."""


@database.command()
@config_option
@data_dir_option
def migrate(config_file: Path | None, data_dir: Path | None) -> None:
    """Bring the schema to this build's head."""
    changed = with_database(config_file, data_dir, lambda db: schema.migrate(db.endpoints, clock=WallClock()))
    click.echo(f"schema {head()}: {'migrated' if changed else 'nothing to do'}")


@database.command()
@config_option
@data_dir_option
def seed(config_file: Path | None, data_dir: Path | None) -> None:
    """Write the configuration's users, accounts, agents and limits, as the first start does."""
    settings = load_settings(config_file)
    directory = resolve_data_dir(data_dir, os.environ)
    plan = with_database(config_file, data_dir, lambda db: write_seed(db, settings, directory))
    click.echo(f"seeded: {len(plan.new_users)} users, {len(plan.rows)} rows")
    if plan.first_admin is not None:
        click.echo(f"{plan.first_admin}: password in {directory}/first-login")


@database.command()
@config_option
@data_dir_option
def upgrade(config_file: Path | None, data_dir: Path | None) -> None:
    """Bring the embedded database of an older PostgreSQL to this one's version; the old files are kept."""
    settings = load_settings(config_file)
    if served_url(settings, os.environ):
        raise click.UsageError("the database is served: its operator upgrades it")
    directory = resolve_data_dir(data_dir, os.environ)
    with open_data_directory(directory, make_node_id=_new_id):
        done = asyncio.run(upgrade_cluster(directory, clock=WallClock(), environ=os.environ))
    if done is None:
        click.echo("nothing to upgrade")
    else:
        click.echo(f"PostgreSQL {done.before} to {done.after}; the old files are in {done.kept}")


@database.command()
@config_option
@data_dir_option
@click.argument("revision")
@click.confirmation_option(prompt="This deletes what later revisions have stored. Go on?")
def downgrade(config_file: Path | None, data_dir: Path | None, revision: str) -> None:
    """Take revisions back until REVISION is the newest; `base` takes back all."""
    with_database(config_file, data_dir, lambda db: schema.downgrade(db.endpoints, revision, clock=WallClock()))
    click.echo(f"schema {revision}")


@database.command()
@config_option
@data_dir_option
@json_option
def status(*, config_file: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """Show the schema's revision and whether it is this build's."""
    state = with_database(config_file, data_dir, lambda db: schema.read_schema(db.endpoints, DatabaseRole.ADMIN))
    value = {"revision": state.revision, "head": head(), "is_current": state.is_current, "drifted": list(state.drifted)}
    if as_json:
        print_json(value)
    else:
        print_object(value)


@database.command()
@config_option
@data_dir_option
@click.option("--role", type=click.Choice([role.value for role in DatabaseRole]), default=DatabaseRole.READER.value)
@click.option("--wait", is_flag=True, help="Start the embedded server and keep it until Ctrl-C.")
def url(*, config_file: Path | None, data_dir: Path | None, role: str, wait: bool) -> None:
    """Print a URL that asyncpg and psql accept, of a read-only role that sees all rows."""
    settings = load_settings(config_file)
    directory = resolve_data_dir(data_dir, os.environ)

    async def run() -> None:
        clock = WallClock()
        found = await find_database(settings, directory, clock=clock, environ=os.environ)
        if found is not None:
            click.echo(found.endpoints.of(DatabaseRole(role)).url)
            return
        if not wait:
            raise DependencyAway("database", why=f"nothing runs on {directory}; start an engine, or add --wait")
        database = await open_database(settings, directory, clock=clock, environ=os.environ, owns_data_dir=False)
        try:
            await schema.migrate(database.endpoints, clock=clock)
            click.echo(database.endpoints.of(DatabaseRole(role)).url)
            await asyncio.Event().wait()
        finally:
            await database.close()

    try:
        with _data_directory(settings, directory) if wait else nullcontext():
            asyncio.run(run())
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
