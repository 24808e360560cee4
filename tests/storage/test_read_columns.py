"""What the database writes for a client is what the journal shows of the same row."""

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.messages.render import render_row
from engine.messages.rows import PortfolioSnapshotRow, Row
from storage.pool import Connection
from storage.read_columns import SHOWN, json_columns, read_statements
from tests.support.postgres import PostgresDatabase
from tests.support.rows import rows_of, write_rows
from tests.support.tenants import Tenant, insert_tenant

ANN = Tenant(1)


def decoded(text: str | bytes) -> Any:
    """Decode JSON with every number exact, so that 1e2 is 100 and -0.0 is 0."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


class Session:
    """One connection on a loop of its own, for examples that run one after another."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.loop = asyncio.new_event_loop()
        self.connection: Connection = self.loop.run_until_complete(database.connect())
        self.loop.run_until_complete(insert_tenant(self.connection, ANN))

    def shown(self, name: str, row: Row) -> str:
        """Write a row, read it as a client sees it, and take it away again."""
        return self.loop.run_until_complete(self._shown(name, row))

    async def _shown(self, name: str, row: Row) -> str:
        row_class, without, also = SHOWN[name]
        columns = json_columns(row_class, without=without, also=also)
        # asyncpg takes days as `date` only.
        key = [f"t.{column}{'::text' if column == 'snapshot_date' else ''}" for column in row_class.__key__]
        matches = " and ".join(f"{column} = ${place}" for place, column in enumerate(key, 1))
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            await write_rows(self.connection, row)
            text: str = await self.connection.fetchval(
                f"select (select row_to_json(c) from (select {columns}) c)::text from {row_class.__table__} t "
                f"where {matches}",
                *(getattr(row, column) for column in row_class.__key__),
            )
            return text
        finally:
            await transaction.rollback()

    def close(self) -> None:
        self.loop.run_until_complete(self.connection.close())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


@pytest.fixture
def session(pg_database: PostgresDatabase) -> Iterator[Session]:
    session = Session(pg_database)
    yield session
    session.close()


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_a_row_is_written_as_the_journal_renders_it(session: Session, name: str) -> None:
    row_class, without, also = SHOWN[name]

    @given(st.data())
    def check(data: st.DataObject) -> None:
        row = data.draw(rows_of(row_class, ANN))
        text = session.shown(name, row)
        shown, rendered = decoded(text), decoded(render_row(row))
        more = {column.partition(":")[0] for column in also}
        assert {column: shown[column] for column in shown if column not in more} == {
            column: rendered[column] for column in rendered if column not in without
        }
        assert list(shown)[-len(also) :] == [column.partition(":")[0] for column in also] or not also
        assert "\n" not in text  # A line of the event stream ends there.

    check()


def test_amounts_keep_eighteen_decimals_and_times_their_microseconds(session: Session) -> None:
    snapshot = PortfolioSnapshotRow(
        id=ANN.id(9), user_id=ANN.user, total_value=Decimal("1E-18"), total_pnl=Decimal("-0.00"), daily_pnl=None,
        positions_count=1, snapshot_date="2024-02-29", created_at=1_709_208_000_000_001_999,
    )  # fmt: skip
    assert json.loads(session.shown("snapshot", snapshot)) == {
        "id": str(ANN.id(9)), "user_id": str(ANN.user), "total_value": "0.000000000000000001", "total_pnl": "0.00",
        "daily_pnl": None, "positions_count": 1, "snapshot_date": "2024-02-29",
        "created_at": "2024-02-29T12:00:00.000001Z",
    }  # fmt: skip


@pytest.mark.parametrize("area", ["reads", "identity"])
def test_no_mark_is_left_in_a_statement(area: str) -> None:
    marks = [*(f"{{{name}}}" for name in SHOWN), "{time"]
    texts = read_statements(area).values()
    assert texts
    assert [mark for mark in marks for text in texts if mark in text] == []


def test_what_only_the_daemon_may_know_is_in_no_answer() -> None:
    columns = {name: json_columns(row, without=without, also=also) for name, (row, without, also) in SHOWN.items()}
    secrets = ("password_hash", "token_hash", "config_hash")
    assert {name for name, text in columns.items() if any(secret in text for secret in secrets)} == set()
