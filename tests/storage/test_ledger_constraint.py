"""The database itself refuses books that do not add up."""

from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from storage.pool import Connection
from tests.support.postgres import PostgresDatabase
from tests.support.tenants import Tenant, insert_tenant

ANN = Tenant(1)
ENTRY = UUID(int=99)


@pytest_asyncio.fixture
async def daemon(pg_database: PostgresDatabase) -> AsyncIterator[Connection]:
    connection = await pg_database.connect()
    await insert_tenant(connection, ANN)
    yield connection
    await connection.close()


async def book(connection: Connection, *lines: tuple[str, str], entry: UUID = ENTRY, first_line: int = 1) -> None:
    """Insert an entry with (asset, amount) lines, each line by a statement of its own."""
    if first_line == 1:
        await connection.execute(
            "insert into ledger_entries (id, user_id, account_id, kind, at) values ($1, $2, $3, 'fill', now())",
            entry,
            ANN.user,
            ANN.account,
        )
    for number, (asset, amount) in enumerate(lines, start=first_line):
        await connection.execute(
            "insert into ledger_lines (entry_id, line_no, user_id, account_id, asset, ledger_account, amount) "
            "values ($1, $2, $3, $4, $5, 'assets', $6)",
            entry,
            number,
            ANN.user,
            ANN.account,
            asset,
            Decimal(amount),
        )


@pytest.mark.asyncio
async def test_lines_that_sum_to_zero_per_asset_are_committed(daemon: Connection) -> None:
    async with daemon.transaction():
        await book(daemon, ("BTC", "0.1"), ("USDT", "-6000.000000000000000001"), ("BTC", "-0.10"), ("USDT", "6000"),
                   ("USDT", "0.000000000000000001"))  # fmt: skip
    assert await daemon.fetchval("select count(*) from ledger_lines where entry_id = $1", ENTRY) == 5


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "lines",
    [
        [("USDT", "1")],
        [("USDT", "1"), ("USDT", "-1.000000000000000001")],
        [("BTC", "1"), ("USDT", "-1")],
        [("BTC", "1"), ("BTC", "-1"), ("USDT", "0.01")],
    ],
)
async def test_an_entry_that_does_not_balance_is_refused_at_commit(
    daemon: Connection, lines: list[tuple[str, str]]
) -> None:
    transaction = daemon.transaction()
    await transaction.start()
    await book(daemon, *lines)
    with pytest.raises(asyncpg.CheckViolationError, match=r"expected lines of .* to sum to 0") as refused:
        await transaction.commit()
    assert refused.value.constraint_name == "ledger_entry_must_balance"
    assert await daemon.fetchval("select count(*) from ledger_entries where id = $1", ENTRY) == 0


@pytest.mark.asyncio
async def test_a_line_added_to_an_entry_later_must_balance_too(daemon: Connection) -> None:
    async with daemon.transaction():
        await book(daemon, ("USDT", "1"), ("USDT", "-1"))
    with pytest.raises(asyncpg.CheckViolationError):
        await book(daemon, ("USDT", "1"), first_line=3)


@pytest.mark.asyncio
async def test_a_refused_entry_does_not_hide_behind_a_good_one(daemon: Connection) -> None:
    transaction = daemon.transaction()
    await transaction.start()
    await book(daemon, ("USDT", "1"))
    await book(daemon, ("USDT", "2"), ("USDT", "-2"), entry=UUID(int=100))
    with pytest.raises(asyncpg.CheckViolationError, match=str(ENTRY)):
        await transaction.commit()


@pytest.mark.asyncio
async def test_an_entry_is_taken_back_only_once(daemon: Connection) -> None:
    statement = (
        "insert into ledger_entries (id, user_id, account_id, kind, reverses, at) "
        "values ($1, $2, $3, 'reversal', $4, now())"
    )
    await book(daemon)
    await daemon.execute(statement, UUID(int=101), ANN.user, ANN.account, ENTRY)
    with pytest.raises(asyncpg.UniqueViolationError, match="uk_ledger_entry_reverses"):
        await daemon.execute(statement, UUID(int=102), ANN.user, ANN.account, ENTRY)
