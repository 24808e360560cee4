"""A tenant's read sees one user, changes nothing, and leaves no identity behind."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from engine.domain.errors import DependencyAway
from storage import pool
from storage.pool import Pool
from storage.roles import DatabaseRole
from storage.tenant import tenant_transaction
from tests.support.postgres import PostgresDatabase
from tests.support.tenants import Tenant, insert_tenant

ANN, BOB, NOBODY = Tenant(1), Tenant(2), Tenant(9)


@pytest_asyncio.fixture
async def opened(pg_database: PostgresDatabase) -> AsyncIterator[Pool]:
    daemon = await pg_database.connect()
    await insert_tenant(daemon, ANN)
    await insert_tenant(daemon, BOB)
    await daemon.close()
    opened = await pool.open_pool(pg_database.endpoints, DatabaseRole.API, size=1)
    yield opened
    opened.terminate()


async def identity(opened: Pool) -> tuple[str, str]:
    """Return what the next borrower of the one connection is."""
    async with opened.acquire() as connection:
        user = await connection.fetchval("select current_user")
        claims = await connection.fetchval("select coalesce(current_setting('request.jwt.claims', true), '')")
    return user, claims


@pytest.mark.asyncio
async def test_each_tenant_sees_its_own_rows(opened: Pool) -> None:
    for tenant in (ANN, BOB, NOBODY):
        async with tenant_transaction(opened, tenant.user) as connection:
            owners = [row["user_id"] for row in await connection.fetch("select user_id from orders")]
        assert owners == ([] if tenant is NOBODY else [tenant.user])


@pytest.mark.asyncio
async def test_nothing_can_be_changed(opened: Pool) -> None:
    for statement in ("update orders set symbol = 'X'", "delete from orders", "create schema mine"):
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            async with tenant_transaction(opened, ANN.user) as connection:
                await connection.execute(statement)


@pytest.mark.asyncio
async def test_the_identity_ends_with_the_block_however_it_ends(opened: Pool) -> None:
    async with tenant_transaction(opened, ANN.user) as connection:
        assert await connection.fetchval("select current_user") == "authenticated"
    assert await identity(opened) == ("cival_api", "")

    with pytest.raises(ZeroDivisionError):
        async with tenant_transaction(opened, ANN.user):
            raise ZeroDivisionError
    assert await identity(opened) == ("cival_api", "")

    with pytest.raises(asyncpg.UndefinedTableError):
        async with tenant_transaction(opened, ANN.user) as connection:
            await connection.execute("select * from absent")
    assert await identity(opened) == ("cival_api", "")


@pytest.mark.asyncio
async def test_a_cancelled_read_leaves_nothing_behind(opened: Pool) -> None:
    async def read_slowly() -> None:
        async with tenant_transaction(opened, ANN.user) as connection:
            await connection.execute("select pg_sleep(30)")

    reading = asyncio.ensure_future(read_slowly())
    await asyncio.sleep(0.1)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await identity(opened) == ("cival_api", "")


@pytest.mark.asyncio
@pytest.mark.parametrize(("is_snapshot", "seen"), [(True, 1), (False, 2)])
async def test_a_snapshot_is_of_one_moment(
    opened: Pool, pg_database: PostgresDatabase, is_snapshot: bool, seen: int
) -> None:
    daemon = await pg_database.connect()
    async with tenant_transaction(opened, ANN.user, is_snapshot=is_snapshot) as connection:
        assert await connection.fetchval("select seq from stream_heads") == 1
        await daemon.execute("update stream_heads set seq = 2")
        assert await connection.fetchval("select seq from stream_heads") == seen


@pytest.mark.asyncio
async def test_a_server_that_goes_away_is_a_dependency_that_is_away(
    opened: Pool, pg_database: PostgresDatabase
) -> None:
    admin = await pg_database.connect(DatabaseRole.ADMIN)

    async def read_while_it_dies() -> None:
        async with tenant_transaction(opened, ANN.user) as connection:
            await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'cival_api'")
            await connection.fetchval("select 1")

    with pytest.raises(DependencyAway):
        await read_while_it_dies()
    # The pool opens another connection by itself.
    async with tenant_transaction(opened, ANN.user) as connection:
        assert await connection.fetchval("select count(*) from orders") == 1
