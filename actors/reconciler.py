"""Compares one account with its venue: at start, on every reconnect, lightly every half minute, and on demand.

It asks for balances first, then for all fills since the watermark, then for the open orders, and hands the facts to the
router in one unit with the new watermark. A read that fails is an error and tried again; it is never "no orders". Until
the first comparison the account may only reduce.
"""

from typing import Any, Final

import msgspec

from actors.cell import Cell
from engine.domain.errors import CivalError, NotReady
from engine.domain.identifiers import AccountId, UnitId, Venue
from engine.messages.cell import AccountReadiness, FollowVenue, ReconcileAccount, ReconcileAnswer
from engine.messages.portfolio import ApplyReconciliation, ReconciliationApplied
from engine.messages.rows import ReconciliationRow, Row, WatermarkRow
from engine.messages.system import ReadinessChanged
from engine.messages.venues import (
    AccountQuery,
    CannotTell,
    FillsQuery,
    OpenOrdersQuery,
    VenueAccount,
    VenueConnection,
    VenueFills,
    VenueOrders,
)
from engine.messages.writing import WriteUnit
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Subscription
from engine.runtime.clock import Timer
from engine.runtime.errors import ActorDeadError, Timeout
from engine.runtime.future import AsyncioFuture
from engine.runtime.ref import Ref

EVERY_NS: Final = 30_000_000_000
"""Wall time between two light runs."""
AGAIN_NS: Final = 1_000_000_000
"""Wall time before a failed run is tried again; doubled for each further failure, up to `EVERY_NS`."""
ASK_TIMEOUT_S: Final = 15.0
APPLY_TIMEOUT_S: Final = 120.0
"""Longer than the database may take to come back: facts that are applied must not be fetched over and over."""
FAILURES_BEFORE_NOT_READY: Final = 3
NS_PER_MS: Final = 1_000_000
TRIGGERS: Final = frozenset({"start", "reconnect", "timer", "demand"})
"""Reasons that a report may have; whoever else wishes for a run demands it."""

_NOT_ANSWERED: Final = (CivalError, ActorDeadError, Timeout)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue says, in the order in which it was asked."""

    account: VenueAccount
    fills: VenueFills
    orders: VenueOrders


class Fetched(msgspec.Struct, frozen=True):
    """To myself: the venue has answered, or not."""

    facts: Facts | None
    reason: str = ""


class Applied(msgspec.Struct, frozen=True):
    """To myself: the facts are in the books, or why not."""

    result: ReconciliationApplied | None
    cursor: str | None = None
    reason: str = ""


class RunDue(msgspec.Struct, frozen=True):
    """To myself: it is time again."""


class _Run:
    """One run and whoever waits for it."""

    __slots__ = ("replies", "started_ns", "trigger")

    def __init__(self, trigger: str) -> None:
        self.trigger = trigger
        self.started_ns = 0
        self.replies: list[AsyncioFuture[ReconcileAnswer]] = []


class Reconciler(AsyncioActor):
    """One per trading account; the last of its cell to start."""

    def __init__(
        self,
        *,
        cell: Cell,
        account_id: AccountId,
        venue: Venue,
        connector: Ref[Any],
        router: Ref[Any],
        watermark: str | None = None,
        every_ns: int | None = EVERY_NS,
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
        """
        super().__init__()
        self._cell = cell
        self._account_id = account_id
        self._venue = venue
        self._connector = connector
        self._router = router
        self._cursor = watermark
        self._every_ns = every_ns
        self._run: _Run | None = None
        self._next: _Run | None = None
        self._failures = 0
        self._is_ready: bool | None = None
        self._timer: Timer | None = None
        self._subscriptions: list[Subscription] = []

    def on_start(self) -> None:
        """Let the router listen to the venue, then compare for the first time."""
        tell, bus = self.actor_ref.tell, self._cell.bus
        self._subscriptions = [
            bus.subscribe(ReconcileAccount, tell, key=self._account_id),
            bus.subscribe(VenueConnection, tell, key=self._venue),
        ]
        self._router.tell(FollowVenue(account_id=self._account_id))
        self._begin("start")

    def on_stop(self) -> None:
        """Ask nothing more."""
        for subscription in self._subscriptions:
            subscription.cancel()
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
        trigger = message.trigger if message.trigger in TRIGGERS else "demand"
        self._begin(trigger).replies.append(reply)
        return reply

    @handles(RunDue)
    def on_due(self, _message: RunDue) -> None:
        """Compare lightly."""
        self._begin("timer")

    @handles(VenueConnection)
    def on_connection(self, message: VenueConnection) -> None:
        """While the venue cannot be heard only reduce; compare when it can."""
        if message.connected:
            self._begin("reconnect")
        else:
            self._tell_ready(is_ready=False, reason=message.reason or "disconnected")

    def _begin(self, trigger: str) -> _Run:
        if self._run is not None:
            if self._next is None:
                self._next = _Run(trigger)
            return self._next
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        run = self._run = self._next or _Run(trigger)
        self._next = None
        run.started_ns = self._cell.wall.now_ns()
        self.spawn(self._fetch(self._cursor), name="fetch")
        return run

    # --- What ---------------------------------------------------------------------------------------------------------

    async def _fetch(self, cursor: str | None) -> None:
        """Ask for everything. Balances come first: then every fill in them is among the fills."""
        account_id = self._account_id
        try:
            account = await self._ask(AccountQuery(account_id=account_id))
            fills = await self._ask(FillsQuery(account_id=account_id, cursor=cursor))
            orders = await self._ask(OpenOrdersQuery(account_id=account_id))
        except _NOT_ANSWERED as error:
            self.actor_ref.tell(Fetched(None, str(error) or type(error).__name__))
            return
        self.actor_ref.tell(Fetched(Facts(account=account, fills=fills, orders=orders)))

    async def _ask(self, query: Any) -> Any:
        answer = await self._connector.ask(query, timeout_s=ASK_TIMEOUT_S)
        if isinstance(answer, CannotTell):
            raise NotReady("venue", why=answer.why)
        return answer

    @handles(Fetched)
    def on_fetched(self, message: Fetched) -> None:
        """Hand the facts to the router, with the watermark that they reach."""
        if message.facts is None:
            self._failed(message.reason)
            return
        facts = message.facts
        cursor = facts.fills.cursor
        unit = WriteUnit(
            id=UnitId(self._cell.ids.uuid()),
            n=None,
            user_id=self._cell.user_id,
            fence=self._cell.numbers.fence,
            rows=self._watermark(cursor),
        )
        apply = ApplyReconciliation(
            account_id=self._account_id,
            unit=unit,
            fills=facts.fills.fills,
            orders=facts.orders.orders,
            is_complete=True,
            absent=(),
            account=facts.account,
        )
        self.spawn(self._apply(apply, cursor), name="apply")

    def _watermark(self, cursor: str | None) -> tuple[Row, ...]:
        if cursor == self._cursor:
            return ()
        return (
            WatermarkRow(
                account_id=self._account_id,
                user_id=self._cell.user_id,
                kind="fills",
                cursor=cursor,
                updated_at=self._cell.wall.now_ns(),
            ),
        )

    async def _apply(self, message: ApplyReconciliation, cursor: str | None) -> None:
        try:
            result = await self._router.ask(message, timeout_s=APPLY_TIMEOUT_S)
        except _NOT_ANSWERED as error:
            self.actor_ref.tell(Applied(None, reason=str(error) or type(error).__name__))
            return
        self.actor_ref.tell(Applied(result, cursor))

    @handles(Applied)
    def on_applied(self, message: Applied) -> None:
        """Keep the report, open the account, and arrange the next run."""
        result = message.result
        if result is None:
            self._failed(message.reason)
            return
        self._cursor = message.cursor
        self._failures = 0
        self._report("done", result, {} if result.is_compared else {"balances": "not compared: fills came in between"})
        self._tell_ready(is_ready=True)
        answer = ReconcileAnswer(
            account_id=self._account_id,
            outcome="done",
            matched=result.matched,
            adopted=result.adopted,
            late_fills=result.late_fills,
            closed=result.closed,
        )
        self._end(answer, AGAIN_NS if not result.is_compared else self._every_ns)

    def _failed(self, reason: str) -> None:
        self._failures += 1
        if self._failures == 1:
            self.log.warning("reconciliation_failed", reason=reason)
        self._report("failed", None, {"reason": reason})
        if not self._is_ready or self._failures >= FAILURES_BEFORE_NOT_READY:
            self._tell_ready(is_ready=False, reason=reason)
        again_ns = min(AGAIN_NS << min(self._failures - 1, 10), EVERY_NS)
        self._end(ReconcileAnswer(account_id=self._account_id, outcome="failed", reason=reason), again_ns)

    def _end(self, answer: ReconcileAnswer, again_ns: int | None) -> None:
        run, self._run = self._run, None
        assert run is not None, "expected a run to end"
        for reply in run.replies:
            reply.set(answer)
        if self._next is not None:
            self._begin(self._next.trigger)
        elif again_ns is not None:
            self._timer = self.after(again_ns, RunDue(), clock=self._cell.wall)

    def _report(self, outcome: str, result: ReconciliationApplied | None, detail: dict[str, Any]) -> None:
        run = self._run
        assert run is not None, "expected a run to report"
        now_ns = self._cell.wall.now_ns()
        row = ReconciliationRow(
            id=self._cell.ids.uuid(),
            user_id=self._cell.user_id,
            account_id=self._account_id,
            trigger=run.trigger,
            outcome=outcome,
            matched=0 if result is None else result.matched,
            adopted=0 if result is None else result.adopted,
            late_fills=0 if result is None else result.late_fills,
            inferred=0,
            absent=0 if result is None else result.closed,
            cannot_tell=0,
            discrepancies=0,
            duration_ms=(now_ns - run.started_ns) // NS_PER_MS,
            detail=detail,
            started_at=run.started_ns,
            finished_at=now_ns,
        )
        self._cell.writer.tell(self._cell.numbers.open(rows=(row,)))

    def _tell_ready(self, *, is_ready: bool, reason: str = "") -> None:
        """Tell the gate every time, and the rest of the engine when it changes."""
        bus = self._cell.bus
        bus.publish(
            AccountReadiness(account_id=self._account_id, is_ready=is_ready, reason=reason), key=self._cell.user_id
        )
        if is_ready != self._is_ready:
            self._is_ready = is_ready
            bus.publish(ReadinessChanged(part=f"account:{self._account_id}", ready=is_ready, reason=reason))
