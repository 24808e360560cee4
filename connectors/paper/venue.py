"""The paper venue as an actor: the connector protocol on one side, its own store on the other.

Its handlers change memory and gather what they changed; answers and events leave when the store has committed it
(`connectors.paper.commits`).

While the store is away, or another process runs the venue (`connectors.paper.ownership`), nothing is matched and
nothing is promised: a submit is answered `VenueUnknown`, a cancel `unknown`, a query `CannotTell`; market events only
move the book; the batch that failed is tried again until it is in. A crash loses what was not committed, and nobody
has heard of that.

In a replay that starts over, frames at or below the stored position only move the book: what they filled is in the
store.
"""

import contextlib
from typing import Final

from connectors.paper.dead_man import GuardedVenue
from connectors.paper.messages import CancelArrived, LookUpCancel, LookUpSubmit, SubmitArrived
from connectors.paper.ownership import FRAMES_PER_MARK
from connectors.paper.rules import ALREADY_DONE, DUPLICATE, EXPIRED, FENCED, UNKNOWN_ACCOUNT, UNKNOWN_ORDER
from engine.domain.errors import DependencyAway
from engine.messages.market import (
    BookDelta,
    BookSnapshot,
    InstrumentsLoaded,
    MarketMessage,
    QuoteTick,
    TradePrint,
)
from engine.messages.venues import (
    VenueCancel,
    VenueCancelRefused,
    VenueNotSent,
    VenueRejected,
    VenueSubmit,
)
from engine.runtime.actor import handles
from engine.runtime.fault_points import fault_point

NEVER: Final = 1 << 62


class PaperVenue(GuardedVenue):
    """One paper venue with all its accounts."""

    # --- Start and stop ----------------------------------------------------------------------------------------------

    async def on_start(self) -> None:  # type: ignore[override]  # The runtime awaits it.
        """Continue from the store, then listen.

        Raises:
            DependencyAway: The store cannot be read.
        """
        await self._begin()
        self._listen()

    def _listen(self) -> None:
        tell, venue = self.actor_ref.tell, self._venue

        def tell_own(message: MarketMessage) -> None:
            if message.venue == venue:
                tell(message)

        self._subscriptions = [self._bus.subscribe(InstrumentsLoaded, tell, venue)]
        if not self._symbols:
            for kind in (QuoteTick, TradePrint, BookDelta, BookSnapshot):
                self._subscriptions.append(self._bus.subscribe(kind, tell_own))
        for symbol in dict.fromkeys(self._symbols):
            self._subscriptions.append(self._bus.subscribe(QuoteTick, self._remember_quote, (venue, symbol)))
            for other in (TradePrint, BookDelta, BookSnapshot):
                self._subscriptions.append(self._bus.subscribe(other, tell, (venue, symbol)))

    async def on_stop(self) -> None:  # type: ignore[override]  # The runtime awaits it.
        """Hear nothing more, and store what has moved since the last commit."""
        self._cancel_subscriptions()
        if self._epoch is None:
            return
        self._exchange.batch.is_marked = True
        await self._commit()
        with contextlib.suppress(DependencyAway):
            await self._store.release(self._venue)

    def on_failure(self, *_: object) -> None:
        """Hear nothing more: a bus that tells a dead actor fails the teller."""
        self._cancel_subscriptions()

    def _cancel_subscriptions(self) -> None:
        for subscription in self._subscriptions:
            subscription.cancel()
        self._subscriptions.clear()

    # --- The market --------------------------------------------------------------------------------------------------

    @handles(InstrumentsLoaded)
    def on_instruments(self, message: InstrumentsLoaded) -> None:
        """Open the markets of these instruments."""
        self._exchange.list_instruments(message.instruments)

    def _remember_quote(self, quote: QuoteTick) -> None:
        """Take a quote from the bus; one that nothing follows from is not worth a message.

        While nothing waits here and no order of ours rests, a quote only takes the place of the one before: doing that
        in the publisher's turn is the same to everybody, and saves a quarter of what an idle quote costs the engine.
        """
        market = self._markets.get(quote.symbol)
        if market is not None and market.is_idle and self.is_at_rest and quote.frame < self._mark_due:
            self._frame = quote.frame
            depth = market.depth
            depth.quote = quote
            depth.is_quote_newer = True
        else:
            self.actor_ref.tell(quote)

    @handles(QuoteTick)
    def on_quote(self, quote: QuoteTick) -> None:
        """Take a new best quote; without an order of ours it is only remembered."""
        try:
            market = self._markets[quote.symbol]
        except KeyError:
            return
        self._frame = frame = quote.frame
        if market.is_idle:
            depth = market.depth
            depth.quote = quote
            depth.is_quote_newer = True
        elif self._may_match(frame):
            self._exchange.on_quote(market, quote, self._clock.now_ns())
            self._settle()
        else:
            market.depth.see_quote(quote)
        if frame >= self._mark_due:
            self._store_mark()

    @handles(TradePrint)
    def on_trade(self, trade: TradePrint) -> None:
        """Take a public trade."""
        market = self._markets.get(trade.symbol)
        if market is None:
            return
        self._frame = frame = trade.frame
        if not market.is_idle and self._may_match(frame):
            self._exchange.on_trade(market, trade, self._clock.now_ns())
            self._settle()
        else:
            market.depth.see_trade(trade)
        if frame >= self._mark_due:
            self._store_mark()

    @handles(BookDelta)
    def on_delta(self, delta: BookDelta) -> None:
        """Take changed levels of a book."""
        market = self._markets.get(delta.symbol)
        if market is None:
            return
        self._frame = frame = delta.frame
        if not market.is_idle and self._may_match(frame):
            self._exchange.on_delta(market, delta, self._clock.now_ns())
            self._settle()
        else:
            market.depth.see_delta(delta)
        if frame >= self._mark_due:
            self._store_mark()

    @handles(BookSnapshot)
    def on_snapshot(self, snapshot: BookSnapshot) -> None:
        """Take a whole book."""
        market = self._markets.get(snapshot.symbol)
        if market is None:
            return
        self._frame = frame = snapshot.frame
        if not market.is_idle and self._may_match(frame):
            self._exchange.on_snapshot(market, snapshot, self._clock.now_ns())
            self._settle()
        else:
            market.depth.see_snapshot(snapshot)
        if frame >= self._mark_due:
            self._store_mark()

    def _may_match(self, frame: int) -> bool:
        if self._failed is not None or self._epoch is None:
            return False
        if not self._replayed_to or not frame:
            return True
        if frame <= self._replayed_to:
            return False
        # The replay is back where it was stopped.
        self._replayed_to = 0
        for market in self._markets.values():
            market.resume()
        return True

    def _store_mark(self) -> None:
        if self._epoch is None:
            self._mark_due = self._frame + FRAMES_PER_MARK
            return
        self._mark_due = NEVER  # Until the commit says how far it is.
        self._exchange.batch.is_marked = True
        self._settle()

    # --- Commands ----------------------------------------------------------------------------------------------------

    @handles(VenueSubmit)
    def on_submit(self, submit: VenueSubmit) -> None:
        """Send an order on its way to the market, if it is still valid and the cell still ours."""
        fault_point("submit.sending")
        if self._wall.now_ns() > submit.valid_until_ns:
            self._do_not_send(submit, EXPIRED)
        elif not self._may_send(submit.account_id, submit.fence):
            self._do_not_send(submit, FENCED)
        elif self._latency.submit_ns or self._latency.jitter_ns:
            self.after(self._delay(self._latency.submit_ns), SubmitArrived(submit), clock=self._clock)
        else:
            self._place(submit)

    def _do_not_send(self, submit: VenueSubmit, why: str) -> None:
        account_id = submit.account_id
        self._publish(account_id, VenueNotSent(order_id=submit.order_id, account_id=account_id, why=why))

    @handles(SubmitArrived)
    def on_submit_arrived(self, message: SubmitArrived) -> None:
        """Take an order at the market; it may have become too old on its way."""
        self._place(message.submit)

    def _place(self, submit: VenueSubmit) -> None:
        account_id = submit.account_id
        account = self._exchange.accounts.get(account_id)
        if self._why_away is not None:
            self._say_unknown([(account_id, submit.order_id)], [])
        elif account is None:
            self._refuse(submit, UNKNOWN_ACCOUNT)
        elif account.client_ids.is_known(submit.venue_client_id):
            self._refuse(submit, DUPLICATE)
        elif account.client_ids.is_doubtful(submit.order_id):
            self.actor_ref.tell(LookUpSubmit(submit))
        else:
            self._place_new(submit)
            self._settle()

    def _place_new(self, submit: VenueSubmit) -> None:
        late = self._wall.now_ns() > submit.valid_until_ns
        self._exchange.submit(submit, self._clock.now_ns(), refused=EXPIRED if late else None)

    def _refuse(self, submit: VenueSubmit, code: str) -> None:
        """Refuse without a row: there is no account, or the client id's row is another order's."""
        self._publish(submit.account_id, VenueRejected(
            order_id=submit.order_id, account_id=submit.account_id, code=code,
            venue_time_ns=self._exchange.advance(self._clock.now_ns()),
        ))  # fmt: skip

    @handles(LookUpSubmit)
    async def on_look_up_submit(self, message: LookUpSubmit) -> None:
        """Place an order unless its client id was used before the restart."""
        submit = message.submit
        await self._commit()
        try:
            row = None if self._why_away else await self._store.order(submit.account_id, submit.venue_client_id)
        except DependencyAway:
            self._say_unknown([(submit.account_id, submit.order_id)], [])
            return
        if self._why_away is not None:
            self._say_unknown([(submit.account_id, submit.order_id)], [])
        elif row is not None:
            self._refuse(submit, DUPLICATE)
        else:
            self._place_new(submit)
            await self._commit()

    @handles(VenueCancel)
    def on_cancel(self, cancel: VenueCancel) -> None:
        """Send a cancel on its way to the market.

        One that a lost lease holds back is answered `unknown`: its request stays open, and the next owner sends it.
        """
        fault_point("cancel.sending")
        if not self._may_cancel(cancel.account_id, cancel.fence):
            self._say_unknown([], [(cancel.account_id, cancel.order_id)])
        elif self._latency.cancel_ns or self._latency.jitter_ns:
            self.after(self._delay(self._latency.cancel_ns), CancelArrived(cancel), clock=self._clock)
        else:
            self._cancel(cancel)

    @handles(CancelArrived)
    def on_cancel_arrived(self, message: CancelArrived) -> None:
        """Take a cancel at the market."""
        self._cancel(message.cancel)

    def _cancel(self, cancel: VenueCancel) -> None:
        exchange = self._exchange
        account = exchange.accounts.get(cancel.account_id)
        if self._why_away is not None:
            self._say_unknown([], [(cancel.account_id, cancel.order_id)])
        elif account is None:
            self._refuse_cancel(cancel, UNKNOWN_ORDER)
        elif exchange.cancel(account, cancel.venue_client_id, self._clock.now_ns()):
            exchange.batch.cancels.append((cancel.account_id, cancel.order_id))
            self._settle()
        elif account.client_ids.is_known(cancel.venue_client_id):
            self._refuse_cancel(cancel, ALREADY_DONE)
        else:
            self.actor_ref.tell(LookUpCancel(cancel))

    def _refuse_cancel(self, cancel: VenueCancel, code: str) -> None:
        """Refuse behind what is being committed: the order may be done in this very batch."""
        batch = self._exchange.batch
        batch.cancels.append((cancel.account_id, cancel.order_id))
        batch.events.append((cancel.account_id, VenueCancelRefused(
            order_id=cancel.order_id, account_id=cancel.account_id, code=code,
            venue_time_ns=self._exchange.advance(self._clock.now_ns()),
        )))  # fmt: skip
        self._settle()

    @handles(LookUpCancel)
    async def on_look_up_cancel(self, message: LookUpCancel) -> None:
        """Tell an order that was done before the restart from one that never was."""
        cancel = message.cancel
        await self._commit()
        try:
            row = None if self._why_away else await self._store.order(cancel.account_id, cancel.venue_client_id)
        except DependencyAway:
            self._say_unknown([], [(cancel.account_id, cancel.order_id)])
            return
        if self._why_away is not None:
            self._say_unknown([], [(cancel.account_id, cancel.order_id)])
        else:
            self._refuse_cancel(cancel, UNKNOWN_ORDER if row is None else ALREADY_DONE)
