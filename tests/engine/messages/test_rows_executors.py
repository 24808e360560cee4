"""A row of an executor says all that a restart needs beside its orders."""

from decimal import Decimal

import msgspec

from engine.messages.rows_executors import ExecutorRow
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id


def test_a_new_executor_needs_no_past() -> None:
    row = ExecutorRow(
        id=an_id(1), user_id=USER, account_id=ACCOUNT, kind="twap", symbol="BTC/USDT", side="buy", configuration={},
        status="active", intent_key="1", realized_pnl=Decimal(0), correlation_id=an_id(1), created_at=START_NS,
        updated_at=START_NS,
    )  # fmt: skip
    assert (row.generation, row.state, row.slots, row.finished_at) == (0, None, None, None)
    assert (ExecutorRow.__table__, ExecutorRow.__mode__, ExecutorRow.__key__) == ("executors", "upsert", ("id",))
    assert msgspec.convert(msgspec.to_builtins(row), ExecutorRow) == row
