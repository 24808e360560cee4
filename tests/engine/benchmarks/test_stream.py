"""The stream benchmark delivers every frame and says how fast."""

import pytest

from engine.benchmarks import stream


@pytest.mark.slow
def test_it_measures_both_paces_and_counts_every_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CLIENTS", 3)
    monkeypatch.setattr(stream, "APART_MESSAGES", 5)
    monkeypatch.setattr(stream, "DENSE_MESSAGES", 20)
    results = stream.run(1)
    assert [result.name for result in results] == ["W1 delivery", "W1 delivery, 1,000 messages/s"]
    assert all(result.median > 0 for result in results)
