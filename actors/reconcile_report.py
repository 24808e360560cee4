"""What is kept of a comparison with a venue: the report, the answer to whoever asked, the alerts."""

from collections.abc import Sequence
from typing import Any, Final

from actors.cell import Cell
from actors.reconcile_run import RunResult
from engine.domain.identifiers import AccountId
from engine.domain.values import subtract, text_of
from engine.messages.cell import ReconcileAnswer
from engine.messages.rows import DiscrepancyRow, ReconciliationRow, Row
from engine.messages.rows_people import RiskAlertRow
from engine.messages.writing import JournalEvent

NS_PER_MS: Final = 1_000_000
OVERDUE: Final = "discrepancy_overdue"


def report_row(
    cell: Cell,
    account_id: AccountId,
    result: RunResult,
    *,
    trigger: str,
    depth: str,
    outcome: str,
    reason: str,
    discrepancies: int,
    silences: int,
    started_ns: int,
) -> ReconciliationRow:
    """Return the row of a run.

    Args:
        cell: Gives its id and its times.
        account_id: Whose account was compared.
        result: What the run found.
        trigger: Why it ran.
        depth: `light` or `deep`.
        outcome: `done`, `partial` or `failed`.
        reason: Why it is not done.
        discrepancies: How many are open after it.
        silences: How often the private stream has gone silent so far.
        started_ns: Wall time.
    """
    now_ns = cell.wall.now_ns()
    counts = result.counts
    detail: dict[str, Any] = {"reason": reason} if reason else {}
    if result.wrong:
        detail["wrong"] = result.wrong
    if silences:
        detail["silences"] = silences
    return ReconciliationRow(
        id=cell.ids.uuid(),
        user_id=cell.user_id,
        account_id=account_id,
        trigger=trigger,
        depth=depth,
        outcome=outcome,
        matched=counts.get("matched", 0),
        adopted=counts.get("adopted", 0),
        late_fills=counts.get("late_fills", 0),
        inferred=counts.get("inferred", 0),
        absent=counts.get("absent", 0) + counts.get("closed", 0),
        cannot_tell=counts.get("cannot_tell", 0),
        discrepancies=discrepancies,
        pages=counts.get("pages", 0),
        duration_ms=(now_ns - started_ns) // NS_PER_MS,
        detail=detail,
        started_at=started_ns,
        finished_at=now_ns,
    )


def answer_of(
    account_id: AccountId, result: RunResult, *, depth: str, outcome: str, reason: str, discrepancies: int
) -> ReconcileAnswer:
    """Return the answer to whoever asked for a run."""
    counts = result.counts
    names = ("matched", "adopted", "late_fills", "closed", "inferred", "absent", "cannot_tell", "pages")
    return ReconcileAnswer(
        account_id=account_id,
        outcome=outcome,
        reason=reason,
        depth=depth,
        discrepancies=discrepancies,
        **{name: counts.get(name, 0) for name in names},
    )


def alert_rows(
    cell: Cell, account_id: AccountId, overdue: Sequence[DiscrepancyRow]
) -> tuple[tuple[Row, ...], tuple[JournalEvent, ...]]:
    """Return what tells a person of differences that have been open for too long."""
    rows = [_alert(cell, row) for row in overdue]
    events = tuple(
        JournalEvent(channel="alerts", type="DiscrepancyOverdue", data=row, at_ns=row.created_at, account_id=account_id)
        for row in rows
    )
    return tuple(rows), events


def _alert(cell: Cell, row: DiscrepancyRow) -> RiskAlertRow:
    difference = text_of(subtract(row.venue, row.ours))
    return RiskAlertRow(
        id=cell.ids.uuid(),
        user_id=cell.user_id,
        alert_type=OVERDUE,
        severity="high",
        message=f"the venue shows {difference} more of {row.asset} than the books, and nobody knows why",
        data={
            "discrepancy_id": str(row.id), "kind": row.kind, "asset": row.asset, "guess": row.guess,
            "ours": text_of(row.ours), "venue": text_of(row.venue),
        },
        created_at=cell.clock.now_ns(),
    )  # fmt: skip
