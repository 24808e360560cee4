"""What a benchmark reports, measured on work whose cost is known."""

import io
import json
from typing import Any

import pytest

from engine.benchmarks import harness
from engine.benchmarks.harness import Ratio, Result, Side, gauge, measure, on_loop, run_benchmark


def spin(units: int, steps: int) -> harness.Work:
    def work() -> int:
        total = 0
        for number in range(steps):
            total += number
        assert total == steps * (steps - 1) // 2
        return units

    return work


def a_ratio(**changes: Any) -> Ratio:
    cheap, dear = Side("cheap", spin(1_000, 20_000)), Side("dear", spin(1_000, 80_000))
    return Ratio(**{"name": "X1", "ours": cheap, "reference": dear, "goal": 2.0, "unit": "turns", **changes})


def a_result(*values: float, **changes: Any) -> Result:
    return Result(
        **{
            "name": "X1",
            "unit": "turns",
            "goal": 2.0,
            "direction": "at_least",
            "values": values,
            "ours": "cheap",
            "ours_value": 4.0,
            **changes,
        }
    )


def test_a_ratio_has_one_value_per_round_and_finds_the_cheaper_side() -> None:
    result = measure(a_ratio(), rounds=6)
    assert len(result.values) == 6
    assert result.median > 1.5
    assert result.unit == "turns per CPU second"
    assert result.reference_value is not None
    assert result.ours_value > result.reference_value


def test_both_sides_run_in_turn_after_a_warm_up() -> None:
    order: list[str] = []

    def side(name: str) -> Side:
        def work() -> int:
            order.append(name)
            return 1

        return Side(name, work)

    measure(a_ratio(ours=side("a"), reference=side("b")), rounds=2)
    assert order == ["a", "b"] * 3


def test_a_wrong_answer_fails_the_benchmark() -> None:
    def wrong() -> int:
        raise AssertionError("every message was handled")

    with pytest.raises(AssertionError, match="every message"):
        measure(a_ratio(ours=Side("wrong", wrong)), rounds=1)


@pytest.mark.parametrize(
    ("values", "direction", "reached"),
    [
        ((1, 2, 9), "at_least", True),
        ((1, 1.9, 9), "at_least", False),
        ((1, 2, 9), "at_most", True),
        ((3,), "at_most", False),
    ],
)
def test_the_median_is_held_against_the_goal(values: tuple[float, ...], direction: str, reached: bool) -> None:
    assert a_result(*values, direction=direction).reached is reached


def test_a_number_without_a_goal_is_only_shown() -> None:
    result = gauge("latency", [1.0, 3.0], unit="ms")
    assert (result.reached, result.median, result.goal) == (True, 2.0, None)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_coroutine_runs_on_a_loop_of_its_own(loop: Any) -> None:
    async def work() -> int:
        return 7

    assert on_loop(work, loop)() == 7


def test_a_report_is_json_and_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Module:
        @staticmethod
        def run(rounds: int) -> list[Result]:
            asked.append(rounds)
            good = a_result(1.5, 2.5, 3.5, reference="dear", reference_value=1.0)
            return [good, a_result(1.0), gauge("size", [5.0], unit="bytes")]

    monkeypatch.setattr(harness, "import_module", lambda name: Module)
    out = io.StringIO()
    report = run_benchmark("runtime", rounds=1, out=out)
    assert asked == [harness.ROUNDS_MIN]
    data = json.loads(json.dumps(report.as_json()))
    assert data["command"] == "cival bench runtime --rounds 5 --json"
    assert data["versions"]["python"]
    assert [(line["min"], line["median"], line["max"], line["reached"]) for line in data["results"]] == [
        (1.5, 2.5, 3.5, True),
        (1.0, 1.0, 1.0, False),
        (5.0, 5.0, 5.0, True),
    ]
    text = out.getvalue()
    assert "1.5 / 2.5 / 3.5" in text
    assert "dear: 1 turns" in text
    assert "goal >= 2  MISSED" in text
