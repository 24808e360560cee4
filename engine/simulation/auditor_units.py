"""Judges how units are committed: one owner, every unit once and in order, a journal without hole or repeat."""

from typing import Final
from uuid import UUID

from engine.messages.ports import UnitResult
from engine.messages.writing import CommittedEvent, WriteUnit
from engine.simulation.auditor_findings import Findings

REPEATS_KNOWN: Final = 4_096
"""Units that are recognised when a commit is repeated after a lost answer."""


class Units:
    """Fences, numbers of units and numbers of events, per user."""

    __slots__ = ("_events", "_fences", "_findings", "_heads", "_last_n", "_owners", "_repeats", "_seqs")

    def __init__(self, findings: Findings) -> None:
        """Start with nothing committed."""
        self._findings = findings
        self._fences: dict[UUID, int] = {}
        self._owners: dict[tuple[UUID, int], str] = {}
        self._last_n: dict[tuple[UUID, int], int] = {}
        self._repeats: dict[UUID, tuple[int | None, int | None]] = {}
        self._seqs: dict[UUID, int] = {}
        self._heads: dict[tuple[UUID, str], int] = {}
        self._events = 0

    @property
    def events(self) -> int:
        """Events in all journals."""
        return self._events

    def fence(self, user_id: UUID) -> int:
        """Return the highest fence under which a user's cell has written; 0 before the first."""
        return self._fences.get(user_id, 0)

    def owner(self, user_id: UUID, fence: int) -> str | None:
        """Return the process that has written under a fence."""
        return self._owners.get((user_id, fence))

    def take(self, process: str, result: UnitResult) -> bool:
        """Judge one result; tell whether its rows are new in the store."""
        unit, answer = result.unit, result.answer
        if answer is None:
            return False
        numbers = (answer.first_seq, answer.last_seq)
        known = self._repeats.get(unit.id)
        if known is not None:
            if known != numbers:
                self._findings.broken("U1", f"unit {unit.id} was committed twice: as events {known} and {numbers}")
            return False
        self._repeats[unit.id] = numbers
        if len(self._repeats) > REPEATS_KNOWN:
            del self._repeats[next(iter(self._repeats))]
        self._fence(process, unit)
        self._number(unit)
        for event in result.events:
            self._event(event)
        return True

    def _fence(self, process: str, unit: WriteUnit) -> None:
        fence, user_id = unit.fence, unit.user_id
        if fence is None:
            return
        highest = self._fences.get(user_id, 0)
        if fence < highest:
            self._findings.broken(
                "I10", f"{process} wrote unit {unit.n} of user {user_id} under fence {fence}, after fence {highest}"
            )
            return
        self._fences[user_id] = fence
        owner = self._owners.setdefault((user_id, fence), process)
        if owner != process:
            self._findings.broken("I10", f"fence {fence} of user {user_id} is used by {owner} and by {process}")

    def _number(self, unit: WriteUnit) -> None:
        if unit.n is None or unit.fence is None:
            return
        cell = (unit.user_id, unit.fence)
        before = self._last_n.get(cell, 0)
        if unit.n != before + 1:
            self._findings.broken(
                "U1", f"unit {unit.n} of user {unit.user_id} under fence {unit.fence} came after unit {before}"
            )
        self._last_n[cell] = max(before, unit.n)

    def _event(self, event: CommittedEvent) -> None:
        self._events += 1
        user_id = event.user_id
        before = self._seqs.get(user_id, 0)
        if event.seq != before + 1:
            self._findings.broken("J1", f"event {event.type} of user {user_id} has seq {event.seq}, after {before}")
        channel = (user_id, event.channel)
        head = self._heads.get(channel, 0)
        if event.prev != head:
            self._findings.broken(
                "J1", f"event {event.seq} of user {user_id} on {event.channel} has prev {event.prev}, after {head}"
            )
        self._seqs[user_id] = max(before, event.seq)
        self._heads[channel] = event.seq
