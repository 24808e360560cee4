"""A cell whose stores can be made to fail at any durable step, and an auditor that knows how it must end.

A step is one unit that the fact store commits, or one batch of the paper store. A fault names the step at which it
happens, counted from the last start, and what happens there:

- `before`, `after`: the process dies before the step is durable, or when it is but nobody has heard of it;
- `away`, `lost`: the store answers `DependencyAway`, and the step is not durable, or is.

What a dead process still does reaches no store, so it has not happened.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from engine.domain.errors import DependencyAway
from engine.messages.ports import UnitResult
from engine.messages.rows import Row
from engine.messages.writing import UnitNumbers, WriteUnit
from storage.memory import MemoryFactStore, MemoryPaperStore
from tests.support.cell import CellRig
from tests.support.cell_builders import USER

DEADLY: Final = ("before", "after")
FACTS: Final = "facts"
PAPER: Final = "paper"


class Step(NamedTuple):
    """One durable step that was reached."""

    store: str
    what: str


class Faults:
    """What goes wrong at which step; shared by the stores of one rig."""

    def __init__(self) -> None:
        """Start with a world in order."""
        self.plan: dict[int, str] = {}
        self.steps: list[Step] = []
        """Since the last start."""
        self.is_dead = False

    def start(self, plan: Mapping[int, str] | None = None) -> None:
        """Begin a life; `plan`: step, counted from 1, -> what happens there."""
        self.plan = dict(plan or {})
        self.steps = []
        self.is_dead = False

    def reach(self, store: str, what: str) -> str | None:
        """Take a step; return what goes wrong with it."""
        self.steps.append(Step(store, what))
        fault = self.plan.get(len(self.steps))
        if fault in DEADLY:
            self.is_dead = True
        return fault


class FaultyFacts(MemoryFactStore):
    """The memory store, unit by unit, as PostgreSQL may commit a large batch."""

    def __init__(self, faults: Faults, *, is_instant: bool) -> None:
        """Take the faults of the rig; `is_instant` False makes the writer await each commit, as on PostgreSQL."""
        super().__init__()
        self._faults = faults
        self.is_instant = is_instant

    def commit_now(self, units: Sequence[WriteUnit]) -> list[UnitResult]:
        """Commit up to the first fault."""
        results: list[UnitResult] = []
        for unit in units:
            if self._faults.is_dead:
                return []
            fault = self._faults.reach(FACTS, _content(unit.rows))
            if fault == "before":
                return []
            if fault == "away":
                raise DependencyAway("database", why="test")
            results += super().commit_now([unit])
            if fault == "after":
                return []
            if fault == "lost":
                raise DependencyAway("database", why="answer lost")
        return results


class FaultyPaper(MemoryPaperStore):
    """The paper venue's memory store with faults."""

    def __init__(self, faults: Faults, *, is_instant: bool) -> None:
        """Take the faults of the rig; see `FaultyFacts`."""
        super().__init__()
        self._faults = faults
        self.is_instant = is_instant

    def commit_now(self, batch_id: UUID, rows: Sequence[Row]) -> None:
        """Commit, unless a fault prevents it."""
        if self._faults.is_dead:
            return
        fault = self._faults.reach(PAPER, _content(rows))
        if fault == "before":
            return
        if fault == "away":
            raise DependencyAway("paper store", why="test")
        super().commit_now(batch_id, rows)
        if fault == "lost":
            raise DependencyAway("paper store", why="answer lost")


class CrashRig(CellRig):
    """A cell that dies at the steps that it is told to, and starts again."""

    is_in_order = True
    """Whether the cell hears of fills in the order in which they happened."""

    def __init__(self, *, is_instant: bool = True, **settings: Any) -> None:
        """As `CellRig`; `is_instant` False lets both stores be awaited."""
        super().__init__(**settings)
        self.faults = Faults()
        self.store = FaultyFacts(self.faults, is_instant=is_instant)
        self.paper_store = FaultyPaper(self.faults, is_instant=is_instant)

    def while_comparing(self) -> None:
        """Do nothing while the cell compares itself with its venue; a test may let the market go on."""

    async def start_reconciler(self) -> None:
        """Let something happen between the first question and the comparison."""
        await self.launch_reconciler()
        self.while_comparing()
        await self.settle()

    @property
    def is_dead(self) -> bool:
        """Whether a deadly fault has happened since the last start."""
        return self.faults.is_dead

    async def restart_cell(self, *, is_orderly: bool) -> None:
        """Start the cell's actors again under a new fence, as its host does; venue and writer go on.

        Args:
            is_orderly: Let them handle what they were sent, instead of dropping it.
        """
        for ref in (self.reconciler, self.coordinator, self.gate, self.router, self.ledger):
            if ref.is_alive():
                await (ref.stop() if is_orderly else ref.halt())
        self.numbers = UnitNumbers(USER, self.store.take_lease(USER), self.ids)
        self.cell = dataclasses.replace(self.cell, numbers=self.numbers)
        await self._start_account()
        await self._start_above()
        await self.start_reconciler()

    async def mend(self) -> None:
        """Let no more go wrong than what the stores are told to."""

    async def restart(self, plan: Mapping[int, str] | None = None) -> Self:
        """Die, if that has not happened, and start from the stores a moment later."""
        await self.crash()
        self.wall.advance_to(self.wall.now_ns() + 50_000_000)
        self.faults.start(plan)
        await self.start()
        return self


def _content(rows: Sequence[Row]) -> str:
    return " ".join(dict.fromkeys(type(row).__name__.removesuffix("Row") for row in rows))
