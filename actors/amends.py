"""Amends: each a request of its own, committed before it is sent; the order changes when the venue has changed it.

While the outcome of an amend is open, the order counts as what it would be at worst (`OrderChanged.amend_quantity`). An
unknown outcome is settled by what the venue lists: it shows which values hold. A request is never sent twice.

The end of an order does not settle its amend, which may have been done before: how large the order was in the end says
whether it was filled or cancelled, so the venue is asked.
"""

from functools import partial
from typing import Final

import msgspec

from actors.cancels import answer_request
from actors.fact_batch import FactBatch
from actors.live_order import LiveOrder
from actors.resolving import DUPLICATES, Resolving
from engine.domain.capabilities import AmendKind
from engine.domain.identifiers import AccountId
from engine.domain.kinds import RequestKind, RequestState
from engine.domain.order_amend import AmendFact, apply_amend
from engine.messages.orders import AmendAnswer, AmendOrder
from engine.messages.rows import OrderRequestRow
from engine.messages.venues import VenueAmend, VenueAmended, VenueAmendRefused, VenueOrder
from engine.runtime.actor import handles
from engine.runtime.errors import ActorDeadError
from engine.runtime.future import AsyncioFuture

UNKNOWN: Final = "unknown"
"""Code of a refusal that is none: nobody knows the outcome."""


class Amending(Resolving):
    """The part of a router that changes orders."""

    send_within_ns: int

    @handles(AmendOrder)
    def on_amend(self, message: AmendOrder) -> AsyncioFuture[AmendAnswer] | AmendAnswer:
        """Request the change of an order. Answered when the request is durable."""
        live = self.memory.get(message.order_id)
        reason = self._why_not(live, message)
        if live is None or reason:
            return self._nothing_done(message, reason or "not_found")
        batch = self.batch()
        row = self._request(live, message)
        live.requests[row.id] = row
        live.state.apply_request(row.id, RequestKind.AMEND, RequestState.REQUESTED)
        batch.request(live, "OrderAmendRequested", row)
        batch.touch(live)
        reply: AsyncioFuture[AmendAnswer] = self.new_future()
        batch.when_durable(partial(self._send_amend, live, row))
        batch.when_durable(partial(reply.set, AmendAnswer(order_id=message.order_id, request_id=row.id)))
        self.send(batch, live.correlation_id, () if message.record is None else message.record.rows)
        return reply

    def _why_not(self, live: LiveOrder | None, message: AmendOrder) -> str:
        if live is None:
            return "not_found"
        if live.state.is_done:
            return "already_done"
        if self.capabilities is not None and self.capabilities.amend is AmendKind.NONE:
            return "amend_unsupported"
        if _amends_of(live):
            return "amend_pending"
        row = live.row
        wanted = (message.quantity or live.state.quantity, message.price or row.price)
        is_same = (*wanted, message.stop_price or row.stop_price) == (live.state.quantity, row.price, row.stop_price)
        return "unchanged" if is_same else ""

    def _nothing_done(self, message: AmendOrder, reason: str) -> AmendAnswer:
        if message.record is not None:
            self.cell.writer.tell(self.cell.numbers.open(rows=message.record.rows))
        return AmendAnswer(order_id=message.order_id, reason=reason)

    def _request(self, live: LiveOrder, message: AmendOrder) -> OrderRequestRow:
        now_ns = self.cell.clock.now_ns()
        return OrderRequestRow(
            id=self.cell.ids.uuid(),
            user_id=live.row.user_id,
            account_id=self.account_id,
            order_id=live.state.order_id,
            kind=RequestKind.AMEND.value,
            state=RequestState.REQUESTED.value,
            reason=message.reason[:200] or None,
            answer_code=None,
            correlation_id=live.row.correlation_id,
            created_at=now_ns,
            updated_at=now_ns,
            quantity=message.quantity,
            price=message.price,
            stop_price=message.stop_price,
            fence=self.cell.numbers.fence,
            send_by=self.cell.wall.now_ns() + self.send_within_ns,
        )

    def _send_amend(self, live: LiveOrder, row: OrderRequestRow) -> None:
        """Send a request that is durable, unless it is answered or too old, or the order has ended meanwhile."""
        if row.id not in live.requests:
            return
        if live.state.is_done and live.state.claimed_reason is not None:
            self._answer(self.gathering(), live, row, RequestState.REFUSED, "already_done")
            return
        amend = VenueAmend(
            request_id=row.id,
            order_id=live.state.order_id,
            account_id=AccountId(live.row.account_id),
            venue_client_id=live.row.venue_client_id,
            external_order_id=live.state.external_order_id or None,
            symbol=live.state.symbol,
            quantity=row.quantity,
            price=row.price,
            stop_price=row.stop_price,
            valid_until_ns=row.send_by or 0,
            fence=self.cell.numbers.fence,
        )
        if self.cell.wall.now_ns() > amend.valid_until_ns:
            self._answer(self.gathering(), live, row, RequestState.REFUSED, "expired_before_send")
            return
        try:
            self.connector.tell(amend)
        except ActorDeadError:
            self._answer(self.gathering(), live, row, RequestState.REFUSED, "no_connector")

    # --- What the venue says ------------------------------------------------------------------------------------------

    @handles(VenueAmended)
    def on_amended(self, message: VenueAmended) -> None:
        """The order has other values now."""
        live = self.memory.get(message.order_id)
        if live is None:
            return
        batch = self.gathering()
        fact = AmendFact(
            at_ns=message.venue_time_ns,
            quantity=message.quantity,
            price=message.price,
            stop_price=message.stop_price,
            external_order_id=message.external_order_id,
        )
        self._amended(batch, live, fact)
        row = live.requests.get(message.request_id)
        if row is not None:
            self._answer(batch, live, row, RequestState.ACKED, None)

    @handles(VenueAmendRefused)
    def on_amend_refused(self, message: VenueAmendRefused) -> None:
        """The order keeps its values, or nobody knows."""
        live = self.memory.get(message.order_id)
        row = None if live is None else live.requests.get(message.request_id)
        if live is None or row is None:
            return
        if message.code == UNKNOWN or message.code in DUPLICATES:
            # Of a request that came twice on its way the second is refused, and may be answered first.
            self._answer(self.gathering(), live, row, RequestState.UNKNOWN, message.code)
            self.questions.begin(live)
        else:
            self._answer(self.gathering(), live, row, RequestState.REFUSED, message.code)
            if message.code in ("unknown_order", "already_done"):
                self.questions.begin(live)

    def doubt_amends(self, live: LiveOrder) -> None:
        """After a restart nobody knows whether an unanswered request has left."""
        for row in _amends_of(live):
            self._answer(self.gathering(), live, row, RequestState.UNKNOWN, UNKNOWN)
            self.questions.begin(live)

    def ended_amending(self, live: LiveOrder) -> None:
        """Ask what an order was in the end, unless its amends are answered.

        Fills alone are no end: an amend may have made the order larger before the last of them.
        """
        if live.state.claimed_reason is not None and _amends_of(live):
            self.questions.begin(live)

    def apply_listed(self, batch: FactBatch, live: LiveOrder, order: VenueOrder) -> None:
        """See which values hold, where an amend left that open, before the order may be over."""
        for row in _amends_of(live):
            if _shows(order, row):
                self._amended(batch, live, _fact_of(order, live))
                self._answer(batch, live, row, RequestState.ACKED, None)
            elif not order.is_open or (row.state == RequestState.UNKNOWN.value and self._is_too_late(row)):
                self._answer(batch, live, row, RequestState.REFUSED, "not_applied")
        if order.quantity != live.state.quantity and order.venue_time_ns >= live.state.venue_at[0]:
            # Somebody has changed it, or a request of ours was done that we had given up.
            self._amended(batch, live, _fact_of(order, live))
        super().apply_listed(batch, live, order)

    def is_in_doubt(self, live: LiveOrder) -> bool:
        """Whether the outcome of an amend is unknown, or open after the end of the order."""
        return any(row.state == RequestState.UNKNOWN.value or live.state.is_done for row in _amends_of(live))

    def forgotten(self, live: LiveOrder) -> None:
        """Of an order that is over and that the venue has forgotten no amend can matter any more."""
        for row in _amends_of(live):
            self._answer(self.gathering(), live, row, RequestState.REFUSED, "order_gone")

    def _is_too_late(self, row: OrderRequestRow) -> bool:
        """Whether the venue can no longer act on a request by what it has declared, read now by our clock."""
        if self.capabilities is None or row.send_by is None:
            return False
        limit_ns = self.capabilities.absence_counts_after_ns(row.send_by)
        return limit_ns is not None and self.cell.wall.now_ns() > limit_ns

    def _amended(self, batch: FactBatch, live: LiveOrder, fact: AmendFact) -> None:
        seen = live.seen()
        outcome = apply_amend(live.state, fact)
        if live.state.amended_at == fact.rank:
            live.row = msgspec.structs.replace(live.row, price=fact.price, stop_price=fact.stop_price)
            live.refresh(self.cell.clock.now_ns())
            batch.event("orders", "OrderAmended", live.row, live.correlation_id)
        self.learn(batch, live, outcome, seen)

    def _answer(
        self, batch: FactBatch, live: LiveOrder, row: OrderRequestRow, state: RequestState, code: str | None
    ) -> None:
        answer_request(live, row, state, code, batch, self.cell.clock.now_ns())
        batch.touch(live)


def _amends_of(live: LiveOrder) -> list[OrderRequestRow]:
    return [row for row in live.requests.values() if row.kind == RequestKind.AMEND.value]


def _fact_of(order: VenueOrder, live: LiveOrder) -> AmendFact:
    """Return what the venue's list says of an order's values; it need not have the prices."""
    return AmendFact(
        at_ns=order.venue_time_ns,
        quantity=order.quantity,
        price=order.price or live.row.price,
        stop_price=order.stop_price or live.row.stop_price,
        external_order_id=order.external_order_id,
    )


def _shows(order: VenueOrder, row: OrderRequestRow) -> bool:
    """Whether an order has every value that a request asks for."""
    asked = ((row.quantity, order.quantity), (row.price, order.price), (row.stop_price, order.stop_price))
    return all(wanted is None or wanted == listed for wanted, listed in asked)
