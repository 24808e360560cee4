"""A cell finds its executors as it left them, from PostgreSQL and from memory alike."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from engine.messages.rows import OrderRow
from engine.messages.rows_executors import ExecutorRow
from storage.load import CellLoader
from storage.memory_past import MemoryPast
from storage.memory_tables import MemoryTables
from storage.pool import open_pool
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase
from tests.support.rows import write_rows
from tests.support.units import AT_NS, TestCell, UnitMaker

D = Decimal
S = 1_000_000_000


def an_executor(make: UnitMaker, cell: TestCell, **changes: Any) -> ExecutorRow:
    executor_id = make.id()
    fields: dict[str, Any] = {
        "id": executor_id, "user_id": cell.user.id, "account_id": cell.account.id, "kind": "grid",
        "symbol": "BTC/USDT", "side": "buy", "configuration": {"side": "buy"}, "state": {"flatten": False},
        "slots": {}, "generation": 3, "status": "active", "intent_key": str(executor_id), "realized_pnl": D("1.5"),
        "correlation_id": executor_id, "created_at": AT_NS // 1000 * 1000, "updated_at": AT_NS // 1000 * 1000,
    }  # fmt: skip
    return ExecutorRow(**(fields | changes))


def an_order(
    make: UnitMaker, cell: TestCell, executor_id: UUID, place: str, *, is_living: bool = False, **changes: Any
) -> OrderRow:
    done = {"status": "filled", "lifecycle": "done", "done_reason": "filled", "status_detail": None}
    filled = {"filled_quantity": D("0.01"), "average_price": D(100)}
    return make.order(
        cell.account, executor_id=executor_id, origin="executor", intent_key=f"executor:{executor_id}:{place}",
        **(({} if is_living else done | filled) | changes),
    )  # fmt: skip


@pytest.mark.asyncio
async def test_executors_with_their_slots_and_the_orders_that_matter(pg_database: PostgresDatabase) -> None:
    make = UnitMaker()
    mine, other = TestCell(make), TestCell(make)
    busy = an_executor(make, mine)
    fresh = an_executor(make, mine, created_at=busy.created_at + S, kind="chase")
    over, theirs = an_executor(make, mine, status="done"), an_executor(make, other)
    orders = [
        an_order(make, mine, busy.id, "open:1:1", price=D(95)),
        an_order(make, mine, busy.id, "open:1:2", price=D(96), average_price=D(200)),
        *[an_order(make, mine, busy.id, f"open:1:{n}", filled_quantity=D(0), average_price=None) for n in range(3, 30)],
        an_order(make, mine, busy.id, "open:1:30", is_living=True),
        an_order(make, mine, busy.id, "close:1:1", side="sell"),
        an_order(make, mine, over.id, "open:0:1"),
        an_order(make, other, theirs.id, "open:0:1"),
    ]
    rows = (mine.user, other.user, mine.account, other.account, busy, fresh, over, theirs, *orders)
    tables = MemoryTables()
    tables.write(rows)
    await write_rows(await pg_database.connect(), *rows)
    async with await open_pool(pg_database.endpoints, DatabaseRole.DAEMON, size=1) as pool:
        stored = await CellLoader(pool).cell(mine.user_id)
    kept = await MemoryPast(tables).cell(mine.user_id)
    assert stored is not None
    assert kept is not None
    assert msgspec.to_builtins(stored.executors) == msgspec.to_builtins(kept.executors)

    first, second = stored.executors
    assert (first.row, second.row, second.slots) == (busy, fresh, ())
    slots = {slot.name: slot for slot in first.slots}
    opening = slots["open:1"]
    assert (opening.generation, opening.filled, opening.value, opening.first_price) == (30, D("0.02"), D(3), D(95))
    assert {order.intent_key.split(":", 2)[2] for order in first.orders} == {
        "close:1:1",
        *(f"open:1:{n}" for n in range(11, 31)),
    }
