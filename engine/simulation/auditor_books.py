"""Judges the ledger: entries that sum to zero, one per trade, and balances and positions that are sums of lines."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final
from uuid import UUID

from engine.domain.instrument import Instrument
from engine.messages.rows import BalanceRow, LedgerEntryRow, LedgerLineRow, PositionRow, TradeRow
from engine.simulation.auditor_findings import ZERO, Findings, minus, plus, times
from engine.simulation.auditor_lots import MadeOf
from engine.simulation.auditor_orders import Orders

CASH: Final = "assets:cash"
FEES: Final = "expenses:fees"
REALIZED: Final = "income:realized_pnl"
OPENING: Final = "opening"
FILL: Final = "fill"
REVERSAL: Final = "reversal"

Held = tuple[UUID, str]
"""Account and asset, or account and symbol."""


class Books:
    """Ledger, balances and positions that are committed, as an auditor adds them up."""

    __slots__ = (
        "_cash_touched",
        "_entries",
        "_entry_trade",
        "_findings",
        "_instruments",
        "_lines",
        "_orders",
        "_size_touched",
        "_trades_touched",
        "balances",
        "booked",
        "cash",
        "flows",
        "lots",
        "opened",
        "other",
        "positions",
        "sizes",
    )

    def __init__(self, findings: Findings, orders: Orders) -> None:
        """Start with empty books."""
        self._findings = findings
        self._orders = orders
        self._instruments: dict[str, Instrument] = {}
        self._entries: dict[UUID, LedgerEntryRow] = {}
        """Of this unit."""
        self._entry_trade: dict[UUID, UUID] = {}
        """Entry of a fill -> its trade."""
        self._trades_touched: dict[UUID, None] = {}
        self._lines: dict[UUID, list[LedgerLineRow]] = {}
        self._cash_touched: dict[Held, None] = {}
        self._size_touched: dict[Held, None] = {}
        self.booked: dict[UUID, int] = {}
        """Trade -> entries of it less their reversals: 1, or 0 once it counts no more."""
        self.cash: dict[Held, Decimal] = {}
        self.sizes: dict[Held, Decimal] = {}
        self.flows: dict[Held, Decimal] = {}
        """Account and symbol -> value of all buys less that of all sells."""
        self.opened: dict[Held, Decimal] = {}
        """Account and asset or symbol -> what opening entries say was there before."""
        self.other: dict[Held, Decimal] = {}
        """Account and asset -> cash that neither trades nor openings have moved: transfers, adjustments, funding."""
        self.balances: dict[Held, BalanceRow] = {}
        self.positions: dict[Held, PositionRow] = {}
        self.lots = MadeOf(findings)

    def use(self, instruments: Iterable[Instrument]) -> None:
        """Take over what is traded."""
        self._instruments = {each.symbol: each for each in instruments}
        self.lots.use(self._instruments)

    # --- Rows ---------------------------------------------------------------------------------------------------------

    def entry(self, row: LedgerEntryRow) -> None:
        """Take the head of an entry; its lines follow in the same unit."""
        self._entries[row.id] = row

    def line(self, row: LedgerLineRow) -> None:
        """Take one line of an entry."""
        self._lines.setdefault(row.entry_id, []).append(row)

    def balance(self, row: BalanceRow) -> None:
        """Take a balance as it is shown."""
        held = (row.account_id, row.asset)
        self.balances[held] = row
        self._cash_touched[held] = None

    def position(self, row: PositionRow) -> None:
        """Take a position as it is shown."""
        held = (row.account_id, row.symbol)
        self.positions[held] = row
        self._size_touched[held] = None

    # --- The end of a unit --------------------------------------------------------------------------------------------

    def of_trade(self, trade_id: UUID) -> None:
        """Look at the end of the unit whether this trade is booked as it should be."""
        self._trades_touched[trade_id] = None

    def end_of_unit(self) -> None:
        """Judge what the unit has booked."""
        if self._lines or self._entries:
            self._close_entries()
        if self._trades_touched:
            self._count_bookings()
        if self._cash_touched:
            self._compare_cash()
        if self._size_touched or self.lots.is_touched:
            flows = {held: flow for held, flow in self.flows.items() if held not in self.opened}
            self.lots.end_of_unit(self._size_touched, self.sizes, flows)
        if self._size_touched:
            self._compare_sizes()

    def _count_bookings(self) -> None:
        touched, self._trades_touched = self._trades_touched, {}
        for trade_id in touched:
            count = self.booked.get(trade_id, 0)
            expected = 0 if trade_id in self._orders.voided else 1
            if count != expected:
                trade = self._orders.trade_ids.get(trade_id)
                name = trade_id if trade is None else f"{trade.external_trade_id} of {trade.symbol} ({trade_id})"
                self._findings.broken("I5", f"trade {name} is in the ledger {count} times, expected {expected}")

    def _close_entries(self) -> None:
        entries, self._entries = self._entries, {}
        all_lines, self._lines = self._lines, {}
        for entry_id in all_lines.keys() - entries.keys():
            self._findings.broken("I8", f"lines of ledger entry {entry_id} without their head")
        for entry_id, entry in entries.items():
            lines = all_lines.get(entry_id, [])
            sums: dict[str, Decimal] = {}
            for line in lines:
                sums[line.asset] = plus(sums.get(line.asset, ZERO), line.amount)
                self._add(entry, line)
            for asset, amount in sums.items():
                if amount:
                    self._findings.broken("I8", f"{entry.kind} entry {entry_id} sums to {amount} {asset}")
            if not lines:
                self._findings.broken("I8", f"{entry.kind} entry {entry_id} has no lines")
            if entry.kind in (FILL, REVERSAL):
                self._book(entry, lines)

    def _add(self, entry: LedgerEntryRow, line: LedgerLineRow) -> None:
        account = line.ledger_account
        if account == CASH:
            held = (line.account_id, line.asset)
            self.cash[held] = plus(self.cash.get(held, ZERO), line.amount)
            self._cash_touched[held] = None
            if entry.kind == OPENING:
                self.opened[held] = plus(self.opened.get(held, ZERO), line.amount)
            elif entry.kind not in (FILL, REVERSAL):
                self.other[held] = plus(self.other.get(held, ZERO), line.amount)
        elif account.startswith("positions:") and entry.kind == OPENING:
            held = (line.account_id, account.removeprefix("positions:"))
            self.opened[held] = plus(self.opened.get(held, ZERO), line.amount)
            self.sizes[held] = plus(self.sizes.get(held, ZERO), line.amount)
            self._size_touched[held] = None

    def _book(self, entry: LedgerEntryRow, lines: list[LedgerLineRow]) -> None:
        """A trade is booked once; a reversal takes out exactly what was booked."""
        sign = 1
        trade_id = entry.trade_id
        if entry.kind == REVERSAL:
            sign = -1
            trade_id = trade_id or self._entry_trade.get(entry.reverses or entry.id)
        trade = None if trade_id is None else self._orders.trade_ids.get(trade_id)
        if trade_id is None or trade is None:
            self._findings.broken("I5", f"{entry.kind} entry {entry.id} of trade {trade_id}, which is not stored")
            return
        if sign > 0:
            self._entry_trade[entry.id] = trade_id
        self._trades_touched[trade_id] = None
        self.booked[trade_id] = self.booked.get(trade_id, 0) + sign
        units = times(trade.quantity, Decimal(sign if trade.side == "buy" else -sign))
        held = (trade.account_id, trade.symbol)
        self.sizes[held] = plus(self.sizes.get(held, ZERO), units)
        self._size_touched[held] = None
        instrument = self._instruments.get(trade.symbol)
        if instrument is not None:
            value = times(times(units, trade.price), instrument.contract_size)
            self.flows[held] = plus(self.flows.get(held, ZERO), value)
            self._compare_lines(trade, instrument, units, value, sign, lines)

    def _compare_lines(
        self,
        trade: TradeRow,
        instrument: Instrument,
        units: Decimal,
        value: Decimal,
        sign: int,
        lines: list[LedgerLineRow],
    ) -> None:
        """Cash moves by price, quantity and fee; of a perpetual by profit and fee."""
        expected: dict[str, Decimal] = {}
        if not instrument.is_perpetual:
            expected[instrument.base] = units
            expected[instrument.quote] = minus(ZERO, value)
        if trade.fees and trade.fee_asset is not None:
            fee = times(trade.fees, Decimal(sign))
            expected[trade.fee_asset] = minus(expected.get(trade.fee_asset, ZERO), fee)
        moved: dict[str, Decimal] = {}
        for line in lines:
            if line.ledger_account == CASH:
                moved[line.asset] = plus(moved.get(line.asset, ZERO), line.amount)
            elif line.ledger_account == REALIZED:
                # The other side of a profit has the opposite sign: cash without it is what we can foresee.
                moved[line.asset] = plus(moved.get(line.asset, ZERO), line.amount)
        for asset in expected.keys() | moved.keys():
            if expected.get(asset, ZERO) != moved.get(asset, ZERO):
                self._findings.broken(
                    "I8",
                    f"trade {trade.external_trade_id} ({trade.side} {trade.quantity} {trade.symbol} at {trade.price})"
                    f" moved {moved.get(asset, ZERO)} {asset}, expected {expected.get(asset, ZERO)}",
                )

    def _compare_cash(self) -> None:
        touched, self._cash_touched = self._cash_touched, {}
        for held in touched:
            row, cash = self.balances.get(held), self.cash.get(held, ZERO)
            if row is None or row.total != cash:
                shown = "missing" if row is None else row.total
                self._findings.broken("I8", f"balance of {held[1]} in {held[0]} is {shown}, its lines sum to {cash}")
            elif plus(row.free, row.locked) != row.total:
                self._findings.broken("I8", f"{held[1]}: free {row.free} and locked {row.locked} are not {row.total}")

    def _compare_sizes(self) -> None:
        touched, self._size_touched = self._size_touched, {}
        for held in touched:
            row, size = self.positions.get(held), self.sizes.get(held, ZERO)
            if row is None or row.size != size:
                shown = "missing" if row is None else row.size
                self._findings.broken("I8", f"position in {held[1]} of {held[0]} is {shown}, its trades sum to {size}")
