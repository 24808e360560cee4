"""An engine with a long past comes back as it was; how fast is the benchmark's business."""

import pytest

from engine.benchmarks import recovery
from engine.benchmarks.harness import Result

pytestmark = pytest.mark.slow


def test_a_killed_engine_finds_every_order_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "PAST", 5_000)
    monkeypatch.setattr(recovery, "OPEN", 500)
    results: list[Result] = recovery.run(1)
    ready, peak, compared = (result.median for result in results)
    assert 0 < compared < ready < 30
    assert 50 < peak < 400
