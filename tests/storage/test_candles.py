"""What is missing of past candles."""

import pytest

from storage import pool
from storage.bulk import PostgresBulkStore
from storage.candles import PostgresCandles, Range
from storage.roles import DatabaseRole
from tests.storage.test_bulk import a_bar
from tests.support.postgres import PostgresDatabase
from tests.support.units import AT_NS, UnitMaker

pytestmark = pytest.mark.asyncio
MINUTE = 60_000_000_000
HOUR: Range = (AT_NS, AT_NS + 60 * MINUTE)


async def missing(database: PostgresDatabase, symbol: str = "BTC/USDT") -> list[Range]:
    reads = await pool.open_pool(database.endpoints, DatabaseRole.DAEMON, size=1, application_name="test")
    try:
        found = await PostgresCandles(reads).missing("binance", symbol, "1m", HOUR, MINUTE)
    finally:
        await reads.close()
    return [((since - AT_NS) // MINUTE, (until - AT_NS) // MINUTE) for since, until in found]


async def test_an_empty_table_misses_everything_and_a_full_one_nothing(pg_database: PostgresDatabase) -> None:
    assert await missing(pg_database) == [(0, 60)]
    store, make = PostgresBulkStore(pg_database.endpoints), UnitMaker()
    await store.write([a_bar(make, number) for number in (0, 1, 2, 10, 11, 58)])
    assert await missing(pg_database) == [(3, 10), (12, 58), (59, 60)]
    assert await missing(pg_database, "ETH/USDT") == [(0, 60)]
    await store.write([a_bar(make, number) for number in range(-5, 70)])
    assert await missing(pg_database) == []
    await store.close()
