"""Lets rows leave that only a repeat of something long past could ask for.

`write_units` and `paper.batches` hold ids, so that a batch whose commit answer was lost changes nothing when it comes
again. It comes again until it is answered, and before anything else; whoever gave it has lost its lease long before a
day is over. Expired idempotency keys are replaced when they are used again, and leave when they are not. Of the events
of a user only the first ones leave, so that what is kept has no holes and its first number says what can be resumed.
"""

from collections.abc import Mapping
from typing import Final

from engine.domain.errors import DependencyAway
from storage.pool import OUTCOME_UNKNOWN, Pool
from storage.sql import statements

ROWS_MAX: Final = 2_000
"""Rows of one statement: a few milliseconds, in which nobody waits for more than these rows."""
TABLES: Final = ("write_units", "paper_batches", "idempotency_keys", "events")


class Retention:
    """Deletes as the daemon."""

    def __init__(self, pool: Pool) -> None:
        """Work on a pool of the daemon's role."""
        self._pool = pool
        self._sql = statements("retention")

    async def prune(self, before_ns: Mapping[str, int]) -> dict[str, int]:
        """Delete at most `ROWS_MAX` rows of each table.

        Args:
            before_ns: Table of `TABLES` -> wall time; what is older leaves.

        Returns:
            Table -> rows deleted; as many as are allowed means that there may be more.

        Raises:
            DependencyAway: The database is away; some of it may be done.
        """
        deleted: dict[str, int] = {}
        try:
            for table, at_ns in before_ns.items():
                tag = await self._pool.execute(self._sql[table], at_ns, ROWS_MAX)
                deleted[table] = int(tag.split()[-1])
        except OUTCOME_UNKNOWN as error:
            raise DependencyAway("database", why=type(error).__name__) from error
        return deleted
