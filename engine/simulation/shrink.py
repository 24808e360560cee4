"""Makes a failing run small: takes faults away, kinds first, for as long as the same invariant still breaks.

Faults have names that stay the same when others are taken away, so what is left replays by naming what is not.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final

import msgspec

from engine.simulation.run import Result

RUNS_MAX: Final = 150

Run = Callable[[Collection[str]], Result]
"""Runs the seed without the faults of these names."""


class Shrunk(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a failing run."""

    result: Result
    forbidden: tuple[str, ...]
    """Names that must not happen for it to happen again."""
    left: tuple[str, ...]
    """Names of the faults that still happen."""
    runs: int
    """How many were needed."""


def shrink(failed: Result, run: Run, *, runs_max: int = RUNS_MAX) -> Shrunk:
    """Take away what is not needed.

    Args:
        failed: The run that is to be made small.
        run: Runs its seed again.
        runs_max: Runs that it may cost.
    """
    return _Shrinking(failed, run, runs_max).shrink()


class _Shrinking:
    """One search."""

    def __init__(self, failed: Result, run: Run, runs_max: int) -> None:
        self._broken = broken_of(failed)
        self._best = failed
        self._forbidden: list[str] = []
        self._run = run
        self._left = runs_max
        self._runs = 0

    def shrink(self) -> Shrunk:
        """Search, kinds before single faults: half of the kinds mostly have nothing to do with it."""
        self._without(_kinds(self._best.fault_names))
        # What is left may tell lies of its own numbers now.
        self._without(dict.fromkeys(self._best.fault_names))
        return Shrunk(
            result=self._best,
            forbidden=tuple(self._forbidden),
            left=tuple(dict.fromkeys(self._best.fault_names)),
            runs=self._runs,
        )

    def _without(self, names: Collection[str]) -> None:
        """Try to do without all, then without halves, down to each by itself."""
        self._split([name for name in names if name not in self._forbidden])

    def _split(self, names: Sequence[str]) -> None:
        if not names or self._left <= 0 or self._is_enough(names) or len(names) == 1:
            return
        half = len(names) // 2
        self._split(names[:half])
        self._split(names[half:])

    def _is_enough(self, names: Sequence[str]) -> bool:
        self._left -= 1
        self._runs += 1
        result = self._run([*self._forbidden, *names])
        if not broken_of(result) & self._broken:
            return False
        self._forbidden += names
        self._best = result
        return True


def broken_of(result: Result) -> frozenset[str]:
    """Return which invariants a run breaks."""
    return frozenset(violation.partition(":")[0] for violation in result.violations)


def _kinds(names: Collection[str]) -> Collection[str]:
    return dict.fromkeys(f"{name.rpartition('/')[0]}/*" for name in names)
