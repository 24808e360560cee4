"""The stores in memory: the same ports and answers as on PostgreSQL, without a disk. For backtests and tests."""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from uuid import UUID

from engine.domain.identifiers import AccountId, UserId, Venue
from engine.messages.ports import PaperState, UnitResult, VenueClaim
from engine.messages.rows import Row
from engine.messages.rows_paper import (
    PaperAccountRow,
    PaperBalanceRow,
    PaperMarkRow,
    PaperOrderRow,
    PaperPositionRow,
    PaperTradeRow,
)
from engine.messages.writing import CommittedEvent, WriteAnswer, WriteUnit
from storage.commit_plan import PLACE_OF
from storage.memory_tables import MemoryTables
from storage.numbering import HeadsOfUser, Numbering

OPEN_PAPER_STATES = frozenset({"pending", "open"})

REPEATS_KNOWN = 10_000
"""Units that are known as committed when they come again; nothing is lost here, so only tests repeat one."""

_UNIT_ROWS = frozenset(PLACE_OF)

Cell = tuple[UserId, int]


class MemoryFactStore:
    """`FactStore` and `BulkStore` in memory."""

    is_instant = True

    def __init__(self, *, is_strict: bool = True, is_checked: bool = True, keeps_journal: bool = True) -> None:
        """Start empty.

        Args:
            is_strict: Refuse texts and numbers that PostgreSQL would refuse.
            is_checked: Refuse rows at all (`MemoryTables`).
            keeps_journal: Number, render and keep events. Without it a unit's events are dropped: nobody listens.
        """
        self.tables = MemoryTables(is_strict=is_strict, is_checked=is_checked)
        self.journal: dict[UserId, list[CommittedEvent]] = {}
        """Events per user, by seq from 1."""
        self._keeps_journal = keeps_journal
        self._heads: dict[UserId, HeadsOfUser] = {}
        self._fences: dict[UserId, int] = {}
        self._committed: dict[UUID, UnitResult] = {}
        self._last_n: dict[Cell, int] = {}

    def take_lease(self, user_id: UserId) -> int:
        """Start a new fence for a user and return it; units under an older one are refused from now on."""
        fence = self._fences[user_id] = self._fences.get(user_id, 0) + 1
        return fence

    def holds(self, user_id: UserId, fence: int) -> bool:
        """Whether units under this fence may be written now."""
        return self._fences.get(user_id) == fence

    def rows(self, row_class: type[Row]) -> Iterator[Row]:
        """Return the rows of a table."""
        return iter(self.tables.rows(row_class))

    async def write(self, rows: Sequence[Row]) -> None:
        """Write rows of tables without a user (`BulkStore`)."""
        self.tables.write(rows)

    async def commit(self, units: Sequence[WriteUnit]) -> list[UnitResult]:
        """Commit as `commit_now` does."""
        return self.commit_now(units)

    def commit_now(self, units: Sequence[WriteUnit]) -> list[UnitResult]:
        """Commit whole units in the order given; repeating a batch changes nothing."""
        broken: set[Cell] = set()
        return [self._commit_unit(unit, broken) for unit in units]

    def _commit_unit(self, unit: WriteUnit, broken: set[Cell]) -> UnitResult:
        fence = unit.fence
        if fence is not None:
            if not self.holds(unit.user_id, fence):
                return _refused(unit, "fenced", f"the lease with fence {fence} is not held")
            if broken and (unit.user_id, fence) in broken:
                return _refused(unit, "bad_data", "behind a unit of the same cell that was refused")
        known = self._committed.get(unit.id)
        if known is not None:
            return known
        try:
            result = self._write_unit(unit)
        except (TypeError, ValueError, ArithmeticError, RecursionError, AttributeError) as error:
            if fence is not None:
                broken.add((unit.user_id, fence))
            return _refused(unit, "bad_data", f"{type(error).__name__}: {error}")
        self._committed[unit.id] = result
        if len(self._committed) > REPEATS_KNOWN:
            del self._committed[next(iter(self._committed))]
        return result

    def _write_unit(self, unit: WriteUnit) -> UnitResult:
        cell = (unit.user_id, unit.fence or 0)
        if unit.n is not None and unit.n <= self._last_n.get(cell, 0):
            raise ValueError(f"expected a number above {self._last_n[cell]}, was {unit.n}")
        if not _UNIT_ROWS.issuperset(map(type, unit.rows)):
            strange = next(type(row) for row in unit.rows if type(row) not in _UNIT_ROWS)
            raise TypeError(f"expected a row of a table that units write, was {strange.__name__}")
        numbering = numbered = None
        if self._keeps_journal and unit.events:
            numbering = Numbering(self._heads)
            numbered = numbering.number(unit)
        self.tables.write(unit.rows)
        if unit.n is not None:
            self._last_n[cell] = unit.n
        if numbering is None or numbered is None:
            return UnitResult(unit=unit, answer=WriteAnswer(unit_id=unit.id))
        numbering.apply()
        self.journal.setdefault(unit.user_id, []).extend(numbered.events)
        answer = WriteAnswer(unit_id=unit.id, first_seq=numbered.first_seq, last_seq=numbered.last_seq)
        return UnitResult(unit=unit, answer=answer, events=numbered.events)


class MemoryPaperStore:
    """`PaperStore` in memory."""

    is_instant = True

    def __init__(self, *, is_strict: bool = True, is_checked: bool = True) -> None:
        """Start empty; both as of `MemoryTables`."""
        self.tables = MemoryTables(is_strict=is_strict, is_checked=is_checked)
        self._batches: set[UUID] = set()

    async def claim(self, venue: Venue) -> VenueClaim:  # noqa: ARG002 - the port's signature.
        """Grant it: nobody else can reach this memory."""
        return VenueClaim(epoch=1)

    async def release(self, venue: Venue) -> None:
        """Do nothing: nobody waits."""

    async def load(self, venue: Venue, session: str) -> PaperState:
        """Read everything that is open."""
        accounts = tuple(row for row in self.tables.rows(PaperAccountRow) if row.venue == venue)
        known = {row.account_id for row in accounts}
        marks = [row for row in self.tables.rows(PaperMarkRow) if row.venue == venue]
        cursors = [row.cursor for row in self.tables.rows(PaperTradeRow) if row.venue == venue]
        return PaperState(
            accounts=accounts,
            balances=tuple(row for row in self.tables.rows(PaperBalanceRow) if row.account_id in known),
            positions=tuple(row for row in self.tables.rows(PaperPositionRow) if row.account_id in known),
            open_orders=self._open_orders(venue),
            last_cursor=max(cursors, default=0),
            last_order_id=max((row.last_order_id for row in marks), default=0),
            mark=next((row for row in marks if row.session == session), None),
        )

    def _open_orders(self, venue: Venue) -> tuple[PaperOrderRow, ...]:
        found = [
            row for row in self.tables.rows(PaperOrderRow) if row.venue == venue and row.state in OPEN_PAPER_STATES
        ]
        # External ids are numbers as text; the shorter is the older.
        return tuple(sorted(found, key=lambda row: (row.placed_at, len(row.external_order_id), row.external_order_id)))

    def commit_now(self, batch_id: UUID, rows: Sequence[Row]) -> None:
        """Commit rows of schema `paper`, all or none; a batch id that is known changes nothing.

        Raises:
            ValueError: PostgreSQL would refuse the rows.
        """
        if batch_id in self._batches:
            return
        self.tables.write(rows)
        self._batches.add(batch_id)

    async def commit(self, batch_id: UUID, rows: Sequence[Row]) -> None:
        """Commit as `commit_now` does."""
        self.commit_now(batch_id, rows)

    async def fills(
        self, account_id: AccountId, after: int, limit: int, venue_client_id: str | None = None
    ) -> list[PaperTradeRow]:
        """Read fills with a cursor above `after`, of one order or of all, oldest first, at most `limit`."""
        found = [
            row
            for row in self.tables.rows(PaperTradeRow)
            if row.account_id == account_id and row.cursor > after and venue_client_id in (None, row.venue_client_id)
        ]
        return sorted(found, key=attrgetter("cursor"))[:limit]

    async def order(self, account_id: AccountId, venue_client_id: str) -> PaperOrderRow | None:
        """Read one order, open or not."""
        row: PaperOrderRow | None = self.tables.get(PaperOrderRow, (account_id, venue_client_id))
        return row


def _refused(unit: WriteUnit, why: str, detail: str) -> UnitResult:
    return UnitResult(unit=unit, answer=None, refused=why, detail=detail)
