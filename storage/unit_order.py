"""Puts the units of each cell into the order of their numbers, and knows which cells may write no more.

Actors of one cell send their units on different ways, so that 5 may arrive before 4. A later unit builds on what the
earlier one says: it waits. What never comes ends the cell, which then loads again from what is stored.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from engine.domain.identifiers import UserId
from engine.messages.writing import WriteUnit

HELD_MAX: Final = 10_000
"""Units of one cell that may wait for an earlier one."""


class Halted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A cell that writes no more, and those of its units that were waiting here."""

    user_id: UserId
    fence: int
    reason: str
    """`fenced`, `bad_data` or `crashed`."""
    detail: str
    units: tuple[WriteUnit, ...] = ()
    is_new: bool = False
    """The cell was not halted before."""


class _Line:
    """Units of one user under one fence."""

    __slots__ = ("fence", "halted", "held", "next_n", "waiting_since_ns")

    def __init__(self, fence: int) -> None:
        self.fence = fence
        self.next_n = 1
        self.held: dict[int, WriteUnit] = {}
        self.waiting_since_ns: int | None = None
        self.halted: Halted | None = None


class UnitOrder:
    """One line of units per cell. A later fence replaces an earlier one."""

    def __init__(self) -> None:
        self._lines: dict[UserId, _Line] = {}
        self._holes: set[UserId] = set()
        """Users whose units wait for an earlier one."""

    def take(self, unit: WriteUnit, now_ns: int) -> tuple[list[WriteUnit], Halted | None]:
        """Take a unit and return what may be written now, in order.

        Returns:
            Units to write, the earliest first; and, where this unit cannot be written, why. `units` of that holds every
            unit that will not be written, this one included; its cell may have been halted before.
        """
        if unit.n is None:
            return [unit], None
        assert unit.fence is not None, f"unit {unit.id}: expected a fence beside its number {unit.n}"
        line = self._lines.get(unit.user_id)
        old: tuple[WriteUnit, ...] = ()
        if line is None or unit.fence > line.fence:
            old = () if line is None else tuple(line.held.values())
            line = self._lines[unit.user_id] = _Line(unit.fence)
            self._holes.discard(unit.user_id)
        refused = self._refusal(line, unit)
        if refused is not None:
            return [], refused
        ready = self._ready(line, unit, now_ns)
        if old:
            late = Halted(
                user_id=unit.user_id, fence=old[0].fence or 0, reason="fenced", detail="a later fence writes", units=old
            )
            return ready, late
        return ready, None

    def halt(self, user_id: UserId, fence: int, reason: str, detail: str) -> Halted | None:
        """Write nothing more under this fence; None if that is so already, or a later fence writes."""
        line = self._lines.get(user_id)
        if line is None or line.fence < fence:
            line = self._lines[user_id] = _Line(fence)
        if line.fence > fence or line.halted is not None:
            return None
        units = tuple(line.held.values())
        line.held.clear()
        self._holes.discard(user_id)
        line.waiting_since_ns = None
        line.halted = Halted(user_id=user_id, fence=fence, reason=reason, detail=detail)
        return msgspec.structs.replace(line.halted, units=units, is_new=True)

    def overdue(self, now_ns: int, timeout_ns: int) -> list[Halted]:
        """Halt the cells that have waited for a unit longer than `timeout_ns`."""
        late = [user_id for user_id in sorted(self._holes) if self._waited_ns(user_id, now_ns) >= timeout_ns]
        halted = []
        for user_id in late:
            line = self._lines[user_id]
            detail = f"unit {line.next_n} did not come, {len(line.held)} wait behind it"
            found = self.halt(user_id, line.fence, "crashed", detail)
            assert found is not None, "a cell that is halted holds nothing"
            halted.append(found)
        return halted

    def fence_of(self, user_id: UserId) -> int | None:
        """Return the fence that writes for a user now; None if none has written yet."""
        line = self._lines.get(user_id)
        return None if line is None else line.fence

    @property
    def has_holes(self) -> bool:
        """Whether units wait for earlier ones."""
        return bool(self._holes)

    def _waited_ns(self, user_id: UserId, now_ns: int) -> int:
        since_ns = self._lines[user_id].waiting_since_ns
        return 0 if since_ns is None else now_ns - since_ns

    def _refusal(self, line: _Line, unit: WriteUnit) -> Halted | None:
        fence, n = unit.fence or 0, unit.n or 0
        if fence < line.fence:
            detail = f"fence {line.fence} writes now"
            return Halted(user_id=unit.user_id, fence=fence, reason="fenced", detail=detail, units=(unit,))
        if line.halted is not None:
            return msgspec.structs.replace(line.halted, units=(unit,))
        detail = ""
        if n < line.next_n or n in line.held:
            detail = f"expected unit {line.next_n} or later, was {n} again"
        elif len(line.held) >= HELD_MAX:
            detail = f"unit {line.next_n} did not come, {HELD_MAX} wait behind it"
        if not detail:
            return None
        halted = self.halt(unit.user_id, fence, "crashed", detail)
        assert halted is not None, "the line was looked at above"
        return msgspec.structs.replace(halted, units=(*halted.units, unit))

    def _ready(self, line: _Line, unit: WriteUnit, now_ns: int) -> list[WriteUnit]:
        n = unit.n or 0
        if n > line.next_n:
            line.held[n] = unit
            if line.waiting_since_ns is None:
                line.waiting_since_ns = now_ns
                self._holes.add(unit.user_id)
            return []
        ready = [unit]
        line.next_n += 1
        while line.held and (following := line.held.pop(line.next_n, None)) is not None:
            ready.append(following)
            line.next_n += 1
        if line.waiting_since_ns is not None:
            # Another hole behind this one has not waited yet.
            line.waiting_since_ns = now_ns if line.held else None
            if not line.held:
                self._holes.discard(unit.user_id)
        return ready


def highest_numbers(units: Iterable[WriteUnit]) -> dict[tuple[UserId, int], int]:
    """Return the highest committed number per (user, fence), in the order in which the cells first appear."""
    highest: dict[tuple[UserId, int], int] = {}
    for unit in units:
        if unit.n is not None and unit.fence is not None:
            highest[unit.user_id, unit.fence] = unit.n
    return highest
