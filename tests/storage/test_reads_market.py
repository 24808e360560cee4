"""Public market data: the same for everybody, newest where only the newest counts."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from engine.domain.errors import BadInput
from engine.messages import rows, rows_market
from engine.messages.render import render_row
from tests.support.postgres import PostgresDatabase
from tests.support.reading import START_NS, S, World, items, opened_world, values
from tests.support.rows import write_rows

ONE = Decimal(1)
MINUTE = 60 * S


@pytest_asyncio.fixture
async def world(pg_database: PostgresDatabase) -> AsyncIterator[World]:
    async with opened_world(pg_database) as opened:
        yield opened


def a_pair(number: int, symbol: str, exchange: str) -> rows_market.TradingPairRow:
    return rows_market.TradingPairRow(
        id=UUID(int=number), symbol=symbol, base_asset="B", quote_asset="Q", exchange=exchange, kind="spot",
        min_order_size=Decimal("1E-18"), max_order_size=None, min_notional=ONE, tick_size=ONE, step_size=ONE,
        maker_fee=Decimal("-0.0001"), taker_fee=ONE, is_active=True, created_at=START_NS,
    )  # fmt: skip


def a_ticker(number: int, symbol: str, exchange: str) -> rows_market.TickerRow:
    return rows_market.TickerRow(
        id=UUID(int=number), symbol=symbol, exchange=exchange, price=Decimal("61234.50"), bid_price=None, ask_price=ONE,
        volume_24h=ONE, change_24h=None, updated_at=START_NS + 1_999,
    )  # fmt: skip


def a_bar(minute: int, **changes: Any) -> rows_market.OhlcvRow:
    fields: dict[str, Any] = {
        "id": UUID(int=minute), "symbol": "BTC/USDT", "exchange": "binance", "timeframe": "1m",
        "open_time": START_NS + minute * MINUTE, "close_time": START_NS + (minute + 1) * MINUTE, "open_price": ONE,
        "high_price": ONE, "low_price": ONE, "close_price": ONE, "volume": ONE, "quote_volume": ONE, "trades_count": 3,
        "created_at": START_NS,
    }  # fmt: skip
    return rows_market.OhlcvRow(**(fields | changes))


def a_book(number: int, symbol: str, at_ns: int) -> rows_market.BookSnapshotRow:
    return rows_market.BookSnapshotRow(
        id=UUID(int=number), symbol=symbol, exchange="binance", bids=[["1.10", "2"]], asks=[], timestamp=at_ns,
        created_at=at_ns,
    )  # fmt: skip


def rendered(*shown: rows.Row) -> list[Any]:
    return [json.loads(render_row(row)) for row in shown]


PLACES = [("ETH/USDT", "binance"), ("BTC/USDT", "coinbase"), ("BTC/USDT", "binance")]


@pytest.mark.asyncio
async def test_pairs_are_listed_by_venue_and_symbol(world: World) -> None:
    pairs = [a_pair(number, *place) for number, place in enumerate(PLACES)]
    await write_rows(world.daemon, *pairs)
    assert items(await world.reads.pairs()) == rendered(pairs[2], pairs[0], pairs[1])
    assert items(await world.reads.pairs("binance")) == rendered(pairs[2], pairs[0])
    assert items(await world.reads.pairs(symbol="BTC/USDT")) == rendered(pairs[2], pairs[1])
    assert items(await world.reads.pairs("coinbase", "ETH/USDT")) == []


@pytest.mark.asyncio
async def test_tickers_are_listed_by_venue_and_symbol(world: World) -> None:
    tickers = [a_ticker(number, *place) for number, place in enumerate(PLACES)]
    await write_rows(world.daemon, *tickers)
    assert items(await world.reads.tickers()) == rendered(tickers[2], tickers[0], tickers[1])
    assert items(await world.reads.tickers("coinbase")) == rendered(tickers[1])


@pytest.mark.asyncio
async def test_bars_are_the_newest_of_the_range_oldest_first(world: World) -> None:
    bars = [a_bar(minute) for minute in range(10)]
    await write_rows(world.daemon, *bars, a_bar(99, timeframe="1h"), a_bar(98, exchange="coinbase"))
    read = world.reads.ohlcv
    assert items(await read("binance", "BTC/USDT", "1m")) == rendered(*bars)
    assert items(await read("binance", "BTC/USDT", "1m", limit=3)) == rendered(*bars[-3:])
    since_ns, until_ns = START_NS + 2 * MINUTE, START_NS + 6 * MINUTE
    assert items(await read("binance", "BTC/USDT", "1m", since_ns, until_ns)) == rendered(*bars[2:6])
    assert items(await read("binance", "BTC/USDT", "1m", since_ns, until_ns, 2)) == rendered(*bars[4:6])
    assert items(await read("binance", "BTC/USDT", "5m")) == []
    with pytest.raises(BadInput, match="limit"):
        await read("binance", "BTC/USDT", "1m", limit=5_001)


@pytest.mark.asyncio
async def test_a_book_is_the_newest_of_its_instrument(world: World) -> None:
    await world.daemon.execute("select ensure_month('order_book_snapshots', '2026-01-01')")
    await world.daemon.execute("select ensure_month('order_book_snapshots', '2026-02-01')")
    newest = a_book(3, "BTC/USDT", START_NS + 40 * 86_400 * S)
    other = a_book(4, "ETH/USDT", START_NS)
    await write_rows(
        world.daemon, a_pair(1, "BTC/USDT", "binance"), a_pair(2, "ETH/USDT", "binance"),
        a_book(1, "BTC/USDT", START_NS), newest, a_book(2, "BTC/USDT", START_NS + S), other,
    )  # fmt: skip
    assert items(await world.reads.books()) == rendered(newest, other)
    assert items(await world.reads.books("binance", "ETH/USDT")) == rendered(other)
    assert items(await world.reads.books("coinbase")) == []


@pytest.mark.asyncio
async def test_venues_are_listed_by_name(world: World) -> None:
    statuses = [
        rows_market.ExchangeStatusRow(
            id=UUID(int=number), exchange=name, status="online", last_ping=None, response_time_ms=3, error_message=None,
            updated_at=START_NS,
        )
        for number, name in enumerate(("coinbase", "binance"))
    ]  # fmt: skip
    await write_rows(world.daemon, *statuses)
    assert values(await world.reads.exchanges(), "exchange") == ["binance", "coinbase"]
    assert items(await world.reads.exchanges()) == rendered(*reversed(statuses))
