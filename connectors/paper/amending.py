"""Amends at the paper venue: an open order is changed in place and keeps its id.

A smaller quantity keeps the order's place in the queue; any other change loses it, and may let the order trade at once.
A request id that was seen is refused while the order lives and this process remembers it; a repeat from before a
restart is refused by its `valid_until_ns`.
"""

from typing import Final

from connectors.paper.messages import AmendArrived, LookUpAmend
from connectors.paper.queries import AnsweringVenue
from connectors.paper.rules import ALREADY_DONE, DUPLICATE_REQUEST, EXPIRED, FENCED, UNKNOWN_ORDER
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import AccountId
from engine.messages.venues import VenueAmend, VenueAmendRefused
from engine.runtime.actor import handles
from engine.runtime.fault_points import fault_point

UNKNOWN: Final = "unknown"


class AmendingVenue(AnsweringVenue):
    """The way to change an order."""

    @handles(VenueAmend)
    def on_amend(self, amend: VenueAmend) -> None:
        """Send an amend on its way to the market, if it is still valid and the cell still ours."""
        fault_point("amend.sending")
        if self._wall.now_ns() > amend.valid_until_ns:
            self._refuse_amend(amend, EXPIRED)
        elif not self._may_send(amend.account_id, amend.fence):
            self._refuse_amend(amend, FENCED)
        elif self._latency.submit_ns or self._latency.jitter_ns:
            self.after(self._delay(self._latency.submit_ns), AmendArrived(amend), clock=self._clock)
        else:
            self._amend(amend)

    @handles(AmendArrived)
    def on_amend_arrived(self, message: AmendArrived) -> None:
        """Take an amend at the market."""
        self._amend(message.amend)

    def _amend(self, amend: VenueAmend) -> None:
        exchange = self._exchange
        account = exchange.accounts.get(amend.account_id)
        if self._why_away is not None:
            self._say_amend(amend, UNKNOWN)
        elif self._wall.now_ns() > amend.valid_until_ns:
            self._refuse_amend(amend, EXPIRED)
        elif account is None:
            self._refuse_amend(amend, UNKNOWN_ORDER)
        elif amend.venue_client_id in account.open_orders:
            code = self._amend_open(amend)
            if code is None:
                exchange.batch.amends.append(amend)
                self._settle()
            else:
                self._refuse_amend(amend, code)
        elif account.client_ids.is_known(amend.venue_client_id):
            self._refuse_amend(amend, ALREADY_DONE)
        else:
            self.actor_ref.tell(LookUpAmend(amend))

    def _amend_open(self, amend: VenueAmend) -> str | None:
        account = self._exchange.accounts[amend.account_id]
        order = account.open_orders[amend.venue_client_id]
        if amend.request_id in order.amended:
            return DUPLICATE_REQUEST
        code = self._exchange.amend(order, amend, self._clock.now_ns())
        if code is None:
            order.amended.add(amend.request_id)
        return code

    @handles(LookUpAmend)
    async def on_look_up_amend(self, message: LookUpAmend) -> None:
        """Tell an order that was done before the restart from one that never was."""
        amend = message.amend
        await self._commit()
        try:
            row = None if self._why_away else await self._store.order(amend.account_id, amend.venue_client_id)
        except DependencyAway:
            self._say_amend(amend, UNKNOWN)
            return
        if self._why_away is not None:
            self._say_amend(amend, UNKNOWN)
        else:
            self._refuse_amend(amend, UNKNOWN_ORDER if row is None else ALREADY_DONE)

    def _refuse_amend(self, amend: VenueAmend, code: str) -> None:
        """Refuse behind what is being committed: the order may be done in this very batch."""
        batch = self._exchange.batch
        batch.amends.append(amend)
        batch.events.append((amend.account_id, self._amend_refused(amend, code)))
        self._settle()

    def _say_amend(self, amend: VenueAmend, code: str) -> None:
        self._publish(AccountId(amend.account_id), self._amend_refused(amend, code))

    def _amend_refused(self, amend: VenueAmend, code: str) -> VenueAmendRefused:
        return VenueAmendRefused(
            request_id=amend.request_id,
            order_id=amend.order_id,
            account_id=amend.account_id,
            code=code,
            venue_time_ns=self._exchange.advance(self._clock.now_ns()),
        )
