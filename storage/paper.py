"""The paper venue's store on PostgreSQL: schema `paper`, on a connection and in transactions of its own.

No transaction touches both this schema and the engine's: the two may tell different stories after a crash, as a real
exchange and an engine do, and reconciliation brings them together.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Final, TypeVar
from uuid import UUID

import asyncpg

from engine.domain.errors import BadInput, DependencyAway
from engine.domain.identifiers import AccountId, Venue
from engine.messages import rows_paper
from engine.messages.ports import PaperState, VenueClaim
from engine.messages.rows import Row
from engine.messages.rows_paper import (
    PaperAccountRow,
    PaperBalanceRow,
    PaperMarkRow,
    PaperOrderRow,
    PaperPositionRow,
    PaperTradeRow,
)
from storage.commit_plan import rows_by_class, table_blocks
from storage.failures import describe
from storage.pool import Connection
from storage.roles import Endpoints
from storage.row_decode import columns_of, decode
from storage.session import Session, make_function
from storage.sql import statements
from storage.tables import table_of

R = TypeVar("R", bound=Row)

NOBODY: Final = UUID(int=0)
"""Owner of stores that are opened for a tool or a test."""
NOT_HELD: Final = "CV004"
CLAIM_TTL_NS: Final = 10_000_000_000
"""As that of a lease: the cells of a dead process and its paper venue are free at the same time."""

ORDER: Final[tuple[type[Row], ...]] = (
    PaperAccountRow,
    PaperBalanceRow,
    PaperPositionRow,
    PaperOrderRow,
    PaperTradeRow,
    PaperMarkRow,
)
"""What others point to first."""
PLACE_OF: Final[dict[type[Row], int]] = {row_class: place for place, row_class in enumerate(ORDER)}
_COLUMNS = re.compile(r"\{columns:(\w+)\}")


@cache
def _statements() -> Mapping[str, str]:
    def columns(mark: re.Match[str]) -> str:
        return columns_of(getattr(rows_paper, mark[1]))

    # The function has no counts of rows: no table of the venue is one that another user's row could refuse.
    assert not any(table_of(row_class).is_guarded for row_class in ORDER), "expected paper tables without a guard"
    tables = table_blocks(ORDER)
    return {name: _COLUMNS.sub(columns, text).replace("{tables}", tables) for name, text in statements("paper").items()}


class PostgresPaperStore:
    """`PaperStore` on two connections: one commits, one answers questions meanwhile."""

    is_instant = False

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        settings: Mapping[str, str] | None = None,
        owner: UUID = NOBODY,
        holder: str = "",
        ttl_ns: int = CLAIM_TTL_NS,
    ) -> None:
        """Connect nowhere yet.

        Args:
            endpoints: Where the daemon logs in.
            settings: Server settings of the committing session, such as another `synchronous_commit`.
            owner: Node id of the data directory: who takes venues.
            holder: The process, for people.
            ttl_ns: How long a claim lasts that is not made again.
        """
        self._owner = owner
        self._holder = holder
        self._ttl_us = ttl_ns // 1_000
        self._epochs: dict[Venue, int] = {}
        """Of the newest claim that was granted, held or lost since."""
        self._writes = Session(endpoints, name="cival-paper", settings=settings, prepare=_prepare)
        self._reads = Session(endpoints, name="cival-paper-reads")
        self._sql = _statements()

    async def close(self) -> None:
        """Close the connections."""
        await self._writes.close()
        await self._reads.close()

    async def claim(self, venue: Venue) -> VenueClaim:
        """Become the one process that runs a venue, or stay it; on the connection that commits, between two commits.

        Raises:
            DependencyAway: The database is away.
        """
        sql = self._sql
        async with self._writes.use() as connection:
            epoch = self._epochs.get(venue)
            if epoch is not None:
                kept = await connection.fetchval(sql["prolong_claim"], venue, self._owner, epoch, self._ttl_us)
                if kept is not None:
                    return VenueClaim(epoch=epoch, holder=self._holder)
            taken: int | None = await connection.fetchval(
                sql["take_claim"], venue, self._owner, self._holder, self._ttl_us
            )
            if taken is not None:
                self._epochs[venue] = taken
                return VenueClaim(epoch=taken, holder=self._holder)
            return VenueClaim(epoch=None, holder=await connection.fetchval(sql["holder"], venue) or "")

    async def release(self, venue: Venue) -> None:
        """Let another process take a venue at once.

        Raises:
            DependencyAway: The database is away: the others wait for the expiry.
        """
        epoch = self._epochs.get(venue)
        if epoch is not None:
            async with self._writes.use() as connection:
                await connection.execute(self._sql["release_claim"], venue, self._owner, epoch)

    async def load(self, venue: Venue, session: str) -> PaperState:
        """Read everything that is open.

        Raises:
            DependencyAway: The database is away.
        """
        sql = self._sql
        async with self._reads.use() as connection:
            accounts = _rows(PaperAccountRow, await connection.fetch(sql["accounts"], venue))
            ids = [account.account_id for account in accounts]
            mark = await connection.fetchrow(sql["mark"], venue, session)
            return PaperState(
                accounts=accounts,
                balances=_rows(PaperBalanceRow, await connection.fetch(sql["balances"], ids)),
                positions=_rows(PaperPositionRow, await connection.fetch(sql["positions"], ids)),
                open_orders=_rows(PaperOrderRow, await connection.fetch(sql["open_orders"], venue)),
                last_cursor=await connection.fetchval(sql["last_cursor"], venue),
                last_order_id=await connection.fetchval(sql["last_order_id"], venue),
                mark=None if mark is None else decode(PaperMarkRow, mark),
            )

    def commit_now(self, batch_id: UUID, rows: Sequence[Row]) -> None:  # noqa: ARG002 - the port's signature.
        """Refuse: a commit to a disk is awaited."""
        raise AssertionError("commit_now: expected a store in memory, was PostgreSQL")

    async def commit(self, batch_id: UUID, rows: Sequence[Row]) -> None:
        """Commit rows in one transaction and one round trip; a batch id that is known changes nothing.

        Raises:
            DependencyAway: Away, or outcome unknown, or the claim does not hold: claim, and if the epoch is the same
                give the same batch again.
            BadInput: The batch was refused for what it holds; nothing of it is in.
        """
        venue = next((row.venue for row in rows if isinstance(row, PaperMarkRow)), None)
        epoch = None if venue is None else self._epochs.get(venue)
        try:
            texts, _ = rows_by_class(rows, PLACE_OF)
            async with self._writes.use() as connection:
                await connection.execute(self._sql["commit"], batch_id, texts, epoch and venue, epoch)
        except asyncpg.PostgresError as error:
            if error.sqlstate == NOT_HELD:
                raise DependencyAway("paper venue", why=str(error)) from error
            raise BadInput("rows", expected="rows that the venue's tables take", was=describe(error)) from error
        except (TypeError, ValueError) as error:
            raise BadInput("rows", expected="rows that the venue's tables take", was=describe(error)) from error

    async def fills(
        self, account_id: AccountId, after: int, limit: int, venue_client_id: str | None = None
    ) -> list[PaperTradeRow]:
        """Read fills with a cursor above `after`, of one order or of all, oldest first, at most `limit`.

        Raises:
            DependencyAway: The database is away.
        """
        async with self._reads.use() as connection:
            if venue_client_id is None:
                records = await connection.fetch(self._sql["fills"], account_id, after, limit)
            else:
                records = await connection.fetch(self._sql["order_fills"], account_id, after, limit, venue_client_id)
        return list(_rows(PaperTradeRow, records))

    async def order(self, account_id: AccountId, venue_client_id: str) -> PaperOrderRow | None:
        """Read one order, open or not.

        Raises:
            DependencyAway: The database is away.
        """
        async with self._reads.use() as connection:
            record = await connection.fetchrow(self._sql["order"], account_id, venue_client_id)
        return None if record is None else decode(PaperOrderRow, record)


async def _prepare(connection: Connection) -> None:
    await make_function(connection, _statements()["commit_function"])


def _rows(row_class: type[R], records: Iterable[asyncpg.Record]) -> tuple[R, ...]:
    return tuple(decode(row_class, record) for record in records)
