"""Stores the log: what `LogSink` keeps goes into `system_logs` on the bulk connection, once a second.

A log is worth less than what it tells about. While the database is away lines wait in the sink, which is bounded and
counts what it drops; a line that the database refuses is dropped and counted.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from engine.domain.errors import BadInput, DependencyAway
from engine.domain.ports import Ids
from engine.messages.ports import BulkStore
from engine.messages.render import from_rfc3339
from engine.messages.rows_market import LogRow
from engine.messages.system import TimerFired
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.clock import Clock
from engine.runtime.log_sink import LogRecord, LogSink

EVERY_NS: Final = 1_000_000_000
BATCH_MAX: Final = 250
"""Lines of one statement, as for every bulk write."""
BATCHES_MAX: Final = 20
"""Statements of one turn; more wait for the next."""
MODULE_MAX: Final = 100
"""Characters of the column."""
LEVELS: Final = frozenset({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})


class LogWriter(AsyncioActor):
    """One per engine."""

    def __init__(self, *, sink: LogSink, bulk: BulkStore, clock: Clock, ids: Ids) -> None:
        """Take lines from `sink`, which the log fills; `clock` is the wall clock."""
        super().__init__()
        self._sink = sink
        self._bulk = bulk
        self._clock = clock
        self._ids = ids
        self._waiting: list[LogRow] = []
        """Taken from the sink, not written yet."""
        self.refused = 0
        """Lines that the database did not accept."""

    def on_start(self) -> None:
        """Begin to look once a second."""
        self._arm()

    async def on_stop(self) -> None:  # type: ignore[override]  # The runtime awaits it.
        """Write what is left, if the database is there."""
        await self._write()

    @handles(TimerFired)
    async def on_timer(self, _: TimerFired) -> None:
        """Write what has come since the last time."""
        await self._write()
        self._arm()

    async def _write(self) -> None:
        for _ in range(BATCHES_MAX):
            if not self._waiting:
                self._waiting = [log_row(record, self._ids.uuid()) for record in self._sink.take(BATCH_MAX)]
            if not self._waiting:
                return
            try:
                await self._write_batch(self._waiting)
            except DependencyAway:
                return  # The writer of facts has told of it.
            self._waiting = []

    async def _write_batch(self, rows: Sequence[LogRow]) -> None:
        try:
            await self._bulk.write(rows)
        except BadInput:
            for row in rows:
                await self._write_alone(row)

    async def _write_alone(self, row: LogRow) -> None:
        """Write a line without its user, who may not exist: a log tells of strangers as well."""
        try:
            await self._bulk.write([msgspec.structs.replace(row, user_id=None)])
        except BadInput:
            self.refused += 1

    def _arm(self) -> None:
        self.after(EVERY_NS, TimerFired(name="write"), clock=self._clock)


def log_row(record: LogRecord, id: UUID) -> LogRow:
    """Turn a line into its row; U+0000, which no column holds, becomes a visible sign."""
    level = record.level.upper()
    return LogRow(
        id=id,
        level=level if level in LEVELS else "INFO",
        module=_storable(record.logger)[:MODULE_MAX],
        message=_storable(record.event),
        data={_storable(name): _plain(value) for name, value in record.fields.items()},
        user_id=_user_of(record),
        created_at=from_rfc3339(record.at),
    )


def _plain(value: object) -> object:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, dict):
        return {_storable(str(name)): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    return _storable(str(value))


def _storable(text: str) -> str:
    return text.replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()


def _user_of(record: LogRecord) -> UUID | None:
    value = record.fields.get("user_id")
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
