"""Carries out the plans of a user's executors: one mailbox for all of them.

After every fact the policy says which order each slot should have. What is missing is placed, what is not wanted is
cancelled, what differs is cancelled and placed again once its end, and every fill of it, is known. Nothing is
remembered that the orders do not tell, so a restart at any point goes on by itself; an order's intent key is its place
(executor, slot, generation), so that no place is ever filled twice.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from actors.cell import Cell, Instruments
from actors.executors.closing import closing
from actors.executors.entrance import Entrance
from actors.executors.exits import is_same
from actors.executors.guard import Guard
from actors.executors.halts import Halts
from actors.executors.intents import intent_of
from actors.executors.paper_trail import PaperTrail
from actors.executors.plan import Plan, SlotName, Wanted
from actors.executors.refusals import wait, why_given_up
from actors.executors.running import Running, SlotOrder
from actors.executors.wakes import Look, Wake, Wakes
from actors.outbox import Outbox
from engine.domain.errors import BadInput, CatchingUp, NotReady
from engine.domain.identifiers import AccountId, ExecutorId, OrderId, Venue
from engine.domain.ports import Marks
from engine.messages.cell import AccountReadiness
from engine.messages.executors import ExecutorAnswer, PauseExecutor, ResumeExecutor, StartExecutor, StopExecutor
from engine.messages.load import ExecutorState
from engine.messages.market import QuoteTick
from engine.messages.orders import CancelOrder, CheckIntent, FillBooked, OrderChanged
from engine.messages.risk import ScopesHalted
from engine.messages.rows import TradingStateRow
from engine.messages.rows_halts import HaltRow
from engine.messages.writing import CellHalted, CommandRecord, StoreStatus, UnitsCommitted
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Subscription
from engine.runtime.future import AsyncioFuture
from engine.runtime.ref import Ref

RUNNING_MAX: Final = 1_000
"""Executors of one user at a time."""


class ExecutorDesk(AsyncioActor):
    """One per user."""

    def __init__(
        self,
        *,
        cell: Cell,
        gate: Ref[Any],
        instruments: Instruments,
        marks: Marks,
        venues: Mapping[AccountId, Venue],
        executors: Sequence[ExecutorState] = (),
        states: Sequence[TradingStateRow] = (),
        halts: Sequence[HaltRow] = (),
    ) -> None:
        """Keep what it works with, and take up what an earlier life has left.

        Args:
            cell: What the cell shares; changes of orders and fills come over its bus.
            gate: Takes intents and cancels.
            instruments: All that may be traded.
            marks: Newest prices.
            venues: Account -> venue.
            executors: All that have not ended.
            states: Of `trading_states`.
            halts: Uses of the kill switch that are not lifted.
        """
        super().__init__()
        self._cell = cell
        self._gate = gate
        self._entrance = Entrance(venues, instruments)
        self._marks = marks
        self._outbox = Outbox(cell.numbers, cell.bus, self.actor_ref)
        self._trail = PaperTrail(cell)
        self._guard = Guard(self._trail)
        self._halts = Halts(states, halts)
        self._is_store_away = False
        self._ready: set[AccountId] = set()
        """Accounts that may open risk; until then only what protects is placed."""
        self._running: dict[ExecutorId, Running] = {}
        self._by_order: dict[OrderId, Running] = {}
        self._wakes = Wakes(self, cell)
        self._subscriptions: list[Subscription] = []
        for running in filter(None, map(self._entrance.restore, executors)):
            self._running[running.id] = running
            self._by_order.update(dict.fromkeys(running.by_order, running))

    def on_start(self) -> None:
        """Follow orders and fills, then look at every plan once."""
        tell, bus = self.actor_ref.tell, self._cell.bus
        self._subscriptions = [bus.subscribe(StoreStatus, tell)]
        for kind in (CellHalted, OrderChanged, FillBooked, AccountReadiness, ScopesHalted):
            self._subscriptions.append(bus.subscribe(kind, tell, key=self._cell.user_id))
        for executor_id in self._running:
            self.actor_ref.tell(Wake(executor_id))

    def on_stop(self) -> None:
        """Place nothing more."""
        self._outbox.close()
        self._wakes.close()
        for subscription in self._subscriptions:
            subscription.cancel()

    def on_failure(self, *_error: Any) -> None:
        """Place nothing more; the cell starts again from the store."""
        self.on_stop()

    # --- Commands -----------------------------------------------------------------------------------------------------

    @handles(StartExecutor)
    def on_start_executor(self, message: StartExecutor) -> AsyncioFuture[ExecutorAnswer]:
        """Begin a plan. Answered when it is durable.

        Raises:
            NotReady: The database is away, or a replay catches up.
            BadInput: The account, the symbol or a setting is wrong, or too many run already.
        """
        self._require_store()
        if len(self._running) >= RUNNING_MAX:
            raise BadInput("executors", expected=f"at most {RUNNING_MAX} at a time", was=len(self._running))
        running = self._entrance.admit(message.executor, self._cell.clock.now_ns())
        self._require_present(running)
        self._running[running.id] = running
        reply = self._record(running, "ExecutorStarted", message.record)
        self._advance(running)
        return reply

    @handles(StopExecutor)
    def on_stop_executor(self, message: StopExecutor) -> AsyncioFuture[ExecutorAnswer] | ExecutorAnswer:
        """End a plan: its orders are cancelled, and it is over when all of them are."""
        running = self._found(message.executor_id)
        if running is None:
            return self._not_found(message.executor_id, message.record)
        running.state["flatten"] = message.flatten
        return self._enter(running, "stopping", message.reason, "ExecutorStopping", message.record)

    @handles(PauseExecutor)
    def on_pause(self, message: PauseExecutor) -> AsyncioFuture[ExecutorAnswer] | ExecutorAnswer:
        """Place nothing new but what protects."""
        running = self._found(message.executor_id)
        if running is None or running.row.status == "stopping":
            return self._not_found(message.executor_id, message.record)
        return self._enter(running, "paused", message.reason, "ExecutorPaused", message.record)

    @handles(ResumeExecutor)
    def on_resume(self, message: ResumeExecutor) -> AsyncioFuture[ExecutorAnswer] | ExecutorAnswer:
        """Go on."""
        running = self._found(message.executor_id)
        if running is None or running.row.status == "stopping":
            return self._not_found(message.executor_id, message.record)
        self._require_present(running)
        for slot in running.slots.values():
            slot.refusals = slot.retry_at_ns = 0
        return self._enter(running, "active", message.reason, "ExecutorResumed", message.record)

    def _enter(
        self, running: Running, status: str, reason: str, kind: str, record: CommandRecord | None
    ) -> AsyncioFuture[ExecutorAnswer]:
        running.row = msgspec.structs.replace(running.row, status=status, status_reason=reason)
        reply = self._record(running, kind, record)
        self._advance(running)
        return reply

    def _record(self, running: Running, kind: str, record: CommandRecord | None) -> AsyncioFuture[ExecutorAnswer]:
        unit = self._trail.changed(running, kind, () if record is None else record.rows)
        reply: AsyncioFuture[ExecutorAnswer] = self.new_future()
        answer = ExecutorAnswer(executor_id=running.id, status=running.row.status)
        assert unit.n is not None, "expected a unit of the cell"
        self._outbox.hold(unit.n, partial(reply.set, answer))
        return reply

    def _found(self, executor_id: ExecutorId) -> Running | None:
        self._require_store()
        return self._running.get(executor_id)

    def _not_found(self, executor_id: ExecutorId, record: CommandRecord | None) -> ExecutorAnswer:
        if record is not None:
            self._cell.writer.tell(self._cell.numbers.open(rows=record.rows))
        return ExecutorAnswer(executor_id=executor_id, status=None, reason="not_found")

    def _require_store(self) -> None:
        if self._is_store_away:
            raise NotReady("database", why="changes are refused while it is away", retry_after_s=1.0)

    def _require_present(self, running: Running) -> None:
        venue = running.venue
        if self._marks.is_past(venue):
            raise CatchingUp(venue)

    # --- Facts --------------------------------------------------------------------------------------------------------

    @handles(OrderChanged)
    def on_order(self, message: OrderChanged) -> None:
        """Follow an order of one of the plans."""
        running = self._by_order.get(message.order_id)
        if running is None:
            return
        now_ns = self._cell.clock.now_ns()
        if running.changed(message, now_ns):
            self._refused(running, message, now_ns)
        self._advance(running)

    @handles(FillBooked)
    def on_fill(self, message: FillBooked) -> None:
        """Count a fill, then look at what it changes."""
        running = self._by_order.get(message.fill.order_id)
        if running is not None:
            running.filled(message.fill, self._cell.clock.now_ns())
            if message.fill.is_reversal:
                # The trade that takes its place is told next: in between nothing seems to be held.
                self.actor_ref.tell(Look(running.id))
            else:
                self._advance(running)

    @handles(Look)
    def on_look(self, message: Look) -> None:
        """Look at a plan from which a fill was taken."""
        running = self._running.get(message.executor_id)
        if running is not None:
            self._advance(running)

    @handles(AccountReadiness)
    def on_ready(self, message: AccountReadiness) -> None:
        """Go on with the plans of an account that has been compared with its venue; hold them while it has not."""
        was_ready = message.account_id in self._ready
        if not message.is_ready:
            self._ready.discard(message.account_id)
        elif not was_ready:
            self._ready.add(message.account_id)
            for running in list(self._running.values()):
                if running.account_id == message.account_id:
                    running.retry_now()
                    self._advance(running)

    @handles(ScopesHalted)
    def on_halts(self, message: ScopesHalted) -> None:
        """Stand still in halted scopes, and end where positions are closed."""
        self._halts.learn(message)
        for running in list(self._running.values()):
            self._advance(running)

    @handles(QuoteTick)
    def on_quote(self, message: QuoteTick) -> None:
        """Look at the plans that watch this market."""
        for running in list(self._running.values()):
            if self._wakes.is_watching(running, message):
                self._advance(running)

    @handles(Wake)
    def on_wake(self, message: Wake) -> None:
        """Look at a plan whose time has come."""
        self._wakes.rang(message.executor_id)
        running = self._running.get(message.executor_id)
        if running is not None:
            self._advance(running)

    def _refused(self, running: Running, message: OrderChanged, now_ns: int) -> None:
        """Wait before the next try, or give up."""
        order = running.by_order[message.order_id]
        wait(running.slot(order.slot), now_ns)
        reason = why_given_up(running, order, message.denial_code)
        if reason is None:
            return
        self._trail.alert(running, "executor_failed", "high", {"reason": reason})
        if running.row.status == "active":
            self._enter(running, "error", reason, "ExecutorFailed", None)
        else:
            running.state["flatten"] = False
            running.row = msgspec.structs.replace(running.row, status_reason=reason)

    # --- Plans --------------------------------------------------------------------------------------------------------

    def _advance(self, running: Running) -> None:
        """Bring the orders of a plan to what it wants now."""
        if self._is_store_away or running.id not in self._running:
            return
        if (ordered := self._halts.status_for(running)) is not None:
            self._enter(running, *ordered, "ExecutorPaused" if ordered[0] == "paused" else "ExecutorStopping", None)
            return
        now_ns = self._cell.clock.now_ns()
        plan = running.policy.plan(running.view(now_ns, self._marks))
        wanted = self._allowed(running, plan)
        for name, slot in running.slots.items():
            order = slot.order
            if order is not None and not order.is_cancelling:
                desired = wanted.get(name)
                if desired is None or not is_same(order.living(), desired):
                    self._withdraw(running, order)
        placed = [self._place_if_free(running, name, desired, now_ns) for name, desired in wanted.items()]
        is_waiting = not all(placed)
        self._guard.look(running, plan.unprotected, now_ns)
        if running.is_quiet and (reason := self._end_of(running, plan)) is not None:
            self._finish(running, reason)
        else:
            plan = msgspec.structs.replace(plan, needs_market=plan.needs_market or is_waiting)
            self._wakes.arrange(running, plan, self._guard.due_ns(running), now_ns)

    def _allowed(self, running: Running, plan: Plan) -> Mapping[SlotName, Wanted]:
        """Return what of a plan may be placed in the executor's status."""
        if running.row.status == "active":
            return plan.wanted
        if running.row.status == "stopping":
            return self._flatten(running)
        return {name: each for name, each in plan.wanted.items() if each.is_protective}

    def _flatten(self, running: Running) -> Mapping[SlotName, Wanted]:
        """Close what is left when nothing else can change it any more."""
        return closing(running, self._marks, is_asked=bool(running.state.get("flatten")))

    def _end_of(self, running: Running, plan: Plan) -> str | None:
        if running.row.status == "stopping":
            return None if self._flatten(running) else running.row.status_reason or "stopped"
        return plan.finished

    def _place_if_free(self, running: Running, name: SlotName, wanted: Wanted, now_ns: int) -> bool:
        """Place an order in a slot that is free; False if only the market keeps it from that."""
        slot = running.slots.get(name)
        if self._halts.forbids(running) or (slot is not None and (slot.order or now_ns < slot.retry_at_ns)):
            return True
        if not wanted.is_protective:
            if running.account_id not in self._ready:
                return True
            if self._marks.is_stale(running.venue, running.row.symbol):
                return False
        order_id = OrderId(self._cell.ids.uuid())
        generation = running.placed(name, order_id, wanted)
        self._by_order[order_id] = running
        intent = intent_of(running, name, generation, order_id, wanted, now_ns)
        self._gate.tell(CheckIntent(intent=intent, unit=self._trail.unit(running)))
        return True

    def _withdraw(self, running: Running, order: SlotOrder) -> None:
        """Cancel an order; first keep that it was us."""
        running.withdrawing(order)
        self._cell.writer.tell(self._trail.unit(running))
        self._gate.tell(
            CancelOrder(
                user_id=self._cell.user_id,
                account_id=running.account_id,
                order_id=order.order_id,
                reason=f"executor {running.row.kind}",
            )
        )

    def _finish(self, running: Running, reason: str) -> None:
        status = "cancelled" if running.row.status == "stopping" else "done"
        now_ns = self._cell.clock.now_ns()
        running.row = msgspec.structs.replace(running.row, status=status, status_reason=reason, finished_at=now_ns)
        self._trail.changed(running, "ExecutorFinished", ())
        self._forget(running)

    def _forget(self, running: Running) -> None:
        del self._running[running.id]
        for order_id in running.by_order:
            self._by_order.pop(order_id, None)
        self._wakes.forget(running.id)

    # --- The cell -----------------------------------------------------------------------------------------------------

    @handles(UnitsCommitted)
    def on_committed(self, message: UnitsCommitted) -> None:
        """Give the answers whose units are durable."""
        self._outbox.release(message)

    @handles(StoreStatus)
    def on_store(self, message: StoreStatus) -> None:
        """Stand still while the database is away, then look at everything."""
        was_away, self._is_store_away = self._is_store_away, not message.available
        if was_away and message.available:
            for running in list(self._running.values()):
                self._advance(running)

    @handles(CellHalted)
    def on_halted(self, message: CellHalted) -> None:
        """Place nothing more: what this cell still says is not durable."""
        if message.fence == self._cell.numbers.fence:
            self._is_store_away = True
            self._outbox.close()
