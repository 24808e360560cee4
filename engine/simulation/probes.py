"""Rare states that must be reached now and then: a run that never reaches them proves nothing about them.

Each run counts its own; a batch adds them up and names those that no run has reached.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from engine.messages.ports import UnitResult
from engine.messages.rows import DiscrepancyRow, OrderRequestRow, OrderRow, ReconciliationRow, Row, TradeRow
from engine.messages.rows_people import RiskAlertRow
from engine.messages.rows_trades import TradeChangeRow
from engine.messages.venues import VenueFill
from engine.simulation.auditor_orders import Orders

FILL_OF_SUBMITTING: Final = "a fill before the acknowledgement"
LATE_FILL: Final = "a fill of an order that was done"
DUPLICATE_KEY: Final = "a duplicate key answered with its first order"
HALT_WITH_ORDERS: Final = "a halt with open orders"
EXECUTOR_DONE: Final = "an executor that has come to its end"
EXECUTOR_CRASH: Final = "a crash with executors at work"
EXECUTOR_HALTED: Final = "an executor paused by a halt"
EXECUTOR_ALARM: Final = "a position without its stop"
EXECUTOR_FLAT: Final = "an executor that has closed its position"
EXPECTED: Final = (
    FILL_OF_SUBMITTING,
    LATE_FILL,
    "an unknown order found",
    "an unknown order proven absent",
    "an unknown order filled",
    "a commit repeated after a lost answer",
    "a unit of a fenced cell refused",
    "an order adopted",
    "a trade taken back",
    "a cancel refused",
    "a cancel of unknown outcome",
    "an amend acknowledged",
    "an amend of unknown outcome",
    "a partial fill",
    "an order expired",
    "an order rejected by the venue",
    "an order denied by the gate",
    "a crash with orders in flight",
    "a crash with open orders",
    "two crashes in a row",
    "a reconciliation that found late fills",
    "a reconciliation over several pages",
    "a reconciliation that failed",
    "a discrepancy opened",
    DUPLICATE_KEY,
    HALT_WITH_ORDERS,
    "a submit of unknown outcome",
    "a duplicate report of a fill",
    "an overfill",
    "an order that exists after all",
    "an inferred fill",
    "an inferred fill replaced",
    EXECUTOR_DONE,
    EXECUTOR_CRASH,
    EXECUTOR_HALTED,
    EXECUTOR_ALARM,
    EXECUTOR_FLAT,
)
"""What a batch must reach."""
BEYOND: Final = ("a contradictory report of a trade",)
"""Reached only where the venue breaks its declared limits."""


class Probes:
    """What one run has reached, how often."""

    __slots__ = ("_boots", "_crashed_at", "_fills", "counts")

    def __init__(self) -> None:
        """Start with nothing reached."""
        self.counts: Counter[str] = Counter()
        self._boots = 0
        self._crashed_at = 0
        self._fills: set[tuple[str, str]] = set()

    def sometimes(self, name: str) -> None:
        """Count a rare state."""
        self.counts[name] += 1

    # --- What the auditor hears ---------------------------------------------------------------------------------------

    def on_boot(self) -> None:
        """A process starts."""
        self._boots += 1

    def on_crash(self, orders: Orders) -> None:
        """A process has died."""
        lifecycles = {row.lifecycle for row in orders.rows.values()}
        if "submitting" in lifecycles:
            self.sometimes("a crash with orders in flight")
        if "working" in lifecycles:
            self.sometimes("a crash with open orders")
        if self._crashed_at == self._boots - 1 and self._crashed_at > 0:
            self.sometimes("two crashes in a row")
        self._crashed_at = self._boots

    def on_refused(self, result: UnitResult) -> None:
        """A unit was not taken."""
        self.sometimes("a unit of a fenced cell refused" if result.refused == "fenced" else "a unit with bad data")

    def on_order(self, before: OrderRow | None, row: OrderRow) -> None:
        """An order has a new state."""
        if row.origin == "external" and before is None:
            self.sometimes("an order adopted")
        was = "" if before is None else before.lifecycle
        if was == "unknown" and row.lifecycle == "working":
            self.sometimes("an unknown order found")
        if was != "unknown" and row.lifecycle == "unknown":
            self.sometimes("a submit of unknown outcome")
        if before is not None and row.filled_quantity > before.filled_quantity:
            self._filled(was, row)
        if row.done_reason is not None and (before is None or before.done_reason is None):
            self._ended(was, row)

    def _filled(self, was: str, row: OrderRow) -> None:
        if was == "submitting":
            self.sometimes(FILL_OF_SUBMITTING)
        elif was == "unknown":
            self.sometimes("an unknown order filled")
        elif was == "done":
            self.sometimes(LATE_FILL)
        if row.filled_quantity < row.quantity:
            self.sometimes("a partial fill")

    def _ended(self, was: str, row: OrderRow) -> None:
        if row.done_reason == "never_existed":
            self.sometimes("an unknown order proven absent")
        elif row.done_reason == "expired":
            self.sometimes("an order expired")
        elif row.done_reason == "rejected":
            self.sometimes("an order rejected by the venue")
        elif row.done_reason == "denied" and not was:
            self.sometimes("an order denied by the gate")

    def on_trade(self, trade: TradeRow) -> None:
        """A trade is booked."""
        if trade.inferred:
            self.sometimes("an inferred fill")

    def on_rows(self, rows: Iterable[Row]) -> None:
        """Rows are committed."""
        for row in rows:
            if isinstance(row, OrderRequestRow):
                self._request(row)
            elif isinstance(row, ReconciliationRow):
                self._report(row)
            elif isinstance(row, TradeChangeRow):
                if row.voided_by is not None:
                    self.sometimes("a trade taken back" if row.voided_by == row.id else "an inferred fill replaced")
            elif isinstance(row, DiscrepancyRow):
                self.sometimes(f"a discrepancy {'opened' if row.state == 'open' else 'explained'}")
            elif isinstance(row, RiskAlertRow):
                self._alert(row)

    def _request(self, row: OrderRequestRow) -> None:
        if row.state == "refused":
            self.sometimes(f"{_article(row.kind)} refused")
        elif row.state == "unknown":
            self.sometimes(f"{_article(row.kind)} of unknown outcome")
        elif row.state == "acked":
            self.sometimes(f"{_article(row.kind)} acknowledged")

    def _report(self, row: ReconciliationRow) -> None:
        if row.outcome == "failed":
            self.sometimes("a reconciliation that failed")
        if row.late_fills:
            self.sometimes("a reconciliation that found late fills")
        if row.pages > 3:
            self.sometimes("a reconciliation over several pages")

    def _alert(self, row: RiskAlertRow) -> None:
        names = {
            "overfill": "an overfill",
            "exists_after_all": "an order that exists after all",
            "conflicting_trade": "a contradictory report of a trade",
        }
        name = names.get(row.alert_type)
        if name is not None:
            self.sometimes(name)

    def on_receive(self, message: msgspec.Struct) -> None:
        """The engine hears a venue."""
        if isinstance(message, VenueFill):
            key = (message.symbol, message.external_trade_id)
            if key in self._fills:
                self.sometimes("a duplicate report of a fill")
            self._fills.add(key)


def never_reached(counts: Mapping[str, int], *, is_beyond: bool = False) -> list[str]:
    """Name what a batch should have reached and has not.

    Args:
        counts: Of all runs of the batch.
        is_beyond: The venue also broke its declared limits.
    """
    expected: tuple[str, ...] = EXPECTED + BEYOND if is_beyond else EXPECTED
    return [name for name in expected if not counts.get(name)]


def _article(kind: Any) -> str:
    return f"{'an' if str(kind)[:1] in 'aeiou' else 'a'} {kind}"
