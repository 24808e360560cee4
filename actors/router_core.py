"""What a router does with facts: apply them to orders, those included that are not in memory, or not ours.

`OrderRouter` (order_router.py) adds the commands and the venue's messages.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from actors.adoption import adopted_order, intent_behind
from actors.cancels import Cancels
from actors.cell import Cell, Instruments
from actors.evidence import Tombstones, unlisted_row, void_row
from actors.fact_batch import FactBatch
from actors.live_order import LiveOrder, Seen
from actors.order_loading import restored_order
from actors.router_units import RouterUnits
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import AccountId, OrderId, Symbol, Venue
from engine.domain.kinds import DoneReason, Lifecycle, OrderOrigin, RequestState
from engine.domain.order_facts import FillFact, Outcome, StatusFact
from engine.domain.values import add
from engine.messages.archive import OrderArchive, OrderLoad
from engine.messages.cell import ReconcileAccount
from engine.messages.rows_trades import TradeEvidenceRow
from engine.messages.venues import (
    VenueAccount,
    VenueFill,
    VenueOrder,
    VenueOrderDone,
    VenueOrderUpdate,
    VenueTradeVoided,
)
from engine.runtime.ref import Ref

RECALL_AGAIN_NS: Final = 1_000_000_000
"""Wall time between two looks into an archive that is away."""
WAITING_MAX: Final = 10_000
"""Facts that may wait for the archive, or for older ones; what comes beyond is dropped and fetched again."""

US: Final = 1_000
"""Nanoseconds; times are stored in whole microseconds, and a fact must equal itself after a restart."""

Stranger = VenueFill | VenueOrderDone | VenueOrderUpdate | VenueTradeVoided
"""Facts that name their order by the venue's ids, so that it may be one that has left memory."""


class Recalled(msgspec.Struct, frozen=True):
    """To myself: what the archive holds of a client id."""

    client_id: str
    loads: tuple[OrderLoad, ...]


class RouterCore(RouterUnits):
    """How facts change orders."""

    cancels: Cancels

    def __init__(
        self,
        *,
        cell: Cell,
        account_id: AccountId,
        venue: Venue,
        ledger: Ref[Any],
        archive: OrderArchive,
        done_max: int,
        instruments: Instruments | None,
        tombstones: Iterable[TradeEvidenceRow],
    ) -> None:
        """Keep what it works with; see `OrderRouter`."""
        super().__init__(
            cell=cell, account_id=account_id, venue=venue, ledger=ledger, archive=archive, done_max=done_max
        )
        self._instruments = instruments
        self._tombstones = Tombstones(tombstones)
        self._unlisted: set[Symbol] = set()
        """Symbols of which a person was told that nobody knows their rules."""
        self._waiting: dict[str, list[Stranger]] = {}
        """Client id -> facts that wait until the archive has been asked for its order."""
        self._waiting_count = 0
        self.aside_ns = 0
        """Venue time of the newest execution that was booked and did not come by the account's history."""
        self._early: list[VenueFill | VenueTradeVoided] | None = None
        """Fills that the venue has pushed before the first reconciliation has booked those that are older."""
        self._has_dropped = False

    # --- Facts --------------------------------------------------------------------------------------------------------

    def learn(self, batch: FactBatch, live: LiveOrder, outcome: Outcome, seen: Seen) -> None:
        """Add the outcome of a fact to the unit."""
        was_done = seen[0] is Lifecycle.DONE
        batch.learn(live, seen, outcome)
        if outcome.book:
            self.booked += len(outcome.book)
            inferred = [fact.executed_at_ns for fact in outcome.book if fact.inferred]
            self.tally["inferred"] += len(inferred)
            self.aside_ns = max((self.aside_ns, *inferred))
        if live.state.is_done and not was_done:
            self.memory.ended(live)
            live.unsent = None
        if live.requests and live.state.is_done and not live.state.is_phantom:
            state = RequestState.ACKED if live.state.done_reason is DoneReason.CANCELLED else RequestState.REFUSED
            code = None if state is RequestState.ACKED else "already_done"
            self.cancels.answer(live, state, code, batch, self.cell.clock.now_ns())
            self.ended_amending(live)

    def apply_fill(self, batch: FactBatch, live: LiveOrder, fill: VenueFill, *, is_in_history: bool = True) -> None:
        """Book a fill once, in whatever state the order is.

        Args:
            batch: Of the unit.
            live: Its order.
            fill: What the venue says.
            is_in_history: Its cursor is one of the account's history, not of one order's.
        """
        seen = live.seen()
        state = live.state
        if self._tombstones.is_voided(fill):
            state.apply_void(fill.external_trade_id)
        if live.row.origin == OrderOrigin.EXTERNAL.value and fill.external_trade_id not in state.trades:
            # We know of a stranger's order only what has filled: it is at least as large.
            total = add(state.total_quantity, fill.quantity)
            if total > state.quantity:
                state.quantity = total
                live.row = msgspec.structs.replace(live.row, quantity=total)
        outcome = state.apply_fill(
            FillFact(
                trade_id=fill.external_trade_id,
                price=fill.price,
                quantity=fill.quantity,
                fee=fill.fee,
                fee_asset=fill.fee_asset,
                liquidity=fill.liquidity,
                executed_at_ns=fill.executed_at_ns - fill.executed_at_ns % US,
            )
        )
        if is_in_history:
            self.last_cursor = later_cursor(self.last_cursor, fill.cursor)
        elif outcome.book:
            self.aside_ns = max(self.aside_ns, fill.executed_at_ns)
        self.learn(batch, live, outcome, seen)
        self.watch_phantom(batch, live)

    def apply_void(self, batch: FactBatch, live: LiveOrder, message: VenueTradeVoided) -> None:
        """Take a trade back that the venue took back; of one that has not come yet it never counts."""
        seen = live.seen()
        outcome = live.state.apply_void(message.external_trade_id)
        self.learn(batch, live, outcome, seen)
        if outcome.changed:
            batch.add(
                void_row(
                    message,
                    live,
                    user_id=self.cell.user_id,
                    row_id=self.cell.ids.uuid(),
                    now_ns=self.cell.clock.now_ns(),
                )
            )

    def apply_status(self, batch: FactBatch, live: LiveOrder, status: StatusFact) -> None:
        """Follow what the venue says about an order as a whole."""
        seen = live.seen()
        outcome = live.state.apply_status(status)
        self.learn(batch, live, outcome, seen)
        self.watch_missing(live)
        self.watch_phantom(batch, live)

    def watch_missing(self, live: LiveOrder) -> None:
        """See to it that fills which a status tells of come; without `Inferring` nobody does."""

    def watch_phantom(self, batch: FactBatch, live: LiveOrder) -> None:
        """Follow an order that was refused and lives; without `Phantoms` nobody does."""

    def ended_amending(self, live: LiveOrder) -> None:
        """Find out whether an order was amended before its end; without `Amending` nobody does."""

    def apply_done(self, batch: FactBatch, live: LiveOrder, reason: DoneReason) -> None:
        """End an order by our own decision or by proof."""
        seen = live.seen()
        outcome = live.state.apply_done(reason)
        self.learn(batch, live, outcome, seen)

    # --- Strangers ----------------------------------------------------------------------------------------------------

    def take(self, fact: Stranger) -> None:
        """Apply a fact that names its order by the venue's ids; ask the archive if that order is not in memory."""
        if self._early is not None and isinstance(fact, VenueFill | VenueTradeVoided):
            self._keep_early(fact)
            return
        client_id = key_of(fact)
        live = self.memory.by_client_id(client_id)
        if live is not None:
            self.apply(self.gathering(), live, fact)
            return
        if self._waiting_count >= WAITING_MAX:
            self._has_dropped = True
            return
        self._waiting_count += 1
        waiting = self._waiting.get(client_id)
        if waiting is not None:
            waiting.append(fact)
            return
        self._waiting[client_id] = [fact]
        self.spawn(self._recall(client_id), name="recall")

    def apply(self, batch: FactBatch, live: LiveOrder, fact: Stranger | VenueOrder) -> None:
        """Apply one fact to its order."""
        if isinstance(fact, VenueFill):
            self.apply_fill(batch, live, fact)
        elif isinstance(fact, VenueTradeVoided):
            self.apply_void(batch, live, fact)
        elif isinstance(fact, VenueOrderDone):
            self.apply_status(batch, live, status_of(fact))
        else:
            self.apply_listed(batch, live, fact.order if isinstance(fact, VenueOrderUpdate) else fact)

    def apply_listed(self, batch: FactBatch, live: LiveOrder, order: VenueOrder) -> None:
        """Apply what the venue says in full about an order."""
        if order.filled_quantity and (live.listed is None or order.filled_quantity >= live.listed.filled_quantity):
            live.listed = order
        self.apply_status(batch, live, status_of(order))

    def hold_early(self) -> None:
        """Let fills wait until a reconciliation has booked those that are older.

        The profit that a fill realises, and so the balance, depends on the fills before it.
        """
        if self._early is None:
            self._early = []

    @property
    def is_holding(self) -> bool:
        """Whether fills that the venue pushes wait for older ones."""
        return self._early is not None

    def _keep_early(self, fill: VenueFill | VenueTradeVoided) -> None:
        assert self._early is not None, "expected fills to be held"
        if len(self._early) < WAITING_MAX:
            self._early.append(fill)
        else:
            self._has_dropped = True

    def take_early(self) -> None:
        """Apply the fills that have waited for those that are older."""
        early, self._early = self._early, None
        for fill in early or ():
            self.take(fill)
        self._fetch_dropped()

    def voids_within(self, account: VenueAccount | None) -> list[VenueTradeVoided]:
        """Return the held reports of trades that an account's numbers do not contain any more; they may come twice."""
        if account is None:
            return []
        held = (fact for fact in self._early or () if isinstance(fact, VenueTradeVoided))
        return [fact for fact in held if fact.venue_time_ns <= account.venue_time_ns]

    async def _recall(self, client_id: str) -> None:
        loads = await self.read_archive([client_id])
        self.actor_ref.tell(Recalled(client_id, tuple(loads)))

    async def read_archive(self, client_ids: Sequence[str]) -> list[OrderLoad]:
        """Read orders back, however long the database is away."""
        while True:
            try:
                return await self.archive.recall(self.account_id, client_ids)
            except DependencyAway:
                await self.cell.wall.sleep(RECALL_AGAIN_NS)

    def restore(self, loads: Iterable[OrderLoad]) -> None:
        """Take orders back into memory, unless they are there."""
        for load in loads:
            if self.memory.by_client_id(load.row.venue_client_id) is None:
                self.memory.add(restored_order(load))

    def on_recalled(self, message: Recalled) -> None:
        """Apply what has waited; a fill of an order that nobody knows makes it an external one."""
        # First the batch: what has gathered leaves with it, and takes done orders out of memory.
        batch = self.batch()
        self.restore(message.loads)
        facts = self._waiting.pop(message.client_id, [])
        self._waiting_count -= len(facts)
        for fact in facts:
            live = self.memory.by_client_id(message.client_id)
            if live is None:
                live = self._meet(batch, fact)
            if live is not None:
                self.apply(batch, live, fact)
        self.send(batch)
        self._fetch_dropped()

    def _fetch_dropped(self) -> None:
        if self._has_dropped and not self._waiting and self._early is None:
            self._has_dropped = False
            self.fetch_fills()

    def fetch_fills(self) -> None:
        """Wish for the facts that the venue has and we have not."""
        self.cell.bus.publish(ReconcileAccount(account_id=self.account_id), key=self.account_id)

    def _meet(self, batch: FactBatch, fact: Stranger) -> LiveOrder | None:
        """Make an order of a fact about one that nobody knows, if the fact proves that it matters."""
        if isinstance(fact, VenueFill):
            return self.adopt(batch, fact)
        if isinstance(fact, VenueOrderUpdate):
            return self.adopt(batch, fact.order) if fact.order.is_open else None
        if isinstance(fact, VenueTradeVoided) and self._tombstones.bury(fact):
            user_id, now_ns = self.cell.user_id, self.cell.clock.now_ns()
            batch.add(void_row(fact, None, user_id=user_id, row_id=self.cell.ids.uuid(), now_ns=now_ns))
        return None

    def adopt(self, batch: FactBatch, found: VenueOrder | VenueFill) -> LiveOrder | None:
        """Count an order that is not ours; None in a symbol whose rules nobody knows, for it cannot be valued."""
        if self._instruments is not None and (self.venue, found.symbol) not in self._instruments:
            self._refuse_unlisted(batch, found)
            return None
        order_id = OrderId(self.cell.ids.uuid())
        now_ns = self.cell.clock.now_ns()
        owner = (self.cell.user_id, self.account_id)
        intent = intent_behind(found, order_id=order_id, row_owner=owner, venue=self.venue, now_ns=now_ns)
        live = adopted_order(intent, key_of(found), fence=self.cell.numbers.fence, now_ns=now_ns)
        live.state.apply_submitted()
        self.memory.add(live)
        batch.created(live, "OrderAdopted")
        self.log.warning(
            "order_adopted",
            symbol=found.symbol,
            external_order_id=found.external_order_id,
            order_id=order_id,
            correlation_id=live.correlation_id,
        )
        return live

    def _refuse_unlisted(self, batch: FactBatch, found: VenueOrder | VenueFill) -> None:
        """Keep a fill that cannot be booked as evidence, and tell a person once about its symbol."""
        user_id, now_ns = self.cell.user_id, self.cell.clock.now_ns()
        if isinstance(found, VenueFill):
            self.last_cursor = later_cursor(self.last_cursor, found.cursor)
            if self._tombstones.refuse(found):
                batch.add(unlisted_row(found, user_id=user_id, row_id=self.cell.ids.uuid(), now_ns=now_ns))
        if found.symbol not in self._unlisted:
            self._unlisted.add(found.symbol)
            batch.warn("unlisted_symbol", "high", f"{found.symbol}: traded at the venue, unknown here", found.symbol)


def later_cursor(booked: str | None, cursor: str) -> str:
    """Return the later of two positions in a venue's history; the second where they do not count.

    A reconciliation hands over fills that are older than those that have been pushed meanwhile.
    """
    if booked is not None and booked.isdigit() and cursor.isdigit() and int(booked) > int(cursor):
        return booked
    return cursor


def key_of(fact: Stranger | VenueOrder) -> str:
    """Return the client id of a fact's order; orders placed elsewhere may have none."""
    if isinstance(fact, VenueOrderUpdate):
        fact = fact.order
    return fact.venue_client_id or f"external:{fact.symbol}:{fact.external_order_id}"


def status_of(fact: VenueOrderDone | VenueOrder) -> StatusFact:
    """Turn what the venue says into what the order learns."""
    sequence = 0
    if isinstance(fact, VenueOrderDone):
        reason: DoneReason | None = fact.reason
    else:
        reason = None if fact.is_open else fact.done_reason
        sequence = fact.sequence
    return StatusFact(
        venue_time_ns=fact.venue_time_ns,
        sequence=sequence,
        external_order_id=fact.external_order_id,
        filled_quantity=fact.filled_quantity,
        done_reason=reason,
    )
