"""Compares one account with its venue: at start, on every reconnect, lightly every half minute, deeply every ten.

It never gives up and is never off. Runs never overlap: a wish during one makes another one after it. What a run does is
in `reconcile_run.py`; here is when it does it, and what follows from it: the report, whether the account may trade, and
which of its symbols may not because they have differed from the venue for too long.
"""

from functools import partial
from typing import Any, Final

import msgspec

from actors.cell import Cell
from actors.discrepancy_watch import DEADLINE_NS, DiscrepancyWatch
from actors.outbox import Outbox
from actors.private_silence import PrivateSilence
from actors.reconcile_report import alert_rows, answer_of, report_row
from actors.reconcile_run import NOT_COMPARED, ReconcileRun, RunPlan, RunResult
from actors.reconciler_metrics import ReconcilerMetrics
from engine.domain.errors import NotReady
from engine.domain.identifiers import AccountId, Venue
from engine.messages.cell import AccountReadiness, FollowVenue, HoldFills, ReconcileAccount, ReconcileAnswer
from engine.messages.portfolio import DiscrepanciesCompared
from engine.messages.rows import DiscrepancyRow, Row
from engine.messages.system import ReadinessChanged
from engine.messages.venues import VenueConnection, VenueFill, VenueOrderDone, VenueOrderUpdate
from engine.messages.writing import UnitsCommitted
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Subscription
from engine.runtime.clock import Timer
from engine.runtime.fault_points import fault_point
from engine.runtime.future import AsyncioFuture
from engine.runtime.ref import Ref

EVERY_NS: Final = 30_000_000_000
"""Wall time between two light runs, at most."""
DEEP_EVERY_NS: Final = 600_000_000_000
"""Wall time between two deep runs, at most."""
STRICT_RUNS: Final = 6
"""Comparisons, about a minute, for which books are not opened while the venue's history is shorter than its numbers."""
AGAIN_NS: Final = 1_000_000_000
"""Wall time before a failed run is tried again; doubled for each further failure, up to `EVERY_NS`."""
SILENT_EVERY_NS: Final = 5_000_000_000
"""Wall time between two runs while the private stream is silent."""
FAILURES_BEFORE_NOT_READY: Final = 3
TRIGGERS: Final = frozenset({"start", "reconnect", "takeover", "timer", "demand"})
"""Reasons that a report may have; whoever else wishes for a run demands it."""
SPREAD: Final = 5
"""A wait is up to a fifth shorter, by chance, so that many accounts do not ask at once."""

SILENT: Final = "the private stream is silent"


class Finished(msgspec.Struct, frozen=True):
    """To myself: a run is over."""

    result: RunResult


class RunDue(msgspec.Struct, frozen=True):
    """To myself: it is time again."""


class DeadlineDue(msgspec.Struct, frozen=True):
    """To myself: a difference has been open for too long now."""


class _Run:
    """One run and whoever waits for it."""

    __slots__ = ("deep", "replies", "rows", "started_ns", "trigger")

    def __init__(self, trigger: str) -> None:
        self.trigger = trigger
        self.deep = False
        self.started_ns = 0
        self.replies: list[AsyncioFuture[ReconcileAnswer]] = []
        self.rows: list[Row] = []
        """Audit rows of those who have ordered it."""

    @property
    def depth(self) -> str:
        return "deep" if self.deep else "light"


class Reconciler(AsyncioActor):
    """One per trading account; the last of its cell to start."""

    def __init__(  # noqa: PLR0913 - collaborators and times, all by keyword.
        self,
        *,
        cell: Cell,
        account_id: AccountId,
        venue: Venue,
        connector: Ref[Any],
        router: Ref[Any],
        watermark: str | None = None,
        every_ns: int | None = EVERY_NS,
        deep_every_ns: int = DEEP_EVERY_NS,
        trigger: str = "start",
        discrepancies: tuple[DiscrepancyRow, ...] = (),
        deadline_ns: int = DEADLINE_NS,
        opening_lag_ns: int | None = None,
        has_own_connection: bool = False,
    ) -> None:
        """Keep what it works with.

        Args:
            cell: What the cell shares; readiness is told on its bus.
            account_id: Whose books.
            venue: Where the account is.
            connector: Answers questions.
            router: Applies facts.
            watermark: Cursor up to which fills are in the books; None for all that the venue keeps.
            every_ns: Wall time between two runs; None for none but those that are asked for.
            deep_every_ns: Wall time between two deep runs.
            trigger: Of the first run: `start` or `takeover`.
            discrepancies: Those that are open.
            deadline_ns: Wall time that a difference may be open before it keeps its symbol shut.
            opening_lag_ns: How late the venue may show a fill, where the books are still to be opened; else None.
            has_own_connection: Whether `VenueConnection` of this account comes under its own id.
        """
        super().__init__()
        self._cell = cell
        self._account_id = account_id
        self._venue = venue
        self._connector = connector
        self._router = router
        self._cursor = watermark
        self._every_ns = every_ns
        self._deep_every_ns = deep_every_ns
        self._first_trigger = trigger
        self._outbox = Outbox(cell.numbers, cell.bus, self.actor_ref)
        self._watch = DiscrepancyWatch(discrepancies, deadline_ns=deadline_ns)
        self._silence = PrivateSilence()
        self._run: _Run | None = None
        self._next: _Run | None = None
        self._asked_to = 0
        self._opening_lag_ns = opening_lag_ns
        self._connection = account_id if has_own_connection else venue
        self._deep_due_ns = 0
        self._failures = 0
        self._uncompared = 0
        self._is_connected = True
        self._is_ready: bool | None = None
        self._told: AccountReadiness | None = None
        self._timer: Timer | None = None
        self._deadline: Timer | None = None
        self._subscriptions: list[Subscription] = []

    def on_start(self) -> None:
        """Let the router listen to the venue, then compare for the first time."""
        tell, bus = self.actor_ref.tell, self._cell.bus
        self._metrics = ReconcilerMetrics(self.system.metrics, self._account_id)
        self._subscriptions = [
            bus.subscribe(ReconcileAccount, tell, key=self._account_id),
            bus.subscribe(DiscrepanciesCompared, tell, key=self._account_id),
            bus.subscribe(VenueConnection, tell, key=self._connection),
            # Not by message: a fill is frequent, and all that matters here is that one came.
            *[
                bus.subscribe(kind, self._on_push, key=self._account_id)
                for kind in (VenueFill, VenueOrderDone, VenueOrderUpdate)
            ],
        ]
        self._deep_due_ns = self._cell.wall.now_ns() + self._jittered(self._deep_every_ns, share=2)
        self._router.tell(FollowVenue(account_id=self._account_id))
        self._begin(self._first_trigger)

    def on_stop(self) -> None:
        """Ask nothing more."""
        for subscription in self._subscriptions:
            subscription.cancel()
        self._outbox.close()
        for run in (self._run, self._next):
            for reply in () if run is None else run.replies:
                reply.fail(NotReady("account", why="its cell has stopped"))

    def on_failure(self, *_error: Any) -> None:
        """Ask nothing more; the cell starts again from the store."""
        self.on_stop()

    # --- When ---------------------------------------------------------------------------------------------------------

    @handles(ReconcileAccount)
    def on_demand(self, message: ReconcileAccount) -> AsyncioFuture[ReconcileAnswer]:
        """Compare now, or again after the run that is going on: what it has read may be older than the wish."""
        reply: AsyncioFuture[ReconcileAnswer] = self.new_future()
        run = self._begin(message.trigger if message.trigger in TRIGGERS else "demand", deep=message.deep)
        run.replies.append(reply)
        run.rows += () if message.record is None else message.record.rows
        return reply

    @handles(UnitsCommitted)
    def on_committed(self, message: UnitsCommitted) -> None:
        """Answer those whose report is durable now."""
        self._outbox.release(message)

    @handles(RunDue)
    def on_due(self, _message: RunDue) -> None:
        """Compare, deeply if it is time for that."""
        self._begin("timer", deep=self._cell.wall.now_ns() >= self._deep_due_ns)

    @handles(VenueConnection)
    def on_connection(self, message: VenueConnection) -> None:
        """While the venue cannot be heard only reduce, and let fills wait for those that it did not tell meanwhile."""
        self._router.tell(HoldFills(account_id=self._account_id, hold=True))
        self._is_connected = message.connected
        if message.connected:
            self._silence.connected()
            self._begin("reconnect")
        else:
            self._tell_ready(is_ready=False, reason=message.reason or "disconnected")

    def _begin(self, trigger: str, *, deep: bool = False) -> _Run:
        if self._run is not None:
            self._next = self._next or _Run(trigger)
            self._next.deep = self._next.deep or deep
            return self._next
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        run = self._run = self._next or _Run(trigger)
        self._next = None
        run.deep = run.deep or deep
        run.started_ns = self._cell.wall.now_ns()
        places: dict[str, Any] = {"watermark": self._cursor, "asked_to": self._asked_to}
        is_strict = self._uncompared < STRICT_RUNS
        plan = RunPlan(trigger=run.trigger, deep=run.deep, lag_ns=self._opening_lag_ns, is_strict=is_strict, **places)
        self.spawn(self._go(plan), name="run")
        return run

    async def _go(self, plan: RunPlan) -> None:
        run = ReconcileRun(
            cell=self._cell,
            account_id=self._account_id,
            connector=self._connector,
            router=self._router,
            plan=plan,
        )
        self.actor_ref.tell(Finished(await run.go()))

    def _jittered(self, wait_ns: int, *, share: int = SPREAD) -> int:
        """Shorten a wait by up to one part in `share`, by the chance that is in every id."""
        return wait_ns - self._cell.ids.uuid().int % max(wait_ns // share, 1)

    # --- What follows -------------------------------------------------------------------------------------------------

    @handles(Finished)
    def on_finished(self, message: Finished) -> None:
        """Keep the report, open the account or shut it, and arrange the next run."""
        result = message.result
        self._cursor = result.watermark
        self._asked_to = result.asked_to
        if result.is_compared:
            self._opening_lag_ns = None
        run = self._run
        assert run is not None, "expected a run to finish"
        if run.deep and not result.reason:
            self._deep_due_ns = self._cell.wall.now_ns() + self._jittered(self._deep_every_ns)
        reason = result.reason
        if not reason and not result.is_compared:
            reason = NOT_COMPARED
        outcome = "failed" if result.reason else "done" if result.is_compared and result.is_whole else "partial"
        self._note_silence(run, result)
        n = self._report(run, result, outcome, reason)
        self._judge(result, reason)
        answer = answer_of(
            self._account_id,
            result,
            depth=run.depth,
            outcome=outcome,
            reason=reason,
            discrepancies=len(self._watch),
        )
        for reply in run.replies:
            self._outbox.hold(n, partial(reply.set, answer))
        self._end(result)

    def _note_silence(self, run: _Run, result: RunResult) -> None:
        now_ns = self._cell.wall.now_ns()
        is_first = run.trigger not in ("timer", "demand")
        if self._silence.looked(now_ns, news=result.counts.get("late_fills", 0), is_first=is_first):
            self._metrics.went_silent()
            self.log.warning("private_stream_silent", fills_found=result.counts.get("late_fills", 0))

    def _on_push(self, _message: Any) -> None:
        self._silence.pushed(self._cell.wall.now_ns())

    def _judge(self, result: RunResult, reason: str) -> None:
        """Open the account only when something was really compared; shut it when that fails for long."""
        if result.reason:
            self._failures += 1
            if self._failures == 1:
                self.log.warning("reconciliation_failed", reason=reason)
            if result.are_fills_current:
                self._router.tell(HoldFills(account_id=self._account_id, hold=False))
            if not self._is_ready or self._failures >= FAILURES_BEFORE_NOT_READY:
                self._tell_ready(is_ready=False, reason=reason)
            return
        self._failures = 0
        self._uncompared = 0 if result.is_compared else self._uncompared + 1
        if not self._is_connected:
            return  # It is shut for another reason, and opens after the run that follows the reconnect.
        if self._silence.is_silent:
            self._tell_ready(is_ready=False, reason=SILENT)
        elif result.is_compared:
            self._tell_ready(is_ready=True)
        elif not self._is_ready:
            self._tell_ready(is_ready=False, reason=f"not compared: {reason}")

    def _again_ns(self, result: RunResult) -> int | None:
        """Return the wait until the next run; None for none."""
        if result.reason:
            return self._jittered(min(AGAIN_NS << min(self._failures - 1, 10), EVERY_NS))
        if not result.is_compared:
            return min(AGAIN_NS << min(self._uncompared - 1, 10), EVERY_NS)
        if self._every_ns is None:
            return None
        if self._silence.is_silent:
            return min(SILENT_EVERY_NS, self._every_ns)
        return self._jittered(self._watch.again_ns(self._every_ns))

    def _end(self, result: RunResult) -> None:
        self._run = None
        if self._next is not None:
            self._begin(self._next.trigger)
            return
        again_ns = self._again_ns(result)
        if again_ns is not None:
            self._timer = self.after(again_ns, RunDue(), clock=self._cell.wall)

    def _report(self, run: _Run, result: RunResult, outcome: str, reason: str) -> int:
        """Write the report; return the number of its unit."""
        now_ns = self._cell.wall.now_ns()
        self._metrics.ran(depth=run.depth, outcome=outcome, duration_ns=now_ns - run.started_ns, finished_ns=now_ns)
        self._metrics.found_wrong(result.wrong)
        if result.wrong:
            self.log.warning("venue_pages_wrong", **result.wrong)
        row = report_row(
            self._cell,
            self._account_id,
            result,
            trigger=run.trigger,
            depth=run.depth,
            outcome=outcome,
            reason=reason,
            discrepancies=len(self._watch),
            silences=self._silence.count,
            started_ns=run.started_ns,
        )
        unit = self._cell.numbers.open(rows=(*run.rows, row))
        self._cell.writer.tell(unit)
        fault_point("reconcile.reported")
        assert unit.n is not None, "expected a unit of the cell"
        return unit.n

    # --- Differences --------------------------------------------------------------------------------------------------

    @handles(DiscrepanciesCompared)
    def on_compared(self, message: DiscrepanciesCompared) -> None:
        """Follow what differs."""
        self._watch.follow(message.rows)
        self._metrics.differ(len(self._watch))
        self._mind_deadlines()

    @handles(DeadlineDue)
    def on_deadline(self, _message: DeadlineDue) -> None:
        """Shut what has differed for too long."""
        self._mind_deadlines()

    def _mind_deadlines(self) -> None:
        now_ns = self._cell.wall.now_ns()
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        due_ns = self._watch.next_deadline_ns(now_ns)
        if due_ns is not None:
            self._deadline = self.after(due_ns - now_ns, DeadlineDue(), clock=self._cell.wall)
        overdue = self._watch.to_tell(now_ns)
        if overdue:
            self.log.error("discrepancy_overdue", assets=[row.asset for row in overdue])
            rows, events = alert_rows(self._cell, self._account_id, overdue)
            self._cell.writer.tell(self._cell.numbers.open(rows=rows, events=events))
        if self._is_ready:
            self._tell_ready(is_ready=True)

    def _tell_ready(self, *, is_ready: bool, reason: str = "") -> None:
        """Tell the gate every time, and the rest of the engine when it changes."""
        bus = self._cell.bus
        symbols, assets = self._watch.shut(self._cell.wall.now_ns()) if is_ready else ((), ())
        if symbols or assets:
            reason = f"differs from the venue for too long: {', '.join((*symbols, *assets))}"
        told = AccountReadiness(
            account_id=self._account_id, is_ready=is_ready, reason=reason, symbols=symbols, assets=assets
        )
        bus.publish(told, key=self._cell.user_id)
        before, self._told = self._told, told
        self._is_ready = is_ready
        if told != before:
            bus.publish(ReadinessChanged(part=f"account:{self._account_id}", ready=is_ready, reason=reason))
