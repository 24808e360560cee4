"""Keeps an eye on differences to the venue that nobody has explained: how many, since when, and what they keep shut.

A difference is looked at again and again, at once and then ever less often. One that has been open for longer than its
deadline takes the right to open new risk from its symbol, or from whatever moves its asset, and is told to a person.
"""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from engine.domain.identifiers import Asset, Symbol
from engine.messages.rows import DiscrepancyRow

DEADLINE_NS: Final = 120_000_000_000
"""Wall time that a difference may be open before it keeps its symbol shut."""
AGAIN_FIRST_NS: Final = 2_000_000_000
"""Wall time until a new difference is looked at again; doubled each time."""


class DiscrepancyWatch:
    """The open differences of one account."""

    def __init__(self, rows: Iterable[DiscrepancyRow] = (), *, deadline_ns: int = DEADLINE_NS) -> None:
        """Start with those that were left open; a restart gives them no new time."""
        self._open: dict[UUID, DiscrepancyRow] = {}
        self._deadline_ns = deadline_ns
        self._told: set[UUID] = set()
        """Those past their deadline that a person was told of."""
        self._looks = 0
        self.follow(rows)

    def __len__(self) -> int:
        return len(self._open)

    def follow(self, rows: Iterable[DiscrepancyRow]) -> None:
        """Take what is open now."""
        before = {row.id: (row.ours, row.venue) for row in self._open.values()}
        self._open = {row.id: row for row in rows}
        self._told &= self._open.keys()
        if any(before.get(row.id) != (row.ours, row.venue) for row in self._open.values()):
            self._looks = 0  # It moves: the explanation may be near.

    def again_ns(self, every_ns: int) -> int:
        """Return when to look again: soon while a difference is young, never later than usual."""
        if not self._open:
            return every_ns
        self._looks += 1
        return min(AGAIN_FIRST_NS << min(self._looks - 1, 20), every_ns)

    def overdue(self, now_ns: int) -> list[DiscrepancyRow]:
        """Return what has been open for too long."""
        return [row for row in self._open.values() if now_ns - row.created_at >= self._deadline_ns]

    def shut(self, now_ns: int) -> tuple[tuple[Symbol, ...], tuple[Asset, ...]]:
        """Return the symbols and the assets that may only be reduced."""
        overdue = self.overdue(now_ns)
        symbols = tuple(row.asset for row in overdue if row.kind == "position")
        assets = tuple(row.asset for row in overdue if row.kind == "balance")
        return symbols, assets

    def to_tell(self, now_ns: int) -> list[DiscrepancyRow]:
        """Return what a person should hear of, each once."""
        # Of a trade that is not listed a person has heard at once.
        new = [row for row in self.overdue(now_ns) if row.id not in self._told and row.kind != "trade"]
        self._told.update(row.id for row in new)
        return new

    def next_deadline_ns(self, now_ns: int) -> int | None:
        """Return when the next one will have been open for too long; None if none will."""
        due = [row.created_at + self._deadline_ns for row in self._open.values()]
        return min((at_ns for at_ns in due if at_ns > now_ns), default=None)
