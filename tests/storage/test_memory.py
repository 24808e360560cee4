"""What the contract suites (facts, paper) do not say of the stores in memory."""

import pytest

from engine.messages.rows import OrderRow
from storage.memory import MemoryFactStore
from tests.support.units import TestCell, UnitMaker


def test_without_a_journal_units_have_no_events(make: UnitMaker) -> None:
    store = MemoryFactStore(keeps_journal=False)
    cell = TestCell(make)
    store.commit_now([cell.birth()])
    cell.begin(store.take_lease(cell.user_id))
    [result] = store.commit_now([cell.order_unit()])
    assert result.refused is None
    assert result.events == ()
    assert store.journal == {}
    assert len(list(store.rows(OrderRow))) == 1


def test_what_is_known_of_repeats_is_bounded(make: UnitMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.memory.REPEATS_KNOWN", 2)
    store = MemoryFactStore()
    units = [make.unit(make.id()) for _ in range(3)]
    first = store.commit_now(units)
    again = store.commit_now(units[1:])
    assert [a is b for a, b in zip(again, first[1:], strict=True)] == [True, True]
