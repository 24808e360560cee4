"""Judges what leaves for a venue: only what is committed, once, under the living fence, and not against a halt."""

from decimal import Decimal
from uuid import UUID

import msgspec

from engine.messages.rows import OrderRow
from engine.messages.venues import VenueAmend, VenueCancel, VenueSubmit
from engine.simulation.auditor_findings import Findings
from engine.simulation.auditor_orders import Orders
from engine.simulation.auditor_promises import Promises
from engine.simulation.auditor_units import Units

_SAME = ("symbol", "quantity", "price", "stop_price", "reduce_only", "post_only", "position_side")


class Sends:
    """Everything that has left."""

    __slots__ = ("_findings", "_orders", "_promises", "_sent", "_units", "free_until_ns", "skew_ns", "submits")

    def __init__(self, findings: Findings, orders: Orders, units: Units, promises: Promises) -> None:
        """Start with nothing sent."""
        self._findings = findings
        self._orders = orders
        self._units = units
        self._promises = promises
        self._sent: dict[tuple[UUID, str], VenueSubmit] = {}
        self.skew_ns = 0
        """How far clocks may be off from the truth in this run."""
        self.free_until_ns = 0
        """Until then the database may seem away to somebody: cancels leave without asking it."""
        self.submits = 0

    def take(self, process: str, message: msgspec.Struct) -> None:
        """Judge a message that has just been written to the wire."""
        if isinstance(message, VenueSubmit):
            self._submit(process, message)
        elif isinstance(message, VenueCancel):
            self._findings.saw("sent cancel", process, message.order_id)
            if self._findings.now_ns > self.free_until_ns:
                self._fence(process, message.order_id, message.fence, "cancel")
        elif isinstance(message, VenueAmend):
            self._amend(process, message)

    def sent(self, account_id: UUID, client_id: str) -> VenueSubmit | None:
        """Return what was sent under a client id."""
        return self._sent.get((account_id, client_id))

    def _submit(self, process: str, submit: VenueSubmit) -> None:
        self.submits += 1
        self._findings.saw("sent", process, submit.order_id, submit.side, submit.quantity, submit.symbol)
        key = (submit.account_id, submit.venue_client_id)
        if key in self._sent:
            self._findings.broken("I2", f"{_name(submit)} was sent twice, under {submit.venue_client_id}")
        self._sent[key] = submit
        row = self._orders.rows.get(submit.order_id)
        if row is None:
            self._findings.broken("I3", f"{_name(submit)} was sent by {process} and is not stored")
            return
        self._compare(submit, row)
        self._fence(process, submit.order_id, submit.fence or row.fence or 0, "submit")
        if row.lifecycle != "submitting":
            self._findings.broken("I4", f"{_name(submit)} was sent while it is {row.lifecycle} ({row.done_reason})")
        now_ns, until_ns = self._findings.now_ns, row.send_by or 0
        if submit.valid_until_ns != until_ns:
            self._findings.broken("I3", f"{_name(submit)}: stored send-by is {until_ns}, sent {submit.valid_until_ns}")
        if now_ns > until_ns + self.skew_ns:
            late_ms = (now_ns - until_ns) // 1_000_000
            self._findings.broken("I11", f"{_name(submit)} was sent by {process} {late_ms} ms after its send-by")
        scope = self._promises.halted(row.user_id, row.account_id, row.agent_id)
        if scope is not None and not submit.reduce_only and row.origin != "system":
            self._findings.broken("I12", f"{_name(submit)} was sent by {process} after the halt of its {scope}")

    def _compare(self, submit: VenueSubmit, row: OrderRow) -> None:
        if row.venue_client_id != submit.venue_client_id or row.side != submit.side.value:
            self._findings.broken("I3", f"{_name(submit)} was sent as {submit.venue_client_id}, {submit.side}")
        for field in _SAME:
            ours, theirs = getattr(row, field), getattr(submit, field)
            if ours != theirs and not (isinstance(ours, str) and ours == getattr(theirs, "value", None)):
                self._findings.broken("I3", f"{_name(submit)}: stored {field} is {ours}, sent was {theirs}")

    def _amend(self, process: str, amend: VenueAmend) -> None:
        self._findings.saw("sent amend", process, amend.order_id, amend.quantity, amend.price)
        self._fence(process, amend.order_id, amend.fence, "amend")
        request = self._orders.requests.get(amend.request_id)
        if request is None:
            self._findings.broken(
                "I3", f"amend {amend.request_id} of order {amend.order_id} was sent and is not stored"
            )
        row = self._orders.rows.get(amend.order_id)
        if row is None:
            return
        grows = amend.quantity is not None and amend.quantity > row.quantity
        scope = self._promises.halted(row.user_id, row.account_id, row.agent_id)
        if scope is not None and grows and not row.reduce_only:
            self._findings.broken("I12", f"order {row.id} was enlarged by {process} after the halt of its {scope}")

    def _fence(self, process: str, order_id: UUID, fence: int, what: str) -> None:
        """Only the process that writes for the user speaks for the user."""
        row = self._orders.rows.get(order_id)
        if row is None:
            return
        living = self._units.fence(row.user_id)
        owner = self._units.owner(row.user_id, living)
        if owner is not None and owner != process and self._units.owner(row.user_id, fence) == process:
            self._findings.broken(
                "I11", f"{process} sent a {what} of order {order_id} under fence {fence}; {owner} has fence {living}"
            )
        elif fence and what == "submit" and fence < living:
            self._findings.broken("I11", f"{process} sent order {order_id} under fence {fence}, after fence {living}")


def _name(submit: VenueSubmit) -> str:
    quantity: Decimal = submit.quantity
    return f"order {submit.order_id} ({submit.side} {quantity} {submit.symbol})"
