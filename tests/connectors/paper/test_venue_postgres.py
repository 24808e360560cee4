"""The venue on PostgreSQL: what it says is in schema `paper`, and a new process continues from there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.messages.venues import AccountQuery, FillsQuery, OpenOrdersQuery, OrderFound, OrderQuery
from storage.paper import PostgresPaperStore
from tests.connectors.paper.floor import Floor, a_floor
from tests.connectors.paper.support import ACCOUNT, NOW_NS, PERPETUAL, SPOT, TestStore, a_print, a_quote, a_snapshot
from tests.support.postgres import PostgresDatabase

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def on_postgres(database: PostgresDatabase, seed: int, **options: Any) -> AsyncIterator[Floor]:
    """Run a venue with connections of its own."""
    store = PostgresPaperStore(database.endpoints)
    try:
        async with a_floor(TestStore(store), seed=seed, **options) as floor:
            yield floor
    finally:
        await store.close()


async def everything(floor: Floor) -> list[Any]:
    """Ask for all that the venue knows of the account."""
    return [
        await floor.ask(query)
        for query in (
            AccountQuery(account_id=ACCOUNT),
            OpenOrdersQuery(account_id=ACCOUNT),
            FillsQuery(account_id=ACCOUNT, cursor=None),
        )
    ]


async def test_a_killed_venue_continues_where_it_was(pg_database: PostgresDatabase) -> None:
    async with on_postgres(pg_database, 1, start_ns=NOW_NS + 123_456_789) as floor:
        await floor.open()
        await floor.market(a_snapshot("100x3 99x1", "101x1 102x2"))
        await floor.send("buy 2", number=1)
        await floor.send("buy 2 @ 100", number=2)
        await floor.send("sell 1 stop 95", number=3)
        await floor.send("buy 0.1 @ 1", number=4)
        await floor.market(a_print("100", "4"))
        said = floor.fills()
        before = await everything(floor)
        assert list(before[2].fills) == said
        assert len(said) == 3
        floor.system.abandon()
    async with on_postgres(pg_database, 2) as floor:
        assert await everything(floor) == before
        refused = await floor.ask(OrderQuery(account_id=ACCOUNT, symbol=SPOT.symbol, venue_client_id="cv-4"))
        assert isinstance(refused, OrderFound)
        await floor.market(a_quote("98", "99"))
        await floor.send("sell 1 @ 120", number=5)
        assert floor.told() == ["VenueFill", "VenueOrderDone filled", "VenueAccepted"]


async def test_a_margin_account_continues_with_its_position(pg_database: PostgresDatabase) -> None:
    options: dict[str, Any] = {"instruments": [PERPETUAL]}
    quote = a_quote("100.1", "100.2", symbol=PERPETUAL.symbol)
    async with on_postgres(pg_database, 1, **options) as floor:
        await floor.open(kind="margin", USDT="1000.123456789")
        await floor.market(quote)
        for number, order in enumerate(["buy 1", "buy 2.003", "sell 0.107", "sell 1 @ 110 reduce"], start=1):
            await floor.send(order, number=number, symbol=PERPETUAL.symbol)
            await floor.market(a_quote(f"10{number}.1", f"10{number}.3", symbol=PERPETUAL.symbol))
        before = await everything(floor)
        floor.system.abandon()
    async with on_postgres(pg_database, 2, **options) as floor:
        assert await everything(floor) == before
        await floor.market(quote)
        await floor.send("sell 2.896", number=9, symbol=PERPETUAL.symbol)
        assert floor.told() == ["VenueAccepted", "VenueFill", "VenueOrderDone filled", "VenueOrderDone cancelled"]
        account = (await everything(floor))[0]
        assert account.positions == ()
        assert account.balances[0].locked == 0
