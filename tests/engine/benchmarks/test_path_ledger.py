"""The benchmark books every fill that it counts."""

import pytest

from engine.benchmarks import path_ledger


def test_the_cost_of_a_fill_is_a_number_of_microseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_ledger, "FEW", 500)
    monkeypatch.setattr(path_ledger, "MANY", 2_000)
    few, many = path_ledger.on_ledger_us()
    assert 1 < few < 10_000
    assert 1 < many < 10_000
