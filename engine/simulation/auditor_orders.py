"""Judges orders and trades as they are committed: ranks that only rise, quantities that are sums of trades."""

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from engine.messages.rows import OrderRequestRow, OrderRow, TradeRow
from engine.messages.rows_trades import TradeChangeRow
from engine.messages.writing import WriteUnit
from engine.simulation.auditor_findings import ZERO, Findings, minus, plus

RANKS: Final = {"created": 0, "submitting": 1, "unknown": 2, "working": 3, "done": 4}
STRENGTHS: Final = {"denied": 1, "never_existed": 2, "rejected": 3, "expired": 4, "cancelled": 5, "filled": 6}
SHOWN: Final = {
    "filled": "filled",
    "cancelled": "cancelled",
    "expired": "expired",
    "rejected": "rejected",
    "denied": "rejected",
    "never_existed": "rejected",
}
NEVER_SENT: Final = frozenset({"denied", "never_existed", "rejected"})
REQUEST_RANKS: Final = {"requested": 0, "unknown": 1, "refused": 2, "acked": 3}
FIXED: Final = ("account_id", "user_id", "symbol", "side", "venue_client_id", "intent_key", "origin", "fence")
"""What an order is; no later row may say otherwise."""

TradeKey = tuple[UUID, str, str, str]


class Orders:
    """All orders, requests and trades that are committed, as an auditor counts them."""

    __slots__ = (
        "_findings",
        "_touched",
        "by_client_id",
        "filled",
        "intents",
        "requests",
        "rows",
        "trade_ids",
        "trades",
        "voided",
    )

    def __init__(self, findings: Findings) -> None:
        """Start with none."""
        self._findings = findings
        self.rows: dict[UUID, OrderRow] = {}
        self.by_client_id: dict[tuple[UUID, str], UUID] = {}
        self.intents: dict[tuple[UUID, str], UUID] = {}
        self.requests: dict[UUID, OrderRequestRow] = {}
        self.trades: dict[TradeKey, TradeRow] = {}
        self.trade_ids: dict[UUID, TradeRow] = {}
        self.voided: dict[UUID, UUID] = {}
        """Trades that count no more -> the trade that took the place, itself if none did."""
        self.filled: dict[UUID, Decimal] = {}
        """Order -> sum of its trades that count."""
        self._touched: dict[UUID, None] = {}

    def of_client_id(self, account_id: UUID, client_id: str) -> OrderRow | None:
        """Return the committed row of a venue client id."""
        order_id = self.by_client_id.get((account_id, client_id))
        return None if order_id is None else self.rows[order_id]

    # --- Rows ---------------------------------------------------------------------------------------------------------

    def order(self, row: OrderRow, unit: WriteUnit) -> None:
        """Take a new state of an order."""
        self._touched[row.id] = None
        before = self.rows.get(row.id)
        self.rows[row.id] = row
        if before is None:
            self._first(row, unit)
        else:
            self._later(before, row)
        if row.lifecycle not in RANKS:
            self._findings.broken("I4", f"{_name(row)}: lifecycle {row.lifecycle}")
            return
        shown = _shown(row)
        if row.status != shown:
            self._findings.broken(
                "I4", f"{_name(row)}: shown as {row.status}, is {shown} ({row.lifecycle}, {row.done_reason})"
            )
        if (row.lifecycle == "done") is (row.done_reason is None):
            self._findings.broken("I4", f"{_name(row)}: {row.lifecycle} with done reason {row.done_reason}")

    def _first(self, row: OrderRow, unit: WriteUnit) -> None:
        client = (row.account_id, row.venue_client_id)
        if client in self.by_client_id:
            self._findings.broken("I2", f"{_name(row)}: client id {row.venue_client_id} has an order already")
        self.by_client_id[client] = row.id
        intent = (row.account_id, row.intent_key)
        if intent in self.intents:
            self._findings.broken(
                "I2", f"{_name(row)}: decision {row.intent_key} has made order {self.intents[intent]} already"
            )
        self.intents[intent] = row.id
        if row.fence is not None and row.fence != unit.fence:
            self._findings.broken("I3", f"{_name(row)}: fence {row.fence} in a unit of fence {unit.fence}")

    def _later(self, before: OrderRow, row: OrderRow) -> None:
        for field in FIXED:
            if getattr(before, field) != getattr(row, field):
                self._findings.broken(
                    "I4", f"{_name(row)}: {field} was {getattr(before, field)}, is {getattr(row, field)}"
                )
        # An amend has made it larger than the fills that had completed it, and the venue has told it only now.
        is_enlarged = before.done_reason == "filled" and before.quantity < row.quantity > row.filled_quantity
        if RANKS.get(row.lifecycle, -1) < RANKS.get(before.lifecycle, -1) and not is_enlarged:
            self._findings.broken("I4", f"{_name(row)}: went back from {before.lifecycle} to {row.lifecycle}")
        old, new = before.done_reason, row.done_reason
        # That a fill proved a refusal wrong reads as cancelled, until the venue tells the true end.
        is_guess = is_enlarged or (row.late_fill and old == "cancelled")
        if old is not None and not is_guess and STRENGTHS.get(new or "", 0) < STRENGTHS.get(old, 0):
            self._findings.broken("I4", f"{_name(row)}: was done by {old}, now by {new}")

    def request(self, row: OrderRequestRow) -> None:
        """Take a new state of a cancel or amend request."""
        before = self.requests.get(row.id)
        self.requests[row.id] = row
        if before is not None and REQUEST_RANKS.get(row.state, -1) < REQUEST_RANKS.get(before.state, -1):
            self._findings.broken("I4", f"{row.kind} request {row.id}: went back from {before.state} to {row.state}")
        if before is None and row.order_id not in self.rows:
            self._findings.broken("I4", f"{row.kind} request {row.id}: of order {row.order_id}, which is not stored")

    def trade(self, row: TradeRow) -> None:
        """Take a trade. Each id of a venue counts once."""
        self._touched[row.order_id] = None
        for field in ("quantity", "price", "fees"):
            value: Any = getattr(row, field)
            if not isinstance(value, Decimal) or not value.is_finite():
                self._findings.broken("I19", f"trade {row.external_trade_id}: {field} is {value!r}")
                return
        key = (row.account_id, row.symbol, row.external_trade_id, row.side)
        first = self.trades.get(key)
        if first is not None and first.id not in self.voided:
            self._findings.broken(
                "I5", f"trade {row.external_trade_id} of {row.symbol} is stored twice: {first.id} and {row.id}"
            )
            return
        if row.id in self.trade_ids:
            self._findings.broken("I5", f"trade row {row.id} is stored twice")
            return
        self.trade_ids[row.id] = row
        if row.voided_by is not None:
            self.voided[row.id] = row.voided_by  # Taken back before it was stored.
            return
        self.trades[key] = row
        self.filled[row.order_id] = plus(self.filled.get(row.order_id, ZERO), row.quantity)

    def change(self, row: TradeChangeRow) -> None:
        """Take what was learnt of a trade later: it may count no more. It never counts again."""
        trade = self.trade_ids.get(row.id)
        if trade is None:
            self._findings.broken("I5", f"trade row {row.id} is changed, but is not stored")
        elif row.voided_by is not None and row.id not in self.voided:
            self.voided[row.id] = row.voided_by
            self._touched[trade.order_id] = None
            self.filled[trade.order_id] = minus(self.filled[trade.order_id], trade.quantity)
        elif row.voided_by is None and row.id in self.voided:
            self._findings.broken("I5", f"trade {trade.external_trade_id} was taken back, and counts again")

    def end_of_unit(self) -> None:
        """Compare the orders that the unit touched with their trades."""
        if not self._touched:
            return
        touched, self._touched = self._touched, {}
        for order_id in touched:
            row = self.rows.get(order_id)
            filled = self.filled.get(order_id, ZERO)
            if row is None:
                self._findings.broken("I7", f"a trade of order {order_id}, which is not stored")
            elif row.filled_quantity != filled:
                self._findings.broken("I7", f"{_name(row)}: says {row.filled_quantity} filled, its trades are {filled}")


def _shown(row: OrderRow) -> str:
    if row.lifecycle == "working":
        return "partial" if row.filled_quantity else "open"
    if row.lifecycle == "done" and row.done_reason is not None:
        return SHOWN.get(row.done_reason, "?")
    return "pending"


def _name(row: OrderRow) -> str:
    return f"order {row.id} ({row.side} {row.quantity} {row.symbol})"
