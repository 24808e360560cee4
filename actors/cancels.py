"""Cancel requests: each a row of its own, so that a pending cancel never hides a fill.

A cancel waits for its commit like everything else, except while the database is away: then it is sent first and its row
follows. A forgotten cancel would do harm, a forgotten row is found by the reconciliation.
"""

from collections.abc import Callable, Iterable
from functools import partial
from uuid import UUID

import msgspec

from actors.fact_batch import FactBatch
from actors.live_order import LiveOrder
from actors.outbox import Outbox
from engine.domain.identifiers import AccountId, OrderId
from engine.domain.kinds import RequestKind, RequestState
from engine.domain.ports import Ids
from engine.messages.orders import CancelAnswer
from engine.messages.rows import OrderRequestRow
from engine.messages.venues import VenueCancel
from engine.runtime.future import AsyncioFuture

_UNANSWERED = frozenset({RequestState.REQUESTED, RequestState.UNKNOWN})

_Leave = Callable[[bool], None]
"""Send the cancels and answer; the argument: whether they are durable."""


class Cancels:
    """The cancels of one router."""

    __slots__ = ("_account_id", "_held", "_ids", "_outbox", "_overdue", "_send", "_tie", "is_store_away")

    def __init__(self, *, account_id: AccountId, ids: Ids, outbox: Outbox, send: Callable[[VenueCancel], None]) -> None:
        """Start with none.

        Args:
            account_id: Whose.
            ids: Of the request rows.
            outbox: Holds cancels until they are durable.
            send: Hands a cancel to the connector.
        """
        self._account_id = account_id
        self._ids = ids
        self._outbox = outbox
        self._send = send
        self._held: dict[int, _Leave] = {}
        self._tie = 0
        self._overdue: set[UUID] = set()
        """Requests that the last comparison with the venue found unanswered."""
        self.is_store_away = False

    def request(self, live: LiveOrder, reason: str, batch: FactBatch, now_ns: int) -> VenueCancel | None:
        """Add a request for an order to the unit; None if one is on its way already."""
        if any(row.state == RequestState.REQUESTED.value for row in _cancels_of(live)):
            return None
        row = OrderRequestRow(
            id=self._ids.uuid(),
            user_id=live.row.user_id,
            account_id=self._account_id,
            order_id=live.state.order_id,
            kind=RequestKind.CANCEL.value,
            state=RequestState.REQUESTED.value,
            reason=reason[:200],
            answer_code=None,
            correlation_id=live.row.correlation_id,
            created_at=now_ns,
            updated_at=now_ns,
        )
        live.requests[row.id] = row
        live.state.apply_request(row.id, RequestKind.CANCEL, RequestState.REQUESTED)
        batch.request(live, "CancelRequested", row)
        return cancel_of(live)

    def answer(self, live: LiveOrder, state: RequestState, code: str | None, batch: FactBatch, now_ns: int) -> None:
        """Add the answer to every open cancel of an order to the unit."""
        for row in _cancels_of(live):
            answer_request(live, row, state, code, batch, now_ns)

    def leave(
        self, n: int, cancels: Iterable[VenueCancel], order_ids: tuple[OrderId, ...], reply: AsyncioFuture[CancelAnswer]
    ) -> None:
        """Send the cancels and give the answer when unit `n` is durable; at once while the database is away."""
        leave = partial(self._leave, tuple(cancels), order_ids, reply)
        if self.is_store_away:
            leave(False)
            return
        self._tie += 1
        self._held[self._tie] = leave
        self._outbox.hold(n, partial(self._release, self._tie))

    def repeat(self, orders: Iterable[LiveOrder]) -> None:
        """Send cancels again that are not answered, and were not when the account was compared with the venue before.

        The venue may not have them. Each leaves once all about its order is durable.

        Args:
            orders: All that are not done.
        """
        overdue, self._overdue = self._overdue, set()
        for live in orders:
            waiting = [row.id for row in _cancels_of(live) if row.state == RequestState.REQUESTED.value]
            if not overdue.isdisjoint(waiting):
                self._outbox.hold(live.n, partial(self._send, cancel_of(live)))
            self._overdue.update(waiting)

    def store_went_away(self) -> None:
        """Send what waits for a commit that may be long in coming."""
        self.is_store_away = True
        held, self._held = self._held, {}
        for leave in held.values():
            leave(False)

    def close(self) -> None:
        """Forget what waits: the cell is over."""
        self._held.clear()

    def _release(self, tie: int) -> None:
        leave = self._held.pop(tie, None)
        if leave is not None:
            leave(True)

    def _leave(
        self,
        cancels: tuple[VenueCancel, ...],
        order_ids: tuple[OrderId, ...],
        reply: AsyncioFuture[CancelAnswer],
        durable: bool,  # noqa: FBT001 - positional by way of partial.
    ) -> None:
        for cancel in cancels:
            self._send(cancel)
        reply.set(CancelAnswer(order_ids=order_ids, durable=durable))


def answer_request(
    live: LiveOrder, row: OrderRequestRow, state: RequestState, code: str | None, batch: FactBatch, now_ns: int
) -> None:
    """Add the answer to one request to the unit, unless a stronger one is known."""
    kind = RequestKind(row.kind)
    if not live.state.apply_request(row.id, kind, state).changed:
        return
    answered = msgspec.structs.replace(row, state=state.value, answer_code=code, updated_at=now_ns)
    if state in _UNANSWERED:
        live.requests[row.id] = answered
    else:
        live.requests.pop(row.id, None)
    batch.request(live, _EVENT_OF[kind, state], answered)


_EVENT_OF = {
    (RequestKind.CANCEL, RequestState.ACKED): "CancelAcknowledged",
    (RequestKind.CANCEL, RequestState.REFUSED): "CancelRefused",
    (RequestKind.CANCEL, RequestState.UNKNOWN): "CancelRefused",
    (RequestKind.AMEND, RequestState.ACKED): "AmendAcknowledged",
    (RequestKind.AMEND, RequestState.REFUSED): "AmendRefused",
    (RequestKind.AMEND, RequestState.UNKNOWN): "AmendUnknown",
}


def _cancels_of(live: LiveOrder) -> list[OrderRequestRow]:
    return [row for row in live.requests.values() if row.kind == RequestKind.CANCEL.value]


def has_cancel(live: LiveOrder) -> bool:
    """Whether a cancel of an order is not answered."""
    return bool(_cancels_of(live))


def cancel_of(live: LiveOrder) -> VenueCancel:
    """Build the cancel of an order as it goes to the venue."""
    return VenueCancel(
        order_id=live.state.order_id,
        account_id=AccountId(live.row.account_id),
        venue_client_id=live.row.venue_client_id,
        external_order_id=live.state.external_order_id or None,
        symbol=live.state.symbol,
    )


def under_fence(cancel: VenueCancel, fence: int) -> VenueCancel:
    """Return a cancel as the cell with this fence sends it: its order may be of an earlier life of the cell."""
    return msgspec.structs.replace(cancel, fence=fence)
