"""Migrations go up, down and up again, one migrator at a time, and refuse what they do not know."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from engine.domain.errors import ConfigError, InvariantBroken
from engine.runtime.clock import WallClock
from storage import embedded, migrate, migration_files, pool
from storage.pg_binaries import OLDEST_MAJOR, find_binaries
from storage.roles import DatabaseRole, Endpoints, served_endpoints
from tests.support.catalogue import catalogue
from tests.support.postgres import PostgresDatabase, PostgresServer, run, start_server
from tests.support.tenants import Tenant, insert_tenant

CLOCK = WallClock()
MAJOR = find_binaries(os.environ).major
REVISIONS = [file.revision for file in migration_files.migration_files()]
AddRevision = Callable[..., None]


@pytest.fixture
def empty_database(pg_server: PostgresServer) -> Iterator[PostgresDatabase]:
    database = pg_server.create_database("template1")
    yield database
    pg_server.drop_database(database.name)


@pytest.fixture
def add_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AddRevision]:
    """Work on a copy of the migrations; give a function that adds one more with the statements given."""
    folder = tmp_path / "migrations"
    shutil.copytree(migration_files.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(migration_files, "FOLDER", folder)
    monkeypatch.setattr(migration_files, "VERSIONS", folder / "versions")
    monkeypatch.setattr(migrate, "FOLDER", folder)
    migration_files.migration_files.cache_clear()

    def add(*statements: str, is_concurrent: bool = False) -> None:
        files = sorted((folder / "versions").glob("*.py"))
        revision = f"{len(files) + 1:04}"
        text = files[-1].read_text().replace(f'down_revision = "{REVISIONS[-2]}"', f'down_revision = "{REVISIONS[-1]}"')
        text = text.replace(f'revision = "{REVISIONS[-1]}"\ndown', f'revision = "{revision}"\ndown')
        if is_concurrent:
            text = text.replace(
                "        op.get_bind().exec_driver_sql(statement)\n",
                "        with op.get_context().autocommit_block():\n"
                "            op.get_bind().exec_driver_sql(statement)\n",
                1,
            )
        name = folder / "versions" / f"{revision}_more.py"
        name.write_text(text)
        name.with_suffix(".sql").write_text("\n-- ;;\n".join(statements))
        name.with_suffix(".down.sql").write_text("select 1")
        migration_files.migration_files.cache_clear()

    yield add
    migration_files.migration_files.cache_clear()


async def snapshot(database: PostgresDatabase) -> list[str]:
    connection = await database.connect(DatabaseRole.ADMIN)
    found = await catalogue(connection)
    await connection.close()
    return found


@pytest.mark.asyncio
async def test_up_down_and_up_gives_the_same_schema_and_down_leaves_nothing(empty_database: PostgresDatabase) -> None:
    await migrate.bootstrap(empty_database.endpoints, clock=CLOCK)
    bare = await snapshot(empty_database)
    assert await migrate.migrate(empty_database.endpoints, clock=CLOCK)
    full = await snapshot(empty_database)
    assert len(full) > 1_000

    await migrate.downgrade(empty_database.endpoints, "base", clock=CLOCK)
    assert await snapshot(empty_database) == bare
    state = await migrate.read_schema(empty_database.endpoints)
    assert (state.revision, state.drifted, state.is_current) == (None, (), False)

    assert await migrate.migrate(empty_database.endpoints, clock=CLOCK)
    assert await snapshot(empty_database) == full


@pytest.mark.asyncio
async def test_every_single_step_down_and_up_gives_the_same_schema(pg_database: PostgresDatabase) -> None:
    full = await snapshot(pg_database)
    for revision in reversed(REVISIONS[:-1]):
        await migrate.downgrade(pg_database.endpoints, revision, clock=CLOCK)
        assert (await migrate.read_schema(pg_database.endpoints)).revision == revision
        await migrate.migrate(pg_database.endpoints, clock=CLOCK)
        assert await snapshot(pg_database) == full, revision


@pytest.mark.asyncio
async def test_a_migrated_database_is_current_and_left_alone(pg_database: PostgresDatabase) -> None:
    before = await snapshot(pg_database)
    assert not await migrate.migrate(pg_database.endpoints, clock=CLOCK)
    await migrate.require_current(pg_database.endpoints)
    await migrate.bootstrap(pg_database.endpoints, clock=CLOCK)
    assert await snapshot(pg_database) == before


@pytest.mark.asyncio
async def test_several_migrators_at_once_migrate_once(empty_database: PostgresDatabase) -> None:
    work = [migrate.migrate(empty_database.endpoints, clock=CLOCK) for _ in range(4)]
    assert sorted(await asyncio.gather(*work)) == [False, False, False, True]
    await migrate.require_current(empty_database.endpoints)


@pytest.mark.asyncio
async def test_an_edited_file_is_refused_by_name(pg_database: PostgresDatabase) -> None:
    owner = await pg_database.connect(DatabaseRole.OWNER)
    await owner.execute("update schema_files set sha256 = 'other' where revision = '0003'")
    for work in (
        migrate.require_current(pg_database.endpoints),
        migrate.migrate(pg_database.endpoints, clock=CLOCK),
        migrate.downgrade(pg_database.endpoints, "0001", clock=CLOCK),
    ):
        with pytest.raises(ConfigError, match=r"edited since: 0003_portfolio\.sql") as refused:
            await work
        assert refused.value.exit_code == 2


@pytest.mark.asyncio
async def test_a_revision_of_a_newer_build_is_refused(pg_database: PostgresDatabase) -> None:
    owner = await pg_database.connect(DatabaseRole.OWNER)
    await owner.execute("update alembic_version set version_num = '0999'")
    for work in (
        migrate.require_current(pg_database.endpoints),
        migrate.migrate(pg_database.endpoints, clock=CLOCK),
        migrate.downgrade(pg_database.endpoints, "0001", clock=CLOCK),
    ):
        with pytest.raises(ConfigError, match="this build is older, was '0999'"):
            await work


@pytest.mark.asyncio
async def test_a_served_database_that_is_behind_names_the_command(pg_database: PostgresDatabase) -> None:
    await migrate.downgrade(pg_database.endpoints, "0007", clock=CLOCK)
    with pytest.raises(ConfigError, match=r"expected revision 0008 \(run `cival db migrate`\), was '0007'"):
        await migrate.require_current(pg_database.endpoints)


@pytest.mark.asyncio
async def test_an_unknown_revision_to_go_down_to_is_refused(pg_database: PostgresDatabase) -> None:
    with pytest.raises(ConfigError, match="expected base or 0001"):
        await migrate.downgrade(pg_database.endpoints, "0042", clock=CLOCK)


@pytest.mark.asyncio
async def test_a_failing_revision_leaves_nothing_of_itself(
    pg_database: PostgresDatabase, add_revision: AddRevision
) -> None:
    before = await snapshot(pg_database)
    add_revision("create table first_half (a int)", "select 1 / 0")
    with pytest.raises(Exception, match="division by zero"):
        await migrate.migrate(pg_database.endpoints, clock=CLOCK)
    assert await snapshot(pg_database) == before
    assert (await migrate.read_schema(pg_database.endpoints)).revision == REVISIONS[-1]


@pytest.mark.asyncio
async def test_an_index_is_built_concurrently_while_another_migrator_waits(
    pg_database: PostgresDatabase, add_revision: AddRevision
) -> None:
    # A waiter inside pg_advisory_lock would hold a snapshot, and the two would wait for each other.
    add_revision("create index concurrently idx_more on orders (exchange)", is_concurrent=True)
    work = [migrate.migrate(pg_database.endpoints, clock=CLOCK) for _ in range(3)]
    assert sorted(await asyncio.gather(*work)) == [False, False, True]
    assert any("idx_more" in line for line in await snapshot(pg_database))


@pytest.mark.asyncio
async def test_a_data_migration_that_forgets_the_policies_fails_instead_of_changing_nothing(
    pg_database: PostgresDatabase, add_revision: AddRevision
) -> None:
    daemon = await pg_database.connect()
    await insert_tenant(daemon, Tenant(1))
    add_revision("update orders set exchange = 'renamed'")
    with pytest.raises(Exception, match="row-level security"):
        await migrate.migrate(pg_database.endpoints, clock=CLOCK)
    assert await daemon.fetchval("select exchange from orders") == "simulated"


@pytest.mark.asyncio
async def test_a_data_migration_switches_the_policies_off_and_on(
    pg_database: PostgresDatabase, add_revision: AddRevision
) -> None:
    daemon = await pg_database.connect()
    await insert_tenant(daemon, Tenant(1))
    add_revision(
        "alter table orders no force row level security",
        "update orders set exchange = 'renamed'",
        "alter table orders force row level security",
    )
    await migrate.migrate(pg_database.endpoints, clock=CLOCK)
    assert await daemon.fetchval("select exchange from orders") == "renamed"


@pytest.mark.asyncio
async def test_a_migration_that_leaves_a_table_open_is_found(
    pg_database: PostgresDatabase, add_revision: AddRevision
) -> None:
    add_revision("create table more (id uuid primary key, user_id uuid not null)")
    with pytest.raises(InvariantBroken, match=r"expected 'forced', was 'more'"):
        await migrate.migrate(pg_database.endpoints, clock=CLOCK)


@pytest.mark.asyncio
async def test_reading_the_state_imports_no_migration_tool(pg_database: PostgresDatabase) -> None:
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from storage import migrate\n"
        "from storage.roles import embedded_endpoints\n"
        "asyncio.run(migrate.require_current(embedded_endpoints(sys.argv[1], sys.argv[2])))\n"
        "print(sorted({'alembic', 'sqlalchemy', 'mako'} & set(sys.modules)))\n"
    )
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script, str(pg_database.socket_directory), pg_database.name],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert done.stdout == "[]\n"


@pytest.fixture
def as_deployer(pg_server: PostgresServer, empty_database: PostgresDatabase) -> Iterator[Endpoints]:
    """Give the endpoints of a served database whose one user, `deployer`, is no superuser."""
    ident = pg_server.server.pgdata / "pg_ident.conf"
    before = ident.read_text()
    ident.write_text(before + before.splitlines()[-1].rpartition(" ")[0] + " deployer\n")
    run(administer(empty_database, "create role deployer login", "select pg_reload_conf()"))
    yield served_endpoints(empty_database.url(DatabaseRole.ADMIN).replace("//postgres@", "//deployer@"))
    run(
        administer(
            empty_database,
            f"alter database {empty_database.name} owner to postgres",
            "drop owned by deployer cascade",
            "drop role deployer",
        )
    )
    ident.write_text(before)


async def administer(database: PostgresDatabase, *statements: str) -> None:
    connection = await database.connect(DatabaseRole.ADMIN)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


@pytest.mark.asyncio
async def test_an_ordinary_user_with_a_database_of_its_own_can_migrate(
    empty_database: PostgresDatabase, as_deployer: Endpoints
) -> None:
    await administer(
        empty_database,
        "alter role deployer createrole",
        f"alter database {empty_database.name} owner to deployer",
        # Roles are the server's: those that other tests have made must be the deployer's to give.
        *(
            f"grant {role} to deployer with admin option{', inherit false, set false' if MAJOR >= 16 else ''}"
            for role in ("cival_owner", "cival_daemon", "cival_api", "cival_reader", "authenticated")
        ),
    )
    assert await migrate.migrate(as_deployer, clock=CLOCK)
    await migrate.require_current(as_deployer)
    admin = await empty_database.connect(DatabaseRole.ADMIN)
    owners = await admin.fetch(
        "select distinct pg_get_userbyid(relowner) as owner from pg_class "
        "where relnamespace = 'public'::regnamespace and relkind = 'r'"
    )
    assert [row["owner"] for row in owners] == ["cival_owner"]
    daemon = await pool.connect(as_deployer, DatabaseRole.DAEMON)
    assert await daemon.fetchval("select session_user || ' as ' || current_user") == "deployer as cival_daemon"
    await insert_tenant(daemon, Tenant(1))
    await daemon.close()


@pytest.mark.asyncio
async def test_a_user_who_may_not_make_roles_is_told_so(as_deployer: Endpoints) -> None:
    with pytest.raises(ConfigError, match="expected a user who may make roles and schemas"):
        await migrate.bootstrap(as_deployer, clock=CLOCK)


@pytest.mark.asyncio
async def test_an_identity_function_that_is_there_already_is_kept(empty_database: PostgresDatabase) -> None:
    admin = await empty_database.connect(DatabaseRole.ADMIN)
    await admin.execute(
        "create schema auth; create function auth.uid() returns uuid language sql stable as "
        "$$ select '00000000-0000-0000-0000-000000000001'::uuid $$"
    )
    await migrate.migrate(empty_database.endpoints, clock=CLOCK)
    assert await admin.fetchval("select auth.uid()") == Tenant(0).id(1)
    with pytest.raises(asyncpg.DuplicateFunctionError):
        await admin.execute("create function auth.uid() returns uuid language sql as 'select null::uuid'")


def installed_versions() -> list[Path]:
    """Return the programs of other major versions that the schema supports, as far as they are on this machine."""
    found = [binaries for binaries in (Path("/usr/lib/postgresql").glob("*/bin")) if (binaries / "postgres").exists()]
    return sorted(bindir for bindir in found if int(bindir.parent.name) in range(OLDEST_MAJOR, MAJOR))


async def up_down_and_up(data_dir: Path) -> tuple[list[str], list[str]]:
    server = await start_server(data_dir)
    database = PostgresDatabase(embedded.DATABASE, server.endpoints(), server.socket_directory)
    await migrate.migrate(database.endpoints, clock=CLOCK)
    first = await snapshot(database)
    await migrate.downgrade(database.endpoints, "base", clock=CLOCK)
    await migrate.migrate(database.endpoints, clock=CLOCK)
    daemon = await pool.connect(database.endpoints, DatabaseRole.DAEMON)
    await insert_tenant(daemon, Tenant(1))
    await daemon.close()
    second = await snapshot(database)
    await server.stop()
    return first, second


if installed_versions():

    @pytest.mark.asyncio
    @pytest.mark.parametrize("bindir", installed_versions(), ids=lambda bindir: bindir.parent.name)
    async def test_the_schema_is_good_on_older_servers(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bindir: Path
    ) -> None:
        monkeypatch.setenv("CIVAL_PG_BINDIR", str(bindir))
        first, second = await up_down_and_up(tmp_path)
        assert first == second
