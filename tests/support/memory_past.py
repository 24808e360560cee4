"""The committed past in a memory store, as a cell asks for it."""

from collections.abc import Sequence
from typing import TypeVar

from engine.domain.identifiers import AccountId, OrderId
from engine.messages.archive import OrderLoad
from engine.messages.rows import OrderRequestRow, OrderRow, Row, TradeRow
from engine.messages.rows_trades import TradeEvidenceRow
from storage.memory import MemoryFactStore
from storage.memory_past import is_live, with_inferred, with_open_requests

R = TypeVar("R", bound=Row)


class MemoryArchive:
    """`OrderArchive` over the memory store."""

    def __init__(self, store: MemoryFactStore) -> None:
        self._store = store

    async def recall(self, account_id: AccountId, venue_client_ids: Sequence[str]) -> list[OrderLoad]:
        rows = all_rows(self._store, OrderRow)
        return [
            order_load(self._store, row)
            for row in rows
            if row.account_id == account_id and row.venue_client_id in venue_client_ids
        ]

    async def find_intent(self, account_id: AccountId, intent_key: str, client_order_id: str) -> OrderId | None:
        for row in all_rows(self._store, OrderRow):
            if row.account_id == account_id and (
                row.intent_key == intent_key or row.client_order_id == client_order_id
            ):
                return OrderId(row.id)
        return None


def all_rows(store: MemoryFactStore, kind: type[R]) -> list[R]:
    """Return a table."""
    return list(store.rows(kind))  # type: ignore[arg-type]


def live_rows(store: MemoryFactStore) -> list[OrderRow]:
    """Return the orders that a cell loads."""
    asked = with_open_requests(all_rows(store, OrderRequestRow)) | with_inferred(all_rows(store, TradeRow))
    return [row for row in all_rows(store, OrderRow) if is_live(row, asked)]


def order_load(store: MemoryFactStore, row: OrderRow) -> OrderLoad:
    """Read an order with its trades and open requests."""
    return OrderLoad(
        row=row,
        trades=tuple(trade for trade in all_rows(store, TradeRow) if trade.order_id == row.id),
        evidence=tuple(each for each in all_rows(store, TradeEvidenceRow) if each.order_id == row.id),
        requests=tuple(
            request
            for request in all_rows(store, OrderRequestRow)
            if request.order_id == row.id and request.state in ("requested", "unknown")
        ),
    )
