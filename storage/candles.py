"""Tells what is missing of past candles. Implements the port of `engine/bootstrap/backfill.py`."""

from engine.domain.errors import DependencyAway
from engine.domain.identifiers import Symbol, Venue
from storage.pool import OUTCOME_UNKNOWN, Pool
from storage.sql import statements

Range = tuple[int, int]
"""[since, until) in ns."""


class PostgresCandles:
    """The table `market_data_ohlcv`."""

    def __init__(self, pool: Pool) -> None:
        """Read through a pool of any role that sees public data."""
        self._pool = pool

    async def missing(self, venue: Venue, symbol: Symbol, timeframe: str, within: Range, step_ns: int) -> list[Range]:
        """Return the parts of a range without candles, oldest first.

        Args:
            venue: Whose.
            symbol: Of what.
            timeframe: `1m`, `1h`, ...
            within: Range, both ends whole multiples of the step.
            step_ns: Length of a candle.

        Raises:
            DependencyAway: The database is away.
        """
        try:
            rows = await self._pool.fetch(
                statements("candles")["missing"], venue, symbol, timeframe, *within, step_ns // 1_000
            )
        except OUTCOME_UNKNOWN as error:
            raise DependencyAway("database", why=type(error).__name__) from error
        return [(row["since"], row["until"]) for row in rows]
