"""Makes the monthly partitions that rows need, before the rows."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final

from engine.messages.rows import Row
from storage.pool import Connection
from storage.sql import statements
from storage.tables import table_of

NS_PER_DAY: Final = 86_400_000_000_000
FIRST_DAY: Final = 10_957
"""2000-01-01, counted from 1970. What is older, or after 2199, goes into the default partition."""
LAST_DAY: Final = 84_005


class Months:
    """Which partitions are known to exist."""

    def __init__(self) -> None:
        self._statement = statements("bulk")["ensure_month"]
        self._days: set[tuple[str, int]] = set()
        """(table, day) seen; looking it up is all that a row costs."""
        self._made: set[tuple[str, date]] = set()

    async def ensure(self, connection: Connection, rows: Iterable[Row]) -> None:
        """Have the months of the rows made, each in a transaction of its own.

        Raises:
            TypeError: A row has no time where its month should be.
        """
        for row in rows:
            column = table_of(type(row)).month_column
            if column is None:
                continue
            day = getattr(row, column) // NS_PER_DAY
            if (row.__table__, day) not in self._days and FIRST_DAY <= day <= LAST_DAY:
                await self._ensure_day(connection, row.__table__, day)

    async def _ensure_day(self, connection: Connection, table: str, day: int) -> None:
        month = datetime.fromtimestamp(day * 86_400, UTC).date().replace(day=1)
        if (table, month) not in self._made:
            await connection.execute(self._statement, table, month)
            self._made.add((table, month))
        self._days.add((table, day))
