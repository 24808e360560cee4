"""Rows of what the ledger books, and what it makes of them when it starts."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final
from uuid import UUID

from actors.cell import Instruments
from engine.domain.balances import Balance
from engine.domain.identifiers import AccountId, CorrelationId, Symbol, UserId, Venue
from engine.domain.journal import Entry
from engine.domain.kinds import PositionSide, Side
from engine.domain.lots import Lot
from engine.domain.ports import Ids
from engine.domain.position import Position
from engine.domain.position_history import Deal
from engine.messages.rows import BalanceRow, LedgerEntryRow, LedgerLineRow, PositionRow, Row, TradeRow
from engine.messages.rows_trades import LotRow

DOLLARS = frozenset({"USD", "USDT", "USDC"})
"""Assets that count as US dollars."""
NET: Final = PositionSide.NET.value


class LedgerRows:
    """Makes rows of one account; keeps the id of each position and balance, which stays the same for ever."""

    __slots__ = ("_account_id", "_balance_ids", "_ids", "_position_ids", "_user_id", "_venue")

    def __init__(
        self,
        *,
        user_id: UserId,
        account_id: AccountId,
        venue: Venue,
        ids: Ids,
        positions: Iterable[PositionRow] = (),
        balances: Iterable[BalanceRow] = (),
    ) -> None:
        """Start with the ids of the rows that exist."""
        self._user_id = user_id
        self._account_id = account_id
        self._venue = venue
        self._ids = ids
        self._position_ids = {row.symbol: row.id for row in positions}
        self._balance_ids = {row.asset: row.id for row in balances}

    def entry(
        self,
        entry: Entry,
        *,
        at_ns: int,
        correlation_id: CorrelationId | UUID | None,
        order_id: UUID | None = None,
        trade_id: UUID | None = None,
        memo: str | None = None,
        entry_id: UUID | None = None,
        reverses: UUID | None = None,
    ) -> tuple[Row, ...]:
        """Return the head of an entry and its lines; `reverses`: the entry that it takes back."""
        head = LedgerEntryRow(
            id=self._ids.uuid() if entry_id is None else entry_id,
            user_id=self._user_id,
            account_id=self._account_id,
            kind=entry.kind.value,
            order_id=order_id,
            trade_id=trade_id,
            memo=memo,
            correlation_id=correlation_id,
            at=at_ns,
            reverses=reverses,
        )
        lines = [
            LedgerLineRow(
                entry_id=head.id,
                line_no=number,
                user_id=self._user_id,
                account_id=self._account_id,
                ledger_account=line.ledger_account,
                asset=line.asset,
                amount=line.amount,
            )
            for number, line in enumerate(entry.lines)
        ]
        return (head, *lines)

    def position(self, position: Position, mark: Decimal | None, now_ns: int) -> PositionRow:
        """Return the row of a position, valued at `mark` where there is one."""
        symbol = position.instrument.symbol
        row_id = self._position_ids.get(symbol)
        if row_id is None:
            row_id = self._position_ids[symbol] = self._ids.uuid()
        return PositionRow(
            id=row_id,
            user_id=self._user_id,
            account_id=self._account_id,
            symbol=symbol,
            position_side=NET,
            size=position.size,
            average_price=position.average_price,
            mark_price=mark,
            market_value=None if mark is None else position.market_value(mark),
            unrealized_pnl=None if mark is None else position.unrealized_pnl(mark),
            realized_pnl=position.realized_pnl,
            fees_paid=position.fees_paid,
            exchange=self._venue,
            updated_at=now_ns,
        )

    def lot(self, symbol: Symbol, lot: Lot, now_ns: int) -> LotRow:
        """Return the row of a lot."""
        return LotRow(
            id=lot.id,
            user_id=self._user_id,
            account_id=self._account_id,
            symbol=symbol,
            position_side=NET,
            trade_id=lot.trade_id,
            side=lot.side.value,
            quantity=lot.quantity,
            remaining=lot.remaining,
            price=lot.price,
            realized_pnl=lot.gain,
            opened_at=lot.opened_at_ns,
            closed_at=lot.closed_at_ns,
            updated_at=now_ns,
        )

    def balance(self, balance: Balance, usd_value: Decimal | None, now_ns: int) -> BalanceRow:
        """Return the row of a balance."""
        row_id = self._balance_ids.get(balance.asset)
        if row_id is None:
            row_id = self._balance_ids[balance.asset] = self._ids.uuid()
        return BalanceRow(
            id=row_id,
            user_id=self._user_id,
            account_id=self._account_id,
            asset=balance.asset,
            free=balance.free,
            locked=balance.locked,
            total=balance.total,
            usd_value=usd_value,
            exchange=self._venue,
            updated_at=now_ns,
        )


def restored_position(instruments: Instruments, venue: Venue, row: PositionRow) -> Position:
    """Rebuild a position from its row."""
    return Position.restored(
        instruments[venue, row.symbol],
        size=row.size,
        average_price=row.average_price,
        realized_pnl=row.realized_pnl,
        fees_paid=row.fees_paid,
    )


def deals_of(trades: Iterable[TradeRow]) -> dict[Symbol, list[Deal]]:
    """Rebuild what each symbol's position was last made of."""
    found: dict[Symbol, list[Deal]] = {}
    for row in trades:
        deal = Deal(
            row_id=row.id,
            trade_id=row.external_trade_id,
            at_ns=row.executed_at,
            side=Side(row.side),
            price=row.price,
            quantity=row.quantity,
            realized_pnl=row.realized_pnl,
        )
        found.setdefault(row.symbol, []).append(deal)
    return found


def lots_of(rows: Iterable[LotRow]) -> dict[Symbol, list[Lot]]:
    """Rebuild the lots of each symbol's position, in the order of their rows."""
    found: dict[Symbol, list[Lot]] = {}
    for row in rows:
        lot = Lot(
            id=row.id,
            trade_id=row.trade_id,
            opened_at_ns=row.opened_at,
            side=Side(row.side),
            quantity=row.quantity,
            remaining=row.remaining,
            price=row.price,
            gain=row.realized_pnl,
            closed_at_ns=row.closed_at,
        )
        found.setdefault(row.symbol, []).append(lot)
    return found
