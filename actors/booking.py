"""Books the fills of a unit: entries, rows of trades, and what the cell is told.

A fill may also be taken back: the venue voided it, or another report outranks it. Then the trade's row counts no more,
an entry reverses the first one, and the trades behind it say what they have realised without it. A fill that comes late
is booked where it happened, with the same care for those behind it.
"""

from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec

from actors.books import AccountBooks, Booked
from actors.cell import Cell
from actors.ledger_rows import LedgerRows
from engine.domain.errors import CivalError
from engine.domain.identifiers import AccountId, AgentId, Asset, OrderId, Symbol
from engine.domain.instrument import Instrument
from engine.domain.values import ZERO
from engine.messages.orders import Fill, FillBooked, OrderChanged
from engine.messages.rows import Row, TradeRow
from engine.messages.rows_trades import TradeChangeRow
from engine.messages.writing import JournalEvent
from engine.runtime.log import get_logger

_log: Final = get_logger(__name__)

VOIDED: Final = "trade taken back by the venue"
REPLACED: Final = "trade replaced by another report"


class Draft:
    """What one unit adds to the books."""

    __slots__ = ("assets", "events", "others", "symbols", "told", "trades")

    def __init__(self) -> None:
        """Start with nothing."""
        self.others: list[Row] = []
        self.trades: dict[UUID, TradeRow | TradeChangeRow] = {}
        """One row per trade: of one that is new and changed at once the new row says it all."""
        self.events: list[JournalEvent] = []
        self.symbols: dict[Symbol, None] = {}
        """Symbols whose position has changed."""
        self.assets: dict[Asset, None] = {}
        """Assets whose balance has changed."""
        self.told: list[FillBooked] = []

    @property
    def rows(self) -> tuple[Row, ...]:
        """Return all rows."""
        return (*self.trades.values(), *self.others)


class Booking:
    """The fills of one account."""

    __slots__ = ("_account_id", "_books", "_cell", "_rows")

    def __init__(self, *, cell: Cell, account_id: AccountId, books: AccountBooks, rows: LedgerRows) -> None:
        """Keep what it works with.

        Args:
            cell: What the cell shares.
            account_id: Whose.
            books: Changed by every fill.
            rows: Makes rows of entries.
        """
        self._cell = cell
        self._account_id = account_id
        self._books = books
        self._rows = rows

    def book(
        self, draft: Draft, fills: tuple[Fill, ...], trades: tuple[TradeRow, ...], orders: tuple[OrderChanged, ...]
    ) -> None:
        """Add fills and changes of orders to the books and to the unit."""
        agent_of = {change.order_id: change.agent_id for change in orders}
        touched: dict[Symbol, Instrument] = {}
        for fill, trade in zip(fills, trades, strict=True):
            booked = self._booked(fill, trade)
            touched[fill.symbol] = booked.position.instrument
            draft.symbols[fill.symbol] = None
            for asset in booked.assets:
                draft.assets[asset] = None
            if fill.is_reversal:
                self._take_back(draft, fill, trade, booked)
            else:
                self._add(draft, fill, trade, booked)
            for deal in booked.effect.revalued:
                self._revalue(draft, deal.row_id, deal.realized_pnl)
            draft.told.append(self._told(fill, booked, agent_of))
        for change in orders:
            instrument = self._books.follow(change)
            if instrument is not None:
                touched[change.symbol] = instrument
        for instrument in touched.values():
            for asset in self._books.lock_for(instrument):
                draft.assets[asset] = None

    def _booked(self, fill: Fill, trade: TradeRow) -> Booked:
        try:
            booked = self._books.book(fill, trade.id)
        except CivalError:
            # The cell halts. What it was about is found in the logs by the order's correlation.
            _log.exception("fill_not_booked", trade_id=trade.id, correlation_id=trade.correlation_id)
            raise
        _log.debug("fill_booked", trade_id=trade.id, order_id=fill.order_id, correlation_id=trade.correlation_id)
        return booked

    def _add(self, draft: Draft, fill: Fill, trade: TradeRow, booked: Booked) -> None:
        own = booked.effect.own
        row = msgspec.structs.replace(trade, realized_pnl=own) if own else trade
        draft.trades[trade.id] = row
        draft.events.append(self._event("TradeBooked", row))
        # The entry of a trade bears its id, so that a reversal can name it without having kept it.
        draft.others += self._rows.entry(
            booked.entry,
            entry_id=trade.id,
            at_ns=fill.executed_at_ns,
            correlation_id=trade.correlation_id,
            order_id=fill.order_id,
            trade_id=trade.id,
        )

    def _take_back(self, draft: Draft, fill: Fill, trade: TradeRow, booked: Booked) -> None:
        row = msgspec.structs.replace(trade, realized_pnl=ZERO)
        if isinstance(draft.trades.get(trade.id), TradeRow):
            draft.trades[trade.id] = row
        else:
            draft.trades[trade.id] = TradeChangeRow(
                id=trade.id, user_id=trade.user_id, realized_pnl=ZERO, voided_by=trade.voided_by
            )
        is_voided = trade.voided_by == trade.id
        draft.events.append(self._event("TradeVoided" if is_voided else "TradeReplaced", row))
        draft.others += self._rows.entry(
            booked.entry,
            at_ns=self._cell.clock.now_ns(),
            correlation_id=trade.correlation_id,
            order_id=fill.order_id,
            trade_id=trade.id,
            memo=VOIDED if is_voided else REPLACED,
            reverses=trade.id,
        )

    def _revalue(self, draft: Draft, row_id: UUID, realized_pnl: Decimal) -> None:
        known = draft.trades.get(row_id)
        if known is not None:
            draft.trades[row_id] = msgspec.structs.replace(known, realized_pnl=realized_pnl)
        else:
            draft.trades[row_id] = TradeChangeRow(
                id=row_id,
                user_id=self._cell.user_id,
                realized_pnl=realized_pnl,
                voided_by=None,
            )

    def _told(self, fill: Fill, booked: Booked, agent_of: dict[OrderId, AgentId | None]) -> FillBooked:
        position = booked.position
        return FillBooked(
            user_id=self._cell.user_id,
            fill=fill,
            agent_id=agent_of.get(fill.order_id),
            realized_pnl=booked.realized_pnl,
            position_size=position.size,
            totals=tuple([(asset, self._books.total(asset)) for asset in booked.assets]),
            average_price=position.average_price if fill.is_reversal or booked.effect.revalued else None,
        )

    def _event(self, kind: str, row: TradeRow) -> JournalEvent:
        return JournalEvent(
            channel="trades",
            type=kind,
            data=row,
            at_ns=self._cell.clock.now_ns() if row.voided_by else row.created_at,
            account_id=self._account_id,
            correlation_id=row.correlation_id,  # type: ignore[arg-type]  # Of a row: a plain UUID.
        )
