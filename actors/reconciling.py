"""How a router applies what a reconciliation found: fills first, then orders, then the comparison of balances."""

from functools import partial
from typing import Final

import msgspec

from actors.fact_batch import FactBatch
from actors.live_order import LiveOrder
from actors.router_core import RouterCore, key_of
from actors.venue_pages import is_number
from actors.venue_questions import VenueQuestions
from engine.domain.kinds import DoneReason, Lifecycle
from engine.messages.archive import OrderLoad
from engine.messages.cell import HoldFills
from engine.messages.portfolio import (
    AdjustBalances,
    ApplyReconciliation,
    FillListing,
    OrdersToCompare,
    OrdersToCompareQuery,
    ReconciliationApplied,
)
from engine.messages.venues import VenueAccount
from engine.messages.writing import WriteUnit
from engine.runtime.actor import handles
from engine.runtime.future import AsyncioFuture

MISSING_PER_RUN: Final = 200
"""Orders that are asked for because a list does not show them; the others wait for the next run."""


class FactsRecalled(msgspec.Struct, frozen=True):
    """To myself: what the archive holds of the orders that a reconciliation names."""

    message: ApplyReconciliation
    loads: tuple[OrderLoad, ...]
    reply: AsyncioFuture[ReconciliationApplied]
    asked: frozenset[str]
    """Client ids that the archive was asked for."""


class Reconciling(RouterCore):
    """The part of a router that reconciles."""

    questions: VenueQuestions

    @handles(HoldFills)
    def on_hold(self, message: HoldFills) -> None:
        """Let fills wait for older ones, or wait no more."""
        if not message.hold:
            self.take_early()
        elif not self.is_holding:
            self.hold_early()

    @handles(OrdersToCompareQuery)
    def on_orders_to_compare(self, message: OrdersToCompareQuery) -> OrdersToCompare:
        """Name the orders that the venue can be asked for."""
        open_ones = [live for live in self.memory.living() if live.state.lifecycle is Lifecycle.WORKING]
        chosen = [*open_ones, *self.memory.newest_done(message.closed_max)]
        return OrdersToCompare(orders=tuple((live.row.symbol, live.row.venue_client_id) for live in chosen))

    @handles(ApplyReconciliation)
    def on_reconcile(self, message: ApplyReconciliation) -> AsyncioFuture[ReconciliationApplied]:
        """Apply facts found at the venue. Answered when they are durable."""
        reply: AsyncioFuture[ReconciliationApplied] = self.new_future()
        # What has gathered leaves first: with it done orders leave memory, and these facts may be about them.
        self.flush()
        self._recall_or_reconcile(message, reply, frozenset())
        return reply

    def _recall_or_reconcile(
        self, message: ApplyReconciliation, reply: AsyncioFuture[ReconciliationApplied], asked: frozenset[str]
    ) -> None:
        """Ask the archive for orders that have left memory, also for those that left it while it was asked."""
        voids = self.voids_within(message.account)
        named = dict.fromkeys([*map(key_of, message.fills), *map(key_of, message.orders), *map(key_of, voids)])
        gone = [each for each in named if each not in asked and self.memory.by_client_id(each) is None]
        if gone:
            self.spawn(self._recall_all(asked.union(gone), message, reply), name="recall")
        else:
            self._reconcile(message, reply)

    async def _recall_all(
        self, client_ids: frozenset[str], message: ApplyReconciliation, reply: AsyncioFuture[ReconciliationApplied]
    ) -> None:
        loads = await self.read_archive(sorted(client_ids))
        self.actor_ref.tell(FactsRecalled(message, tuple(loads), reply, client_ids))

    def on_facts_recalled(self, message: FactsRecalled) -> None:
        """Go on with a reconciliation."""
        self.flush()
        self.restore(message.loads)
        self._recall_or_reconcile(message.message, message.reply, message.asked)

    def _reconcile(self, message: ApplyReconciliation, reply: AsyncioFuture[ReconciliationApplied]) -> None:
        batch = self.batch()
        adopted = self._take_fills(batch, message)
        late_fills = len(batch.fills)
        matched = 0
        for order in message.orders:
            live = self.memory.by_client_id(key_of(order))
            if live is None and order.is_open:
                live = self.adopt(batch, order)
                adopted += live is not None
            if live is not None:
                matched += 1
                self.apply(batch, live, order)
        closed = self._close_absent(message, batch)
        applied = ReconciliationApplied(
            late_fills=late_fills,
            adopted=adopted,
            closed=closed,
            matched=matched,
            is_compared=message.account is not None and self._is_comparable(message.account, message.booked_before),
            booked=self.booked,
            inferred=self.tally["inferred"],
            absent=self.questions.tally["absent"],
            cannot_tell=self.questions.tally["cannot_tell"],
        )
        self.tally.clear()
        self.questions.tally.clear()
        unit = self.cell.numbers.open(
            message.unit.correlation_id, message.unit.rows + batch.rows(), tuple(batch.events)
        )
        if applied.is_compared and message.account is not None:
            self._compare(message.account, batch, unit, message.listing)
        else:
            self.pass_on(batch, unit)
        assert unit.n is not None, "expected a unit of the cell"
        self.outbox.hold(unit.n, partial(reply.set, applied))
        if message.is_last:
            self.take_early()
        self._ask_for_missing(message)

    def _take_fills(self, batch: FactBatch, message: ApplyReconciliation) -> int:
        """Book fills, and take back those that the numbers do not contain any more; return how many were adopted."""
        adopted = 0
        for fill in message.fills:
            live = self.memory.by_client_id(key_of(fill))
            if live is None:
                live = self.adopt(batch, fill)
                if live is None:
                    continue
                adopted += 1
            self.apply_fill(batch, live, fill)
        for void in self.voids_within(message.account):
            live = self.memory.by_client_id(key_of(void))
            if live is not None:
                self.apply_void(batch, live, void)
        return adopted

    def _close_absent(self, message: ApplyReconciliation, batch: FactBatch) -> int:
        closed = 0
        for client_id in message.absent:
            live = self.memory.by_client_id(client_id)
            if live is not None and live.state.lifecycle is Lifecycle.UNKNOWN:
                self.apply_done(batch, live, DoneReason.NEVER_EXISTED)
                closed += 1
        return closed

    def _compare(self, account: VenueAccount, batch: FactBatch, unit: WriteUnit, listing: FillListing | None) -> None:
        """Let the ledger compare balances once it has booked the fills."""
        self.mark(batch, unit)
        changes = batch.changes()
        self.ledger.tell(
            AdjustBalances(
                account_id=self.account_id,
                unit=unit,
                account=account,
                orders=changes,
                fills=tuple(batch.fills),
                trades=tuple(batch.trades),
                listing=listing,
            )
        )
        self.publish(changes)

    def _is_comparable(self, account: VenueAccount, booked_before: int | None) -> bool:
        """Whether the venue's numbers contain every fill that is booked, so that both are of one moment.

        Numbers with a cursor that counts were read before the fills, so they cannot contain one that is not booked.
        Others were read after them: both are of one moment if nothing was booked since. What was asked for order by
        order has no place in the history, and is in numbers that are as new.
        """
        if account.venue_time_ns < self.aside_ns:
            return False
        booked, seen = self.last_cursor, account.cursor
        if booked is None or seen == booked:
            return True
        if booked_before is not None and not is_number(seen):
            return self.booked == booked_before
        if seen is not None and seen.isdigit() and booked.isdigit():
            return int(booked) <= int(seen)
        return False

    def _ask_for_missing(self, message: ApplyReconciliation) -> None:
        """Ask for every order of ours that the venue's list does not show: not being listed proves nothing.

        A connector answers every command. One that has failed meanwhile does not: what it was told is asked for as
        well once it cannot be on its way any more, and cancels are sent again, which does no harm.
        """
        if not message.is_complete:
            return
        listed = message.listed.union(map(key_of, message.orders))
        missing = 0
        for live in self.memory.living():
            if live.row.venue_client_id not in listed and self._was_sent(live):
                self.questions.begin(live)
                missing += 1
                if missing >= MISSING_PER_RUN:
                    break  # A list that leaves out thousands must not become thousands of questions at once.
        self.cancels.repeat(self.memory.living())

    def _was_sent(self, live: LiveOrder) -> bool:
        state = live.state
        is_submitting = state.lifecycle is Lifecycle.SUBMITTING and live.unsent is None
        if is_submitting and self.cell.wall.now_ns() > (live.row.send_by or 0):
            seen = live.seen()
            self.learn(self.gathering(), live, state.apply_unknown(), seen)
        return state.lifecycle in (Lifecycle.UNKNOWN, Lifecycle.WORKING) or state.is_phantom
