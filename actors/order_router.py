"""Owns the orders of one account: keeps each intent before it is sent, follows each order to its end and beyond.

Per fact one unit of work: the order's row, its trades and its events go on to the ledger, which adds what the fills
move and sends the unit. A request leaves for the venue only when the unit that holds it is durable, before `send_by`,
and under the cell's fence.

An order is UNKNOWN until there is evidence: the venue shows it, or says twice, after the request's last moment, that it
does not exist. Facts about orders that have left memory wait for a look into the archive; fills of orders that are not
ours are booked, and make those orders ours to count (`external`).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from actors.amends import Amending
from actors.cancels import Cancels, cancel_of, has_cancel
from actors.cell import Cell, Instruments
from actors.denials import DenialFolder
from actors.inferring import INFER_AFTER_NS
from actors.live_order import LiveOrder, denied_order, new_order, submit_of
from actors.order_memory import DONE_MAX
from actors.reconciling import FactsRecalled
from actors.resolving import DUPLICATES
from actors.router_core import Recalled, Stranger
from actors.venue_questions import VenueQuestions
from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import AccountId, CausationId, CorrelationId, Venue
from engine.domain.kinds import DoneReason, Lifecycle, RequestState
from engine.domain.order_facts import StatusFact
from engine.messages.archive import OrderArchive
from engine.messages.cell import FollowVenue
from engine.messages.orders import CancelAnswer, CancelOrder, CancelOrders, DenyOrder, SubmitOrder
from engine.messages.rows_trades import TradeEvidenceRow
from engine.messages.system import Flush
from engine.messages.venues import (
    VenueAccepted,
    VenueAmended,
    VenueAmendRefused,
    VenueCancel,
    VenueCancelRefused,
    VenueConnection,
    VenueFill,
    VenueNotSent,
    VenueOrderDone,
    VenueOrderUpdate,
    VenueRejected,
    VenueSubmit,
    VenueTradeVoided,
    VenueUnknown,
)
from engine.messages.writing import CellHalted, CommandRecord, StoreStatus, UnitsCommitted
from engine.runtime.actor import handles
from engine.runtime.bus import Subscription
from engine.runtime.errors import ActorDeadError
from engine.runtime.fault_points import fault_point
from engine.runtime.future import AsyncioFuture
from engine.runtime.ref import Ref

SEND_WITHIN_NS: Final = 5_000_000_000
"""Wall time from the intent to the last moment at which it may be sent, and read by the venue."""

VENUE_EVENTS: Final = (
    VenueAccepted,
    VenueAmended,
    VenueAmendRefused,
    VenueRejected,
    VenueUnknown,
    VenueNotSent,
    VenueOrderDone,
    VenueCancelRefused,
    VenueFill,
    VenueOrderUpdate,
)


class OrderRouter(Amending):
    """One per trading account."""

    def __init__(  # noqa: PLR0913 - each is handed over by the wiring, by name.
        self,
        *,
        cell: Cell,
        account_id: AccountId,
        venue: Venue,
        connector: Ref[Any],
        ledger: Ref[Any],
        archive: OrderArchive,
        orders: Sequence[LiveOrder] = (),
        instruments: Instruments | None = None,
        tombstones: Sequence[TradeEvidenceRow] = (),
        capabilities: Capabilities | None = None,
        send_within_ns: int = SEND_WITHIN_NS,
        infer_after_ns: int = INFER_AFTER_NS,
        done_max: int = DONE_MAX,
    ) -> None:
        """Keep what it works with.

        Args:
            cell: What the cell shares. Venue events come over its bus under `account_id`, changes of orders leave on it
                under the user's id.
            account_id: Whose orders.
            venue: Where they go.
            connector: Takes submits and cancels, answers questions.
            ledger: Takes units with facts about orders; the writer takes all others.
            archive: The committed past.
            orders: All orders of the account that are not over, with all their trades; changed from now on.
            instruments: All that may be traded; None where every symbol may be.
            tombstones: Reports about trades of which no order is known.
            capabilities: What the venue has declared; without it the absence of an order proves nothing.
            send_within_ns: Wall time that an order may take to leave.
            infer_after_ns: Wall time that missing fills may take before the venue's sum is booked instead.
            done_max: Done orders kept in memory.
        """
        super().__init__(
            cell=cell,
            account_id=account_id,
            venue=venue,
            ledger=ledger,
            archive=archive,
            done_max=done_max,
            instruments=instruments,
            tombstones=tombstones,
        )
        self.connector = connector
        self.capabilities = capabilities
        self.infer_after_ns = infer_after_ns
        self.send_within_ns = send_within_ns
        self._denials = DenialFolder()
        self._subscriptions: list[Subscription] = []
        self.cancels = Cancels(account_id=account_id, ids=cell.ids, outbox=self.outbox, send=self.send_cancel)
        self.questions = VenueQuestions(
            account_id=account_id,
            connector=connector,
            tell=self.actor_ref.tell,
            spawn=lambda coroutine, name: self.spawn(coroutine, name=name),
            after=lambda delay_ns, message: self.after(delay_ns, message, clock=cell.wall),
            now_ns=cell.wall.now_ns,
        )
        for live in orders:
            self.memory.add(live)

    def on_start(self) -> None:
        """Hear of commits, of the database, of the venue's connection and of the cell's end.

        What a venue takes back it may say at once when the account is opened: that waits until fills are applied.
        """
        tell = self.actor_ref.tell
        self.hold_early()
        self._subscriptions.append(self.cell.bus.subscribe(VenueTradeVoided, tell, key=self.account_id))
        self._subscriptions += [
            self.cell.bus.subscribe(VenueConnection, tell, key=key) for key in (self.venue, self.account_id)
        ]
        self._subscriptions.append(self.cell.bus.subscribe(StoreStatus, tell))
        self._subscriptions.append(self.cell.bus.subscribe(CellHalted, tell, key=self.cell.user_id))

    def on_stop(self) -> None:
        """Send nothing more."""
        self.outbox.close()
        self.cancels.close()
        for subscription in self._subscriptions:
            subscription.cancel()

    def on_failure(self, *_error: Any) -> None:
        """Send nothing more; the cell starts again from the store."""
        self.on_stop()

    @handles(FollowVenue)
    def on_follow(self, _message: FollowVenue) -> None:
        """Listen to the venue, and go on with what the last run has left.

        An order in SUBMITTING may have been sent by a process that died: its outcome is unknown. A cancel that was not
        answered is sent again; it does the same twice.
        """
        self.hold_early()
        for kind in VENUE_EVENTS:
            self._subscriptions.append(self.cell.bus.subscribe(kind, self.actor_ref.tell, key=self.account_id))
        for live in self.memory.all():
            if live.state.lifecycle is Lifecycle.SUBMITTING and live.unsent is None:
                self.unknown(live)
            self.watch_missing(live)
            self.doubt_amends(live)
            if has_cancel(live):
                self.send_cancel(cancel_of(live))

    @handles(VenueConnection)
    def on_connection(self, message: VenueConnection) -> None:
        """Learn what the venue can do, where it says so: it may have been away when this cell began."""
        if message.capabilities is not None:
            self.capabilities = message.capabilities

    # --- Intents ------------------------------------------------------------------------------------------------------

    @handles(SubmitOrder)
    def on_submit(self, message: SubmitOrder) -> None:
        """Keep an accepted intent; send it when it is durable."""
        live = new_order(
            message.intent,
            fence=self.cell.numbers.fence,
            send_by_ns=self.cell.wall.now_ns() + self.send_within_ns,
            now_ns=self.cell.clock.now_ns(),
            ids=None if self.capabilities is None else self.capabilities.client_id,
        )
        live.state.apply_submitted()
        submit = submit_of(live)
        self.memory.add(live)
        batch = self.batch()
        batch.created(live, "OrderSubmitting")
        self.pass_on(batch, message.unit.plus(batch.rows(), tuple(batch.events)))
        self.outbox.hold(live.n, partial(self._send_submit, live, submit))

    @handles(DenyOrder)
    def on_deny(self, message: DenyOrder) -> None:
        """Keep a refused intent as an order that was never sent."""
        now_ns = self.cell.clock.now_ns()
        batch = self.batch()
        live = denied_order(message.intent, message.denial, fence=self.cell.numbers.fence, now_ns=now_ns)
        folded = self._denials.fold(message.intent, message.denial, now_ns)
        row = live.refresh(now_ns) if folded is None else folded
        if folded is None:
            self._denials.remember(row)
        batch.add(row)
        # A repeat belongs to the story of the row that takes it, and names its own.
        cause = CausationId(message.intent.correlation_id)
        batch.event("orders", "OrderDenied", row, CorrelationId(row.correlation_id), cause)
        self.cell.writer.tell(message.unit.plus(batch.rows(), tuple(batch.events)))
        self.cell.bus.publish(live.changed(), key=self.cell.user_id)

    def _send_submit(self, live: LiveOrder, submit: VenueSubmit) -> None:
        """Send an order whose intent is durable, unless it was withdrawn or has become too old meanwhile."""
        if live.unsent is None:
            return
        live.unsent = None
        self.log.debug("order_leaves", order_id=live.row.id, correlation_id=live.row.correlation_id)
        why = self.why_unsendable(live.row, self.cell.wall.now_ns())
        if why is not None:
            self._not_sent(live, why)
            return
        try:
            self.connector.tell(submit)
        except ActorDeadError:
            self._not_sent(live, "no_connector")

    def _not_sent(self, live: LiveOrder, why: str) -> None:
        live.explain(why, None, None)
        self.apply_done(self.gathering(), live, DoneReason.DENIED)

    # --- Cancels ------------------------------------------------------------------------------------------------------

    @handles(CancelOrder)
    def on_cancel(self, message: CancelOrder) -> AsyncioFuture[CancelAnswer] | CancelAnswer:
        """Request the cancel of one order. Answered when the request is durable."""
        live = self.memory.get(message.order_id)
        if live is not None and (not live.state.is_done or live.state.is_phantom):
            return self._cancel([live], message.reason, message.record)
        if message.record is not None:
            self.cell.writer.tell(self.cell.numbers.open(rows=message.record.rows))
        return CancelAnswer(order_ids=(), reason="not_found" if live is None else "already_done")

    @handles(CancelOrders)
    def on_cancel_orders(self, message: CancelOrders) -> AsyncioFuture[CancelAnswer] | CancelAnswer:
        """Request the cancel of all that match."""
        matching = [
            live
            for live in self.memory.living()
            if (message.symbol is None or live.row.symbol == message.symbol)
            and (message.agent_id is None or live.row.agent_id == message.agent_id)
        ]
        return self._cancel(matching, message.reason, message.record)

    def _cancel(
        self, orders: list[LiveOrder], reason: str, record: CommandRecord | None
    ) -> AsyncioFuture[CancelAnswer] | CancelAnswer:
        batch = self.batch()
        now_ns = self.cell.clock.now_ns()
        cancels: list[VenueCancel] = []
        for live in orders:
            if live.unsent is not None:
                # It never left, and now never will: nothing to ask of the venue.
                self.apply_done(batch, live, DoneReason.CANCELLED)
                continue
            cancel = self.cancels.request(live, reason, batch, now_ns)
            if cancel is not None:
                cancels.append(cancel)
        order_ids = tuple(live.state.order_id for live in orders)
        correlation_id = orders[0].correlation_id if len(orders) == 1 else None
        unit = self.send(batch, correlation_id, () if record is None else record.rows)
        if unit is None or unit.n is None:
            return CancelAnswer(order_ids=order_ids, durable=not self.cancels.is_store_away)
        reply: AsyncioFuture[CancelAnswer] = self.new_future()
        self.cancels.leave(unit.n, cancels, order_ids, reply)
        return reply

    # --- What the venue says ------------------------------------------------------------------------------------------

    @handles(VenueAccepted)
    def on_accepted(self, message: VenueAccepted) -> None:
        """The order is at the venue."""
        live = self.memory.get(message.order_id)
        if live is not None:
            status = StatusFact(external_order_id=message.external_order_id, venue_time_ns=message.venue_time_ns)
            self.apply_status(self.gathering(), live, status)

    @handles(VenueRejected)
    def on_rejected(self, message: VenueRejected) -> None:
        """The venue refused the order for good, unless it has it already: then nobody knows what became of it."""
        live = self.memory.get(message.order_id)
        if live is not None and message.code in DUPLICATES:
            if not live.state.is_done:
                self.unknown(live)
        elif live is not None:
            if not live.state.is_done:
                live.explain(message.code, None, message.message[:200] or None)
            status = StatusFact(venue_time_ns=message.venue_time_ns, done_reason=DoneReason.REJECTED)
            self.apply_status(self.gathering(), live, status)

    @handles(VenueUnknown)
    def on_unknown(self, message: VenueUnknown) -> None:
        """Nobody knows whether the order arrived: ask until somebody does."""
        live = self.memory.get(message.order_id)
        if live is not None and not live.state.is_done:
            self.unknown(live)

    @handles(VenueNotSent)
    def on_not_sent(self, message: VenueNotSent) -> None:
        """The connector knows that nothing left."""
        live = self.memory.get(message.order_id)
        if live is not None and not live.state.is_done:
            self._not_sent(live, message.why)

    @handles(VenueFill, VenueOrderDone, VenueOrderUpdate, VenueTradeVoided)
    def on_fact(self, message: Stranger) -> None:
        """A fill, one that is taken back, the end of an order, or where it stands."""
        if isinstance(message, VenueFill):
            fault_point("fill.received")
        self.take(message)

    @handles(VenueCancelRefused)
    def on_cancel_refused(self, message: VenueCancelRefused) -> None:
        """Keep the answer, and look what the venue has if it does not know the order or nobody knows the outcome."""
        live = self.memory.get(message.order_id)
        if live is None:
            return
        state = RequestState.UNKNOWN if message.code == "unknown" else RequestState.REFUSED
        self.cancels.answer(live, state, message.code, self.gathering(), self.cell.clock.now_ns())
        if not live.state.is_done or live.state.is_phantom:
            self.questions.begin(live)

    # --- The cell -----------------------------------------------------------------------------------------------------

    @handles(Flush)
    def on_flush(self, _message: Flush) -> None:
        """Everything that came together is handled: send it."""
        self.flush()

    @handles(Recalled)
    def on_recalled(self, message: Recalled) -> None:
        """The archive has answered."""
        super().on_recalled(message)

    @handles(FactsRecalled)
    def on_facts_recalled(self, message: FactsRecalled) -> None:
        """The archive has answered to a reconciliation."""
        super().on_facts_recalled(message)

    @handles(UnitsCommitted)
    def on_committed(self, message: UnitsCommitted) -> None:
        """Send what is durable now."""
        self.outbox.release(message)

    @handles(StoreStatus)
    def on_store(self, message: StoreStatus) -> None:
        """While the database is away cancels leave at once, and nothing else does."""
        if message.available:
            self.cancels.is_store_away = False
        else:
            self.cancels.store_went_away()

    @handles(CellHalted)
    def on_halted(self, message: CellHalted) -> None:
        """Send nothing more under a fence that is over."""
        if message.fence == self.cell.numbers.fence:
            self.outbox.close()
            self.cancels.close()
