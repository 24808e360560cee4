"""The only writer of facts: gathers units, commits them in groups, and tells who waits.

`tell` or `ask` it a `WriteUnit`; an ask is answered with `WriteAnswer` after the commit. While one commit is on its way
the next units gather, so that the disk sets the pace and not the number of senders. After each commit it publishes,
under the user's id, `EventsCommitted` and then `UnitsCommitted`; what can never be committed ends its cell
(`CellHalted`).

While the database is away the same batch is tried again for ever and nothing else is written: it may have been
committed, and then the next try finds that out.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from engine.domain.errors import BadInput, CivalError, ConfigError, DependencyAway, Fenced, NotReady
from engine.domain.identifiers import UserId
from engine.messages.ports import FactStore, UnitResult
from engine.messages.system import Flush, TimerFired
from engine.messages.writing import CellHalted, CommittedEvent, EventsCommitted, StoreStatus, UnitsCommitted, WriteUnit
from engine.runtime.actor import AsyncioActor, MailboxSpec, handles
from engine.runtime.bus import Bus
from engine.runtime.clock import Clock
from engine.runtime.errors import ActorDeadError
from engine.runtime.future import AsyncioFuture
from engine.runtime.metrics import Metrics
from storage.backlog import Backlog
from storage.unit_order import Halted, UnitOrder, highest_numbers
from storage.writer_metrics import WriterMetrics
from storage.writer_points import pass_points

BATCH_MAX: Final = 512
"""Units of one commit."""
WEIGHT_MAX: Final = 800
"""Rows and events of one commit; one unit may have more. What is committed is told before the next is encoded."""
QUEUE_MAX: Final = 100_000
"""Units that may wait for the database; a cell that sends more is halted."""
HOLE_TIMEOUT_NS: Final = 5_000_000_000
"""How long a unit may wait for an earlier one of its cell."""
RENEW_EVERY_NS: Final = 3_000_000_000
"""How often leases are renewed, or, without any, the database is looked for."""
BACKOFF_FIRST_NS: Final = 20_000_000
BACKOFF_MAX_NS: Final = 1_000_000_000
STOP_TIMEOUT_S: Final = 5.0
"""How long the last units may take when the engine stops; then they are lost, as in a crash."""

Renew = Callable[[], Awaitable[Collection[UUID]]]
"""Prolongs all leases and returns the users whose lease is lost."""


@dataclass(frozen=True, slots=True)
class Between:
    """Run `work` between two commits, such as taking the lease of a cell that starts; an ask gets what it returns.

    What is queued by then is committed before: a cell that starts again must not fence off what its last life has said.
    It uses the writer's own connection (`PostgresFactStore.run`): on another, the two could wait for each other.
    """

    work: Callable[[], Awaitable[Any]]


class StorageWriter(AsyncioActor):
    """One per database."""

    mailbox = MailboxSpec(limit=QUEUE_MAX)

    def __init__(
        self,
        *,
        store: FactStore,
        clock: Clock,
        bus: Bus,
        backlog: Backlog | None = None,
        renew: Renew | None = None,
        commit_latency_ns: int = 0,
        latency_clock: Clock | None = None,
    ) -> None:
        """Keep the collaborators.

        Args:
            store: Where units become durable.
            clock: Wall clock: of retries, renewals and holes.
            bus: Where commits are told.
            backlog: Counts what is not durable yet; given by whoever must wait for it.
            renew: Called every 3 s between two commits; raises `DependencyAway` while the database is away.
            commit_latency_ns: How long a commit of an instant store seems to take.
            latency_clock: The clock that this is counted on; default `clock`.
        """
        super().__init__()
        self._store = store
        self._clock = clock
        self._bus = bus
        self._backlog = Backlog() if backlog is None else backlog
        self._renew = renew
        self._latency_ns = commit_latency_ns
        self._latency_clock = clock if latency_clock is None else latency_clock
        self._order = UnitOrder()
        self._queue: deque[WriteUnit] = deque()
        self._replies: dict[UUID, AsyncioFuture[Any]] = {}
        self._jobs: deque[tuple[int, Between, AsyncioFuture[Any]]] = deque()
        """Each with how many units have been taken from the queue when it is due."""
        self._taken = 0
        self._is_working = False
        """A commit is on its way, or arranged."""
        self._task: asyncio.Task[Any] | None = None
        self._is_watching_holes = False
        self._renewed_ns = clock.monotonic_ns()
        self._away_since_ns: int | None = None

    @property
    def outstanding(self) -> int:
        """Units that are not durable yet."""
        return self._backlog.outstanding

    async def idle(self) -> None:
        """Return when every unit that was given is durable or refused."""
        await self._backlog.idle()

    def on_start(self) -> None:
        """Say that facts can be written, and begin to renew."""
        self._metrics = WriterMetrics(self.system.metrics or Metrics(), self._backlog)
        self._publish(StoreStatus(available=True, since_ns=self._clock.now_ns()))
        if self._renew is not None:
            self._arm("renew", RENEW_EVERY_NS)

    async def on_stop(self) -> None:  # type: ignore[override]  # The runtime awaits it.
        """Commit what is queued, if the database answers in time."""
        if self._store.is_instant:
            self._commit_now(list(self._queue))
            return
        if self._queue and (self._task is None or self._task.done()):
            self._start_work("last commits")  # A commit that was only arranged comes no more: the mailbox is closed.
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=STOP_TIMEOUT_S)
        if self.outstanding:
            self.log.error("units_lost_at_stop", units=self.outstanding)

    # --- Messages ---------------------------------------------------------------------------------------------------

    @handles(WriteUnit)
    def on_unit(self, unit: WriteUnit) -> AsyncioFuture[Any]:
        """Queue a unit, or hold it until the units before it have come."""
        reply = self._replies[unit.id] = self.new_future()
        self._backlog.add()
        ready, halted = self._order.take(unit, self._clock.monotonic_ns())
        if halted is not None:
            self._refuse(halted)
        if ready:
            self._queue.extend(ready)
            self._bound_queue()
            self._begin()
        elif self._order.has_holes and not self._is_watching_holes:
            self._is_watching_holes = True
            self._arm("holes", HOLE_TIMEOUT_NS)
        return reply

    @handles(Between)
    def on_between(self, message: Between) -> AsyncioFuture[Any]:
        """Queue work for the gap before the next commit."""
        reply = self.new_future()
        self._jobs.append((self._taken + len(self._queue), message, reply))
        self._begin()
        return reply

    @handles(Flush)
    def on_flush(self, _: Flush) -> None:
        """Write what has gathered in this mailbox."""
        if not self._store.is_instant or self._jobs:
            self._start_work("commit")
        elif self._latency_ns:
            self.after(self._latency_ns, TimerFired(name="commit"), clock=self._latency_clock)
        else:
            self._commit_now(self._next_batch())
            self._is_working = False
            self._begin_again()

    @handles(TimerFired)
    def on_timer(self, message: TimerFired) -> None:
        """Follow up on holes, leases, or a commit whose time has come."""
        if message.name == "commit":
            self._commit_now(self._next_batch())
            self._is_working = False
            self._begin_again()
        elif message.name == "holes":
            for halted in self._order.overdue(self._clock.monotonic_ns(), HOLE_TIMEOUT_NS):
                self._refuse(halted)
            self._is_watching_holes = self._order.has_holes
            if self._is_watching_holes:
                self._arm("holes", HOLE_TIMEOUT_NS // 4)
        elif message.name == "renew":
            self._arm("renew", RENEW_EVERY_NS)
            if not self._is_working:
                self._is_working = True
                self._start_work("renew")

    # --- Committing -------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Commit soon: behind what else waits in the mailbox, which then goes along."""
        if not self._is_working:
            self._is_working = True
            self.actor_ref.tell(Flush())

    def _begin_again(self) -> None:
        if self._queue or self._jobs:
            self._begin()

    def _next_batch(self) -> list[WriteUnit]:
        queue, weight = self._queue, 0
        batch: list[WriteUnit] = []
        while queue and len(batch) < BATCH_MAX and weight < WEIGHT_MAX:
            unit = queue.popleft()
            batch.append(unit)
            weight += len(unit.rows) + len(unit.events)
        self._taken += len(batch)
        return batch

    def _commit_now(self, batch: Sequence[WriteUnit]) -> None:
        pass_points("committing", batch)
        results = self._store.commit_now(batch)
        pass_points("committed", batch)
        self._settle(results)

    def _start_work(self, name: str) -> None:
        self._task = self.spawn(self._work_off(), name=name)

    async def _work_off(self) -> None:
        """Commit batch after batch until nothing waits."""
        try:
            while True:
                await self._run_jobs()
                batch = self._next_batch()
                if not batch and not self._is_renewal_due() and self._away_since_ns is None:
                    return
                self._settle(await self._commit_for_ever(batch))
                # A turn of the loop, not time: what this commit lets go leaves before the next batch is encoded.
                await asyncio.sleep(0)  # noqa: TID251
        finally:
            self._is_working = False

    async def _commit_for_ever(self, batch: Sequence[WriteUnit]) -> list[UnitResult]:
        backoff_ns = BACKOFF_FIRST_NS
        while True:
            try:
                # First the leases: after an outage they have expired, and nobody else may have taken them.
                if self._is_renewal_due():
                    await self._renew_leases()
                results = await self._commit(batch) if batch else []
            except (DependencyAway, ConfigError) as error:  # A server that refuses us now may be told otherwise.
                self._note_away(error)
                await self._clock.sleep(backoff_ns)
                backoff_ns = min(backoff_ns * 2, BACKOFF_MAX_NS)
            else:
                self._note_back()
                return results

    async def _commit(self, batch: Sequence[WriteUnit]) -> list[UnitResult]:
        began_ns = self._clock.monotonic_ns()
        pass_points("committing", batch)
        results = await self._store.commit(batch)
        pass_points("committed", batch)
        self._metrics.seconds.observe((self._clock.monotonic_ns() - began_ns) / 1e9)
        self._metrics.units.observe(len(batch))
        return results

    async def _run_jobs(self) -> None:
        while self._jobs and (self._taken >= self._jobs[0][0] or not self._queue):
            _, job, reply = self._jobs.popleft()
            try:
                result = await job.work()
            except Exception as error:  # noqa: BLE001 - whatever it is belongs to whoever asked.
                reply.fail(error)
            else:
                reply.set(result)

    def _is_renewal_due(self) -> bool:
        return self._renew is not None and self._clock.monotonic_ns() - self._renewed_ns >= RENEW_EVERY_NS

    async def _renew_leases(self) -> None:
        assert self._renew is not None, "a renewal is due only where there is one"
        asked_ns = self._clock.monotonic_ns()
        for user_id in await self._renew():
            self._lose_lease(UserId(user_id))
        self._renewed_ns = asked_ns

    # --- Outcome ----------------------------------------------------------------------------------------------------

    def _settle(self, results: Sequence[UnitResult]) -> None:
        """Tell of a commit: events, then numbers, then the cells that are over, then who asked."""
        events: dict[UserId, list[CommittedEvent]] = {}
        for result in results:
            if result.events:
                events.setdefault(result.unit.user_id, []).extend(result.events)
        for user_id, of_user in events.items():
            self._publish(EventsCommitted(user_id=user_id, events=tuple(of_user)), user_id)
        committed = [result.unit for result in results if result.answer is not None]
        for (user_id, fence), n in highest_numbers(committed).items():
            self._publish(UnitsCommitted(user_id=user_id, fence=fence, n=n), user_id)
        for result in results:
            if result.answer is not None:
                self._reply(result.unit, result.answer)
            else:
                self._refuse_result(result)
        self._backlog.remove(len(committed))

    def _refuse_result(self, result: UnitResult) -> None:
        unit = result.unit
        reason = result.refused or "bad_data"
        self.log.error(
            "unit_refused", unit_id=unit.id, user_id=unit.user_id, n=unit.n, reason=reason, why=result.detail
        )
        halted = None
        if unit.fence is not None:
            halted = self._order.halt(unit.user_id, unit.fence, reason, result.detail)
        self._drop((unit,), reason, result.detail)
        if halted is not None:
            self._refuse(halted)

    def _refuse(self, halted: Halted) -> None:
        """Answer the units that will not be written; where a cell ends here, drop what of it is queued and say so."""
        self._drop(halted.units, halted.reason, halted.detail)
        if not halted.is_new:
            return
        cell = (halted.user_id, halted.fence)
        gone = [unit for unit in self._queue if (unit.user_id, unit.fence) == cell]
        if gone:
            self._queue = deque(unit for unit in self._queue if (unit.user_id, unit.fence) != cell)
            self._drop(gone, halted.reason, halted.detail)
        self.log.error(
            "cell_halted", user_id=halted.user_id, fence=halted.fence, reason=halted.reason, why=halted.detail
        )
        self._publish(
            CellHalted(user_id=halted.user_id, fence=halted.fence, reason=halted.reason, detail=halted.detail),
            halted.user_id,
        )

    def _lose_lease(self, user_id: UserId) -> None:
        fence = self._order.fence_of(user_id)
        if fence is not None:
            halted = self._order.halt(user_id, fence, "fenced", "the lease was not renewed in time")
            if halted is not None:
                self._refuse(halted)

    def _bound_queue(self) -> None:
        while len(self._queue) > QUEUE_MAX:
            unit = self._queue.pop()
            detail = f"{QUEUE_MAX} units wait for the database"
            self._drop((unit,), "crashed", detail)
            halted = None if unit.fence is None else self._order.halt(unit.user_id, unit.fence, "crashed", detail)
            if halted is not None:
                self._refuse(halted)

    def _drop(self, units: Sequence[WriteUnit], reason: str, detail: str) -> None:
        for unit in units:
            reply = self._replies.pop(unit.id, None)
            if reply is not None and not reply.done():
                reply.fail(_error_of(unit, reason, detail))
        self._backlog.remove(len(units))

    def _reply(self, unit: WriteUnit, answer: object) -> None:
        reply = self._replies.pop(unit.id, None)
        if reply is not None and not reply.done():
            reply.set(answer)

    def _note_away(self, error: DependencyAway | ConfigError) -> None:
        if self._away_since_ns is not None:
            return
        why = error.why if isinstance(error, DependencyAway) else str(error)
        self._away_since_ns = self._clock.now_ns()
        self._metrics.outages.inc()
        self.log.warning("database_away", why=why)
        self._publish(StoreStatus(available=False, reason=why, since_ns=self._away_since_ns))

    def _note_back(self) -> None:
        if self._away_since_ns is not None:
            away_ns = self._clock.now_ns() - self._away_since_ns
            self._away_since_ns = None
            self.log.warning("database_back", away_ms=away_ns // 1_000_000)
            self._publish(StoreStatus(available=True, since_ns=self._clock.now_ns()))

    def _publish(self, message: object, key: UserId | None = None) -> None:
        """Publish; a subscriber that cannot take it must not end the one writer of all."""
        try:
            self._bus.publish(message, key)
        except (CivalError, ActorDeadError):
            self.log.exception("publish_failed", message_type=type(message).__name__)

    def _arm(self, name: str, delay_ns: int) -> None:
        self.after(delay_ns, TimerFired(name=name), clock=self._clock)


def _error_of(unit: WriteUnit, reason: str, detail: str) -> CivalError:
    if reason == "fenced":
        return Fenced(str(unit.user_id), fence=unit.fence or 0)
    if reason == "bad_data":
        return BadInput("unit", expected="rows and events that the store accepts", was=detail)
    return NotReady("cell", why=detail)
