"""Keeps the books of one account: each fill a balanced entry, positions and balances as their projections.

The router hands over units of work with what has been filled; the ledger adds entries, trades, positions and balances,
and sends the unit to the writer. So a fill and everything that it moves commit together or not at all.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from actors.booking import Booking, Draft
from actors.books import AccountBooks
from actors.cell import Cell, Instruments
from actors.ledger_rows import DOLLARS, LedgerRows, deals_of, lots_of, restored_position
from actors.ledger_turns import MARK_DUE, PROJECT_LATE, VALUE_DUE, MarkDue, ProjectLate, ValueDue
from actors.opening import Comparison
from engine.domain.discrepancy import BALANCE, POSITION
from engine.domain.identifiers import AccountId, Asset, Symbol, Venue
from engine.domain.ports import Marks
from engine.domain.values import ZERO, add, multiply, round_money, subtract
from engine.messages.cell import BalancesChanged
from engine.messages.orders import BookUnit, OrderChanged
from engine.messages.portfolio import (
    AccountMarked,
    AdjustBalances,
    DiscrepanciesCompared,
    PositionQuery,
    WriteOffAnswer,
    WriteOffDiscrepancy,
)
from engine.messages.rows import BalanceRow, DiscrepancyRow, PositionRow, Row, TradeRow
from engine.messages.rows_trades import LotRow
from engine.messages.writing import JournalEvent, WriteUnit
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.future import AsyncioFuture

MARK_EVERY_NS: Final = 5_000_000_000
"""Market time between two valuations."""


class LedgerLoad(msgspec.Struct, frozen=True, kw_only=True):
    """The books as they were left."""

    positions: tuple[PositionRow, ...] = ()
    balances: tuple[BalanceRow, ...] = ()
    discrepancies: tuple[DiscrepancyRow, ...] = ()
    """Those that are open."""
    trades: tuple[TradeRow, ...] = ()
    """The newest of each symbol that count, so that they can be taken back exactly."""
    lots: tuple[LotRow, ...] = ()
    """All that are open, and those that these trades have opened; oldest first."""
    is_opened: bool = False
    """Whether the account was compared with its venue before: what differs from then on is no opening."""


class Ledger(AsyncioActor):
    """One per trading account."""

    _is_value_due = False

    def __init__(
        self,
        *,
        cell: Cell,
        account_id: AccountId,
        venue: Venue,
        instruments: Instruments,
        marks: Marks,
        load: LedgerLoad | None = None,
        open_orders: Sequence[OrderChanged] = (),
        valuation: Asset = "USDT",
        mark_every_ns: int = MARK_EVERY_NS,
    ) -> None:
        """Keep what it works with.

        Args:
            cell: What the cell shares; what is booked is told on its bus under the user's id.
            account_id: Whose books.
            venue: Where the account is.
            instruments: All that may be traded.
            marks: Value positions and balances.
            load: The books as they were left; None for an account that has none.
            open_orders: Lock balances.
            valuation: Asset that the account is valued in.
            mark_every_ns: Market time between two valuations.
        """
        super().__init__()
        load = load or LedgerLoad()
        self._cell = cell
        self._account_id = account_id
        self._venue = venue
        self._marks = marks
        self._valuation = valuation
        self._mark_every_ns = mark_every_ns
        self._books = AccountBooks(
            venue,
            instruments,
            {row.asset: row.total for row in load.balances},
            [restored_position(instruments, venue, row) for row in load.positions],
            deals_of(load.trades),
            lots_of(load.lots),
        )
        self._rows = LedgerRows(
            user_id=cell.user_id,
            account_id=account_id,
            venue=venue,
            ids=cell.ids,
            positions=load.positions,
            balances=load.balances,
        )
        self._booking = Booking(cell=cell, account_id=account_id, books=self._books, rows=self._rows)
        self._comparison = Comparison(
            cell=cell,
            account_id=account_id,
            books=self._books,
            discrepancies=load.discrepancies,
            is_opened=load.is_opened,
            instruments=[each for (of, _), each in instruments.items() if of == venue],
            price_of=lambda symbol: marks.price(venue, symbol),
        )
        for change in open_orders:
            locked = self._books.follow(change)
            if locked is not None:
                self._books.lock_for(locked)
        self._late = Draft()  # What came too late for its unit and waits for one.
        self._stored = {row.asset: (row.free, row.locked) for row in load.balances}
        self._moved = ZERO  # What entries that are no trades have added to the equity.
        self._projected_n = 0  # Highest number of a unit that holds positions or balances.
        self._marked: dict[Symbol, Decimal] = {}
        """Mark prices in the rows as they were last written."""

    def on_start(self) -> None:
        """Begin to value the account, and store locks anew that a crash left behind their orders."""
        self.after(self._mark_every_ns, MARK_DUE, clock=self._cell.clock)
        held = {asset: self._books.balance(asset) for asset in self._stored}
        stale = [asset for asset, each in held.items() if (each.free, each.locked) != self._stored[asset]]
        self._stored.clear()
        completed = self._books.complete_lots(self._cell.ids.uuid, self._cell.clock.now_ns())
        if completed:
            self.log.warning("lots_completed", symbols=completed)
        self._project_later(completed, stale)

    # --- Booking ------------------------------------------------------------------------------------------------------

    @handles(BookUnit)
    def on_book(self, message: BookUnit) -> None:
        """Book fills, follow orders, send the unit."""
        draft = Draft()
        self._booking.book(draft, message.fills, message.trades, message.orders)
        self._comparison.booked(message.fills)
        self._finish(message.unit, draft)
        self._tell(draft)
        if message.fills:
            self._value_soon()

    @handles(AdjustBalances)
    def on_adjust(self, message: AdjustBalances) -> None:
        """Book fills, then compare with the venue: open what was there before us, note what differs."""
        draft = Draft()
        self._booking.book(draft, message.fills, message.trades, message.orders)
        self._comparison.booked(message.fills)
        before = self._equity()
        now_ns, wall_ns = self._cell.clock.now_ns(), self._cell.wall.now_ns()
        found = self._comparison.compare(message.account, now_ns, wall_ns, message.listing)
        self._moved = add(self._moved, subtract(self._equity(), before))
        for entry, memo in found.entries:
            draft.others += self._rows.entry(entry, at_ns=now_ns, correlation_id=message.unit.correlation_id, memo=memo)
        draft.others += (*found.discrepancies, *found.marks, *found.alerts)
        draft.events += found.events
        draft.symbols |= dict.fromkeys(found.symbols)
        draft.assets |= dict.fromkeys(found.assets)
        for symbol in found.symbols:
            draft.assets |= dict.fromkeys(self._books.lock_for(self._books.instrument(symbol)))
        self._finish(message.unit, draft)
        self._tell(draft)
        self._tell_changed(found.assets, found.symbols)
        if message.fills:
            self._value_soon()

    @handles(WriteOffDiscrepancy)
    def on_write_off(self, message: WriteOffDiscrepancy) -> AsyncioFuture[WriteOffAnswer] | WriteOffAnswer:
        """Book a difference away, or take that back. Answered when it is durable."""
        now_ns = self._cell.clock.now_ns()
        before = self._equity()
        done = self._comparison.write_off(message, now_ns, self._cell.wall.now_ns())
        self._moved = add(self._moved, subtract(self._equity(), before))
        if done is None:
            error = "not_open" if message.takes_back is None else "not_written_off"
            return WriteOffAnswer(discrepancy_id=message.discrepancy_id, error=error)
        written, event = done
        draft = Draft()
        if written.entry is not None:
            draft.others += self._rows.entry(
                written.entry,
                at_ns=now_ns,
                correlation_id=None,
                memo=written.memo,
                entry_id=written.entry_id,
                reverses=written.reverses,
            )
        draft.others += (written.row, *(() if message.record is None else message.record.rows))
        draft.events.append(event)
        name, kind = written.row.asset, written.row.kind
        assets, symbols = [name] if kind == BALANCE else [], [name] if kind == POSITION else []
        draft.assets, draft.symbols = dict.fromkeys(assets), dict.fromkeys(symbols)
        for symbol in symbols:
            draft.assets |= dict.fromkeys(self._books.lock_for(self._books.instrument(symbol)))
        rows, events = self._projections(draft)
        unit = self._cell.numbers.open(rows=(*draft.rows, *rows), events=(*draft.events, *events))
        self._projected_n = unit.n or 0
        reply: AsyncioFuture[WriteOffAnswer] = self.new_future()
        answer = WriteOffAnswer(discrepancy_id=written.row.id, row=written.row)
        self.spawn(self._answer(unit, answer, reply), name="ack")
        self._tell_changed(assets, symbols)
        return reply

    async def _answer(self, unit: WriteUnit, answer: WriteOffAnswer, reply: AsyncioFuture[WriteOffAnswer]) -> None:
        await self._cell.writer.ask(unit)
        reply.set(answer)

    def _tell_changed(self, assets: Sequence[Asset], symbols: Sequence[Symbol]) -> None:
        """Tell what no fill has changed, and what still differs from the venue."""
        if assets or symbols:
            positions = [(symbol, self._books.position(symbol)) for symbol in symbols]
            changed = BalancesChanged(
                account_id=self._account_id,
                totals=tuple((asset, self._books.total(asset)) for asset in assets),
                positions=tuple((symbol, each.size, each.average_price) for symbol, each in positions),
            )
            self._cell.bus.publish(changed, key=self._cell.user_id)
        compared = DiscrepanciesCompared(account_id=self._account_id, rows=self._comparison.open)
        self._cell.bus.publish(compared, key=self._account_id)

    def _finish(self, unit: WriteUnit, draft: Draft) -> None:
        """Add positions and balances, and send the unit.

        A unit may come here after a later one: they are opened by several actors of the cell. The later one committed
        after it would then overwrite newer rows with its own older ones, and a crash between the two would keep what
        fills of the later one have moved without those fills. So rows that are too late for their unit go into a new
        one.

        Units with fills must not be late: a crash between the two would lose what they have moved. The router numbers
        them in the turn in which it sends them here, so they would be only if this actor had opened a later unit while
        one waits in its mailbox. It opens units in messages of the lowest lane alone, when no unit waits.
        """
        n = unit.n or 0
        if n > self._projected_n:
            rows, events = self._projections(draft)
            if rows:
                self._projected_n = n
            self._cell.writer.tell(unit.plus((*draft.rows, *rows), (*draft.events, *events)))
            return
        self._cell.writer.tell(unit.plus(draft.rows, tuple(draft.events)))
        self._project_later(draft.symbols, draft.assets)

    def _project_later(self, symbols: Iterable[Symbol], assets: Iterable[Asset]) -> None:
        late = self._late
        is_arranged = bool(late.symbols or late.assets)
        late.symbols |= dict.fromkeys(symbols)
        late.assets |= dict.fromkeys(assets)
        if not is_arranged and (late.symbols or late.assets):
            self.actor_ref.tell(PROJECT_LATE)

    @handles(ProjectLate)
    def on_late(self, _message: ProjectLate) -> None:
        """Store what came too late for its unit."""
        late, self._late = self._late, Draft()
        self._open_unit(*self._projections(late))

    def _open_unit(self, rows: tuple[Row, ...], events: tuple[JournalEvent, ...] = ()) -> None:
        """Send rows as a unit of their own; only when no unit waits in the mailbox, see `_finish`."""
        unit = self._cell.numbers.open(rows=rows, events=events)
        self._projected_n = unit.n or 0
        self._cell.writer.tell(unit)

    def _projections(self, draft: Draft) -> tuple[tuple[Row, ...], tuple[JournalEvent, ...]]:
        now_ns = self._cell.clock.now_ns()
        rows: list[Row] = []
        events: list[JournalEvent] = []
        for symbol in draft.symbols:
            mark = self._marks.price(self._venue, symbol)
            if mark is not None:
                self._marked[symbol] = mark
            position = self._rows.position(self._books.position(symbol), mark, now_ns)
            rows.append(position)
            events.append(self._event("positions", "PositionChanged", position, now_ns))
            rows += [self._rows.lot(symbol, lot, now_ns) for lot in self._books.changed_lots(symbol)]
        for asset in draft.assets:
            held = self._books.balance(asset)
            balance = self._rows.balance(held, self._usd_value(asset, held.total), now_ns)
            rows.append(balance)
            events.append(self._event("balances", "BalanceChanged", balance, now_ns))
        return tuple(rows), tuple(events)

    def _tell(self, draft: Draft) -> None:
        for message in draft.told:
            self._cell.bus.publish(message, key=self._cell.user_id)

    def _event(self, channel: str, kind: str, row: Row, at_ns: int, correlation_id: Any = None) -> JournalEvent:
        return JournalEvent(
            channel=channel,
            type=kind,
            data=row,
            at_ns=at_ns,
            account_id=self._account_id,
            correlation_id=correlation_id,
        )

    # --- Valuation ----------------------------------------------------------------------------------------------------

    @handles(MarkDue)
    def on_mark_due(self, _message: MarkDue) -> None:
        """Value the account, store the marks of its open positions."""
        self.after(self._mark_every_ns, MARK_DUE, clock=self._cell.clock)
        rows = self._marked_rows()
        if rows:
            self._open_unit(rows)
        self._cell.bus.publish(self._value(), key=self._cell.user_id)

    def _value_soon(self) -> None:
        if not self._is_value_due:
            self._is_value_due = True
            self.actor_ref.tell(VALUE_DUE)

    @handles(ValueDue)
    def on_value_due(self, _message: ValueDue) -> None:
        """Say what the account is worth after fills: a limit on losses must not wait for the next turn."""
        self._is_value_due = False
        self._cell.bus.publish(self._value(), key=self._cell.user_id)

    def _equity(self) -> Decimal:
        return self._value().equity

    def _marked_rows(self) -> tuple[Row, ...]:
        rows: list[Row] = []
        for symbol, position in self._books.positions.items():
            mark = self._marks.price(self._venue, symbol)
            if position.size and mark is not None and mark != self._marked.get(symbol):
                self._marked[symbol] = mark
                rows.append(self._rows.position(position, mark, self._cell.clock.now_ns()))
        return tuple(rows)

    def _value(self) -> AccountMarked:
        equity = realized = unrealized = fees = ZERO
        unpriced: list[Asset] = []
        for balance in self._books.balances():
            price = self._price(balance.asset)
            if price is not None:
                equity = add(equity, multiply(balance.total, price))
            elif balance.total:
                unpriced.append(balance.asset)
        open_positions = 0
        for symbol, position in self._books.positions.items():
            realized = add(realized, position.realized_pnl)
            fees = add(fees, position.fees_paid)
            if not position.size:
                continue
            open_positions += 1
            mark = self._marks.price(self._venue, symbol)
            if mark is None:
                unpriced.append(symbol)
                continue
            profit = position.unrealized_pnl(mark)
            unrealized = add(unrealized, profit)
            if position.instrument.is_perpetual:
                equity = add(equity, profit)
        return AccountMarked(
            user_id=self._cell.user_id,
            account_id=self._account_id,
            equity=round_money(equity),
            cash=self._books.total(self._valuation),
            realized_pnl=realized,
            unrealized_pnl=unrealized,
            fees=fees,
            positions=open_positions,
            at_ns=self._cell.clock.now_ns(),
            unpriced=tuple(unpriced),
            moved=self._moved,
        )

    def _price(self, asset: Asset) -> Decimal | None:
        """Return the price of an asset in the valuation asset; None if nobody knows."""
        if asset == self._valuation or (asset in DOLLARS and self._valuation in DOLLARS):
            return Decimal(1)
        return self._marks.price(self._venue, f"{asset}/{self._valuation}")

    def _usd_value(self, asset: Asset, total: Decimal) -> Decimal | None:
        price = self._price(asset) if self._valuation in DOLLARS else None
        return None if price is None else round_money(multiply(total, price), 8)

    @handles(PositionQuery)
    def on_position(self, message: PositionQuery) -> Decimal:
        """Return the signed position in a symbol."""
        position = self._books.positions.get(message.symbol)
        return ZERO if position is None else position.size
