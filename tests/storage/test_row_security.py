"""No tenant sees, changes, takes or plants a row of another, in any table with a user."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from storage.pool import Connection
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase
from tests.support.tenants import TABLES, Tenant, insert_tenant, owner_column

ANN, BOB, CID = Tenant(1), Tenant(2), Tenant(3)
VIEWS = ("user_balances", "user_positions")
SECRET_COLUMNS = {
    "users": ["password_hash"],
    "user_sessions": ["token_hash"],
    "user_api_keys": ["api_key_encrypted", "api_secret_encrypted", "passphrase_encrypted"],
    "notification_routes": ["url_encrypted"],
}


@pytest_asyncio.fixture
async def database(pg_database: PostgresDatabase) -> PostgresDatabase:
    daemon = await pg_database.connect()
    await insert_tenant(daemon, ANN)
    await insert_tenant(daemon, BOB)
    await daemon.close()
    return pg_database


@pytest_asyncio.fixture
async def ann(database: PostgresDatabase) -> AsyncIterator[Connection]:
    """Give a session that is Ann, with far more rights than tenants have: only the policies stand in her way."""
    admin = await database.connect(DatabaseRole.ADMIN)
    await admin.execute("grant all on all tables in schema public to authenticated")
    await admin.execute("alter table ledger_lines disable trigger ledger_lines_do_not_change")
    connection = await as_tenant(database, ANN.user)
    yield connection
    await connection.close()
    await admin.close()


async def as_tenant(database: PostgresDatabase, user: UUID | None) -> Connection:
    connection = await database.connect(DatabaseRole.API)
    await connection.execute("set role authenticated")
    if user is not None:
        await connection.execute(f'set request.jwt.claims = \'{{"sub":"{user}"}}\'')
    return connection


async def outcome(connection: Connection, statement: str, *arguments: object) -> str:
    """Return the tag of a statement, or the name of what refused it; nothing of it stays."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        return str(await connection.execute(statement, *arguments))
    except asyncpg.PostgresError as error:
        return str(error)
    finally:
        await transaction.rollback()


async def outcomes(connection: Connection, statement: str, *arguments: object) -> dict[str, str]:
    """Return the outcome of a statement for each table; `{t}` is its name and `{c}` its owner column."""
    return {
        table: await outcome(connection, statement.format(t=table, c=owner_column(table)), *arguments)
        for table in TABLES
    }


def all_tables(value: Any) -> dict[str, Any]:
    return dict.fromkeys(TABLES, value)


@pytest.mark.asyncio
async def test_every_table_with_a_user_is_forced_and_covered_here(pg_database: PostgresDatabase) -> None:
    connection = await pg_database.connect(DatabaseRole.ADMIN)
    found = await connection.fetch(
        """
        select c.relname::text, c.relrowsecurity and c.relforcerowsecurity as is_forced,
            array(select p.polname::text from pg_policy p where p.polrelid = c.oid order by 1) as policies
        from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
            and (c.relname = 'users' or exists (
                select from pg_attribute a where a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped))
        """
    )
    wanted = {
        table: (
            True,
            [f"The daemon writes {table}", f"The reader sees {table}", f"Users can only see their own {table}"],
        )
        for table in TABLES
    }
    assert {row["relname"]: (row["is_forced"], row["policies"]) for row in found} == wanted


@pytest.mark.asyncio
async def test_policies_ask_for_the_identity_once_per_query(pg_database: PostgresDatabase) -> None:
    connection = await pg_database.connect(DatabaseRole.ADMIN)
    texts = await connection.fetch("select qual, with_check from pg_policies where 'authenticated' = any (roles)")
    assert len(texts) == len(TABLES)
    assert all("SELECT auth.uid()" in row["qual"] and row["with_check"] == row["qual"] for row in texts)


@pytest.mark.asyncio
async def test_a_tenant_reads_its_own_rows_and_no_other(ann: Connection) -> None:
    seen = {
        table: {row["owner"] for row in await ann.fetch(f"select {owner_column(table)} as owner from {table}")}
        for table in (*TABLES, *VIEWS)
    }
    assert seen == {**all_tables({ANN.user}), **{view: {ANN.user} for view in VIEWS}}
    assert await outcomes(ann, "select from {t} where {c} = $1", BOB.user) == all_tables("SELECT 0")
    assert await outcomes(ann, "select from {t} where {c} = $1 for update", BOB.user) == all_tables("SELECT 0")


@pytest.mark.asyncio
async def test_a_tenant_changes_and_deletes_no_row_of_another(ann: Connection) -> None:
    assert await outcomes(ann, "update {t} set {c} = {c} where {c} = $1", BOB.user) == all_tables("UPDATE 0")
    assert await outcomes(ann, "delete from {t} where {c} = $1", BOB.user) == all_tables("DELETE 0")


@pytest.mark.asyncio
async def test_a_tenant_plants_no_row_and_gives_none_away(ann: Connection) -> None:
    refusals = {table: f'new row violates row-level security policy for table "{table}"' for table in TABLES}
    assert {table: await outcome(ann, text) for table, text in CID.inserts().items()} == refusals
    assert await outcomes(ann, "update {t} set {c} = $1", BOB.user) == refusals


@pytest.mark.asyncio
async def test_without_an_identity_there_are_no_rows(database: PostgresDatabase) -> None:
    nobody = await as_tenant(database, None)
    assert await outcomes(nobody, "select {c} from {t}") == all_tables("SELECT 0")
    # What a transaction with SET LOCAL leaves behind: '' and no longer NULL.
    await nobody.execute("set request.jwt.claims = ''")
    assert await outcomes(nobody, "select {c} from {t}") == all_tables("SELECT 0")


@pytest.mark.asyncio
async def test_tenants_have_no_right_to_write_at_all(database: PostgresDatabase) -> None:
    connection = await as_tenant(database, ANN.user)
    refusals = {table: f"permission denied for table {table}" for table in TABLES}
    assert {table: await outcome(connection, text) for table, text in ANN.inserts().items()} == refusals
    assert await outcomes(connection, "update {t} set {c} = {c}") == refusals
    assert await outcomes(connection, "delete from {t}") == refusals
    assert await outcomes(connection, "truncate {t} cascade") == refusals


@pytest.mark.asyncio
@pytest.mark.parametrize("table", SECRET_COLUMNS)
async def test_secrets_are_shown_to_no_reader(database: PostgresDatabase, table: str) -> None:
    tenant = await as_tenant(database, ANN.user)
    reader = await database.connect(DatabaseRole.READER)
    for column in SECRET_COLUMNS[table]:
        refusal = f"permission denied for table {table}"
        assert await outcome(tenant, f"select {column} from {table}") == refusal
        assert await outcome(reader, f"select {column} from {table}") == refusal
    assert await outcome(tenant, f"select {owner_column(table)}, created_at from {table}") == "SELECT 1"
    assert await outcome(reader, f"select {owner_column(table)}, created_at from {table}") == "SELECT 2"


@pytest.mark.asyncio
async def test_every_column_that_holds_a_secret_is_known_here(pg_database: PostgresDatabase) -> None:
    connection = await pg_database.connect(DatabaseRole.ADMIN)
    found = await connection.fetch(
        """
        select table_name::text, array_agg(column_name::text order by ordinal_position) as columns
        from information_schema.columns
        where table_schema = 'public' and table_name not like 'pg_stat%'
            and (column_name ~ '_encrypted$' or column_name ~ '(password|token|secret)')
        group by table_name
        """
    )
    assert {row["table_name"]: row["columns"] for row in found} == SECRET_COLUMNS


@pytest.mark.asyncio
@pytest.mark.parametrize("table", ["orders", "positions", "trading_agents", "ledger_entries", "watermarks", "lots"])
async def test_a_row_cannot_point_into_another_tenants_account(ann: Connection, table: str) -> None:
    # A foreign key's check ignores row-level security: the composite key is what refuses.
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await ann.execute(f"update {table} set account_id = $1", BOB.account)


@pytest.mark.asyncio
async def test_a_trade_cannot_belong_to_another_tenants_order(ann: Connection) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await ann.execute("update trades set order_id = $1", BOB.order)


@pytest.mark.asyncio
async def test_a_partition_shows_nothing_when_it_is_read_directly(ann: Connection) -> None:
    # Granted by the fixture; without a policy of its own it still has no rows.
    for table in ("trading_signals", "equity_points", "system_logs"):
        assert await outcome(ann, f"select from {table}_default") == "SELECT 0"


@pytest.mark.asyncio
async def test_the_owner_sees_nothing_either(database: PostgresDatabase) -> None:
    owner = await database.connect(DatabaseRole.OWNER)
    assert await outcomes(owner, "select {c} from {t}") == all_tables("SELECT 0")
    # What the migration runner sets: a data migration that forgot NO FORCE fails instead of changing 0 rows.
    await owner.execute("set row_security = off")
    assert "row-level security" in await outcome(owner, "update orders set symbol = symbol")
