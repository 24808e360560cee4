"""Reads the executors of a cell: their rows, what their orders add up to, and the orders that still matter."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

from engine.domain.kinds import Side
from engine.domain.values import ZERO, add, multiply
from engine.messages.load import ExecutorState, SlotTotal
from engine.messages.rows import OrderRow
from engine.messages.rows_executors import ExecutorRow
from storage.pool import Connection
from storage.row_decode import decode

KEPT: Final = 20
"""Orders of each slot that are loaded though they are over: a trade of theirs may still be taken back."""


async def executor_states(connection: Connection, user_id: UUID, sql: Mapping[str, str]) -> tuple[ExecutorState, ...]:
    """Read every executor of a user that has not ended."""
    executors = [decode(ExecutorRow, record) for record in await connection.fetch(sql["executors"], user_id)]
    if not executors:
        return ()
    ids = [row.id for row in executors]
    slots: dict[UUID, list[SlotTotal]] = defaultdict(list)
    for record in await connection.fetch(sql["executor_slots"], ids):
        slots[record["executor_id"]].append(
            SlotTotal(
                name=record["name"],
                side=Side(record["side"]),
                generation=record["generation"],
                first_price=record["first_price"],
                filled=record["filled"],
                value=record["value"],
            )
        )
    orders = [decode(OrderRow, record) for record in await connection.fetch(sql["executor_orders"], ids)]
    return tuple(
        ExecutorState(row=row, slots=tuple(slots[row.id]), orders=tuple(o for o in orders if o.executor_id == row.id))
        for row in executors
    )


def executor_state(row: ExecutorRow, orders: Iterable[OrderRow]) -> ExecutorState:
    """Make the same of an executor's row and all its orders."""
    slots: dict[str, list[OrderRow]] = defaultdict(list)
    for order in orders:
        slots[_place(order)[0]].append(order)
    kept: list[OrderRow] = []
    totals: list[SlotTotal] = []
    for name, unsorted in sorted(slots.items()):
        placed = sorted(unsorted, key=lambda order: _place(order)[1])
        kept += [order for order in placed[:-KEPT] if order.lifecycle != "done"] + placed[-KEPT:]
        totals.append(_total(name, placed))
    kept.sort(key=lambda order: (order.created_at, order.id))
    return ExecutorState(row=row, slots=tuple(totals), orders=tuple(kept))


def _total(name: str, placed: list[OrderRow]) -> SlotTotal:
    filled = value = ZERO
    for order in placed:
        filled = add(filled, order.filled_quantity)
        value = add(value, multiply(order.filled_quantity, order.average_price or ZERO))
    return SlotTotal(
        name=name,
        side=Side(placed[0].side),
        generation=_place(placed[-1])[1],
        first_price=placed[0].price,
        filled=filled,
        value=value,
    )


def _place(order: OrderRow) -> tuple[str, int]:
    """Read slot and generation from an intent key, `executor:ID:SLOT:GENERATION`; slots may hold colons."""
    name, _, generation = order.intent_key.split(":", 2)[2].rpartition(":")
    return name, int(generation)
