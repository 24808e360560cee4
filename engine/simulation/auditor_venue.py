"""Judges what happens at a venue, fact by fact: no order from nowhere, none twice, no exposure beyond its limit."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from engine.domain.kinds import Side
from engine.domain.values import ZERO
from engine.simulation.auditor_findings import Findings, minus, plus
from engine.simulation.auditor_orders import Orders
from engine.simulation.auditor_sends import Sends
from engine.simulation.venue.facts import Fact, Moved, OrderAmended, OrderPlaced, OrderTraded, TradeTakenBack
from engine.simulation.venue.orders import Order
from engine.simulation.venue.truth import Truth

Held = tuple[UUID, str]
"""Account and symbol."""
TINY: Final = Decimal("1e-12")


class VenueFacts:
    """One venue, from its first fact on."""

    __slots__ = ("_findings", "_limits", "_orders", "_placed", "_sends", "accepted", "moved", "sizes", "slack", "truth")

    def __init__(
        self, findings: Findings, orders: Orders, sends: Sends, truth: Truth, limits: Mapping[Held, Decimal]
    ) -> None:
        """Begin to listen; what was before is taken as it is.

        Args:
            findings: Where violations go.
            orders: What is committed.
            sends: What has left.
            truth: Of the venue, which every fact has changed already when it comes here.
            limits: Account and symbol -> largest position.
        """
        self._findings = findings
        self._orders = orders
        self._sends = sends
        self._limits = limits
        self._placed: set[tuple[UUID, str]] = set()
        self.truth = truth
        self.sizes: dict[Held, Decimal] = {}
        """Sum of all trades that hold."""
        self.slack: dict[Held, Decimal] = {}
        """By how much a limit may be exceeded, since the venue or a stranger did what nobody could foresee."""
        self.moved: dict[Held, list[Decimal]] = {}
        """Account and asset -> deposits and withdrawals."""
        self.accepted = 0

    def hear(self, fact: Fact) -> None:
        """Judge a fact."""
        if isinstance(fact, OrderPlaced):
            self._placed_order(fact)
        elif isinstance(fact, OrderTraded):
            self._traded(fact)
        elif isinstance(fact, OrderAmended):
            order = self.truth.order(fact.symbol, fact.number)
            self._findings.saw("venue amended", order.client_id, fact.quantity, fact.price)
            self._expose(order)
        elif isinstance(fact, TradeTakenBack):
            trade = self.truth.trades_by_id[fact.symbol, fact.trade]
            self._findings.saw("venue voided", trade.order.client_id, fact.trade)
            self._add((trade.account_id, fact.symbol), trade.order.side, minus(ZERO, trade.quantity))
            self._loosen((trade.account_id, fact.symbol), trade.quantity)
        elif isinstance(fact, Moved):
            self._findings.saw("venue moved", fact.account_id, fact.amount, fact.asset)
            self.moved.setdefault((fact.account_id, fact.asset), []).append(fact.amount)

    def lied(self, account_id: UUID, client_id: str) -> None:
        """The venue has said that it has no order which it has: nobody can foresee what that one does."""
        order = self.truth.find(account_id, client_id)  # type: ignore[arg-type]  # An id by another name.
        if order is not None:
            self._loosen((account_id, order.symbol), order.quantity)

    # --- Orders -------------------------------------------------------------------------------------------------------

    def _placed_order(self, fact: OrderPlaced) -> None:
        self._findings.saw("venue placed", fact.client_id, fact.side, fact.quantity, fact.symbol)
        held = (fact.account_id, fact.symbol)
        if fact.order_id is None:
            self._loosen(held, fact.quantity)
            return
        self.accepted += 1
        key = (fact.account_id, fact.client_id)
        if key in self._placed:
            self._findings.broken("I2", f"client id {fact.client_id} was placed twice at the venue")
        self._placed.add(key)
        row = self._orders.of_client_id(fact.account_id, fact.client_id)
        if row is None:
            self._findings.broken("I1", f"the venue has {fact.client_id} ({fact.side} {fact.symbol}), nobody stored it")
        elif row.done_reason in ("denied", "never_existed", "cancelled"):
            self._findings.broken("I4", f"the venue takes order {row.id}, which is closed as {row.done_reason}")
        self._expose(self.truth.order(fact.symbol, fact.number))

    def _traded(self, fact: OrderTraded) -> None:
        order = self.truth.order(fact.symbol, fact.number)
        held = (order.account_id, fact.symbol)
        self._findings.saw("venue traded", order.client_id, fact.quantity, fact.price, fact.trade)
        before = self.sizes.get(held, ZERO)
        if order.executed > order.quantity or order.ended_at_ns is not None:
            self._loosen(held, fact.quantity)
        elif order.reduce_only and not order.is_external and not self.slack.get(held):
            after = plus(before, fact.quantity if order.side is Side.BUY else minus(ZERO, fact.quantity))
            if self.truth.instruments[fact.symbol].is_perpetual and abs(after) > abs(before):
                self._findings.broken(
                    "I13", f"reduce-only order {order.client_id} moved the position from {before} to {after}"
                )
        self._add(held, order.side, fact.quantity)
        row = self._orders.of_client_id(order.account_id, order.client_id)
        if row is not None and row.done_reason in ("denied", "never_existed") and not self.slack.get(held):
            self._findings.broken("I4", f"a fill of order {row.id}, which is closed as {row.done_reason}")

    def _add(self, held: Held, side: Side, quantity: Decimal) -> None:
        move = plus if side is Side.BUY else minus
        self.sizes[held] = move(self.sizes.get(held, ZERO), quantity)

    def _loosen(self, held: Held, quantity: Decimal) -> None:
        self.slack[held] = plus(self.slack.get(held, ZERO), quantity)

    def _expose(self, order: Order) -> None:
        """Position and all open orders of a side, as if filled, stay within the limit.

        Those that only reduce can fill before the others, down to no position.
        """
        held = (order.account_id, order.symbol)
        limit = self._limits.get(held)
        if limit is None or order.is_external or order.reduce_only:
            return
        size = self.sizes.get(held, ZERO)
        worst = size if order.side is Side.BUY else minus(ZERO, size)
        reducible = max(minus(ZERO, worst), ZERO)
        open_orders: Any = self.truth.accounts[order.account_id].open_orders.values()
        for each in open_orders:
            if each.symbol != order.symbol or each.side is not order.side:
                continue
            counts = min(each.remaining, reducible) if each.reduce_only else each.remaining
            reducible = minus(reducible, counts) if each.reduce_only else reducible
            worst = plus(worst, counts)
        allowed = plus(limit, self.slack.get(held, ZERO))
        if worst > allowed and worst > abs(size):
            self._findings.broken(
                "I9",
                f"order {order.client_id} ({order.side} {order.quantity} {order.symbol}): position {size} and open"
                f" orders reach {worst}, the limit is {limit}",
            )
