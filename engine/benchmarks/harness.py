"""How every benchmark measures: ours and the reference in turn, in one run, per CPU second.

A module `engine.benchmarks.<name>` exposes `run(rounds) -> list[Result]` and builds its results with `measure` (a ratio
of two rates) and `gauge` (a number with a limit). Machines are shared and drift, so a ratio is taken pairwise: A B A B,
at least five rounds, and what counts is its median; minimum and maximum are shown beside it. Both sides check their
answer before they return, outside of what is timed if that costs anything.
"""

import asyncio
import gc
import platform
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import version
from statistics import median
from typing import Any, Literal, TextIO

import uvloop

ROUNDS_MIN = 5

Work = Callable[[], int]
"""Does the work once, asserts its answer, and returns how many units (messages, rows, ticks) that was."""
AsyncWork = Callable[[], Awaitable[int]]

Direction = Literal["at_least", "at_most"]


@dataclass(frozen=True, slots=True)
class Side:
    """One contestant of a ratio."""

    name: str
    """What is measured, in a few words: `tell, bursts of 1,000`."""
    work: Work


@dataclass(frozen=True, slots=True)
class Ratio:
    """A goal of performance: so many times as fast as the reference."""

    name: str
    """The goal's number and what it is about: `R1 tell against asyncio.Queue`."""
    ours: Side
    reference: Side
    goal: float | None
    """Units per CPU second, ours divided by the reference; None where it is only shown."""
    unit: str
    """What `work` counts, in the plural."""
    direction: Direction = "at_least"


@dataclass(frozen=True, slots=True)
class Result:
    """What came out: one line of the report."""

    name: str
    unit: str
    goal: float | None
    direction: Direction
    values: tuple[float, ...]
    """One per round: the ratio, or the number itself."""
    ours: str
    ours_value: float
    """Median rate in units per CPU second, or the median number."""
    reference: str | None = None
    reference_value: float | None = None

    @property
    def median(self) -> float:
        """The value that is held against the goal."""
        return median(self.values)

    @property
    def reached(self) -> bool:
        """Whether the goal is reached; a result without one is only shown."""
        if self.goal is None:
            return True
        return self.median >= self.goal if self.direction == "at_least" else self.median <= self.goal


@dataclass(frozen=True, slots=True)
class Report:
    """All results of one benchmark and where they were measured."""

    benchmark: str
    rounds: int
    results: tuple[Result, ...]
    versions: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return plain data, with minimum, median and maximum worked out."""
        return {
            "benchmark": self.benchmark,
            "command": f"cival bench {self.benchmark} --rounds {self.rounds} --json",
            "rounds": self.rounds,
            "versions": self.versions,
            "results": [
                asdict(result)
                | {
                    "min": min(result.values),
                    "median": result.median,
                    "max": max(result.values),
                    "reached": result.reached,
                }
                for result in self.results
            ],
        }

    def as_text(self) -> str:
        """Return a table for people."""
        lines = [f"{self.benchmark}: {self.rounds} rounds, {', '.join(f'{k} {v}' for k, v in self.versions.items())}"]
        for result in self.results:
            sign = ">=" if result.direction == "at_least" else "<="
            goal = "" if result.goal is None else f"  goal {sign} {result.goal:g}"
            mark = "" if result.goal is None else "  reached" if result.reached else "  MISSED"
            spread = f"{min(result.values):.3g} / {result.median:.3g} / {max(result.values):.3g}"
            lines.append(f"  {result.name:<44} {spread:<24}{goal}{mark}")
            lines.append(f"      {result.ours}: {result.ours_value:,.4g} {result.unit}")
            if result.reference is not None:
                lines.append(f"      {result.reference}: {result.reference_value:,.4g} {result.unit}")
        return "\n".join(lines)


def run_benchmark(name: str, *, rounds: int = ROUNDS_MIN, out: TextIO | None = None) -> Report:
    """Run `engine.benchmarks.<name>` and print its table to `out` (default: standard error, clear of JSON)."""
    results = import_module(f"engine.benchmarks.{name}").run(max(rounds, ROUNDS_MIN))
    report = Report(name, max(rounds, ROUNDS_MIN), tuple(results), versions())
    print(report.as_text(), file=out or sys.stderr)
    return report


def versions(*packages: str) -> dict[str, str]:
    """Return the versions that the numbers belong to: Python, the machine, and `packages`."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{package: version(package) for package in ("cival", "pykka", "uvloop", "msgspec", *packages)},
    }


def measure(ratio: Ratio, rounds: int) -> Result:
    """Run both sides in turn, after one unmeasured warm-up each, and return their ratios."""
    sides = (ratio.ours, ratio.reference)
    for side in sides:
        side.work()
    rates: list[tuple[float, float]] = []
    for _ in range(rounds):
        ours, reference = (_rate(side.work) for side in sides)
        rates.append((ours, reference))
    return Result(
        name=ratio.name,
        unit=f"{ratio.unit} per CPU second",
        goal=ratio.goal,
        direction=ratio.direction,
        values=tuple(ours / reference for ours, reference in rates),
        ours=ratio.ours.name,
        ours_value=median(ours for ours, _ in rates),
        reference=ratio.reference.name,
        reference_value=median(reference for _, reference in rates),
    )


def gauge(
    name: str, values: Sequence[float], *, unit: str, goal: float | None = None, direction: Direction = "at_most"
) -> Result:
    """Return a result that is a number with a limit and no reference; `values`: one per round."""
    return Result(
        name=name,
        unit=unit,
        goal=goal,
        direction=direction,
        values=tuple(values),
        ours="measured",
        ours_value=median(values),
    )


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU time of this process, all threads, that `work` takes; the collector is off meanwhile."""
    gc.collect()
    gc.disable()
    try:
        before_s = time.process_time()
        work()
        return time.process_time() - before_s
    finally:
        gc.enable()


def on_loop(work: AsyncWork, loop: Literal["asyncio", "uvloop"] = "asyncio") -> Work:
    """Turn a coroutine function into work that runs on a loop of its own, made and closed each time."""

    def run() -> int:
        if loop == "uvloop":
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(_as_coroutine(work))
        return asyncio.run(_as_coroutine(work))

    return run


async def _as_coroutine(work: AsyncWork) -> int:
    return await work()


def _rate(work: Work) -> float:
    units = 0

    def counted() -> None:
        nonlocal units
        units = work()

    seconds = cpu_seconds(counted)
    return units / max(seconds, 1e-9)
