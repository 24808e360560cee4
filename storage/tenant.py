"""Reads on behalf of one user, with row-level security as the last line: a forgotten `where` shows nobody's rows.

The identity is set inside the transaction (`SET LOCAL`), where it cannot leak to the next borrower of the connection.
Begin, role and identity travel as one simple query: one round trip instead of four.
"""

import contextlib
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg

from engine.domain.errors import DependencyAway
from storage.pool import AWAY, OUTCOME_UNKNOWN, Connection, Pool

_BEGIN = """
begin isolation level {isolation} read only;
set local role authenticated;
set local request.jwt.claims = '{{"sub":"{user_id}","role":"authenticated"}}'
"""


@contextlib.asynccontextmanager
async def tenant_transaction(pool: Pool, user_id: UUID, *, is_snapshot: bool = False) -> AsyncIterator[Connection]:
    """Give a connection that sees the rows of `user_id` and no other, read only, until the block ends.

    Args:
        pool: Connections of `cival_api`.
        is_snapshot: Every statement of the block sees the same moment, such as rows and the head of their stream.

    Raises:
        DependencyAway: The database went away.
    """
    # Nothing but 32 hex digits and hyphens comes out of a UUID, so that nothing can be smuggled in.
    begin = _BEGIN.format(
        isolation="repeatable read" if is_snapshot else "read committed", user_id=UUID(int=user_id.int)
    )
    try:
        async with pool.acquire() as connection:
            await connection.execute(begin)
            try:
                yield connection
            except BaseException:
                with contextlib.suppress(asyncpg.PostgresError, *OUTCOME_UNKNOWN):
                    await connection.execute("rollback")
                raise
            await connection.execute("commit")
    except AWAY as error:
        raise DependencyAway("database", why=type(error).__name__) from error
