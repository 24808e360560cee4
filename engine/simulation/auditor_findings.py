"""What an auditor has found, and the last things that happened before.

Exact arithmetic for sums of money lives here too: nothing is rounded, whatever the size.
"""

from collections import deque
from collections.abc import Iterable
from decimal import Context, Decimal
from typing import Any, Final

from engine.runtime.clock import Clock
from engine.simulation.ports import Violation

ZERO: Final = Decimal(0)
RECENT_MAX: Final = 400
"""Happenings that are remembered."""
FOUND_MAX: Final = 50
"""Violations that are kept; the first ends a run, and the others only help to read it."""

_EXACT: Final = Context(prec=90)


def plus(left: Decimal, right: Decimal) -> Decimal:
    """Add without rounding."""
    return _EXACT.add(left, right)


def minus(left: Decimal, right: Decimal) -> Decimal:
    """Subtract without rounding."""
    return _EXACT.subtract(left, right)


def times(left: Decimal, right: Decimal) -> Decimal:
    """Multiply without rounding."""
    return _EXACT.multiply(left, right)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Sum without rounding."""
    result = ZERO
    for amount in amounts:
        result = plus(result, amount)
    return result


class Findings:
    """Violations and recent happenings of one run; all parts of an auditor share one."""

    __slots__ = ("_clock", "_recent", "found", "scene")

    def __init__(self) -> None:
        """Start with nothing found, at no time: see `use`."""
        self._clock: Clock | None = None
        self._recent: deque[tuple[int, str, tuple[Any, ...]]] = deque(maxlen=RECENT_MAX)
        self.found: list[Violation] = []
        self.scene: list[str] = []
        """What happened before the first violation, oldest first."""

    def use(self, clock: Clock) -> None:
        """Date everything by this clock from now on."""
        self._clock = clock

    @property
    def now_ns(self) -> int:
        """True time."""
        return 0 if self._clock is None else self._clock.now_ns()

    def saw(self, what: str, *values: Any) -> None:
        """Remember that something happened; it is put into words only if somebody asks."""
        self._recent.append((self.now_ns, what, values))

    def broken(self, invariant: str, detail: str) -> None:
        """Keep a violation, and what led to the first."""
        if not self.found:
            self.scene = self.recent()
        if len(self.found) < FOUND_MAX:
            self.found.append(Violation(invariant, detail, self.now_ns))

    def recent(self, count: int = 60, about: str = "") -> list[str]:
        """Return the last happenings in words, oldest first.

        Args:
            count: At most so many.
            about: Only those that name this, such as an order's id.
        """
        lines = [f"{at_ns / 1e9:.6f} {what} {' '.join(map(str, values))}" for at_ns, what, values in self._recent]
        return [line for line in lines if about in line][-count:]
