"""What deciding code needs from outside, as protocols; `engine.bootstrap` hands over something that fits.

Nothing here knows who implements it: a wall clock or a virtual one, PostgreSQL or memory.
"""

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from engine.domain.identifiers import Symbol, UserId, Venue

Rng = random.Random
"""Seeded source of chance; never the module's own functions."""


class Timer(Protocol):
    """A pending call."""

    def cancel(self) -> None:
        """Drop the call; harmless when it has run."""


class Clock(Protocol):
    """Time in integer nanoseconds UTC."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970, UTC."""

    def monotonic_ns(self) -> int:
        """Nanoseconds that never go back; for deadlines and leases."""

    def call_at(self, when_ns: int, callback: Callable[[], None]) -> Timer:
        """Call once when `now_ns()` reaches `when_ns`; at once if it has passed."""


class Ids(Protocol):
    """Maker of ids."""

    def uuid(self) -> UUID:
        """A UUIDv7, greater than every one before it."""


class Marks(Protocol):
    """The newest known prices, kept by `MarketData`, read by gate, coordinator and ledger."""

    def price(self, venue: Venue, symbol: Symbol) -> Decimal | None:
        """Mid price, or the last trade where there is no quote; None before the first event."""

    def quote(self, venue: Venue, symbol: Symbol) -> tuple[Decimal, Decimal] | None:
        """(bid, ask)."""

    def age_ns(self, venue: Venue, symbol: Symbol) -> int | None:
        """Nanoseconds of market time since the last event of the symbol."""

    def is_stale(self, venue: Venue, symbol: Symbol) -> bool:
        """Whether the symbol's book is out of sync or silent too long."""

    def why_closed(self, venue: Venue, symbol: Symbol) -> str:
        """Why the venue takes no orders in the symbol now (delisted, halted); empty while it trades."""

    def is_past(self, venue: Venue) -> bool:
        """Whether the venue's market is the past: a replay that starts over is not yet where it was stopped."""


class SendPermit(Protocol):
    """Says whether a process still owns a user's cell. A connector asks directly before each write to the wire."""

    def may_send(self, user_id: UserId, fence: int) -> bool:
        """Whether an order or an amend of the cell with this fence may leave now.

        False from some seconds before the lease ends: another process may take over when it has.
        """

    def may_cancel(self, user_id: UserId, fence: int) -> bool:
        """Whether a cancel may leave now: as `may_send`, and also while the database cannot be asked.

        Then nobody has said that the lease is lost, and a forgotten cancel may do harm where a needless one does none.
        """


class RateShares(Protocol):
    """Counts the engines that reach a venue from one address, and so share what it allows per address."""

    async def renew(self, venue: Venue, group: str) -> int:
        """Say that this engine is there; return how many are, itself included.

        Args:
            venue: Whose limits.
            group: Name of the address, the same for all behind it.

        Raises:
            DependencyAway: Nobody can tell now.
        """

    async def leave(self, venue: Venue, group: str) -> None:
        """Give this engine's part to the others now.

        Raises:
            DependencyAway: Nobody was told; the part is free when this engine's sign of life has expired.
        """
