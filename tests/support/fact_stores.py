"""The stores that keep the contract of `FactStore`, each with what a test needs to look inside."""

from collections.abc import AsyncIterator
from typing import Any, Protocol
from uuid import UUID

import pytest
import pytest_asyncio

from engine.domain.identifiers import UserId
from engine.messages.ports import UnitResult
from engine.messages.rows import Row
from engine.messages.writing import CommittedEvent, WriteUnit
from storage.memory import MemoryFactStore
from storage.postgres_facts import PostgresFactStore, event_of
from storage.roles import DatabaseRole
from storage.sql import statements
from tests.support.postgres import PostgresDatabase
from tests.support.units import TestCell, UnitMaker


class Bench(Protocol):
    """A store and its inside."""

    async def commit(self, *units: WriteUnit) -> list[UnitResult]: ...
    async def take_lease(self, user_id: UserId) -> int: ...
    async def stored(self, row_class: type[Row], key: UUID) -> Any | None: ...
    async def journal(self, user_id: UserId) -> list[CommittedEvent]: ...


class MemoryBench:
    """The store in memory."""

    def __init__(self) -> None:
        self.store = MemoryFactStore()

    async def commit(self, *units: WriteUnit) -> list[UnitResult]:
        return self.store.commit_now(units)

    async def take_lease(self, user_id: UserId) -> int:
        return self.store.take_lease(user_id)

    async def stored(self, row_class: type[Row], key: UUID) -> Any | None:
        row = self.store.tables.get(row_class, key)
        return row if row is None or isinstance(row, dict) else {n: getattr(row, n) for n in row.__struct_fields__}

    async def journal(self, user_id: UserId) -> list[CommittedEvent]:
        return list(self.store.journal.get(user_id, ()))


class PostgresBench:
    """The store on PostgreSQL, and a second connection that looks at it."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.database = database
        self.store = PostgresFactStore(database.endpoints)
        self.watcher: Any = None

    async def open(self) -> None:
        await self.store.open()
        self.watcher = await self.database.connect(DatabaseRole.DAEMON)

    async def close(self) -> None:
        await self.store.close()
        await self.watcher.close()

    async def commit(self, *units: WriteUnit) -> list[UnitResult]:
        return await self.store.commit(units)

    async def take_lease(self, user_id: UserId) -> int:
        fence: int = await self.watcher.fetchval(
            """
            insert into cell_leases as l (user_id, fence, owner, expires_at)
            values ($1, 1, $1, clock_timestamp() + interval '1 hour')
            on conflict (user_id) do update set fence = l.fence + 1, expires_at = excluded.expires_at returning fence
            """,
            user_id,
        )
        return fence

    async def stored(self, row_class: type[Row], key: UUID) -> Any | None:
        row = await self.watcher.fetchrow(f"select * from {row_class.__table__} where id = $1", key)
        return None if row is None else dict(row)

    async def journal(self, user_id: UserId) -> list[CommittedEvent]:
        rows = await self.watcher.fetch(statements("commit")["events_of_unit"], user_id, 1, 1_000_000)
        return [event_of(row) for row in rows]


@pytest.fixture
def make() -> UnitMaker:
    return UnitMaker()


@pytest.fixture(params=["memory", "postgres"])
def bench_database(request: pytest.FixtureRequest) -> PostgresDatabase | None:
    """Give a database for the store that needs one; made here, outside the test's loop."""
    database: PostgresDatabase | None = None if request.param == "memory" else request.getfixturevalue("pg_database")
    return database


@pytest_asyncio.fixture
async def bench(bench_database: PostgresDatabase | None) -> AsyncIterator[Bench]:
    """Give each store in turn."""
    if bench_database is None:
        yield MemoryBench()
        return
    postgres = PostgresBench(bench_database)
    await postgres.open()
    yield postgres
    await postgres.close()


@pytest_asyncio.fixture
async def postgres_bench(pg_database: PostgresDatabase) -> AsyncIterator[PostgresBench]:
    """Give the store on PostgreSQL."""
    postgres = PostgresBench(pg_database)
    await postgres.open()
    yield postgres
    await postgres.close()


async def a_cell(bench: Bench, make: UnitMaker) -> TestCell:
    """Store a user with an account and begin its cell."""
    cell = TestCell(make)
    assert [result.refused for result in await bench.commit(cell.birth())] == [None]
    cell.begin(await bench.take_lease(cell.user_id))
    return cell
