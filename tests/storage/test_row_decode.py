"""Every row that its table takes comes back as the struct that wrote it."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.messages import rows, rows_people
from engine.messages.rows import Row
from storage.row_decode import columns_of, decode
from tests.support.postgres import PostgresDatabase, PostgresServer, run
from tests.support.rows import TEXTS, rows_of, write_rows
from tests.support.tenants import Tenant, insert_tenant

OWNER = Tenant(1)
JSON = st.dictionaries(TEXTS, st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXTS | st.lists(TEXTS))
CLASSES = [
    rows.OrderRow, rows.OrderRequestRow, rows.TradeRow, rows.PositionRow, rows.BalanceRow, rows.AgentRow,
    rows_people.AccountRow, rows.TradingStateRow, rows_people.LimitRow, rows.DiscrepancyRow, rows.PortfolioSnapshotRow,
]  # fmt: skip
"""The classes that are read back when a cell starts."""


@pytest.fixture(scope="module")
def database(pg_server: PostgresServer) -> Any:
    made = pg_server.create_database()
    run(_fill(made))
    yield made
    pg_server.drop_database(made.name)


async def _fill(database: PostgresDatabase) -> None:
    connection = await database.connect()
    await insert_tenant(connection, OWNER)
    await connection.close()


def plain(data: st.DataObject, row: Row) -> Row:
    """Give a row what its table takes where the strategy knows only types; numbers in JSON come back as numbers do."""
    changes: dict[str, Any] = {}
    if isinstance(row, rows.OrderRequestRow):
        changes |= {"kind": data.draw(st.sampled_from(["cancel", "amend"])), "state": "requested"}
    for name, hint in type(row).__annotations__.items():
        if "jsonb" in str(hint):
            changes[name] = data.draw(JSON)
    return msgspec.structs.replace(row, **changes)


def as_stored(row: Row) -> Row:
    """What the table keeps of a row: times to the microsecond."""
    changes = {}
    for name, hint in type(row).__annotations__.items():
        value = getattr(row, name)
        if "timestamptz" in str(hint) and value is not None:
            changes[name] = value // 1_000 * 1_000
    return msgspec.structs.replace(row, **changes)


async def _round_trip(database: PostgresDatabase, row: Row) -> Row:
    connection = await database.connect()
    try:
        transaction = connection.transaction()
        await transaction.start()
        await write_rows(connection, row)
        where = " and ".join(f"t.{name}::text = ${number}" for number, name in enumerate(row.__key__, 1))
        values = [str(getattr(row, name)) for name in row.__key__]
        record = await connection.fetchrow(
            f"select {columns_of(type(row))} from {row.__table__} t where {where}", *values
        )
        await transaction.rollback()
    finally:
        await connection.close()
    assert record is not None
    return decode(type(row), record)


@pytest.mark.parametrize("row_class", CLASSES, ids=lambda kind: kind.__name__)
def test_a_row_comes_back_as_it_was(row_class: type[Row], database: PostgresDatabase) -> None:
    @settings(suppress_health_check=list(HealthCheck), max_examples=10)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        row = plain(data, data.draw(rows_of(row_class, OWNER)))
        assert run(_round_trip(database, row)) == as_stored(row)

    check()


def test_an_alias_may_be_chosen() -> None:
    assert columns_of(rows.WatermarkRow, "w").startswith("w.account_id, w.user_id, ")
    assert "t.snapshot_date::text as snapshot_date" in columns_of(rows.PortfolioSnapshotRow)
