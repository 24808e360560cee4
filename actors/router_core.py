"""What a router does with facts: apply them to orders, and send what they change as one unit.

`OrderRouter` (order_router.py) adds the commands and the venue's messages.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from actors.cancels import Cancels
from actors.cell import Cell
from actors.fact_batch import FactBatch
from actors.halted_scopes import HaltObeying
from actors.live_order import LiveOrder, Seen, adopted_order, intent_behind, restored_order
from actors.order_memory import OrderMemory
from actors.outbox import Outbox
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import AccountId, CorrelationId, OrderId, Venue
from engine.domain.kinds import DoneReason, Lifecycle, OrderOrigin, RequestState
from engine.domain.order_facts import FillFact, Outcome, StatusFact
from engine.domain.values import add
from engine.messages.archive import OrderArchive, OrderLoad
from engine.messages.cell import ReconcileAccount
from engine.messages.orders import BookUnit, OrderChanged
from engine.messages.rows import Row
from engine.messages.system import Flush
from engine.messages.venues import VenueFill, VenueOrder, VenueOrderDone
from engine.messages.writing import WriteUnit
from engine.runtime.ref import Ref

MISSING_FILLS_AFTER_NS: Final = 1_000_000_000
"""Wall time that the fills of a status may take before they are fetched."""
RECALL_AGAIN_NS: Final = 1_000_000_000
"""Wall time between two looks into an archive that is away."""
WAITING_MAX: Final = 10_000
"""Facts that may wait for the archive, or for older ones; what comes beyond is dropped and fetched again."""

_FLUSH: Final = Flush()

Stranger = VenueFill | VenueOrderDone
"""Facts that name their order by the venue's ids, so that it may be one that has left memory."""


class Recalled(msgspec.Struct, frozen=True):
    """To myself: what the archive holds of a client id."""

    client_id: str
    loads: tuple[OrderLoad, ...]


class CheckMissing(msgspec.Struct, frozen=True):
    """To myself: by now the fills should have come."""

    order_id: OrderId


class RouterCore(HaltObeying):
    """State of a router, and how facts change it."""

    def __init__(
        self, *, cell: Cell, account_id: AccountId, venue: Venue, ledger: Ref[Any], archive: OrderArchive, done_max: int
    ) -> None:
        """Keep what it works with; see `OrderRouter`."""
        super().__init__()
        self.cell = cell
        self.account_id = account_id
        self.venue = venue
        self.ledger = ledger
        self.archive = archive
        self.memory = OrderMemory(done_max)
        self.outbox = Outbox(cell.numbers, cell.bus, self.actor_ref)
        self.last_cursor: str | None = None
        """The venue's position of the newest fill that is booked."""
        self.booked = 0
        """Fills booked in this life."""
        self.tally: Counter[str] = Counter()
        """Fills of the kind `inferred` since the last page of a reconciliation."""
        self._gathered: FactBatch | None = None
        self._waiting: dict[str, list[Stranger]] = {}
        """Client id -> facts that wait until the archive has been asked for its order."""
        self._waiting_count = 0
        self._early: list[VenueFill] | None = None
        """Fills that the venue has pushed before the first reconciliation has booked those that are older."""
        self._has_dropped = False

    cancels: Cancels

    # --- Units --------------------------------------------------------------------------------------------------------

    def batch(self) -> FactBatch:
        """Begin to collect what becomes a unit of its own; what has gathered before leaves first."""
        self.flush()
        return self._new_batch()

    def gathering(self) -> FactBatch:
        """Collect what the venue says until everything that has come with it is handled.

        An acknowledgement, its fill and the order's end mostly come together; so they become one unit. Nobody hears of
        the change before the unit is open, so it is as if it happened then.
        """
        if self._gathered is None:
            self._gathered = self._new_batch()
            self.actor_ref.tell(_FLUSH)
        return self._gathered

    def flush(self) -> None:
        """Send what has gathered."""
        gathered, self._gathered = self._gathered, None
        if gathered is not None:
            self.send(gathered)

    def _new_batch(self) -> FactBatch:
        return FactBatch(
            user_id=self.cell.user_id,
            account_id=self.account_id,
            venue=self.venue,
            ids=self.cell.ids,
            now_ns=self.cell.clock.now_ns(),
        )

    def send(
        self, batch: FactBatch, correlation_id: CorrelationId | None = None, rows: tuple[Row, ...] = ()
    ) -> WriteUnit | None:
        """Send what has been learnt as a unit of its own; None if nothing has changed."""
        if not batch and not rows:
            return None
        orders = batch.orders
        if correlation_id is None and len(orders) == 1:
            correlation_id = orders[0].correlation_id
        unit = self.cell.numbers.open(correlation_id, rows + batch.rows(), tuple(batch.events))
        self.pass_on(batch, unit)
        return unit

    def pass_on(self, batch: FactBatch, unit: WriteUnit) -> None:
        """Send a unit that holds the rows of a batch on its way, and tell the cell how the orders now stand."""
        self.mark(batch, unit)
        if not batch.orders:
            self.cell.writer.tell(unit)
            return
        changes = batch.changes()
        self.ledger.tell(BookUnit(unit=unit, orders=changes, fills=tuple(batch.fills), trades=tuple(batch.trades)))
        self.publish(changes)

    def mark(self, batch: FactBatch, unit: WriteUnit) -> None:
        """Remember which unit holds the orders of a batch, and forget what is done and durable."""
        assert unit.n is not None, "expected a unit of the cell"
        for live in batch.orders:
            live.n = unit.n
        self.memory.trim(self.outbox.committed)

    def publish(self, changes: tuple[OrderChanged, ...]) -> None:
        """Tell gate and coordinator how the orders now stand."""
        for change in changes:
            self.cell.bus.publish(change, key=self.cell.user_id)

    # --- Facts --------------------------------------------------------------------------------------------------------

    def learn(self, batch: FactBatch, live: LiveOrder, outcome: Outcome, seen: Seen) -> None:
        """Add the outcome of a fact to the unit."""
        was_done = seen[0] is Lifecycle.DONE
        batch.learn(live, seen, outcome)
        if outcome.book:
            self.booked += len(outcome.book)
            self.tally["inferred"] += sum(fact.inferred for fact in outcome.book)
        if live.state.is_done and not was_done:
            self.memory.ended(live)
            live.unsent = None
            if live.requests:
                state = RequestState.ACKED if live.state.done_reason is DoneReason.CANCELLED else RequestState.REFUSED
                code = None if state is RequestState.ACKED else "already_done"
                self.cancels.answer(live, state, code, batch, self.cell.clock.now_ns())

    def apply_fill(self, batch: FactBatch, live: LiveOrder, fill: VenueFill) -> None:
        """Book a fill once, in whatever state the order is."""
        seen = live.seen()
        state = live.state
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
                executed_at_ns=fill.executed_at_ns,
            )
        )
        self.last_cursor = later_cursor(self.last_cursor, fill.cursor)
        self.learn(batch, live, outcome, seen)

    def apply_status(self, batch: FactBatch, live: LiveOrder, status: StatusFact) -> None:
        """Follow what the venue says about an order as a whole."""
        seen = live.seen()
        outcome = live.state.apply_status(status)
        self.learn(batch, live, outcome, seen)
        if live.state.missing_quantity:
            self.after(MISSING_FILLS_AFTER_NS, CheckMissing(live.state.order_id), clock=self.cell.wall)

    def apply_done(self, batch: FactBatch, live: LiveOrder, reason: DoneReason) -> None:
        """End an order by our own decision or by proof."""
        seen = live.seen()
        outcome = live.state.apply_done(reason)
        self.learn(batch, live, outcome, seen)

    # --- Strangers ----------------------------------------------------------------------------------------------------

    def take(self, fact: Stranger) -> None:
        """Apply a fact that names its order by the venue's ids; ask the archive if that order is not in memory."""
        if self._early is not None and isinstance(fact, VenueFill):
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
        else:
            self.apply_status(batch, live, status_of(fact))

    def hold_early(self) -> None:
        """Let fills wait until a reconciliation has booked those that are older.

        The profit that a fill realises, and so the balance, depends on the fills before it.
        """
        self._early = []

    @property
    def is_holding(self) -> bool:
        """Whether fills that the venue pushes wait for older ones."""
        return self._early is not None

    def _keep_early(self, fill: VenueFill) -> None:
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
        self.restore(message.loads)
        batch = self.batch()
        facts = self._waiting.pop(message.client_id, [])
        self._waiting_count -= len(facts)
        for fact in facts:
            live = self.memory.by_client_id(message.client_id)
            if live is None and isinstance(fact, VenueFill):
                live = self.adopt(batch, fact)
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

    def adopt(self, batch: FactBatch, found: VenueOrder | VenueFill) -> LiveOrder:
        """Count an order that is not ours."""
        order_id = OrderId(self.cell.ids.uuid())
        now_ns = self.cell.clock.now_ns()
        owner = (self.cell.user_id, self.account_id)
        intent = intent_behind(found, order_id=order_id, row_owner=owner, venue=self.venue, now_ns=now_ns)
        live = adopted_order(intent, key_of(found), fence=self.cell.numbers.fence, now_ns=now_ns)
        live.state.apply_submitted()
        self.memory.add(live)
        batch.created(live, "OrderAdopted")
        self.log.warning("order_adopted", symbol=found.symbol, external_order_id=found.external_order_id)
        return live


def later_cursor(booked: str | None, cursor: str) -> str:
    """Return the later of two positions in a venue's history; the second where they do not count.

    A reconciliation hands over fills that are older than those that have been pushed meanwhile.
    """
    if booked is not None and booked.isdigit() and cursor.isdigit() and int(booked) > int(cursor):
        return booked
    return cursor


def key_of(fact: Stranger | VenueOrder) -> str:
    """Return the client id of a fact's order; orders placed elsewhere may have none."""
    return fact.venue_client_id or f"external:{fact.symbol}:{fact.external_order_id}"


def status_of(fact: VenueOrderDone | VenueOrder) -> StatusFact:
    """Turn what the venue says into what the order learns."""
    if isinstance(fact, VenueOrderDone):
        reason: DoneReason | None = fact.reason
    else:
        reason = None if fact.is_open else fact.done_reason
    return StatusFact(
        venue_time_ns=fact.venue_time_ns,
        external_order_id=fact.external_order_id,
        filled_quantity=fact.filled_quantity,
        done_reason=reason,
    )
