"""The store of facts on PostgreSQL: whole units, one statement, one commit.

A batch is one call of a function that the session makes for itself from the row structs (`storage.commit_plan`): one
round trip, and inside it leases, units, rows, heads and events, in this order. What goes wrong comes back as SQLSTATEs
of ours; the batch is then changed and given again, and nothing has been written meanwhile.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar
from uuid import UUID

import asyncpg

from engine.domain.errors import DependencyAway
from engine.domain.identifiers import UserId
from engine.messages.ports import UnitResult
from engine.messages.writing import CommittedEvent, WriteAnswer, WriteUnit
from storage.commit_plan import Plan, commit_function, parts, plan
from storage.failures import describe, is_about_data
from storage.months import Months
from storage.numbering import HeadsOfUser, cells_of, users_of
from storage.pool import Connection
from storage.roles import Endpoints
from storage.session import COMMAND_TIMEOUT_S, Session, make_function
from storage.sql import statements

T = TypeVar("T")

LEASE_NOT_HELD: Final = "CV001"
COMMITTED_BEFORE: Final = "CV002"
HEADS_MOVED: Final = "CV003"
TURNS_MAX: Final = 500
"""Tries of one batch without a pause: about a second. Each takes units out, or loses a race for a user's heads."""

Results = dict[UUID, UnitResult]
Cell = tuple[UserId, int]
"""(user, fence)."""


class PostgresFactStore:
    """`FactStore` on a connection of its own."""

    is_instant = False

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        settings: Mapping[str, str] | None = None,
        command_timeout_s: float = COMMAND_TIMEOUT_S,
    ) -> None:
        """Connect nowhere yet.

        Args:
            settings: Server settings of the session, such as another `synchronous_commit`.
            command_timeout_s: Seconds after which a silent server counts as gone.
        """
        self._session = Session(
            endpoints,
            name="cival-writer",
            settings=settings,
            prepare=_make_function,
            command_timeout_s=command_timeout_s,
        )
        self._sql = statements("commit")
        self._heads: dict[UserId, HeadsOfUser] = {}
        """As of our last commit. Another process may have moved them; the commit function notices."""
        self._months = Months()

    async def open(self) -> None:
        """Connect now, so that a wrong URL is found at start.

        Raises:
            DependencyAway: The server does not answer, or not yet.
            ConfigError: It refuses our credentials.
        """
        await self._session.connection()

    async def close(self) -> None:
        """Close the connection."""
        await self._session.close()

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run statements that belong between two batches, such as the renewal of leases, on this connection.

        Raises:
            DependencyAway: The server went away; whether the work was done is not known.
        """
        async with self._session.use() as connection:
            return await work(connection)

    def commit_now(self, units: Sequence[WriteUnit]) -> list[UnitResult]:  # noqa: ARG002 - the port's signature.
        """Refuse: a commit to a disk is awaited."""
        raise AssertionError("commit_now: expected a store in memory, was PostgreSQL")

    async def commit(self, units: Sequence[WriteUnit]) -> list[UnitResult]:
        """Commit whole units in the order given; repeating a batch changes nothing.

        A large batch takes several transactions, cut between units.

        Raises:
            DependencyAway: The database is away, or the outcome of the commit is not known. The same units must be
                given again, and nothing else before them.
        """
        results: Results = {}
        broken: set[Cell] = set()
        try:
            async with self._session.use() as connection:
                for part in parts(units):
                    await self._commit_part(connection, _not_behind(broken, part, results), results)
                    broken |= {cell for unit in part if results[unit.id].refused and (cell := _cell_of(unit))}
        except BaseException:
            # What the heads are now is not known; the next batch asks.
            for user_id in users_of(units):
                self._heads.pop(user_id, None)
            raise
        return [results[unit.id] for unit in units]

    async def _commit_part(self, connection: Connection, units: list[WriteUnit], results: Results) -> None:
        try:
            await self._months.ensure(connection, (row for unit in units for row in unit.rows))
            await self._attempt(connection, units, results)
        except (asyncpg.PostgresError, TypeError, ValueError, OverflowError, RecursionError) as error:
            if not is_about_data(error):
                raise
            if len(units) == 1:
                results[units[0].id] = _refused(units[0], "bad_data", describe(error))
            else:
                await self._commit_apart(connection, units, results)

    async def _commit_apart(self, connection: Connection, units: list[WriteUnit], results: Results) -> None:
        """Find the unit whose data is refused: one transaction, each unit under a savepoint of its own."""
        broken: set[Cell] = set()
        async with connection.transaction():
            for unit in units:
                if not _not_behind(broken, [unit], results):
                    continue
                try:
                    async with connection.transaction():
                        await self._attempt(connection, [unit], results)
                        # Otherwise a deferred check would refuse the whole transaction at its end.
                        await connection.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
                except (asyncpg.PostgresError, TypeError, ValueError, OverflowError, RecursionError) as error:
                    if not is_about_data(error):
                        raise
                    self._heads.pop(unit.user_id, None)
                    results[unit.id] = _refused(unit, "bad_data", describe(error))
                    cell = _cell_of(unit)
                    if cell is not None:
                        broken.add(cell)

    async def _attempt(self, connection: Connection, units: list[WriteUnit], results: Results) -> None:
        """Commit the units, less those that turn out to be fenced or committed before."""
        turns = 0
        while units:
            turns += 1
            if turns > TURNS_MAX:
                raise DependencyAway("database", why=f"expected {len(units)} units to settle, they did not")
            await self._know_heads(connection, units)
            planned = plan(units, self._heads)
            try:
                # Inside a transaction a failed call would end it.
                if connection.is_in_transaction():
                    async with connection.transaction():
                        await connection.execute(self._sql["commit"], *planned.arguments)
                else:
                    await connection.execute(self._sql["commit"], *planned.arguments)
            except asyncpg.PostgresError as error:
                if error.sqlstate == LEASE_NOT_HELD:
                    units = await self._without_fenced(connection, units, results)
                elif error.sqlstate == COMMITTED_BEFORE:
                    units = await self._without_committed(connection, units, results)
                elif error.sqlstate == HEADS_MOVED:
                    self._forget_heads(units)
                else:
                    raise
            else:
                self._take(planned, results)
                return

    def _take(self, planned: Plan, results: Results) -> None:
        planned.numbering.apply()
        for each in planned.numbered:
            answer = WriteAnswer(unit_id=each.unit.id, first_seq=each.first_seq, last_seq=each.last_seq)
            results[each.unit.id] = UnitResult(unit=each.unit, answer=answer, events=each.events)

    async def _know_heads(self, connection: Connection, units: Iterable[WriteUnit]) -> None:
        missing = [user_id for user_id in users_of(units) if user_id not in self._heads]
        if not missing:
            return
        self._heads.update({user_id: {} for user_id in missing})
        for row in await connection.fetch(self._sql["heads"], missing):
            self._heads[UserId(_uuid(row["user_id"]))][row["channel"]] = row["seq"]

    def _forget_heads(self, units: Iterable[WriteUnit]) -> None:
        for user_id in users_of(units):
            self._heads.pop(user_id, None)

    async def _without_fenced(
        self, connection: Connection, units: list[WriteUnit], results: Results
    ) -> list[WriteUnit]:
        cells = cells_of(units)
        held_rows = await connection.fetch(self._sql["held_leases"], [c[0] for c in cells], [c[1] for c in cells])
        held = {(_uuid(row["user_id"]), row["fence"]) for row in held_rows}
        left = []
        for unit in units:
            if unit.fence is None or (unit.user_id, unit.fence) in held:
                left.append(unit)
            else:
                results[unit.id] = _refused(unit, "fenced", f"the lease with fence {unit.fence} is not held")
        return left

    async def _without_committed(
        self, connection: Connection, units: list[WriteUnit], results: Results
    ) -> list[WriteUnit]:
        found = await connection.fetch(self._sql["committed_units"], [unit.id for unit in units])
        known = {_uuid(row["id"]): row for row in found}
        for unit in units:
            row = known.get(unit.id)
            if row is not None:
                events = await self._events_of(connection, row)
                answer = WriteAnswer(unit_id=unit.id, first_seq=row["first_seq"], last_seq=row["last_seq"])
                results[unit.id] = UnitResult(unit=unit, answer=answer, events=events)
        self._forget_heads(units)
        return [unit for unit in units if unit.id not in known]

    async def _events_of(self, connection: Connection, unit: asyncpg.Record) -> tuple[CommittedEvent, ...]:
        if unit["first_seq"] is None:
            return ()
        found = await connection.fetch(
            self._sql["events_of_unit"], unit["user_id"], unit["first_seq"], unit["last_seq"]
        )
        return tuple(event_of(row) for row in found)


def event_of(row: asyncpg.Record) -> CommittedEvent:
    """Return an event as it was when it was committed, its JSON text byte for byte."""
    return CommittedEvent(
        seq=row["seq"],
        prev=row["prev_seq"],
        user_id=UserId(_uuid(row["user_id"])),
        channel=row["channel"],
        type=row["type"],
        at_ns=row["at"],
        account_id=None if row["account_id"] is None else _uuid(row["account_id"]),  # type: ignore[arg-type]
        correlation_id=None if row["correlation_id"] is None else _uuid(row["correlation_id"]),  # type: ignore[arg-type]
        data=row["payload"].encode(),
    )


def _uuid(value: UUID) -> UUID:
    # asyncpg's own subclass is slower to hash and no UUID to some encoders.
    return UUID(int=value.int)


def _cell_of(unit: WriteUnit) -> Cell | None:
    return None if unit.fence is None else (unit.user_id, unit.fence)


def _not_behind(broken: set[Cell], units: list[WriteUnit], results: Results) -> list[WriteUnit]:
    """Refuse the units of cells of which one was refused: they go on from what is not there. Return the others."""
    if not broken:
        return units
    left = []
    for unit in units:
        if _cell_of(unit) in broken:
            results[unit.id] = _refused(unit, "bad_data", "behind a unit of the same cell that was refused")
        else:
            left.append(unit)
    return left


def _refused(unit: WriteUnit, why: str, detail: str) -> UnitResult:
    return UnitResult(unit=unit, answer=None, refused=why, detail=detail)


async def _make_function(connection: Connection) -> None:
    await make_function(connection, commit_function())
