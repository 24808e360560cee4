"""Old ids, events and expired keys leave, a bounded number at a time; what may still be asked for stays."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from engine.domain.errors import DependencyAway
from engine.messages.rows_people import IdempotencyRow
from storage import retention
from storage.pool import Pool, open_pool
from storage.retention import TABLES, Retention
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase
from tests.support.rows import write_rows
from tests.support.units import AT_NS, TestCell, UnitMaker

pytestmark = pytest.mark.asyncio

DAY_NS = 86_400_000_000_000


@pytest_asyncio.fixture
async def pool(pg_database: PostgresDatabase) -> AsyncIterator[Pool]:
    async with await open_pool(pg_database.endpoints, DatabaseRole.DAEMON, size=1) as opened:
        yield opened


async def count(pool: Pool, table: str) -> int:
    return int(await pool.fetchval(f"select count(*) from {table}"))


def before(at_ns: int) -> dict[str, int]:
    return dict.fromkeys(TABLES, at_ns)


async def test_old_ids_leave_piece_by_piece(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_MAX", 3)
    ages = "from generate_series(1, 5) g"
    await pool.execute(
        f"insert into write_units (id, user_id, committed_at) select gen_random_uuid(), gen_random_uuid(), "
        f"now() - g * interval '1 day' {ages}"
    )
    await pool.execute(
        f"insert into paper.batches (id, committed_at) select gen_random_uuid(), now() - g * interval '1 day' {ages}"
    )
    now_ns: int = await pool.fetchval("select now()")
    sweep = Retention(pool)
    limit = before(now_ns - DAY_NS // 2)
    assert await sweep.prune(limit) == {"write_units": 3, "paper_batches": 3, "idempotency_keys": 0, "events": 0}
    assert await sweep.prune(limit) == {"write_units": 2, "paper_batches": 2, "idempotency_keys": 0, "events": 0}
    assert await sweep.prune(limit) == dict.fromkeys(TABLES, 0)


async def test_what_may_still_come_again_stays(pool: Pool) -> None:
    await pool.execute("insert into write_units (id, user_id) values (gen_random_uuid(), gen_random_uuid())")
    await pool.execute("insert into paper.batches (id) values (gen_random_uuid())")
    now_ns: int = await pool.fetchval("select now()")
    assert await Retention(pool).prune(before(now_ns - DAY_NS)) == dict.fromkeys(TABLES, 0)
    assert (await count(pool, "write_units"), await count(pool, "paper.batches")) == (1, 1)


def a_key(user_id: UUID, *, at_ns: int, request: str, key: str = "k") -> IdempotencyRow:
    fields: dict[str, Any] = {"status_code": 200, "object_type": "order", "object_id": "1", "answer": None}
    return IdempotencyRow(
        user_id=user_id, key=key, request_hash=request, created_at=at_ns, expires_at=at_ns + DAY_NS, **fields
    )


async def test_an_expired_key_is_replaced_when_it_is_used_again_and_leaves_when_it_is_not(pool: Pool) -> None:
    cell = TestCell(UnitMaker(1))
    async with pool.acquire() as connection:
        await write_rows(connection, cell.user, a_key(cell.user_id, at_ns=AT_NS, request="first"))
        await write_rows(connection, a_key(cell.user_id, at_ns=AT_NS + DAY_NS - 1_000, request="too early"))
        assert await connection.fetchval("select request_hash from idempotency_keys") == "first"
        await write_rows(connection, a_key(cell.user_id, at_ns=AT_NS + DAY_NS, request="second"))
        row = await connection.fetchrow("select request_hash, created_at, expires_at from idempotency_keys")
    assert row is not None
    assert tuple(row) == ("second", AT_NS + DAY_NS, AT_NS + 2 * DAY_NS)
    sweep = Retention(pool)
    assert (await sweep.prune(before(AT_NS + 2 * DAY_NS)))["idempotency_keys"] == 0
    assert (await sweep.prune(before(AT_NS + 2 * DAY_NS + 1_000)))["idempotency_keys"] == 1


async def journal(pool: Pool, cell: TestCell, ages_days: list[int]) -> None:
    """Give a user events 1, 2, 3, ... of these ages."""
    async with pool.acquire() as connection:
        await write_rows(connection, cell.user)
        await connection.execute(
            "insert into events (user_id, seq, channel, prev_seq, unit_id, type, payload, at) "
            "select $1, n, 'orders', n - 1, gen_random_uuid(), 'T', '{}', now() - age * interval '1 day' "
            "from unnest($2::int[]) with ordinality as a(age, n)",
            cell.user_id,
            ages_days,
        )
        await connection.execute(
            "insert into stream_heads (user_id, channel, seq) values ($1, '', $2)", cell.user_id, len(ages_days)
        )


async def kept(pool: Pool, cell: TestCell) -> list[int]:
    rows = await pool.fetch("select seq from events where user_id = $1 order by seq", cell.user_id)
    return [row["seq"] for row in rows]


async def test_events_leave_from_the_front_and_no_hole_is_made(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_MAX", 2)
    one, other = TestCell(UnitMaker(1)), TestCell(UnitMaker(2))
    await journal(pool, one, [40, 39, 38, 1, 37, 0])
    await journal(pool, other, [2, 50])
    now_ns: int = await pool.fetchval("select now()")
    limit = {"events": now_ns - 30 * DAY_NS}
    sweep = Retention(pool)
    assert [await sweep.prune(limit) for _ in range(3)] == [{"events": 2}, {"events": 1}, {"events": 0}]
    assert (await kept(pool, one), await kept(pool, other)) == ([4, 5, 6], [1, 2])


async def test_events_of_a_recording_stay_as_long_as_their_unit_is_known(pool: Pool) -> None:
    cell = TestCell(UnitMaker(1))
    await journal(pool, cell, [400, 400])
    await pool.execute("insert into write_units (id, user_id) select unit_id, user_id from events where seq = 2")
    now_ns: int = await pool.fetchval("select now()")
    assert await Retention(pool).prune({"events": now_ns - 30 * DAY_NS}) == {"events": 1}
    assert await kept(pool, cell) == [2]


async def test_a_database_that_is_away_is_said_to_be(pool: Pool) -> None:
    await pool.fetchval("select 1")

    class Gone:
        async def execute(self, *_: object) -> str:
            raise ConnectionRefusedError

    with pytest.raises(DependencyAway):
        await Retention(Gone()).prune(before(0))  # type: ignore[arg-type]
