"""Asks the database whether the books add up."""

from engine.domain.errors import DependencyAway
from storage import pool
from storage.pool import OUTCOME_UNKNOWN
from storage.roles import DatabaseRole, Endpoints
from storage.sql import statements


async def unbalanced(endpoints: Endpoints) -> dict[str, list[str]]:
    """Run every rule; rule -> the rows that break it, at most ten each. Empty lists are the proof.

    Raises:
        DependencyAway: The database is away.
    """
    connection = await pool.connect(endpoints, DatabaseRole.READER, application_name="cival-check")
    try:
        return {
            rule: [str(dict(row)) for row in await connection.fetch(sql)] for rule, sql in statements("books").items()
        }
    except OUTCOME_UNKNOWN as error:
        raise DependencyAway("database", why=type(error).__name__) from error
    finally:
        await connection.close()
