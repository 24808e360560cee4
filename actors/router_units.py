"""What a router learns leaves as units of work: collected, numbered, told to the cell.

`RouterCore` (router_core.py) applies facts; `OrderRouter` (order_router.py) adds the commands and the venue's messages.
"""

from collections import Counter
from typing import Any, Final

from actors.cell import Cell
from actors.fact_batch import FactBatch
from actors.halted_scopes import HaltObeying
from actors.order_memory import OrderMemory
from actors.outbox import Outbox
from engine.domain.identifiers import AccountId, CorrelationId, Venue
from engine.messages.archive import OrderArchive
from engine.messages.orders import BookUnit, OrderChanged
from engine.messages.rows import Row
from engine.messages.system import Flush
from engine.messages.writing import WriteUnit
from engine.runtime.ref import Ref

_FLUSH: Final = Flush()


class RouterUnits(HaltObeying):
    """State of a router, and how what it learns leaves as units of work."""

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
        for send in batch.sends:
            self.outbox.hold(unit.n, send)
        self.memory.trim(self.outbox.committed)

    def publish(self, changes: tuple[OrderChanged, ...]) -> None:
        """Tell gate and coordinator how the orders now stand."""
        for change in changes:
            self.cell.bus.publish(change, key=self.cell.user_id)
