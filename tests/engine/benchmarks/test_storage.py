"""The benchmark of the storage gives right answers; how fast is not a test's business."""

import pytest

from engine.benchmarks import storage


@pytest.mark.slow
def test_every_goal_of_the_storage_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"INTENTS": 6, "SYNCS": 5, "PRODUCERS": 3, "INTENTS_EACH": 2, "ENCODED_ROWS": 300, "BARS": 300}
    for name, value in {**sizes, "STALL_ROWS": 300}.items():
        monkeypatch.setattr(storage, name, value)
    results = storage.run(2)
    assert [result.name.split()[0] for result in results] == ["S1"] * 3 + ["S2"] * 4
    assert all(len(result.values) == 2 for result in results)
    assert all(value > 0 for result in results for value in result.values)
