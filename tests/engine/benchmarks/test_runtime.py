"""The benchmark of the runtime gives right answers; how fast is not a test's business."""

import pytest

from engine.benchmarks import runtime


def test_every_goal_of_the_runtime_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"MESSAGES": 400, "BURST": 100, "ASKS": 20, "THREAD_ASKS": 5, "PUBLISHES": 100}
    for name, value in {**sizes, "IDLE_ACTORS": 50, "WEIGHED_ACTORS": 50}.items():
        monkeypatch.setattr(runtime, name, value)
    results = runtime.run(2)
    assert {result.name.split()[0] for result in results} == {"R1", "R2", "R3"}
    assert len(results) == 8
    assert all(value > 0 for result in results for value in result.values)
    memory = next(result for result in results if "memory" in result.name)
    assert 500 < memory.median <= 5_000
