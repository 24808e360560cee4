"""Judges the journal: whoever has read all events, and nothing else, knows the orders, balances and positions.

Clients of the stream and every replay know only the events; a row that changes without one is a lie to them.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec

from engine.messages.writing import CommittedEvent
from engine.simulation.auditor_books import Books
from engine.simulation.auditor_orders import Orders

ORDERS: Final = "orders"
BALANCES: Final = "balances"
POSITIONS: Final = "positions"


class _Order(msgspec.Struct, frozen=True):
    """What an event tells of an order."""

    id: UUID
    status: str
    quantity: Decimal
    filled_quantity: Decimal


class _Balance(msgspec.Struct, frozen=True):
    account_id: UUID
    asset: str
    total: Decimal


class _Position(msgspec.Struct, frozen=True):
    account_id: UUID
    symbol: str
    size: Decimal


class JournalReader:
    """One who knows the events only."""

    __slots__ = ("_balance", "_books", "_order", "_orders", "_position", "balances", "known", "positions")

    def __init__(self, orders: Orders, books: Books) -> None:
        """Compare with these, which know the rows only."""
        self._orders = orders
        self._books = books
        self._order = msgspec.json.Decoder(_Order)
        self._balance = msgspec.json.Decoder(_Balance)
        self._position = msgspec.json.Decoder(_Position)
        self.known: dict[UUID, _Order] = {}
        self.balances: dict[tuple[UUID, str], Decimal] = {}
        self.positions: dict[tuple[UUID, str], Decimal] = {}

    def read(self, event: CommittedEvent) -> None:
        """Take an event, in the order of the journal."""
        if event.channel == ORDERS and event.type.startswith("Order") and not event.type.endswith("Requested"):
            order = self._order.decode(event.data)
            self.known[order.id] = order
        elif event.channel == BALANCES:
            balance = self._balance.decode(event.data)
            self.balances[balance.account_id, balance.asset] = balance.total
        elif event.channel == POSITIONS:
            position = self._position.decode(event.data)
            self.positions[position.account_id, position.symbol] = position.size

    def differences(self) -> Iterator[tuple[str, str]]:
        """Tell where events and rows say different things."""
        for row in self._orders.rows.values():
            told = self.known.get(row.id)
            if told is None:
                yield "I21", f"no event has told of order {row.id} ({row.status})"
            elif (told.status, told.filled_quantity, told.quantity) != (row.status, row.filled_quantity, row.quantity):
                rows = f"{row.status}, {row.filled_quantity} of {row.quantity}"
                events = f"{told.status}, {told.filled_quantity} of {told.quantity}"
                yield "I21", f"order {row.id} is {rows}; the events say {events}"
        for held, balance in self._books.balances.items():
            if self.balances.get(held) != balance.total:
                yield "I21", f"balance {held} is {balance.total}, the events say {self.balances.get(held)}"
        for held, position in self._books.positions.items():
            if self.positions.get(held) != position.size:
                yield "I21", f"position {held} is {position.size}, the events say {self.positions.get(held)}"
