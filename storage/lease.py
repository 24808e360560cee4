"""Leases: which process may write and send for a user's cell.

A lease is a row with a fence that only ever grows. The writer holds its units' leases for the length of each
transaction (`hold`), so a process that lost one writes nothing, however late it wakes up. What a database cannot fence,
requests to venues, stops earlier: `may_send` ends a safety margin before the lease does, by the monotonic clock. So a
process that was frozen and wakes sends nothing late.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from engine.runtime.clock import Clock
from storage.pool import Connection

TTL_NS: Final = 10_000_000_000
RENEW_EVERY_NS: Final = 3_000_000_000
SEND_MARGIN_NS: Final = 3_000_000_000
"""Sending stops this long before the lease expires."""
AWAY_BELIEVED_NS: Final = 15_000_000_000
"""How long a failed renewal says that the database is away: the next follows within a second, and fails within ten."""

_ACQUIRE = """
    insert into cell_leases as l (user_id, fence, owner, expires_at, holder)
    select u, 1, $2, clock_timestamp() + $3 * interval '1 microsecond', $4 from unnest($1::uuid[]) u order by u
    on conflict (user_id) do update
        set fence = l.fence + 1, owner = excluded.owner, expires_at = excluded.expires_at, holder = excluded.holder
        where l.owner = excluded.owner or l.expires_at <= clock_timestamp()
    returning user_id, fence
"""
# The rows are locked in the order of their users, as every transaction of the writer does: no deadlock.
_RENEW = """
    with mine as (
        select l.user_id from cell_leases l join unnest($1::uuid[], $2::bigint[]) held (user_id, fence)
            on l.user_id = held.user_id and l.fence = held.fence
        where l.owner = $3 order by l.user_id for update of l
    )
    update cell_leases l set expires_at = clock_timestamp() + $4 * interval '1 microsecond'
    from mine where l.user_id = mine.user_id
    returning l.user_id
"""
# The row stays, and with it the fence: a deleted row would start to count again at 1.
_RELEASE = """
    with mine as (
        select l.user_id from cell_leases l join unnest($1::uuid[], $2::bigint[]) held (user_id, fence)
            on l.user_id = held.user_id and l.fence = held.fence
        where l.owner = $3 order by l.user_id for update of l
    )
    update cell_leases l set expires_at = clock_timestamp() from mine where l.user_id = mine.user_id
"""
# FOR SHARE makes a take-over wait for the commit; FOR KEY SHARE would not.
_HOLD = """
    select l.user_id from cell_leases l join unnest($1::uuid[], $2::bigint[]) held (user_id, fence)
        on l.user_id = held.user_id and l.fence = held.fence
    where l.expires_at > clock_timestamp() order by l.user_id for share of l
"""


_HOLDER = "select holder, owner from cell_leases where user_id = $1 and expires_at > clock_timestamp()"


@dataclass(slots=True)
class _Held:
    fence: int
    expires_monotonic_ns: int


class Leases:
    """The leases of this process. Its methods run on the writer's own connection, between two batches."""

    def __init__(self, owner: UUID, clock: Clock, ttl_ns: int = TTL_NS, holder: str = "") -> None:
        """Hold none.

        Args:
            owner: Node id of the data directory.
            clock: Its monotonic time should go on while the machine sleeps.
            ttl_ns: How long a lease lasts without a renewal.
            holder: This process, for people.
        """
        self.owner = owner
        """Node id of the data directory."""
        self._clock = clock
        self._ttl_ns = ttl_ns
        self._holder = holder
        self._held: dict[UUID, _Held] = {}
        self._away_ns: int | None = None
        """When a renewal last failed to reach the database; None since one has."""

    async def acquire(self, connection: Connection, users: Collection[UUID]) -> dict[UUID, int]:
        """Take the leases that are free, expired, or were this node's before it restarted.

        Returns:
            The new fence of each user whose lease was taken; a user who is missing belongs to another node still.
        """
        # The time before the question: the answer may have been long on its way.
        asked_ns = self._clock.monotonic_ns()
        rows = await connection.fetch(_ACQUIRE, list(users), self.owner, self._ttl_ns // 1000, self._holder)
        taken = {_uuid(row["user_id"]): int(row["fence"]) for row in rows}
        for user_id, fence in taken.items():
            self._held[user_id] = _Held(fence, asked_ns + self._ttl_ns)
        return taken

    async def renew(self, connection: Connection) -> set[UUID]:
        """Prolong every lease held here.

        Returns:
            Users whose lease was lost: their cells must stop.
        """
        if not self._held:
            return set()
        asked_ns = self._clock.monotonic_ns()
        held = dict(self._held)
        rows = await connection.fetch(
            _RENEW, list(held), [lease.fence for lease in held.values()], self.owner, self._ttl_ns // 1000
        )
        renewed = {_uuid(row["user_id"]) for row in rows}
        for user_id in renewed:
            held[user_id].expires_monotonic_ns = asked_ns + self._ttl_ns
        lost = set(held) - renewed
        for user_id in lost:
            self.forget(user_id)
        return lost

    async def release(self, connection: Connection, users: Collection[UUID]) -> None:
        """Give leases back, so that another node need not wait. Their fences end here."""
        held = {user_id: self._held[user_id].fence for user_id in users if user_id in self._held}
        for user_id in held:
            self.forget(user_id)
        if held:
            await connection.execute(_RELEASE, list(held), list(held.values()), self.owner)

    async def holder(self, connection: Connection, user_id: UUID) -> str:
        """Say who has a user's lease, for people; empty if nobody has."""
        rows = await connection.fetch(_HOLDER, user_id)
        return f"{rows[0]['holder'] or 'node'} ({rows[0]['owner']})" if rows else ""

    def forget(self, user_id: UUID) -> None:
        """Stop counting on a lease, such as after a unit was fenced."""
        self._held.pop(user_id, None)

    def fence(self, user_id: UUID) -> int | None:
        """Return the fence held for a user, None without a lease."""
        held = self._held.get(user_id)
        return None if held is None else held.fence

    def may_send(self, user_id: UUID, fence: int) -> bool:
        """Whether an order of this cell may leave now: port `SendPermit`."""
        held = self._held.get(user_id)
        if held is None or held.fence != fence:
            return False
        return self._clock.monotonic_ns() < held.expires_monotonic_ns - SEND_MARGIN_NS

    def may_cancel(self, user_id: UUID, fence: int) -> bool:
        """Whether a cancel of this cell may leave now: port `SendPermit`."""
        if self.may_send(user_id, fence):
            return True
        # While the database is away nobody can have told us that the lease is lost; cancels are what still leaves then.
        return self._is_store_away() and self.fence(user_id) == fence

    def note_store(self, *, is_away: bool) -> None:
        """Learn whether the last renewal reached the database."""
        self._away_ns = self._clock.monotonic_ns() if is_away else None

    def _is_store_away(self) -> bool:
        # What was true before this process stood still may not be: the next renewal says.
        return self._away_ns is not None and self._clock.monotonic_ns() - self._away_ns < AWAY_BELIEVED_NS


async def hold(connection: Connection, fences: Mapping[UUID, int]) -> set[UUID]:
    """Lock the leases that units are written under, as the first statement of a writer's transaction.

    Args:
        fences: User and fence of the units to write.

    Returns:
        Users whose lease is still this one; it stays theirs until the transaction ends. The others are fenced.
    """
    if not fences:
        return set()
    rows = await connection.fetch(_HOLD, list(fences), list(fences.values()))
    return {_uuid(row["user_id"]) for row in rows}


def _uuid(value: UUID) -> UUID:
    # asyncpg's own UUID class compares equal and hashes alike, but JSON encoders refuse it.
    return UUID(int=value.int)
