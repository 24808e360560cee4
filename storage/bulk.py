"""Where public market data goes: a connection that does not wait for the disk, in small pieces.

A crash may lose the last moments; the feed brings prices again, and candles are built again from a replay. Pieces are
small because a large statement would hold up the loop while it is encoded.
"""

from collections.abc import Sequence
from typing import Final

import asyncpg

from engine.domain.errors import BadInput
from engine.messages.rows import Row
from storage.failures import describe
from storage.months import Months
from storage.pool import Connection
from storage.roles import Endpoints
from storage.session import Session
from storage.tables import FACTS, encode_rows, newest_per_key, table_of

ROWS_MAX: Final = 250
"""Rows of one statement: 1.5 ms of encoding at the most."""


class PostgresBulkStore:
    """`BulkStore` on a connection of its own."""

    def __init__(self, endpoints: Endpoints) -> None:
        """Connect nowhere yet."""
        self._session = Session(endpoints, name="cival-bulk", settings={"synchronous_commit": "off"})
        self._months = Months()

    async def close(self) -> None:
        """Close the connection."""
        await self._session.close()

    async def write(self, rows: Sequence[Row]) -> None:
        """Write rows of tables without a user, each piece in a transaction of its own.

        Raises:
            DependencyAway: The database is away; which pieces are in is not known. The same rows may come again.
            BadInput: A piece was refused for what it holds; the pieces before it are in.
        """
        try:
            async with self._session.use() as connection:
                await self._months.ensure(connection, rows)
                for row_class in FACTS:
                    of_class = [row for row in rows if type(row) is row_class]
                    await _write_class(connection, row_class, of_class)
        except (asyncpg.PostgresError, TypeError, ValueError) as error:
            raise BadInput("rows", expected="rows that their tables take", was=describe(error)) from error


async def _write_class(connection: Connection, row_class: type[Row], rows: Sequence[Row]) -> None:
    if not rows:
        return
    table = table_of(row_class)
    statement = table.statement("$1::text")
    unique = newest_per_key(table, rows)
    for start in range(0, len(unique), ROWS_MAX):
        await connection.execute(statement, encode_rows(unique[start : start + ROWS_MAX]))
