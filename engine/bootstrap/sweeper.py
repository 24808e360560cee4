"""Lets old rows leave in the background: a little at a time, sooner while there is more."""

from collections.abc import Mapping
from typing import Final, Protocol

from config.settings import RetentionSettings, duration_ns
from engine.domain.errors import DependencyAway
from engine.messages.system import TimerFired
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.clock import Clock

EVERY_NS: Final = 300_000_000_000
"""Wall time between two looks."""
AGAIN_NS: Final = 1_000_000_000
"""Wall time until the next piece while there is more."""


def kept_ns(settings: RetentionSettings) -> dict[str, int]:
    """Return how long the rows of each table stay; an expired key is of no use at once."""
    return {
        "write_units": duration_ns(settings.write_units),
        "paper_batches": duration_ns(settings.paper_batches),
        "idempotency_keys": 0,
        "events": duration_ns(settings.events),
    }


class Prunes(Protocol):
    """Deletes old rows."""

    async def prune(self, before_ns: Mapping[str, int]) -> dict[str, int]:
        """Delete a bounded number of rows per table; how many."""


class Sweeper(AsyncioActor):
    """One per engine."""

    def __init__(self, *, retention: Prunes, kept_ns: Mapping[str, int], rows_max: int, clock: Clock) -> None:
        """Keep what it works with.

        Args:
            retention: Deletes.
            kept_ns: Table -> how long its rows stay.
            rows_max: Rows that one look may delete per table: so many means that there are more.
            clock: Wall time.
        """
        super().__init__()
        self._retention = retention
        self._kept_ns = dict(kept_ns)
        self._rows_max = rows_max
        self._clock = clock

    def on_start(self) -> None:
        """Look after a while: a start has better things to do."""
        self._arrange(EVERY_NS)

    @handles(TimerFired)
    async def on_timer(self, _message: TimerFired) -> None:
        """Delete a piece of each table."""
        now_ns = self._clock.now_ns()
        try:
            deleted = await self._retention.prune({table: now_ns - kept for table, kept in self._kept_ns.items()})
        except DependencyAway:
            self._arrange(EVERY_NS)
            return
        if any(deleted.values()):
            self.log.info("old_rows_deleted", **deleted)
        has_more = any(count >= self._rows_max for count in deleted.values())
        self._arrange(AGAIN_NS if has_more else EVERY_NS)

    def _arrange(self, wait_ns: int) -> None:
        self.after(wait_ns, TimerFired(name="sweep"), clock=self._clock)
