import asyncio

import asyncpg
import pytest

from engine.domain.errors import DependencyAway
from storage.pool import Connection
from storage.roles import embedded_endpoints
from storage.session import Session
from tests.support.postgres import PostgresDatabase

pytestmark = pytest.mark.asyncio


async def test_a_session_keeps_its_connection(pg_database: PostgresDatabase) -> None:
    session = Session(pg_database.endpoints, name="test", settings={"work_mem": "123kB"})
    first = await session.connection()
    async with session.use() as connection:
        assert connection is first
        assert await connection.fetchval("show application_name") == "test"
        assert await connection.fetchval("show work_mem") == "123kB"
        assert await connection.fetchval("select current_user::text") == "cival_daemon"
    await session.close()
    assert first.is_closed()


async def test_each_new_connection_is_prepared(pg_database: PostgresDatabase) -> None:
    prepared = []

    async def prepare(connection: Connection) -> None:
        prepared.append(connection)

    session = Session(pg_database.endpoints, name="test", prepare=prepare)
    first = await session.connection()
    session.drop()
    second = await session.connection()
    assert prepared == [first, second]
    await session.close()


async def test_refused_data_leaves_the_connection(pg_database: PostgresDatabase) -> None:
    session = Session(pg_database.endpoints, name="test")
    first = await session.connection()
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with session.use() as connection:
            await connection.execute("select 1 / 0")
    assert await session.connection() is first
    await session.close()


async def test_a_time_limit_cuts_the_connection(pg_database: PostgresDatabase) -> None:
    session = Session(pg_database.endpoints, name="test", settings={"statement_timeout": "50ms"})
    first = await session.connection()
    with pytest.raises(DependencyAway, match="57014"):
        async with session.use() as connection:
            await connection.execute("select pg_sleep(5)")
    assert await session.connection() is not first
    await session.close()


async def test_a_cancelled_user_cuts_the_connection(pg_database: PostgresDatabase) -> None:
    session = Session(pg_database.endpoints, name="test")
    first = await session.connection()

    async def work() -> None:
        async with session.use() as connection:
            await connection.execute("select pg_sleep(5)")

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert first.is_closed()
    await session.close()


async def test_tasks_that_want_the_connection_at_once_take_turns(pg_database: PostgresDatabase) -> None:
    session = Session(pg_database.endpoints, name="test")

    async def work(number: int) -> int:
        async with session.use() as connection:
            return int(await connection.fetchval("select $1::int from pg_sleep(0.01)", number))

    assert await asyncio.gather(*map(work, range(5))) == list(range(5))
    await session.close()


async def test_a_server_that_is_not_there_is_away() -> None:
    with pytest.raises(DependencyAway):
        await Session(embedded_endpoints("/nonexistent", "cival"), name="test").connection()


async def test_closing_what_was_never_open_is_harmless(pg_database: PostgresDatabase) -> None:
    await Session(pg_database.endpoints, name="test").close()
