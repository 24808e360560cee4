"""What executors leave behind: their rows, their events, their alerts."""

from typing import Any

import msgspec

from actors.cell import Cell
from actors.executors.running import Running
from engine.domain.identifiers import CorrelationId
from engine.messages.rows import Row
from engine.messages.rows_executors import ExecutorRow
from engine.messages.rows_people import RiskAlertRow
from engine.messages.writing import JournalEvent, WriteUnit


class PaperTrail:
    """Makes units of a user's executors."""

    __slots__ = ("_cell",)

    def __init__(self, cell: Cell) -> None:
        """Number units in this cell."""
        self._cell = cell

    def unit(self, running: Running) -> WriteUnit:
        """Open a unit with the executor's newest row, for an intent to travel in."""
        return self._cell.numbers.open(CorrelationId(running.row.correlation_id), rows=(self._row(running),))

    def changed(self, running: Running, kind: str, rows: tuple[Row, ...]) -> WriteUnit:
        """Write that an executor has changed; return the unit, which is on its way."""
        row = self._row(running)
        event = self._event(running, "agents", kind, row)
        unit = self._cell.numbers.open(CorrelationId(row.correlation_id), rows=(row, *rows), events=(event,))
        self._cell.writer.tell(unit)
        return unit

    def alert(self, running: Running, kind: str, severity: str, data: dict[str, Any]) -> None:
        """Write what a person should look at."""
        row = RiskAlertRow(
            id=self._cell.ids.uuid(),
            user_id=self._cell.user_id,
            alert_type=kind,
            severity=severity,
            message=f"{running.row.kind} {running.row.symbol}: {kind.replace('_', ' ')}",
            data={"executor_id": str(running.id), "account_id": str(running.account_id), **data},
            created_at=self._cell.clock.now_ns(),
        )
        event = self._event(running, "alerts", "ExecutorAlarm", row)
        unit = self._cell.numbers.open(
            CorrelationId(running.row.correlation_id), rows=(self._row(running), row), events=(event,)
        )
        self._cell.writer.tell(unit)

    def _row(self, running: Running) -> ExecutorRow:
        running.row = msgspec.structs.replace(
            running.row,
            state=dict(running.state),
            slots=running.describe_slots(),
            generation=sum(slot.generation for slot in running.slots.values()),
            realized_pnl=running.realized_pnl,
            updated_at=self._cell.clock.now_ns(),
        )
        return running.row

    def _event(self, running: Running, channel: str, kind: str, row: Row) -> JournalEvent:
        return JournalEvent(
            channel=channel,
            type=kind,
            data=row,
            at_ns=self._cell.clock.now_ns(),
            account_id=running.account_id,
            correlation_id=CorrelationId(running.row.correlation_id),
        )
