"""Indicators: the only place in the domain where prices are floats.

They decide when to trade, never how much money moves. Each takes one value at a time, costs the same at every step, and
goes through `dump` and `load` bit for bit, so that a restarted agent decides what it would have decided.
"""

import math
from collections import deque
from typing import Any, Final

from engine.domain.errors import BadInput

NOISE: Final = 1e-9
"""A deviation below this share of the values themselves is rounding, not movement."""


class Ema:
    """Exponential moving average with alpha = 2 / (length + 1), starting at the first value."""

    __slots__ = ("alpha", "count", "length", "value")

    def __init__(self, length: int) -> None:
        """Start empty.

        Args:
            length: Values, one or more; 1 follows each value.
        """
        self.length = _positive(length)
        self.alpha = 2.0 / (length + 1)
        self.count = 0
        """Values so far."""
        self.value = math.nan
        """The average; NaN before the first value."""

    @property
    def is_ready(self) -> bool:
        """Whether at least `length` values have come."""
        return self.count >= self.length

    def push(self, value: float) -> float:
        """Add a finite value and return the average."""
        _require_finite(value)
        if self.count:
            self.value += self.alpha * (value - self.value)
        else:
            self.value = value
        self.count += 1
        return self.value

    def dump(self) -> list[Any]:
        """Return the state as JSON values."""
        return [self.count, self.value if self.count else None]

    def load(self, state: list[Any]) -> None:
        """Continue from `dump`."""
        count, value = state
        self.count, self.value = int(count), math.nan if value is None else float(value)


class Rolling:
    """Mean, deviation and z-score of the newest `length` values."""

    __slots__ = ("_origin", "_squares", "_sum", "_values", "count", "length")

    def __init__(self, length: int) -> None:
        """Start empty.

        Args:
            length: Values in the window, one or more.
        """
        self.length = _positive(length)
        self.count = 0
        """Values so far."""
        self._values: deque[float] = deque()
        # Sums are of differences from a recent value: squares of large prices would lose the digits that matter.
        self._origin = self._sum = self._squares = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether the window is full."""
        return len(self._values) == self.length

    def push(self, value: float) -> None:
        """Add a finite value and let the oldest go."""
        _require_finite(value)
        values = self._values
        values.append(value)
        self.count += 1
        gone = values.popleft() if len(values) > self.length else None
        if (self.count - 1) % self.length == 0:
            # Rounding errors of the running sums live one window long at most.
            self._renew()
            return
        offset = value - self._origin
        self._sum += offset
        self._squares += offset * offset
        if gone is not None:
            offset = gone - self._origin
            self._sum -= offset
            self._squares -= offset * offset

    def _renew(self) -> None:
        self._origin = self._values[-1]
        self._sum = math.fsum(value - self._origin for value in self._values)
        self._squares = math.fsum((value - self._origin) ** 2 for value in self._values)

    @property
    def mean(self) -> float:
        """Mean of the window; NaN while it is empty."""
        return self._origin + self._sum / len(self._values) if self._values else math.nan

    @property
    def deviation(self) -> float:
        """Population standard deviation of the window; NaN while it is empty, 0 where only rounding is left."""
        size = len(self._values)
        if not size:
            return math.nan
        mean = self._sum / size
        variance = self._squares / size - mean * mean
        # A value far from the others may be the origin; what is noise is measured against the largest of both.
        noise = NOISE * max(abs(self._origin), abs(self._origin + mean))
        return math.sqrt(variance) if variance > noise * noise else 0.0

    @property
    def zscore(self) -> float | None:
        """Deviations of the newest value from the mean; None until the window is full, or while nothing moves."""
        if not self.is_ready:
            return None
        deviation = self.deviation
        return (self._values[-1] - self.mean) / deviation if deviation else None

    def dump(self) -> list[Any]:
        """Return the state as JSON values, sums included, since adding up anew would differ in the last bit."""
        return [self.count, self._origin, self._sum, self._squares, list(self._values)]

    def load(self, state: list[Any]) -> None:
        """Continue from `dump`."""
        count, origin, total, squares, values = state
        self.count, self._origin, self._sum, self._squares = int(count), float(origin), float(total), float(squares)
        self._values = deque(float(value) for value in values)


class Atr:
    """Average true range after Wilder: the mean of the first `length` ranges, then 1 / length of each new one."""

    __slots__ = ("_previous_close", "count", "length", "value")

    def __init__(self, length: int) -> None:
        """Start empty.

        Args:
            length: Bars, one or more.
        """
        self.length = _positive(length)
        self.count = 0
        """Bars so far."""
        self.value = math.nan
        """The average range; NaN before the first bar, the plain mean until `length` bars came."""
        self._previous_close: float | None = None

    @property
    def is_ready(self) -> bool:
        """Whether at least `length` bars have come."""
        return self.count >= self.length

    def push(self, high: float, low: float, close: float) -> float:
        """Add a bar (finite, low at most high) and return the average range."""
        for value in (high, low, close):
            _require_finite(value)
        before = self._previous_close
        true_range = high - low if before is None else max(high, before) - min(low, before)
        self._previous_close = close
        self.count += 1
        if self.count == 1:
            self.value = true_range
        else:
            self.value += (true_range - self.value) / min(self.count, self.length)
        return self.value

    def dump(self) -> list[Any]:
        """Return the state as JSON values."""
        return [self.count, self.value if self.count else None, self._previous_close]

    def load(self, state: list[Any]) -> None:
        """Continue from `dump`."""
        count, value, previous_close = state
        self.count, self.value = int(count), math.nan if value is None else float(value)
        self._previous_close = None if previous_close is None else float(previous_close)


def _positive(length: int) -> int:
    if type(length) is not int or length < 1:
        raise BadInput("length", expected="an integer, 1 or more", was=length)
    return length


def _require_finite(value: float) -> None:
    # One NaN would stay in a running average for ever.
    if not math.isfinite(value):
        raise BadInput("value", expected="a finite number", was=value)
