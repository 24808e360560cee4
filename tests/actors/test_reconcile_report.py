"""What is kept of a run, and what a person is told."""

from decimal import Decimal

from actors.cell import Cell
from actors.reconcile_report import alert_rows, answer_of, report_row
from actors.reconcile_run import RunResult
from engine.messages.writing import UnitNumbers
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from tests.actors.test_discrepancy_watch import a_difference
from tests.support.cell_builders import ACCOUNT, START_NS, USER

RESULT = RunResult(
    watermark="7",
    counts={"matched": 3, "late_fills": 2, "absent": 1, "closed": 1, "cannot_tell": 4, "pages": 5},
    wrong={"repeated": 2},
)


def a_cell() -> Cell:
    clock = VirtualClock(START_NS)
    ids = Ids(clock, seeded_rng(1))
    return Cell(numbers=UnitNumbers(USER, 1, ids), clock=clock, wall=clock, ids=ids, bus=Bus(), writer=None)  # type: ignore[arg-type]


def test_a_report_says_everything() -> None:
    row = report_row(
        a_cell(), ACCOUNT, RESULT, trigger="timer", depth="deep", outcome="partial", reason="why", discrepancies=1,
        silences=2, started_ns=START_NS - 3_000_000,
    )  # fmt: skip
    assert (row.trigger, row.depth, row.outcome, row.pages, row.duration_ms) == ("timer", "deep", "partial", 5, 3)
    assert (row.matched, row.late_fills, row.absent, row.cannot_tell, row.discrepancies) == (3, 2, 2, 4, 1)
    assert row.detail == {"reason": "why", "wrong": {"repeated": 2}, "silences": 2}


def test_whoever_asked_hears_the_same() -> None:
    answer = answer_of(ACCOUNT, RESULT, depth="light", outcome="done", reason="", discrepancies=1)
    assert (answer.depth, answer.outcome, answer.matched, answer.closed, answer.absent) == ("light", "done", 3, 1, 1)
    assert (answer.discrepancies, answer.pages) == (1, 5)


def test_a_person_is_told_of_each_old_difference() -> None:
    rows, events = alert_rows(a_cell(), ACCOUNT, [a_difference(venue=Decimal("90.5"))])
    (alert,) = rows
    assert alert.alert_type == "discrepancy_overdue"  # type: ignore[attr-defined]
    assert "-9.5 more of USDT" in alert.message  # type: ignore[attr-defined]
    assert [(event.channel, event.type) for event in events] == [("alerts", "DiscrepancyOverdue")]
