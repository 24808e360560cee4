"""Engines behind one address count each other."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import pytest_asyncio

from engine.domain.errors import DependencyAway
from storage.pool import Pool, open_pool
from storage.rate_shares import PostgresRateShares
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase

pytestmark = pytest.mark.asyncio

ANN, BOB = UUID(int=1), UUID(int=2)


@pytest_asyncio.fixture
async def pool(pg_database: PostgresDatabase) -> AsyncIterator[Pool]:
    async with await open_pool(pg_database.endpoints, DatabaseRole.DAEMON, size=1) as opened:
        yield opened


async def expire(database: PostgresDatabase, owner: UUID) -> None:
    connection = await database.connect(DatabaseRole.ADMIN)
    await connection.execute("update rate_shares set expires_at = now() - interval '1 s' where owner = $1", owner)


async def test_those_behind_one_address_count_each_other(pool: Pool) -> None:
    ann, bob = PostgresRateShares(pool, ANN), PostgresRateShares(pool, BOB)
    assert await ann.renew("binance", "home") == 1
    assert await bob.renew("binance", "home") == 2
    assert await ann.renew("binance", "home") == 2


async def test_another_address_and_another_venue_are_shared_with_nobody(pool: Pool) -> None:
    ann, bob = PostgresRateShares(pool, ANN), PostgresRateShares(pool, BOB)
    assert await ann.renew("binance", "home") == 1
    assert await bob.renew("binance", "office") == 1
    assert await bob.renew("coinbase", "home") == 1


async def test_one_that_leaves_or_dies_gives_its_part_back(pool: Pool, pg_database: PostgresDatabase) -> None:
    ann, bob = PostgresRateShares(pool, ANN), PostgresRateShares(pool, BOB)
    await ann.renew("binance", "home")
    await bob.renew("binance", "home")
    await bob.leave("binance", "home")
    assert await ann.renew("binance", "home") == 1
    await bob.renew("binance", "home")
    await expire(pg_database, BOB)
    assert await ann.renew("binance", "home") == 1
    assert await pool.fetchval("select count(*) from rate_shares") == 1, "what has expired is taken away"


async def test_one_that_starts_again_finds_its_own_part(pool: Pool) -> None:
    await PostgresRateShares(pool, ANN).renew("binance", "home")
    assert await PostgresRateShares(pool, ANN).renew("binance", "home") == 1


async def test_a_database_that_is_away_is_said_to_be_so(pg_database: PostgresDatabase) -> None:
    pool = await open_pool(pg_database.endpoints, DatabaseRole.DAEMON, size=1)
    await pool.close()
    shares = PostgresRateShares(pool, ANN)
    for work in (shares.renew("binance", "home"), shares.leave("binance", "home")):
        with pytest.raises(DependencyAway, match="database"):
            await work
