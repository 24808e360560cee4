"""Which engines reach a venue from the same address: they share what it allows per address. Port `RateShares`.

A row says that a node is there, and for how long to believe it. A node that dies leaves its part to the others when its
row has expired; one that restarts finds its own.
"""

from typing import Any, Final
from uuid import UUID

from engine.domain.errors import DependencyAway
from engine.domain.identifiers import Venue
from storage.pool import OUTCOME_UNKNOWN, Pool

TTL_NS: Final = 15_000_000_000
"""How long a node counts without another sign of life."""

# A row that this statement writes is not seen by its own SELECT: the others are counted, and this node is one more.
_RENEW = """
    with gone as (
        delete from rate_shares where venue = $1 and rate_group = $2 and expires_at <= clock_timestamp()
    ), mine as (
        insert into rate_shares (venue, rate_group, owner, expires_at)
        values ($1, $2, $3, clock_timestamp() + $4 * interval '1 microsecond')
        on conflict (venue, rate_group, owner) do update set expires_at = excluded.expires_at
    )
    select 1 + count(*) from rate_shares
    where venue = $1 and rate_group = $2 and owner <> $3 and expires_at > clock_timestamp()
"""
_LEAVE = "delete from rate_shares where venue = $1 and rate_group = $2 and owner = $3"


class PostgresRateShares:
    """The nodes of one database."""

    def __init__(self, pool: Pool, owner: UUID, ttl_ns: int = TTL_NS) -> None:
        """Speak for `owner`, the node id of the data directory, through a pool of the daemon's role."""
        self._pool = pool
        self._owner = owner
        self._ttl_ns = ttl_ns

    async def renew(self, venue: Venue, group: str) -> int:
        """Say that this node is there; return how many are, itself included.

        Raises:
            DependencyAway: The database is away.
        """
        return int(await self._value(_RENEW, venue, group, self._owner, self._ttl_ns // 1000))

    async def leave(self, venue: Venue, group: str) -> None:
        """Give this node's part to the others now.

        Raises:
            DependencyAway: The database is away; the row expires by itself.
        """
        await self._value(_LEAVE, venue, group, self._owner)

    async def _value(self, sql: str, *arguments: Any) -> Any:
        try:
            return await self._pool.fetchval(sql, *arguments)
        except OUTCOME_UNKNOWN as error:
            raise DependencyAway("database", why=str(error)) from error
