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
from storage.tables import encode_rows, newest_per_key, table_of

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
                for start in range(0, len(rows), ROWS_MAX):
                    piece = rows[start : start + ROWS_MAX]
                    await self._months.ensure(connection, piece)
                    await _write_piece(connection, piece)
        except (asyncpg.PostgresError, TypeError, ValueError) as error:
            raise BadInput("rows", expected="rows that their tables take", was=describe(error)) from error


async def _write_piece(connection: Connection, rows: Sequence[Row]) -> None:
    by_class: dict[type[Row], list[Row]] = {}
    for row in rows:
        by_class.setdefault(type(row), []).append(row)
    for row_class, of_class in by_class.items():
        table = table_of(row_class)
        await connection.execute(table.statement("$1::text"), encode_rows(newest_per_key(table, of_class)))
