import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import msgspec
import pytest
import pytest_asyncio

from engine.domain.errors import BadInput, DependencyAway
from engine.messages.rows_market import OhlcvRow, TickerRow
from storage.bulk import ROWS_MAX, PostgresBulkStore
from storage.pool import Connection
from storage.roles import embedded_endpoints
from tests.support.postgres import PostgresDatabase
from tests.support.units import AT_NS, UnitMaker

pytestmark = pytest.mark.asyncio
MINUTE_NS = 60_000_000_000


@pytest_asyncio.fixture
async def store(pg_database: PostgresDatabase) -> AsyncIterator[PostgresBulkStore]:
    made = PostgresBulkStore(pg_database.endpoints)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def watcher(pg_database: PostgresDatabase) -> AsyncIterator[Connection]:
    connection = await pg_database.connect()
    yield connection
    await connection.close()


def a_bar(make: UnitMaker, number: int) -> OhlcvRow:
    open_ns = AT_NS + number * MINUTE_NS
    prices = dict.fromkeys(
        ("open_price", "high_price", "low_price", "close_price", "quote_volume"), Decimal(number + 1)
    )
    return OhlcvRow(
        id=make.id(), symbol="BTC/USDT", exchange="binance", timeframe="1m", open_time=open_ns,
        close_time=open_ns + MINUTE_NS, volume=Decimal("0.000000001"), trades_count=number,
        created_at=open_ns, **prices,
    )  # fmt: skip


def a_ticker(make: UnitMaker, price: str) -> TickerRow:
    return TickerRow(
        id=make.id(), symbol="BTC/USDT", exchange="binance", price=Decimal(price), bid_price=None, ask_price=None,
        volume_24h=None, change_24h=None, updated_at=AT_NS,
    )  # fmt: skip


async def test_many_rows_of_many_tables_are_written(
    store: PostgresBulkStore, watcher: Connection, make: UnitMaker
) -> None:
    bars = [a_bar(make, number) for number in range(2 * ROWS_MAX + 1)]
    await store.write([*bars, a_ticker(make, "1"), a_ticker(make, "2")])
    rows = await watcher.fetch("select trades_count, close_price, volume from market_data_ohlcv order by open_time")
    assert [row["trades_count"] for row in rows] == [bar.trades_count for bar in bars]
    assert rows[7]["close_price"] == Decimal(8)
    assert rows[7]["volume"] == Decimal("0.000000001")
    assert await watcher.fetchval("select price from price_tickers") == Decimal(2)


async def test_a_closed_bar_is_written_once(store: PostgresBulkStore, watcher: Connection, make: UnitMaker) -> None:
    bar = a_bar(make, 0)
    await store.write([bar])
    await store.write([msgspec.structs.replace(bar, volume=Decimal(9)), a_bar(make, 1)])
    rows = await watcher.fetch("select volume from market_data_ohlcv order by open_time")
    assert [row["volume"] for row in rows] == [bar.volume, Decimal("0.000000001")]


async def test_the_newest_price_stands(store: PostgresBulkStore, watcher: Connection, make: UnitMaker) -> None:
    for price in ("1", "3", "2"):
        await store.write([a_ticker(make, price)])
    assert await watcher.fetchval("select price from price_tickers") == Decimal(2)


async def test_writers_at_the_same_time_take_turns(
    store: PostgresBulkStore, watcher: Connection, make: UnitMaker
) -> None:
    await asyncio.gather(*(store.write([a_bar(make, number)]) for number in range(20)))
    assert await watcher.fetchval("select count(*) from market_data_ohlcv") == 20


async def test_it_does_not_wait_for_the_disk(store: PostgresBulkStore) -> None:
    async with store._session.use() as connection:
        assert await connection.fetchval("show synchronous_commit") == "off"


async def test_rows_that_are_refused_are_named(store: PostgresBulkStore, watcher: Connection, make: UnitMaker) -> None:
    bad = msgspec.structs.replace(a_bar(make, 1), low_price=Decimal(99))
    with pytest.raises(BadInput, match="CheckViolation"):
        await store.write([a_bar(make, 0), bad])
    await store.write([a_bar(make, 2)])
    assert await watcher.fetchval("select count(*) from market_data_ohlcv") == 1


async def test_nothing_is_no_work_also_without_a_server() -> None:
    await PostgresBulkStore(embedded_endpoints("/nonexistent", "cival")).close()


async def test_a_server_that_is_not_there_is_away(make: UnitMaker) -> None:
    with pytest.raises(DependencyAway):
        await PostgresBulkStore(embedded_endpoints("/nonexistent", "cival")).write([a_bar(make, 0)])
