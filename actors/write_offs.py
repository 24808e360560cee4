"""Books a difference to the venue away because a person says so, and takes that back.

The entry is of a kind of its own, so that nobody takes it for a trade or a transfer; profit is not touched by it. What
it was and why is kept in the discrepancy's row.
"""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from actors.books import AccountBooks
from engine.domain.discrepancy import BALANCE
from engine.domain.journal import Entry, adjustment, position_adjustment, reversal
from engine.domain.position import Position
from engine.domain.values import ZERO, add, divide, multiply, round_money, subtract, text_of
from engine.messages.rows import DiscrepancyRow


class WrittenOff(msgspec.Struct, frozen=True, kw_only=True):
    """What a write-off, or taking one back, has done to the books."""

    row: DiscrepancyRow
    """The discrepancy as it is now."""
    entry: Entry | None
    """None where nothing is booked."""
    entry_id: UUID
    reverses: UUID | None = None
    """The entry that this one takes back."""
    memo: str


def write_off(
    known: DiscrepancyRow,
    books: AccountBooks,
    entry_price: Decimal,
    *,
    entry_id: UUID,
    reason: str,
    by: str,
    at_ns: int,
) -> WrittenOff:
    """Make the books agree with the venue.

    Args:
        known: The open difference.
        books: Changed.
        entry_price: What a position cost at the venue; 0 if it does not say.
        entry_id: Of the entry.
        reason: Why, in the person's words.
        by: Who.
        at_ns: Wall time.
    """
    amount = subtract(known.venue, known.ours)
    entry = _apply(books, known, amount, entry_price, entry_id, at_ns)
    detail: dict[str, Any] = {
        **(known.detail or {}),
        "reason": reason,
        "entry_id": str(entry_id),
        "amount": text_of(amount),
        "entry_price": text_of(entry_price),
    }
    row = msgspec.structs.replace(
        known,
        ours=known.venue,
        state="written_off",
        detail=detail,
        resolved_by=by,
        resolved_at=at_ns,
        updated_at=at_ns,
    )
    return WrittenOff(row=row, entry=entry, entry_id=entry_id, memo=f"written off: {reason}")


def take_back(
    row: DiscrepancyRow, books: AccountBooks, *, entry_id: UUID, reason: str, by: str, at_ns: int
) -> WrittenOff:
    """Undo a write-off: the difference is open again, until the next comparison says otherwise.

    Args:
        row: As it was written off.
        books: Changed.
        entry_id: Of the new entry.
        reason: Why, in the person's words.
        by: Who.
        at_ns: Wall time.
    """
    detail: dict[str, Any] = dict(row.detail or {})
    amount, entry_price = Decimal(detail["amount"]), Decimal(detail["entry_price"])
    reverses = UUID(detail["entry_id"])
    _apply(books, row, amount.copy_negate(), entry_price, entry_id, at_ns)
    detail |= {"taken_back": {"reason": reason, "by": by, "entry_id": str(entry_id)}}
    opened = msgspec.structs.replace(
        row,
        ours=subtract(row.venue, amount),
        state="open",
        detail=detail,
        resolved_by=None,
        resolved_at=None,
        updated_at=at_ns,
    )
    entry = reversal(_entry(books, row, amount))
    return WrittenOff(row=opened, entry=entry, entry_id=entry_id, reverses=reverses, memo=f"taken back: {reason}")


def _apply(
    books: AccountBooks, row: DiscrepancyRow, amount: Decimal, entry_price: Decimal, entry_id: UUID, at_ns: int
) -> Entry:
    entry = _entry(books, row, amount)
    if row.kind == BALANCE:
        books.apply(entry)
        return entry
    history = books.history(row.asset)
    price = entry_price or history.position.average_price
    _resize(history.position, amount, price)
    history.lots.write_off(entry_id, amount, price, at_ns)
    history.forget()  # No fill has made it what it is now.
    return entry


def _entry(books: AccountBooks, row: DiscrepancyRow, amount: Decimal) -> Entry:
    if row.kind == BALANCE:
        return adjustment(row.asset, amount)
    return position_adjustment(books.instrument(row.asset), amount)


def _resize(position: Position, amount: Decimal, price: Decimal) -> None:
    """Change the size of a position without realising anything."""
    instrument, before = position.instrument, position.size
    after = add(before, amount)
    if not after:
        position.cost = ZERO
    elif not before or before.is_signed() is not after.is_signed():
        position.cost = instrument.notional(price, after)
    elif after.copy_abs() > before.copy_abs():
        position.cost = add(position.cost, instrument.notional(price, amount))
    else:
        position.cost = round_money(multiply(position.cost, divide(after, before)), instrument.money_decimals)
    position.size = after
