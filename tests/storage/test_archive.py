"""A cell's look into its committed past, on PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from engine.domain.errors import DependencyAway
from engine.messages.rows import OrderRequestRow
from storage.archive import PostgresArchive
from storage.pool import Connection, open_pool
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase, PostgresServer, start_server
from tests.support.rows import write_rows
from tests.support.units import AT_NS, TestCell, UnitMaker

pytestmark = pytest.mark.asyncio


class Past(msgspec.Struct):
    """An account of somebody, another's beside it, and the archive."""

    archive: PostgresArchive
    daemon: Connection
    make: UnitMaker
    mine: TestCell
    other: TestCell


@pytest_asyncio.fixture
async def past(pg_database: PostgresDatabase) -> AsyncIterator[Past]:
    make = UnitMaker()
    mine, other = TestCell(make), TestCell(make)
    daemon = await pg_database.connect()
    await write_rows(daemon, mine.user, other.user, mine.account, other.account)
    async with await open_pool(pg_database.endpoints, DatabaseRole.DAEMON, size=1) as pool:
        yield Past(PostgresArchive(pool), daemon, make, mine, other)


def a_request(past: Past, order_id: object, state: str) -> OrderRequestRow:
    return OrderRequestRow(
        id=past.make.id(), user_id=past.mine.user.id, account_id=past.mine.account.id, order_id=order_id,  # type: ignore[arg-type]
        kind="cancel", state=state, reason=None, answer_code=None, correlation_id=past.make.id(),
        created_at=AT_NS, updated_at=AT_NS,
    )  # fmt: skip


async def test_orders_are_recalled_with_what_their_state_is_made_of(past: Past) -> None:
    done = past.make.order(past.mine.account, status="filled", lifecycle="done", done_reason="filled")
    other = past.make.order(past.other.account)
    late = past.make.trade(done, executed_at=AT_NS + 2_000)
    early = past.make.trade(done, executed_at=AT_NS + 1_000)
    asked, answered = a_request(past, done.id, "unknown"), a_request(past, done.id, "acked")
    await write_rows(past.daemon, done, other, late, early, asked, answered)

    wanted = [done.venue_client_id, other.venue_client_id, "cv-nobody"]
    (found,) = await past.archive.recall(past.mine.account_id, wanted)
    assert found.row.id == done.id
    assert found.row.request == {"symbol": "BTCUSDT"}
    assert [trade.id for trade in found.trades] == [early.id, late.id], "oldest first"
    assert [request.id for request in found.requests] == [asked.id], "only what is not answered"
    assert await past.archive.recall(past.mine.account_id, []) == []


async def test_an_intent_is_found_by_its_key_and_else_by_the_callers_id(past: Past) -> None:
    first = past.make.order(past.mine.account, intent_key="key:a", client_order_id="mine-1")
    second = past.make.order(past.mine.account, intent_key="key:b", client_order_id="mine-2")
    theirs = past.make.order(past.other.account, intent_key="key:c", client_order_id="mine-3")
    await write_rows(past.daemon, first, second, theirs)
    find, account = past.archive.find_intent, past.mine.account_id
    assert await find(account, "key:a", "none") == first.id
    assert await find(account, "none", "mine-2") == second.id
    assert await find(account, "key:a", "mine-2") == first.id, "the key decides"
    assert await find(account, "key:c", "mine-3") is None, "another account's order is nobody's"


async def test_a_database_that_is_away_is_not_an_empty_past(pg_server: PostgresServer, tmp_path: Path) -> None:
    pg_server.copy_to(tmp_path)
    server = await start_server(tmp_path)
    pool = await open_pool(server.endpoints(), DatabaseRole.DAEMON, size=1)
    archive = PostgresArchive(pool)
    account = TestCell(UnitMaker()).account_id
    assert await archive.find_intent(account, "a", "b") is None
    await server.stop()
    with pytest.raises(DependencyAway):
        await archive.find_intent(account, "a", "b")
    with pytest.raises(DependencyAway):
        await archive.recall(account, ["cv-1"])
    pool.terminate()
