"""Booked trades that the venue does not list any more.

A venue may take a trade back while nobody listens, and never say it again. What a whole listing leaves out, although it
holds older and newer ones, is told to a person; it is never taken out of the books for that alone, since lists have
holes. It has to be absent twice: a venue may show a fill late.
"""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

import msgspec

from actors.cell import Cell
from engine.domain.identifiers import AccountId, Symbol
from engine.domain.position_history import Deal
from engine.domain.values import ZERO, text_of
from engine.messages.orders import Fill
from engine.messages.portfolio import FillListing, ListedTrade
from engine.messages.rows import DiscrepancyRow
from engine.messages.rows_people import RiskAlertRow

TRADE: Final = "trade"
"""Kind of the discrepancy."""
MISSING: Final = "trade_missing"
"""Type of the alert."""
MADE_UP: Final = "inferred:"
"""How the names of trades begin that no venue has given."""


class MissingTrades:
    """Those of one account."""

    __slots__ = ("_account_id", "_cell", "_gone", "_suspects", "open")

    def __init__(self, *, cell: Cell, account_id: AccountId, rows: Iterable[DiscrepancyRow]) -> None:
        """Start with those that are open."""
        self._cell = cell
        self._account_id = account_id
        self._suspects: frozenset[UUID] = frozenset()
        """Rows of trades that the last listing has left out."""
        self._gone: set[UUID] = set()
        """Discrepancies whose trade was taken back since."""
        self.open: dict[UUID, DiscrepancyRow] = {row.id: row for row in rows}

    def booked(self, fills: Iterable[Fill]) -> None:
        """Take note of trades that were taken back: nothing is missing any more."""
        if self.open:
            gone = {(each.symbol, each.external_trade_id, each.side) for each in fills if each.is_reversal}
            self._gone |= {row.id for row in self.open.values() if _listed_as(row) in gone}

    def compare(self, listing: FillListing | None, deals: Iterable[tuple[Symbol, Deal]]) -> list[DiscrepancyRow]:
        """Return the rows that change, without their times; open ones are new.

        Args:
            listing: What the venue lists, None if it was not asked.
            deals: The newest booked trades.
        """
        changed = [self._close(row_id, "taken back") for row_id in sorted(self._gone)]
        self._gone.clear()
        if listing is None:
            return changed
        shown = [row.id for row in self.open.values() if _listed_as(row) in listing.trades]
        changed += [self._close(row_id, "listed again") for row_id in shown]
        told = {(row.detail or {}).get("trade_id") for row in self.open.values()}
        absent = {
            deal.row_id: (symbol, deal)
            for symbol, deal in deals
            if listing.from_ns < deal.at_ns < listing.until_ns
            and not deal.trade_id.startswith(MADE_UP)
            and (symbol, deal.trade_id, deal.side) not in listing.trades
            and str(deal.row_id) not in told
        }
        changed += [self._new(*absent[row_id]) for row_id in absent if row_id in self._suspects]
        self._suspects = frozenset(absent)
        return changed

    def settle(self, discrepancy_id: UUID, *, reason: str, by: str, at_ns: int) -> DiscrepancyRow | None:
        """Let a person say that a trade is right although it is not listed; None if it is not one of these."""
        row = self.open.pop(discrepancy_id, None)
        if row is None:
            return None
        detail = {**(row.detail or {}), "reason": reason}
        return msgspec.structs.replace(
            row, state="written_off", detail=detail, resolved_by=by, resolved_at=at_ns, updated_at=at_ns
        )

    def reopen(self, row: DiscrepancyRow, at_ns: int) -> DiscrepancyRow:
        """Take `settle` back."""
        opened = msgspec.structs.replace(row, state="open", resolved_by=None, resolved_at=None, updated_at=at_ns)
        self.open[row.id] = opened
        return opened

    def alert(self, row: DiscrepancyRow) -> RiskAlertRow:
        """Return what tells a person of one."""
        return RiskAlertRow(
            id=self._cell.ids.uuid(),
            user_id=self._cell.user_id,
            alert_type=MISSING,
            severity="high",
            message=f"the venue lists a trade in {row.asset} no more that is in the books: {row.guess}",
            data={"discrepancy_id": str(row.id), "symbol": row.asset, **(row.detail or {})},
            created_at=self._cell.clock.now_ns(),
        )

    def _close(self, row_id: UUID, by: str) -> DiscrepancyRow:
        row = self.open.pop(row_id)
        detail = {**(row.detail or {}), "explained_by": by}
        venue = ZERO if by == "taken back" else row.ours
        return msgspec.structs.replace(row, ours=venue, venue=venue, state="explained", detail=detail)

    def _new(self, symbol: Symbol, deal: Deal) -> DiscrepancyRow:
        words = f"{deal.side.value} {text_of(deal.quantity)} {symbol} at {text_of(deal.price)}"
        row = DiscrepancyRow(
            id=self._cell.ids.uuid(),
            user_id=self._cell.user_id,
            account_id=self._account_id,
            kind=TRADE,
            asset=symbol,
            ours=deal.quantity,
            venue=ZERO,
            guess=f"voided_trade: {words}",
            state="open",
            detail={
                "trade_id": str(deal.row_id), "external_trade_id": deal.trade_id, "side": deal.side.value,
                "price": text_of(deal.price), "executed_at_ns": deal.at_ns,
            },
            created_at=0,
            updated_at=0,
        )  # fmt: skip
        self.open[row.id] = row
        return row


def _listed_as(row: DiscrepancyRow) -> ListedTrade:
    detail = row.detail or {}
    return row.asset, detail.get("external_trade_id", ""), detail.get("side", "")
