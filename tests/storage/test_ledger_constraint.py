"""The database itself refuses books that do not add up."""

from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from storage.pool import Connection
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase
from tests.support.tenants import Tenant, insert_tenant

ANN = Tenant(1)
ENTRY, OTHER = UUID(int=99), UUID(int=100)


@pytest_asyncio.fixture
async def daemon(pg_database: PostgresDatabase) -> AsyncIterator[Connection]:
    connection = await pg_database.connect()
    await insert_tenant(connection, ANN)
    yield connection
    await connection.close()


async def make_entry(connection: Connection, entry: UUID = ENTRY) -> None:
    await connection.execute(
        "insert into ledger_entries (id, user_id, account_id, kind, at) values ($1, $2, $3, 'fill', now())",
        entry,
        ANN.user,
        ANN.account,
    )


async def book(connection: Connection, *lines: tuple[UUID, str, str], first_line: int = 1) -> None:
    """Insert (entry, asset, amount) lines by one statement."""
    await connection.execute(
        """
        insert into ledger_lines (entry_id, line_no, user_id, account_id, asset, ledger_account, amount)
        select entry, $4 + number, $5, $6, asset, 'assets', amount
        from unnest($1::uuid[], $2::text[], $3::amount[]) with ordinality as l (entry, asset, amount, number)
        """,
        [line[0] for line in lines],
        [line[1] for line in lines],
        [Decimal(line[2]) for line in lines],
        first_line - 1,
        ANN.user,
        ANN.account,
    )


@pytest.mark.asyncio
async def test_lines_that_sum_to_zero_per_asset_are_taken(daemon: Connection) -> None:
    await make_entry(daemon)
    await book(
        daemon,
        (ENTRY, "BTC", "0.1"),
        (ENTRY, "USDT", "-6000.000000000000000001"),
        (ENTRY, "BTC", "-0.10"),
        (ENTRY, "USDT", "6000"),
        (ENTRY, "USDT", "0.000000000000000001"),
    )
    assert await daemon.fetchval("select count(*) from ledger_lines where entry_id = $1", ENTRY) == 5


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "lines",
    [
        [(ENTRY, "USDT", "1")],
        [(ENTRY, "USDT", "1"), (ENTRY, "USDT", "-1.000000000000000001")],
        [(ENTRY, "BTC", "1"), (ENTRY, "USDT", "-1")],
        [(ENTRY, "BTC", "1"), (ENTRY, "BTC", "-1"), (ENTRY, "USDT", "0.01")],
        [(ENTRY, "USDT", "1"), (OTHER, "USDT", "-1")],
        [(OTHER, "USDT", "2"), (OTHER, "USDT", "-2"), (ENTRY, "USDT", "1")],
    ],
)
async def test_lines_of_an_entry_that_do_not_balance_are_refused(
    daemon: Connection, lines: list[tuple[UUID, str, str]]
) -> None:
    await make_entry(daemon)
    await make_entry(daemon, OTHER)
    with pytest.raises(asyncpg.CheckViolationError, match=r"expected lines of .* to sum to 0") as refused:
        await book(daemon, *lines)
    assert refused.value.constraint_name == "ledger_lines_must_balance"
    assert await daemon.fetchval("select count(*) from ledger_lines where entry_id = any ($1)", [ENTRY, OTHER]) == 0


@pytest.mark.asyncio
async def test_lines_added_to_an_entry_later_must_balance_too(daemon: Connection) -> None:
    await make_entry(daemon)
    await book(daemon, (ENTRY, "USDT", "1"), (ENTRY, "USDT", "-1"))
    with pytest.raises(asyncpg.CheckViolationError):
        await book(daemon, (ENTRY, "USDT", "1"), first_line=3)


@pytest.mark.asyncio
async def test_not_even_the_superuser_changes_a_line_or_takes_one_away(
    daemon: Connection, pg_database: PostgresDatabase
) -> None:
    await make_entry(daemon)
    await book(daemon, (ENTRY, "USDT", "1"), (ENTRY, "USDT", "-1"))
    admin = await pg_database.connect(DatabaseRole.ADMIN)
    with pytest.raises(asyncpg.RestrictViolationError, match="expected a reversal entry, was an update"):
        await admin.execute("update ledger_lines set amount = 0")
    with pytest.raises(asyncpg.CheckViolationError):
        await admin.execute("delete from ledger_lines where amount > 0")
    assert await admin.execute("delete from ledger_entries where id = $1", ENTRY) == "DELETE 1"
    assert await admin.fetchval("select count(*) from ledger_lines where entry_id = $1", ENTRY) == 0


@pytest.mark.asyncio
async def test_an_entry_is_taken_back_only_once(daemon: Connection) -> None:
    statement = (
        "insert into ledger_entries (id, user_id, account_id, kind, reverses, at) "
        "values ($1, $2, $3, 'reversal', $4, now())"
    )
    await make_entry(daemon)
    await daemon.execute(statement, UUID(int=101), ANN.user, ANN.account, ENTRY)
    with pytest.raises(asyncpg.UniqueViolationError, match="uk_ledger_entry_reverses"):
        await daemon.execute(statement, UUID(int=102), ANN.user, ANN.account, ENTRY)
