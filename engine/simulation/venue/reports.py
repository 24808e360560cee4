"""What the venue tells unasked: each change of an order or a trade, as it is or as a lie bends it."""

from collections.abc import Callable
from typing import Final, NamedTuple

from engine.domain.errors import InvariantBroken
from engine.domain.identifiers import AccountId
from engine.domain.values import add
from engine.messages.venues import VenueFill, VenueOrderDone, VenueOrderUpdate, VenueTradeVoided
from engine.simulation.venue.facts import (
    Fact,
    OrderAmended,
    OrderEnded,
    OrderPlaced,
    OrderTraded,
    OrderTriggered,
    TradeShown,
    TradeTakenBack,
)
from engine.simulation.venue.faults import Faults
from engine.simulation.venue.kinds import FaultKind
from engine.simulation.venue.orders import Order, Trade, listed, reported
from engine.simulation.venue.recorder import Recorder
from engine.simulation.venue.rules import SECOND, VenueRules

Report = VenueFill | VenueOrderDone | VenueOrderUpdate | VenueTradeVoided

LATE_FILL_MAX_NS: Final = 20 * SECOND
DUPLICATE_MAX_NS: Final = 10 * SECOND
REORDER_MAX_NS: Final = 2 * SECOND


class Outgoing(NamedTuple):
    """A report and when it leaves."""

    account_id: AccountId
    report: Report
    delay_ns: int
    in_order: bool


class Reports:
    """Listens to facts and hands out reports."""

    def __init__(self, recorder: Recorder, rules: VenueRules, faults: Faults, send: Callable[[Outgoing], None]) -> None:
        """Listen to a recorder.

        Args:
            recorder: Whose facts.
            rules: Of the venue.
            faults: How to bend them.
            send: Takes what is to be told.
        """
        self._truth = recorder.truth
        self._recorder = recorder
        self._rules = rules
        self._faults = faults
        self._send = send
        self.hold_fills_ns = 0
        """While above zero, fills are told so much later."""
        recorder.listeners.append(self._on_fact)

    def _on_fact(self, fact: Fact) -> None:
        if isinstance(fact, OrderTraded):
            trade = self._truth.trades_by_id[fact.symbol, fact.trade]
            if not trade.is_hidden:
                self._tell_fill(trade)
            if trade.order.is_open and trade.order.remaining:
                self._tell_status(trade.order)
        elif isinstance(fact, OrderPlaced | OrderTriggered | OrderAmended):
            self._tell_status(self._truth.order(fact.symbol, fact.number))
        elif isinstance(fact, OrderEnded):
            order = self._truth.order(fact.symbol, fact.number)
            self._bend(order.account_id, done_report(order), FaultKind.TRADES_WITHOUT_STATUS)
        elif isinstance(fact, TradeShown):
            self._tell_fill(self._truth.trades_by_id[fact.symbol, fact.trade])
        elif isinstance(fact, TradeTakenBack):
            trade = self._truth.trades_by_id[fact.symbol, fact.trade]
            self._pass_on(trade.account_id, void_report(trade), 0)

    def _tell_status(self, order: Order) -> None:
        report = VenueOrderUpdate(account_id=order.account_id, order=listed(order))
        self._bend(order.account_id, report, FaultKind.TRADES_WITHOUT_STATUS)

    def _tell_fill(self, trade: Trade) -> None:
        report = reported(trade, self._rules.venue)
        self._bend(trade.account_id, report, FaultKind.STATUS_WITHOUT_TRADES)
        strike = self._faults.strike(FaultKind.CONFLICTING_TRADE, self._recorder.now_ns, trade.order.client_id)
        if strike is not None:
            self.conflict(trade, strike.share_of(DUPLICATE_MAX_NS))

    def conflict(self, trade: Trade, delay_ns: int = 0) -> None:
        """Report a trade with one step more than it had."""
        step = self._truth.instruments[trade.symbol].step_size
        report = reported(trade, self._rules.venue)
        other = type(report)(**{name: getattr(report, name) for name in report.__struct_fields__} | {
            "quantity": add(trade.quantity, step)
        })  # fmt: skip
        self._send(Outgoing(trade.account_id, other, delay_ns, in_order=False))

    def repeat(self, trade: Trade) -> None:
        """Report a trade again, as it is."""
        self._send(Outgoing(trade.account_id, reported(trade, self._rules.venue), 0, in_order=True))

    def _bend(self, account_id: AccountId, report: Report, withheld_by: FaultKind) -> None:
        """Tell a report, unless the lie about its kind withholds it."""
        now_ns = self._recorder.now_ns
        strike = self._faults.strike(withheld_by, now_ns, type(report).__name__)
        if strike is None:
            self._pass_on(account_id, report, self.hold_fills_ns if isinstance(report, VenueFill) else 0)
        elif withheld_by is FaultKind.STATUS_WITHOUT_TRADES and strike.strength % 2:
            # The other half of them is seen by queries only.
            self._send(Outgoing(account_id, report, strike.share_of(LATE_FILL_MAX_NS), in_order=False))

    def _pass_on(self, account_id: AccountId, report: Report, delay_ns: int) -> None:
        now_ns, about = self._recorder.now_ns, type(report).__name__
        reorder = self._faults.strike(FaultKind.REORDERED_PUSH, now_ns, about)
        again = self._faults.strike(FaultKind.DUPLICATE_PUSH, now_ns, about)
        if reorder is not None:
            delay_ns += reorder.share_of(REORDER_MAX_NS)
        self._send(Outgoing(account_id, report, delay_ns, in_order=delay_ns == 0))
        if again is not None:
            self._send(Outgoing(account_id, report, delay_ns + again.share_of(DUPLICATE_MAX_NS), in_order=False))


def done_report(order: Order) -> VenueOrderDone:
    """Return the report that an order has ended.

    Raises:
        InvariantBroken: It has not.
    """
    if order.reason is None:
        raise InvariantBroken("only ended orders are reported so", expected="an ended order", was=order.client_id)
    return VenueOrderDone(
        account_id=order.account_id,
        venue_client_id=order.client_id,
        external_order_id=order.external_id,
        symbol=order.symbol,
        reason=order.reason,
        filled_quantity=order.filled,
        venue_time_ns=order.versions[-1].venue_ns,
    )


def void_report(trade: Trade) -> VenueTradeVoided:
    """Return the report that a trade is void."""
    return VenueTradeVoided(
        account_id=trade.account_id,
        symbol=trade.symbol,
        side=trade.order.side,
        venue_client_id=trade.order.client_id,
        external_order_id=trade.external_order_id,
        external_trade_id=str(trade.number),
        venue_time_ns=trade.order.versions[-1].venue_ns,
    )
