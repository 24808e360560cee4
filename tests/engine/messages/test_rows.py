"""Rows name tables, keys and what happens on a repeat. That the columns exist is proven in tests/storage."""

import pytest

from engine.messages import rows, rows_market, rows_paper, rows_people, rows_trades
from engine.messages.rows import Row

ROWS = [
    kind
    for module in (rows, rows_people, rows_market, rows_paper, rows_trades)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Row) and kind is not Row
]


@pytest.mark.parametrize("kind", ROWS, ids=lambda kind: kind.__name__)
def test_the_key_of_a_row_is_made_of_its_fields(kind: type[Row]) -> None:
    assert kind.__table__
    assert set(kind.__key__) <= set(kind.__struct_fields__)
    assert kind.__mode__ in {"insert", "upsert", "ignore", "update"}


def test_facts_of_money_may_only_be_inserted() -> None:
    assert {kind.__mode__ for kind in (rows.TradeRow, rows.LedgerEntryRow, rows.LedgerLineRow)} == {"insert"}
