"""Ports whose arguments are messages: the stores behind the writer and the paper venue."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from engine.domain.identifiers import AccountId, Venue
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


class UnitResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one unit of a batch."""

    unit: WriteUnit
    answer: WriteAnswer | None
    """None if the unit was refused."""
    refused: str | None = None
    """`fenced` or `bad_data`; nothing of the unit is in the store."""
    detail: str = ""
    events: tuple[CommittedEvent, ...] = ()


class FactStore(Protocol):
    """Where units become durable. PostgreSQL, memory, or the simulator's."""

    is_instant: bool
    """True where `commit_now` commits without waiting (memory)."""

    def commit_now(self, units: Sequence[WriteUnit]) -> list[UnitResult]:
        """Commit at once; only where `is_instant`."""

    async def commit(self, units: Sequence[WriteUnit]) -> list[UnitResult]:
        """Commit whole units in one transaction, in the order given; repeating a batch changes nothing.

        Raises:
            DependencyAway: The database is away, or the outcome of the commit is not known. The same units must be
                given again, and nothing else before them.
        """


class BulkStore(Protocol):
    """Where public market data and logs go: no user, no fence, no journal; may lose the last moments in a crash."""

    async def write(self, rows: Sequence[Row]) -> None:
        """Write rows of tables without a user.

        Raises:
            DependencyAway: Try again later or drop, as the caller's bound says.
        """


class PaperState(msgspec.Struct, frozen=True, kw_only=True):
    """All that a paper venue needs to continue."""

    accounts: tuple[PaperAccountRow, ...] = ()
    balances: tuple[PaperBalanceRow, ...] = ()
    positions: tuple[PaperPositionRow, ...] = ()
    open_orders: tuple[PaperOrderRow, ...] = ()
    last_cursor: int = 0
    last_order_id: int = 0
    """Highest `last_order_id` of the marks of all sessions of the venue: its order ids never repeat."""
    mark: PaperMarkRow | None = None


class VenueClaim(msgspec.Struct, frozen=True, kw_only=True):
    """Answer of a store that was asked for the right to run a paper venue."""

    epoch: int | None
    """Grows with each take-over; the same as before means that nobody else has run the venue. None: it is not ours."""
    holder: str = ""
    """Who has it."""


class PaperStore(Protocol):
    """The paper venue's own store."""

    is_instant: bool

    async def claim(self, venue: Venue) -> VenueClaim:
        """Become the one process that runs a venue, or stay it for a while longer.

        From the first claim on, commits are refused whenever the claim does not hold.

        Raises:
            DependencyAway: The database is away; whether the venue is ours is not known.
        """

    async def release(self, venue: Venue) -> None:
        """Give a venue back, so that another process need not wait for the claim to expire."""

    async def load(self, venue: Venue, session: str) -> PaperState:
        """Read everything that is open."""

    def commit_now(self, batch_id: UUID, rows: Sequence[Row]) -> None:
        """Commit at once; only where `is_instant`."""

    async def commit(self, batch_id: UUID, rows: Sequence[Row]) -> None:
        """Commit rows of schema `paper` in one transaction; a batch id that is known changes nothing.

        Raises:
            DependencyAway: Away, or outcome unknown, or the claim has expired: claim, and give the same batch again if
                the epoch is still the same.
        """

    async def fills(
        self, account_id: AccountId, after: int, limit: int, venue_client_id: str | None = None
    ) -> list[PaperTradeRow]:
        """Read fills with a cursor above `after`, of one order or of all, oldest first, at most `limit`."""

    async def order(self, account_id: AccountId, venue_client_id: str) -> PaperOrderRow | None:
        """Read one order, open or not."""
