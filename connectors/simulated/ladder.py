"""The book of a simulated pair in whole ticks and lots, and the record of what changed.

Ticks and lots are integers, so that nothing is ever off the grid; they become decimals when they leave.
"""

from collections.abc import Callable
from typing import Final

DEPTH: Final = 40
"""Levels a side."""


class Side:
    """One side of the book; prices are given as distance-ordered keys: `sign * ticks`, best first is smallest."""

    __slots__ = ("_sign", "changed", "lots")

    def __init__(self, sign: int) -> None:
        """Start empty; `sign`: +1 for asks (lowest is best), -1 for bids (highest is best)."""
        self._sign = sign
        self.lots: dict[int, int] = {}
        """Ticks to lots, lots above zero."""
        self.changed: dict[int, int] = {}
        """Ticks to new lots since `take_changes`; 0 where the level has gone."""

    def ordered(self) -> list[int]:
        """Return the ticks of all levels, best first."""
        return sorted(self.lots, reverse=self._sign < 0)

    @property
    def best(self) -> int | None:
        """Ticks of the best level."""
        if not self.lots:
            return None
        return min(self.lots) if self._sign > 0 else max(self.lots)

    def put(self, ticks: int, lots: int) -> None:
        """Set a level; 0 lots removes it."""
        if lots > 0:
            self.lots[ticks] = lots
        elif self.lots.pop(ticks, None) is None:
            return
        self.changed[ticks] = lots

    def take_changes(self) -> list[tuple[int, int]]:
        """Return (ticks, lots) of what changed since the last call, best first."""
        changes = sorted(self.changed.items(), reverse=self._sign < 0)
        self.changed = {}
        return changes

    def move_best_to(self, best: int, *, lots_at: Callable[[int], int], gap: Callable[[], int]) -> None:
        """Let `best` be the best level: better ones go, it comes if it is missing, and the depth stays the same.

        Args:
            best: Ticks, above zero.
            lots_at: Draws the lots of a new level by its place, 0 for the best.
            gap: Draws the distance of a new level to the one before, ticks above zero.
        """
        sign = self._sign
        for ticks in [each for each in self.lots if (each - best) * sign < 0]:
            self.put(ticks, 0)
        if best not in self.lots:
            self.put(best, lots_at(0))
        levels = self.ordered()
        for ticks in levels[DEPTH:]:
            self.put(ticks, 0)
        last = levels[min(len(levels), DEPTH) - 1]
        for place in range(len(levels), DEPTH):
            last += sign * gap()
            if last <= 0:
                break
            self.put(last, lots_at(place))
