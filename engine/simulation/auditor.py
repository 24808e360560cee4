"""An independent auditor: a second, simple model of what must be true, told of everything outside the engine's memory.

It shares row and message classes with the engine, and no code. Each part judges one thing and costs the same however
long the run is; `unsettled` compares everything, and is for the quiet end.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from engine.domain.identifiers import Venue
from engine.messages.ports import UnitResult
from engine.messages.rows import (
    BalanceRow,
    DiscrepancyRow,
    LedgerEntryRow,
    LedgerLineRow,
    OrderRequestRow,
    OrderRow,
    PositionRow,
    TradeRow,
    TradingStateRow,
)
from engine.messages.rows_executors import ExecutorRow
from engine.messages.rows_people import AccountRow, LimitRow, RiskAlertRow
from engine.messages.rows_trades import LotRow, TradeChangeRow
from engine.messages.venues import VenueRejected
from engine.simulation.auditor_books import Books
from engine.simulation.auditor_doors import Doors
from engine.simulation.auditor_end import Difference, differences
from engine.simulation.auditor_executors import Executors
from engine.simulation.auditor_findings import Findings
from engine.simulation.auditor_journal import JournalReader
from engine.simulation.auditor_orders import Orders
from engine.simulation.auditor_promises import Promises
from engine.simulation.auditor_sends import Sends
from engine.simulation.auditor_units import Units
from engine.simulation.auditor_venue import VenueFacts
from engine.simulation.faults import FEED_SILENT
from engine.simulation.ports import Fault, Ground, Violation
from engine.simulation.probes import Probes

POSITION_SIZE: Final = "position_size"
BEHIND: Final = "behind a unit"
"""So begins why a unit is refused that is itself in order."""
BACK_AGAIN_NS: Final = 15_000_000_000
"""How long after an outage of the database an engine may still believe in it: so long a failed renewal counts."""


class Auditor:
    """Judges one run; an `Observer`."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.findings = Findings()
        self.orders = Orders(self.findings)
        self.units = Units(self.findings)
        self.books = Books(self.findings, self.orders)
        self.doors = Doors(self.findings)
        self.journal = JournalReader(self.orders, self.books)
        self.seen = Probes()
        self.executors = Executors(self.findings, self.orders, self.seen)
        self.promises = Promises(self.findings, self.orders, self.seen)
        """Where the workload reports what people asked and were told."""
        self.sends = Sends(self.findings, self.orders, self.units, self.promises)
        self.venues: dict[Venue, VenueFacts] = {}
        self.discrepancies: dict[UUID, DiscrepancyRow] = {}
        self._ground: Ground | None = None
        self._heard: dict[Venue, Any] = {}
        self._limits: dict[tuple[UUID, str], Decimal] = {}
        self._takers: dict[type, Any] = {
            OrderRequestRow: self.orders.request,
            TradeRow: self._trade,
            TradeChangeRow: self._change,
            LedgerEntryRow: self.books.entry,
            LedgerLineRow: self.books.line,
            BalanceRow: self.books.balance,
            PositionRow: self.books.position,
            LotRow: self.books.lots.row,
            TradingStateRow: self.promises.state,
            DiscrepancyRow: self._discrepancy,
            ExecutorRow: self.executors.row,
            RiskAlertRow: self.executors.alert,
        }

    @property
    def violations(self) -> list[Violation]:
        """Found so far."""
        return self.findings.found

    @property
    def probes(self) -> dict[str, int]:
        """Rare states that were reached, and how often."""
        return dict(sorted(self.seen.counts.items()))

    # --- The machine tells --------------------------------------------------------------------------------------------

    def begin(self, ground: Ground) -> None:
        """See where the run will happen."""
        self._ground = ground
        self.findings.use(ground.clock)
        self.books.use(ground.instruments)
        self.executors.use({each.symbol: each for each in ground.instruments}, ground.venues)
        symbols = [instrument.symbol for instrument in ground.instruments]
        for account in ground.tables.rows(AccountRow):
            self.doors.account(account)
        for row in ground.tables.rows(LimitRow):
            if row.limit_type == POSITION_SIZE and row.is_active and row.account_id is not None:
                for symbol in symbols if row.symbol is None else [row.symbol]:
                    self._limits[row.account_id, symbol] = row.limit_value
        for venue in ground.venues:
            self._listen(venue)

    def on_boot(self, process: str) -> None:
        """An engine process begins to start."""
        self.findings.saw("boot", process)
        self.seen.on_boot()

    def on_crash(self, process: str) -> None:
        """An engine process has died."""
        self.findings.saw("crash", process)
        self.promises.died()
        self.executors.died()
        self.seen.on_crash(self.orders)

    def on_commit(self, process: str, results: Sequence[UnitResult]) -> None:
        """Units were committed, or refused."""
        for result in results:
            unit = result.unit
            if result.answer is None:
                self.findings.saw("refused", process, unit.fence, unit.n, result.refused)
                self.seen.on_refused(result)
                if result.refused == "bad_data" and not result.detail.startswith(BEHIND):
                    self.findings.broken("U1", f"unit {unit.n} of {process} cannot be stored: {result.detail}")
                continue
            if not self.units.take(process, result):
                self.seen.sometimes("a commit repeated after a lost answer")
                continue
            names = " ".join(dict.fromkeys(type(row).__name__ for row in unit.rows))
            self.findings.saw("commit", process, unit.fence, unit.n, names)
            takers = self._takers
            for row in unit.rows:
                if isinstance(row, OrderRow):
                    self._order(row, unit)
                elif (take := takers.get(type(row))) is not None:
                    take(row)
                owner = getattr(row, "user_id", unit.user_id)
                if owner != unit.user_id and unit.fence is not None:
                    self.findings.broken("I16", f"unit {unit.id} of user {unit.user_id} holds a row of user {owner}")
            for event in result.events:
                self.journal.read(event)
            self.orders.end_of_unit()
            self.books.end_of_unit()
            self.executors.end_of_unit(unit.user_id, unit.fence)
            self.seen.on_rows(unit.rows)

    def on_send(self, process: str, venue: Venue, message: msgspec.Struct) -> None:
        """A message left the engine for a venue."""
        self.doors.sent(process, venue, message)
        self.sends.take(process, message)

    def on_receive(self, process: str, venue: Venue, message: msgspec.Struct) -> None:
        """A message of a venue has reached the engine."""
        self.findings.saw("received", process, type(message).__name__, getattr(message, "order_id", ""))
        self.seen.on_receive(message)
        if isinstance(message, VenueRejected) and venue in self.venues:
            row = self.orders.rows.get(message.order_id)
            if row is not None:
                self.venues[venue].lied(row.account_id, row.venue_client_id)

    def on_venue(self, venue: Venue) -> None:
        """Listen to a venue that has come up again."""
        if self._ground is not None and self._heard.get(venue) is not self._ground.venues[venue]:
            self._listen(venue)

    def on_fault(self, fault: Fault) -> None:
        """A fault begins."""
        self.findings.saw("fault", fault.kind, fault.target, fault.duration_ns, fault.value)
        if "clock" in fault.kind or "skew" in fault.kind:
            self.sends.skew_ns += abs(fault.value)
            self.doors.skew_ns = self.sends.skew_ns
            self.executors.excuse(self.findings.now_ns + fault.duration_ns + abs(fault.value))
        if fault.kind.startswith(("db_", "commit_")):
            until_ns = self.findings.now_ns + fault.duration_ns + BACK_AGAIN_NS
            self.sends.free_until_ns = max(self.sends.free_until_ns, until_ns)
        if fault.kind == FEED_SILENT:
            self.doors.silent(fault.target, self.findings.now_ns + fault.duration_ns)
        elif fault.kind.startswith("freeze"):
            self.doors.frozen(self.findings.now_ns + fault.duration_ns)
        if fault.kind.startswith(("db_", "commit_", "freeze")):
            self.executors.excuse(self.findings.now_ns + fault.duration_ns + BACK_AGAIN_NS)

    def unsettled(self) -> list[str]:
        """Return what is not at rest, or not the same on both sides, yet."""
        return [f"{invariant}: {detail}" for invariant, detail in self._differences()]

    def final(self) -> None:
        """Compare everything."""
        for invariant, detail in self._differences():
            self.findings.broken(invariant, detail)

    # --- Parts --------------------------------------------------------------------------------------------------------

    def _listen(self, venue: Venue) -> None:
        assert self._ground is not None, "expected to have begun"
        hostile = self._heard[venue] = self._ground.venues[venue]
        known = self.venues.get(venue)
        if known is None:
            known = self.venues[venue] = VenueFacts(self.findings, self.orders, self.sends, hostile.truth, self._limits)
        known.truth = hostile.truth
        hostile.recorder.listeners.append(known.hear)

    def _order(self, row: OrderRow, unit: Any) -> None:
        self.seen.on_order(self.orders.rows.get(row.id), row)
        if row.id not in self.orders.rows:
            self.doors.order(row, self.books.sizes)
        self.orders.order(row, unit)
        self.executors.order(row)

    def _trade(self, row: TradeRow) -> None:
        self.seen.on_trade(row)
        self.orders.trade(row)
        self.executors.trade(row)
        self.books.of_trade(row.id)

    def _change(self, row: TradeChangeRow) -> None:
        self.orders.change(row)
        self.executors.change(row)
        self.books.of_trade(row.id)

    def _discrepancy(self, row: DiscrepancyRow) -> None:
        self.discrepancies[row.id] = row

    def _differences(self) -> list[Difference]:
        found: list[Difference] = [("I15", f"{key} was never answered") for key in self.promises.open_keys()]
        for facts in self.venues.values():
            found += differences(facts, self.orders, self.books, self.discrepancies.values())
        found += self.executors.unsettled()
        found += self.journal.differences()
        return found
