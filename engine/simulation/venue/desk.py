"""Carries out requests: orders, cancels, amends, dead man's switch, openings of accounts."""

from decimal import Decimal
from typing import Final

from engine.domain.capabilities import AmendKind, DuplicateRule
from engine.domain.identifiers import AccountId, OrderId, Symbol
from engine.domain.kinds import DoneReason, Liquidity, OrderType, Side, TimeInForce
from engine.domain.values import ZERO, divide, floor_to_step, multiply
from engine.messages.remote import RemoteRefused
from engine.messages.venues import (
    AccountOpened,
    ArmDeadMan,
    CannotTell,
    DeadManArmed,
    OpenAccount,
    VenueAccepted,
    VenueAmend,
    VenueAmended,
    VenueAmendRefused,
    VenueCancel,
    VenueCancelRefused,
    VenueOrderDone,
    VenueRejected,
    VenueSubmit,
)
from engine.simulation.venue import entry
from engine.simulation.venue.facts import (
    AccountMade,
    DeadManSet,
    OrderAmended,
    OrderPlaced,
    RequestSeen,
)
from engine.simulation.venue.faults import MILLION, Faults
from engine.simulation.venue.kinds import FaultKind
from engine.simulation.venue.matching import Matching
from engine.simulation.venue.orders import Order
from engine.simulation.venue.recorder import Recorder
from engine.simulation.venue.reports import Reports, done_report
from engine.simulation.venue.rules import SECOND, VenueRules

ACCEPTED: Final = "accepted"
FILL_AFTER_CANCEL_MAX_NS: Final = 12 * SECOND
ACCOUNT_KINDS: Final = ("spot", entry.MARGIN)

SubmitAnswer = VenueAccepted | VenueRejected | RemoteRefused
CancelAnswer = VenueOrderDone | VenueCancelRefused | RemoteRefused
AmendAnswer = VenueAmended | VenueAmendRefused | RemoteRefused


class Desk:
    """Answers what changes the truth."""

    def __init__(
        self, recorder: Recorder, rules: VenueRules, matching: Matching, reports: Reports, faults: Faults
    ) -> None:
        """Keep what it works with."""
        self._recorder = recorder
        self._truth = recorder.truth
        self._rules = rules
        self._matching = matching
        self._reports = reports
        self._faults = faults

    def open(self, message: OpenAccount) -> AccountOpened | RemoteRefused:
        """Make an account, or know it again."""
        is_new = message.account_id not in self._truth.accounts
        if is_new:
            if message.kind not in ACCOUNT_KINDS or any(
                not each.is_finite() for each in message.starting_balances.values()
            ):
                return RemoteRefused(code=entry.MALFORMED, message=f"kind {message.kind}")
            self._recorder.record(
                AccountMade(
                    at_ns=self._recorder.now_ns,
                    account_id=message.account_id,
                    user_id=message.user_id,
                    kind=message.kind,
                    balances=dict(message.starting_balances or self._rules.money),
                )
            )
        return AccountOpened(account_id=message.account_id, created=is_new, capabilities=self._rules.capabilities())

    # --- Submit ------------------------------------------------------------------------------------------------------

    def submit(self, message: VenueSubmit) -> SubmitAnswer:
        """Take an order, or refuse it."""
        if message.account_id not in self._truth.accounts:
            return RemoteRefused(code=entry.UNKNOWN_ACCOUNT)
        now_ns = self._recorder.now_ns
        stamp_ns = self._truth.stamp_ns(now_ns)
        code = self._too_late(message.valid_until_ns, message.venue_client_id)
        first = entry.repeats(message, self._truth, self._rules) if code is None else None
        if first is not None:
            code = entry.DUPLICATE
            if self._rules.duplicates is DuplicateRule.RETURNS_FIRST:
                self._saw("submit", message, code)
                return VenueAccepted(
                    order_id=message.order_id,
                    account_id=message.account_id,
                    external_order_id=first.external_id,
                    venue_time_ns=stamp_ns,
                )
        code = code or entry.refusal(message, self._truth)
        self._saw("submit", message, code or ACCEPTED)
        if code is not None:
            return VenueRejected(
                order_id=message.order_id, account_id=message.account_id, code=code, venue_time_ns=stamp_ns
            )
        order = self._place(message)
        phantom = self._faults.strike(FaultKind.PHANTOM_REJECT, now_ns, message.venue_client_id)
        if phantom is not None:
            return VenueRejected(
                order_id=message.order_id, account_id=message.account_id, code="phantom", venue_time_ns=stamp_ns
            )
        return VenueAccepted(
            order_id=message.order_id,
            account_id=message.account_id,
            external_order_id=order.external_id,
            venue_time_ns=stamp_ns,
        )

    def _place(self, message: VenueSubmit) -> Order:
        return self.place(
            message.account_id,
            message.venue_client_id,
            message.symbol,
            message.side,
            message.type,
            message.quantity,
            order_id=message.order_id,
            price=message.price,
            stop_price=message.stop_price,
            time_in_force=message.time_in_force,
            post_only=message.post_only,
            reduce_only=message.reduce_only,
        )

    def place(
        self,
        account_id: AccountId,
        client_id: str,
        symbol: Symbol,
        side: Side,
        type: OrderType,
        quantity: Decimal,
        *,
        order_id: OrderId | None = None,
        price: Decimal | None = None,
        stop_price: Decimal | None = None,
        time_in_force: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,
        reduce_only: bool = False,
    ) -> Order:
        """Make an order that nothing speaks against, and let it meet the market."""
        number = self._truth.order_numbers.get(symbol, 0) + 1
        self._recorder.record(
            OrderPlaced(
                at_ns=self._recorder.now_ns,
                account_id=account_id,
                order_id=order_id,
                client_id=client_id,
                symbol=symbol,
                number=number,
                side=side,
                type=type,
                quantity=quantity,
                price=price,
                stop_price=stop_price,
                time_in_force=time_in_force,
                post_only=post_only,
                reduce_only=reduce_only,
            )
        )
        order = self._truth.order(symbol, number)
        self._matching.enter(order)
        return order

    def _too_late(self, valid_until_ns: int, about: str) -> str | None:
        now_ns = self._recorder.now_ns
        if self._truth.stamp_ns(now_ns) <= valid_until_ns:
            return None
        strike = self._faults.strike(FaultKind.LATE_ACCEPT, now_ns, about)
        return entry.LATE if strike is None else None

    def _saw(self, request: str, message: VenueSubmit | VenueCancel | VenueAmend, outcome: str) -> None:
        self._recorder.record(
            RequestSeen(
                at_ns=self._recorder.now_ns,
                account_id=message.account_id,
                request=request,
                order_id=message.order_id,
                venue_client_id=message.venue_client_id,
                outcome=outcome,
                request_id=message.request_id if isinstance(message, VenueAmend) else None,
            )
        )

    # --- Cancel ------------------------------------------------------------------------------------------------------

    def cancel(self, message: VenueCancel) -> CancelAnswer:
        """Take an order out of the book."""
        if message.account_id not in self._truth.accounts:
            return RemoteRefused(code=entry.UNKNOWN_ACCOUNT)
        order = self._named(message)
        if order is not None and order.is_open:
            self._trade_before_cancel(order)
        code = None
        if order is None or order.is_forgotten:
            code = entry.UNKNOWN_ORDER
        elif not order.is_open:
            code = entry.ALREADY_DONE
        self._saw("cancel", message, code or ACCEPTED)
        if order is None or code is not None:
            return VenueCancelRefused(
                order_id=message.order_id,
                account_id=message.account_id,
                code=code or entry.UNKNOWN_ORDER,
                venue_time_ns=self._truth.stamp_ns(self._recorder.now_ns),
            )
        self._matching.end(order, DoneReason.CANCELLED)
        return done_report(order)

    def _named(self, message: VenueCancel | VenueAmend) -> Order | None:
        """Find the order that a request is about: by the venue's id, else by ours."""
        if message.external_order_id is not None and message.external_order_id.isdigit():
            order = self._truth.orders.get((message.symbol, int(message.external_order_id)))
        else:
            order = self._truth.find(message.account_id, message.venue_client_id)
        return order if order is not None and order.account_id == message.account_id else None

    def _trade_before_cancel(self, order: Order) -> None:
        strike = self._faults.strike(FaultKind.FILL_AFTER_CANCEL, self._recorder.now_ns, order.client_id)
        price = order.price
        if strike is None or price is None or not order.is_triggered or order.reduce_only:
            return
        step = self._truth.instruments[order.symbol].step_size
        share = divide(Decimal(strike.strength + 1), Decimal(MILLION))
        part = floor_to_step(multiply(order.remaining, share), step)
        if part > ZERO:
            self._reports.hold_fills_ns = strike.share_of(FILL_AFTER_CANCEL_MAX_NS)
            self._matching.trade(order, price, part, Liquidity.MAKER)
            self._reports.hold_fills_ns = 0

    # --- Amend -------------------------------------------------------------------------------------------------------

    def amend(self, message: VenueAmend) -> AmendAnswer:
        """Change an open order; one that now crosses the market trades."""
        if message.account_id not in self._truth.accounts:
            return RemoteRefused(code=entry.UNKNOWN_ACCOUNT)
        order = self._named(message)
        stamp_ns = self._truth.stamp_ns(self._recorder.now_ns)
        code: str | None = entry.AMEND_UNSUPPORTED if self._rules.amend is AmendKind.NONE else None
        code = code or self._too_late(message.valid_until_ns, message.venue_client_id)
        code = code or entry.amend_refusal(message, order, self._truth)
        self._saw("amend", message, code or ACCEPTED)
        if order is None or code is not None:
            return VenueAmendRefused(
                request_id=message.request_id,
                order_id=message.order_id,
                account_id=message.account_id,
                code=code or entry.UNKNOWN_ORDER,
                venue_time_ns=stamp_ns,
            )
        quantity, price, stop_price = entry.amended(message, order)
        replaces = self._rules.amend is AmendKind.REPLACE
        self._recorder.record(
            OrderAmended(
                at_ns=self._recorder.now_ns,
                symbol=order.symbol,
                number=order.number,
                request_id=message.request_id,
                new_number=self._truth.order_numbers[order.symbol] + 1 if replaces else None,
                quantity=quantity,
                price=price,
                stop_price=stop_price,
            )
        )
        answer = VenueAmended(
            request_id=message.request_id,
            order_id=message.order_id,
            account_id=message.account_id,
            external_order_id=order.external_id,
            quantity=quantity,
            price=price,
            stop_price=stop_price,
            venue_time_ns=stamp_ns,
        )
        self._matching.enter(order)
        return answer

    # --- Dead man's switch -------------------------------------------------------------------------------------------

    def arm(self, message: ArmDeadMan) -> DeadManArmed | CannotTell | RemoteRefused:
        """Set, move or take away the time at which everything is cancelled."""
        if message.account_id not in self._truth.accounts:
            return RemoteRefused(code=entry.UNKNOWN_ACCOUNT)
        if not self._rules.has_dead_man:
            return CannotTell(why="no dead man's switch")
        until_ns = 0
        if message.timeout_ns > 0:
            until_ns = self._truth.venue_time_ns(self._recorder.now_ns) + message.timeout_ns
        self._recorder.record(DeadManSet(at_ns=self._recorder.now_ns, account_id=message.account_id, until_ns=until_ns))
        return DeadManArmed(account_id=message.account_id, until_ns=until_ns)

    def cancel_all(self, account_id: AccountId) -> int:
        """Cancel every open order of an account, as a dead man's switch does; return how many."""
        orders = list(self._truth.accounts[account_id].open_orders.values())
        for order in orders:
            self._matching.end(order, DoneReason.CANCELLED)
        return len(orders)

    def fire_dead_men(self) -> None:
        """Cancel the orders of the accounts whose time has come."""
        venue_time_ns = self._truth.venue_time_ns(self._recorder.now_ns)
        for account in list(self._truth.accounts.values()):
            if 0 < account.dead_man_until_ns <= venue_time_ns:
                self.cancel_all(account.id)
                self._recorder.record(DeadManSet(at_ns=self._recorder.now_ns, account_id=account.id, until_ns=0))
