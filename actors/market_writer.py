"""Brings public history to the database beside the handlers of `MarketData`: bounded, in batches, never in the way."""

from typing import Final

from actors.market_rows import RowBuffer
from engine.domain.errors import DependencyAway
from engine.messages.ports import BulkStore
from engine.runtime.clock import Clock
from engine.runtime.log import Logger

RETRY_NS: Final = 2_000_000_000
"""Wall time until the next try while the database is away."""


class MarketWriter:
    """Writes a `RowBuffer` out. One `write` runs at a time."""

    def __init__(self, bulk: BulkStore, clock: Clock, log: Logger) -> None:
        """Take the database, the wall clock, and where to tell that rows were lost."""
        self.rows = RowBuffer()
        self.is_writing = False
        self._bulk = bulk
        self._clock = clock
        self._log = log
        self._is_away = False
        self._retry_ns = 0
        self._dropped = 0

    @property
    def is_due(self) -> bool:
        """Whether there is something to write and nobody does it."""
        return bool(len(self.rows)) and not self.is_writing and self._clock.monotonic_ns() >= self._retry_ns

    async def write(self) -> None:
        """Write until nothing waits, or the database is away: then the rows wait for the next call."""
        self.is_writing = True
        try:
            while batch := self.rows.take():
                await self._bulk.write(batch)
                self.rows.written()
            self._returned()
        except DependencyAway as error:
            self._gone(error)
        finally:
            # Also when cancelled: what was taken may not have arrived, and every row may be written twice.
            self.rows.give_back()
            self.is_writing = False

    def _gone(self, error: DependencyAway) -> None:
        self._retry_ns = self._clock.monotonic_ns() + RETRY_NS
        if not self._is_away:
            self._is_away = True
            self._log.warning("market_history_waits", why=str(error), rows=len(self.rows))

    def _returned(self) -> None:
        lost = self.rows.dropped - self._dropped
        self._dropped = self.rows.dropped
        if self._is_away or lost:
            self._is_away = False
            self._log.info("market_history_written", rows_lost=lost)
