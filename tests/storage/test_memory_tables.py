from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.messages.rows import AgentRow, AgentStatusRow, OrderRow, Row, TradeRow
from storage.memory_tables import MemoryTables, Refused
from tests.support.units import UnitMaker

MAKE = UnitMaker()
ACCOUNT = MAKE.account(MAKE.id())


def test_rows_are_found_by_class_and_key() -> None:
    tables = MemoryTables()
    order = MAKE.order(ACCOUNT)
    tables.write([order])
    assert list(tables.rows(OrderRow)) == [order]
    assert tables.get(OrderRow, order.id) == order
    assert tables.get(TradeRow, order.id) is None


@given(st.lists(st.sampled_from(["new", "change", "trade", "repeat"]), max_size=8), st.integers(0, 8))
def test_a_refused_write_leaves_everything_as_it_was(kinds: list[str], place: int) -> None:
    tables = MemoryTables()
    order = MAKE.order(ACCOUNT)
    trade = MAKE.trade(order)
    tables.write([order, trade])
    made: dict[str, Row] = {
        "change": msgspec.structs.replace(order, status="open", external_order_id="1"),
        "repeat": MAKE.order(ACCOUNT),
    }
    rows: list[Row] = [
        made[kind] if kind in made else MAKE.order(ACCOUNT) if kind == "new" else MAKE.trade(order) for kind in kinds
    ]
    rows.insert(min(place, len(rows)), MAKE.trade(order, id=trade.id))
    with pytest.raises(Refused):
        tables.write(rows)
    assert list(tables.rows(OrderRow)) == [order]
    assert list(tables.rows(TradeRow)) == [trade]
    # Also what is unique is free again.
    tables.write([row for row in rows if type(row) is OrderRow])


def test_an_order_may_keep_what_is_unique_to_it() -> None:
    tables = MemoryTables()
    order = MAKE.order(ACCOUNT, external_order_id="1")
    tables.write([order])
    tables.write([msgspec.structs.replace(order, status="open")])
    with pytest.raises(Refused, match="unique value"):
        tables.write([MAKE.order(ACCOUNT, external_order_id="1")])


def test_venue_ids_are_unique_per_symbol_only() -> None:
    tables = MemoryTables()
    tables.write([MAKE.order(ACCOUNT, external_order_id="1"), MAKE.order(ACCOUNT, symbol="A/B", external_order_id="1")])


def test_a_backtest_may_skip_the_look_into_values() -> None:
    bad = MAKE.order(ACCOUNT, price=Decimal("NaN"))
    MemoryTables(is_strict=False).write([bad])
    with pytest.raises(Refused, match=r"orders\.price"):
        MemoryTables().write([bad])


def test_trusted_rows_end_as_checked_ones_do() -> None:
    order = MAKE.order(ACCOUNT)
    agent = MAKE.agent(ACCOUNT)
    paused = AgentStatusRow(id=agent.id, user_id=agent.user_id, status="paused", status_reason=None, updated_at=9)
    writes: list[list[Row]] = [[order], [msgspec.structs.replace(order, status="open", created_at=99)], [paused, agent]]
    checked, trusted = MemoryTables(), MemoryTables(is_checked=False)
    for rows in writes:
        checked.write(rows)
        trusted.write(rows)
    for row_class in (OrderRow, AgentRow):
        assert list(trusted.rows(row_class)) == list(checked.rows(row_class))
    (kept,) = trusted.rows(OrderRow)
    assert (kept.status, kept.created_at) == ("open", order.created_at)


def test_also_of_trusted_rows_a_change_needs_something_to_change() -> None:
    lost = AgentStatusRow(id=MAKE.id(), user_id=MAKE.id(), status="paused", status_reason=None, updated_at=9)
    with pytest.raises(Refused, match="expected a row to change"):
        MemoryTables(is_checked=False).write([lost])


def test_a_backslash_before_u0000_is_only_text() -> None:
    MemoryTables().write([MAKE.order(ACCOUNT, denial_value="\\u0000")])
