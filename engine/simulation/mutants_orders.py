"""Mutants of the order machine: router, order state, questions to the venue."""

from typing import Any

import msgspec

from actors.order_router import OrderRouter
from actors.outbox import Outbox
from actors.resolving import Resolving
from actors.router_core import RouterCore
from connectors.remote.connector import RemoteVenue
from engine.domain.identifiers import OrderId, venue_client_id
from engine.domain.kinds import DoneReason, Lifecycle
from engine.domain.order import OrderState
from engine.domain.order_facts import CHANGED, UNCHANGED
from engine.messages.venues import VenueCancelRefused, VenueSubmit, VenueUnknown
from engine.simulation.mutants import Make, Swaps, answers, mutant


@mutant
def send_before_persist(swaps: Swaps) -> None:
    """Orders, cancels and answers leave at once, before their unit is durable."""

    def make(_: Any) -> Any:
        def hold(self: Outbox, _n: int, send: Any) -> None:
            if not self._is_closed:
                send()

        return hold

    swaps.swap(Outbox, "hold", make)


@mutant
def drop_trade_dedup(swaps: Swaps) -> None:
    """A report of a trade that comes again is booked again, under another id."""

    def make(original: Any) -> Any:
        def apply_fill(self: OrderState, fill: Any) -> Any:
            known = self.trades.get(fill.trade_id)
            if known is not None and fill == known:
                fill = msgspec.structs.replace(fill, trade_id=f"{fill.trade_id}+{len(self.trades)}")
            return original(self, fill)

        return apply_fill

    swaps.swap(OrderState, "apply_fill", make)


def _resend(*, under_new_id: bool) -> Make:
    def make(original: Any) -> Any:
        def answer(self: RemoteVenue, message: Any) -> None:
            sent = getattr(self, "_mutant_sent", {})
            submit = sent.pop(getattr(message, "order_id", None), None) if isinstance(message, VenueUnknown) else None
            if submit is None:
                original(self, message)
                return
            if under_new_id:
                new_id = venue_client_id(OrderId(self.system.ids.uuid()), submit.venue)
                submit = msgspec.structs.replace(submit, venue_client_id=new_id)
            self._send_open(submit)

        return answer

    return make


def _remember_submits(swaps: Swaps) -> None:
    def make(original: Any) -> Any:
        def on_submit(self: RemoteVenue, submit: VenueSubmit) -> None:
            if not hasattr(self, "_mutant_sent"):
                self._mutant_sent = {}  # type: ignore[attr-defined]  # The mutant's own memory.
            self._mutant_sent[submit.order_id] = submit  # type: ignore[attr-defined]  # As above.
            original(self, submit)

        return on_submit

    swaps.swap(RemoteVenue, "on_submit", make)


@mutant
def resend_the_same_id_on_timeout(swaps: Swaps) -> None:
    """A submit without an answer is sent again under the same client id."""
    _remember_submits(swaps)
    swaps.swap(RemoteVenue, "_answer", _resend(under_new_id=False))


@mutant
def resend_under_a_new_id(swaps: Swaps) -> None:
    """A submit without an answer is sent again under another client id."""
    _remember_submits(swaps)
    swaps.swap(RemoteVenue, "_answer", _resend(under_new_id=True))


@mutant
def not_found_means_never_placed(swaps: Swaps) -> None:
    """The first answer that the venue has no such order closes it, however early."""

    def make(_: Any) -> Any:
        def absent(self: Resolving, live: Any, _venue_time_ns: int) -> None:
            if live.state.lifecycle is Lifecycle.UNKNOWN:
                live.question = 0
                self.apply_done(self.gathering(), live, DoneReason.NEVER_EXISTED)
            else:
                self._ask_on(live, None)

        return absent

    swaps.swap(Resolving, "_absent", make)


@mutant
def timeout_means_rejected(swaps: Swaps) -> None:
    """A submit whose outcome is not known counts as rejected."""

    def make(_: Any) -> Any:
        def unknown(self: Resolving, live: Any) -> None:
            self.apply_done(self.gathering(), live, DoneReason.DENIED)

        return unknown

    swaps.swap(Resolving, "unknown", make)


@mutant
def cancel_timeout_means_cancelled(swaps: Swaps) -> None:
    """A cancel whose outcome is not known counts as done."""

    def make(original: Any) -> Any:
        def on_cancel_refused(self: OrderRouter, message: VenueCancelRefused) -> None:
            live = self.memory.get(message.order_id)
            if message.code == "unknown" and live is not None:
                self.apply_done(self.gathering(), live, DoneReason.CANCELLED)
            else:
                original(self, message)

        return on_cancel_refused

    swaps.swap(OrderRouter, "on_cancel_refused", make)


@mutant
def status_moves_back(swaps: Swaps) -> None:
    """A late acknowledgement takes an order back from its end."""

    def make(_: Any) -> Any:
        def rise(self: OrderState, lifecycle: Lifecycle) -> Any:
            if lifecycle is self.lifecycle:
                return UNCHANGED
            self.lifecycle = lifecycle
            return CHANGED

        return rise

    swaps.swap(OrderState, "_rise", make)


@mutant
def late_fill_dropped(swaps: Swaps) -> None:
    """A fill of an order that is done is thrown away."""

    def make(original: Any) -> Any:
        def apply_fill(self: RouterCore, batch: Any, live: Any, fill: Any, **more: Any) -> None:
            if not live.state.is_done:
                original(self, batch, live, fill, **more)

        return apply_fill

    swaps.swap(RouterCore, "apply_fill", make)


@mutant
def void_ignored(swaps: Swaps) -> None:
    """A trade that the venue takes back stays in the books."""
    swaps.swap(RouterCore, "apply_void", answers(None))


@mutant
def withdrawn_order_sent(swaps: Swaps) -> None:
    """An order that was cancelled before it left leaves all the same."""

    def make(original: Any) -> Any:
        def send_submit(self: OrderRouter, live: Any, submit: VenueSubmit) -> None:
            live.unsent = submit
            original(self, live, submit)

        return send_submit

    swaps.swap(OrderRouter, "_send_submit", make)


@mutant
def crash_means_not_sent(swaps: Swaps) -> None:
    """After a restart an order that was on its way counts as never sent."""

    def make(original: Any) -> Any:
        def on_follow(self: OrderRouter, message: Any) -> None:
            for live in list(self.memory.living()):
                if live.state.lifecycle is Lifecycle.SUBMITTING and live.unsent is None:
                    self.apply_done(self.gathering(), live, DoneReason.DENIED)
            original(self, message)

        return on_follow

    swaps.swap(OrderRouter, "on_follow", make)


@mutant
def fill_sets_no_quantity(swaps: Swaps) -> None:
    """The filled quantity is taken from the last status, not from the trades."""

    def make(original: Any) -> Any:
        def count(self: OrderState, fill: Any, *, sign: int) -> None:
            original(self, fill, sign=sign)
            if self.reported_quantity:
                self.filled_quantity = self.reported_quantity

        return count

    swaps.swap(OrderState, "_count", make)
