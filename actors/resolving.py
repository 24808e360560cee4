"""Settles what is not known of an order: asks the venue, weighs its answers, and follows orders that should not live.

An UNKNOWN order is left on evidence only: the venue shows it, or says twice that it has none, each time later than the
order could still appear by what the venue has declared. A venue without a limit on its requests never proves an absence
by time. An order that was refused and that the venue shows after all counts again, and is cancelled there.
"""

from functools import partial
from typing import Final

from actors.cancels import under_fence
from actors.fact_batch import FactBatch
from actors.inferring import Inferring
from actors.live_order import LiveOrder
from actors.venue_questions import AskVenue, VenueSaid
from engine.domain.capabilities import Capabilities
from engine.domain.kinds import DoneReason, Lifecycle
from engine.domain.order_gone import apply_gone, apply_return, is_back
from engine.messages.venues import OrderAbsent, OrderFound, VenueCancel, VenueOrder
from engine.runtime.actor import handles
from engine.runtime.errors import ActorDeadError

ABSENCES_NEEDED: Final = 2
SECOND_LOOK_NS: Final = 250_000_000
"""Wall time between the first absence that counts and the next question."""
ALERT_AFTER_NS: Final = 60_000_000_000
"""Wall time without a verdict after which a person is told."""
GONE_AFTER_NS: Final = 60_000_000_000
"""How long, by its own time, a venue must deny an order that it has shown until the order counts as over."""
DUPLICATES: Final = frozenset({"duplicate", "duplicate_client_order_id", "duplicate_request"})
"""Codes of a refusal that says the venue has seen this id: an order of ours may be there, or changed."""


class Resolving(Inferring):
    """The part of a router that settles outcomes."""

    capabilities: Capabilities | None

    def unknown(self, live: LiveOrder) -> None:
        """Nobody knows the outcome of an order's submit: ask until somebody does."""
        seen = live.seen()
        outcome = live.state.apply_unknown()
        self.learn(self.gathering(), live, outcome, seen)
        self.questions.begin(live)

    @handles(AskVenue)
    def on_ask(self, message: AskVenue) -> None:
        """The delay is over."""
        live = self.memory.get(message.order_id)
        if live is not None and live.question:
            if self._is_settled(live) and not self.is_in_doubt(live):
                live.question = 0
            else:
                self.questions.ask(live)

    @handles(VenueSaid)
    def on_said(self, message: VenueSaid) -> None:
        """Believe what is evidence, and ask on otherwise."""
        live = self.memory.get(message.order_id)
        if live is None or not live.question:
            return
        answer = message.answer
        if self._is_settled(live) and not self.is_in_doubt(live):
            live.question = 0
        elif isinstance(answer, OrderFound):
            self.apply_listed(self.gathering(), live, answer.order)
            if self.is_in_doubt(live):
                self._ask_on(live, None)
            else:
                live.question = 0
        elif isinstance(answer, OrderAbsent):
            self._absent(live, answer.venue_time_ns)
        else:
            self._ask_on(live, None)

    def is_in_doubt(self, live: LiveOrder) -> bool:  # noqa: ARG002 - for whoever knows of more than this part does.
        """Whether something beside the order itself is still to be found out."""
        return False

    def forgotten(self, live: LiveOrder) -> None:
        """The venue knows an order that is over no more, so that nothing else about it can be found out."""

    def _is_settled(self, live: LiveOrder) -> bool:
        return live.state.is_done and not live.state.is_phantom

    def _absent(self, live: LiveOrder, venue_time_ns: int) -> None:
        """Count an absence if it proves something, and ask again when the next one could."""
        counts_after_ns = self._absence_counts_after_ns(live, venue_time_ns)
        if self._is_settled(live):
            live.question = 0
            self.forgotten(live)
        elif counts_after_ns is None:
            self._ask_on(live, None)
        elif venue_time_ns <= counts_after_ns:
            self._ask_on(live, max(counts_after_ns - venue_time_ns + 1, SECOND_LOOK_NS))
        elif live.state.lifecycle is not Lifecycle.UNKNOWN:
            live.question = 0
            self.log.warning("order_gone", order_id=live.state.order_id, correlation_id=live.correlation_id)
            seen = live.seen()
            self.learn(self.gathering(), live, apply_gone(live.state), seen)
        else:
            live.absences += 1
            if live.absences < ABSENCES_NEEDED:
                self._ask_on(live, SECOND_LOOK_NS)
                return
            live.question = 0
            self.apply_done(self.gathering(), live, DoneReason.NEVER_EXISTED)

    def _absence_counts_after_ns(self, live: LiveOrder, venue_time_ns: int) -> int | None:
        """Return the venue's time behind which this order's absence proves something; None if it never does.

        An order that was once seen has existed. Venues forget what has ended: one that is denied for long is over.
        """
        if live.state.lifecycle > Lifecycle.UNKNOWN:
            live.denied_since_ns = live.denied_since_ns or venue_time_ns
            return live.denied_since_ns + GONE_AFTER_NS
        send_by_ns = live.row.send_by
        if live.state.lifecycle is not Lifecycle.UNKNOWN or send_by_ns is None or self.capabilities is None:
            return None
        return self.capabilities.absence_counts_after_ns(send_by_ns)

    def _ask_on(self, live: LiveOrder, delay_ns: int | None) -> None:
        if self.questions.is_overdue(live, ALERT_AFTER_NS):
            self.gathering().alert(live, "order_unresolved", "high")
        self.questions.again(live, delay_ns)

    # --- Orders that should not live ----------------------------------------------------------------------------------

    def apply_listed(self, batch: FactBatch, live: LiveOrder, order: VenueOrder) -> None:
        """Believe that an order lives after all which the venue has denied for long."""
        live.denied_since_ns = 0
        if order.is_open and is_back(live.state):
            apply_return(live.state)
        super().apply_listed(batch, live, order)

    def watch_phantom(self, batch: FactBatch, live: LiveOrder) -> None:
        """Count an order again that was refused and lives, and cancel it at the venue."""
        if not live.state.is_phantom:
            return
        cancel = self.cancels.request(live, "lives_after_refusal", batch, self.cell.clock.now_ns())
        batch.touch(live)
        if cancel is not None:
            self.log.warning(
                "order_lives_after_refusal", order_id=live.state.order_id, correlation_id=live.correlation_id
            )
            batch.when_durable(partial(self.send_cancel, cancel))

    def send_cancel(self, cancel: VenueCancel) -> None:
        """Hand a cancel to the connector; without one the next comparison sends it again."""
        try:
            self.connector.tell(under_fence(cancel, self.cell.numbers.fence))
        except ActorDeadError:
            live = self.memory.get(cancel.order_id)
            correlation_id = None if live is None else live.correlation_id
            self.log.warning("cancel_not_sent", order_id=cancel.order_id, correlation_id=correlation_id)
