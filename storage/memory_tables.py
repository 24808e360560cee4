"""Tables in memory that refuse what PostgreSQL would refuse of the same rows; the stores in memory share them.

Checked are keys, the unique constraints below, owners, numbers, texts, and that ledger entries balance. Foreign keys
and lists of words are not: what breaks them is a defect that the tests on PostgreSQL find.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, Final, get_type_hints
from uuid import UUID

import msgspec

from engine.messages.rows import LedgerLineRow, Row
from storage.commit_plan import PLACE_OF
from storage.tables import SHARED, Table, table_of

UNIQUE: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "users": (("email",),),
    "user_sessions": (("token_hash",),),
    "trading_accounts": (("user_id", "exchange", "account_id"), ("user_id", "name")),
    "orders": (
        ("account_id", "client_order_id"),
        ("account_id", "venue_client_id"),
        ("account_id", "intent_key"),
        ("account_id", "symbol", "external_order_id"),
    ),
    "trades": (("account_id", "symbol", "external_trade_id", "side"),),
    "paper.orders": (("venue", "external_order_id"),),
    "paper.trades": (("account_id", "symbol", "external_trade_id", "side"),),
}
"""Unique constraints beside the key; a value with None in it is not compared."""

AMOUNT_MAX: Final = Decimal("1e38")

Undo = Callable[[], object]
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Refused(ValueError):
    """What PostgreSQL would answer with an error about the data."""


class MemoryTables:
    """Rows by table and key."""

    def __init__(self, *, is_strict: bool = True) -> None:
        """Start empty.

        Args:
            is_strict: Look into texts and numbers as well; 2 us per row that a backtest does not need.
        """
        self._is_strict = is_strict
        self._rows: dict[str, dict[Any, Any]] = {}
        self._unique: dict[tuple[str, tuple[str, ...]], dict[Any, Any]] = {}

    def rows(self, row_class: type[Row]) -> Iterable[Any]:
        """Return the rows of a table; of one that several classes write, each as a dict by column."""
        return self._rows.get(row_class.__table__, {}).values()

    def get(self, row_class: type[Row], key: object) -> Any | None:
        """Return the row with this key (a tuple where it has several columns)."""
        return self._rows.get(row_class.__table__, {}).get(key)

    def write(self, rows: Sequence[Row]) -> None:
        """Write all rows, in the order in which PostgreSQL would, or none.

        Raises:
            Refused: PostgreSQL would refuse them.
            TypeError: A row holds what is no JSON, or is of no table.
        """
        undo: list[Undo] = []
        try:
            for row in sorted(rows, key=_place) if len(rows) > 1 else rows:
                self._write_row(row, undo)
            _require_balance(rows)
        except BaseException:
            for step in reversed(undo):
                step()
            raise

    def _write_row(self, row: Row, undo: list[Undo]) -> None:
        table = table_of(type(row))
        if self._is_strict:
            _require_storable(row)
        key = table.key_of(row)
        stored = self._rows.setdefault(table.name, {})
        old = stored.get(key)
        if old is not None:
            if table.mode == "ignore":
                return
            if table.mode == "insert":
                raise Refused(f"{table.name}: expected a new key, was {key}")
            _require_owner(table, old, row)
        elif table.mode == "update":
            raise Refused(f"{table.name}: expected a row {key}, was none")
        new = _merged(table, old, row)
        self._keep_unique(table, row, key, undo)
        stored[key] = new
        undo.append(lambda: stored.pop(key) if old is None else stored.__setitem__(key, old))

    def _keep_unique(self, table: Table, row: Row, key: object, undo: list[Undo]) -> None:
        for columns in UNIQUE.get(table.name, ()):
            value = _getter(columns)(row)
            if value is None or (type(value) is tuple and None in value):
                continue
            index = self._unique.setdefault((table.name, columns), {})
            holder = index.get(value)
            if holder is None:
                index[value] = key
                undo.append(lambda index=index, value=value: index.pop(value))  # type: ignore[misc]
            elif holder != key:
                raise Refused(f"{table.name}: expected unique {', '.join(columns)}, was {value} again")


def _merged(table: Table, old: Any, row: Row) -> Any:
    if table.name in SHARED:
        columns = msgspec.structs.asdict(row)
        if old is None:
            return columns
        kept = {name: old[name] for name in ("id", "created_at") if name in old}
        return {**old, **columns, **kept}
    if old is None:
        return row
    kept = {
        name: getattr(old, name)
        for name in ("id", "created_at")
        if name in table.columns and getattr(old, name) != getattr(row, name)
    }
    return msgspec.structs.replace(row, **kept) if kept else row


def _require_owner(table: Table, old: Any, row: Row) -> None:
    if not table.is_guarded:
        return
    owner = old["user_id"] if isinstance(old, dict) else getattr(old, "user_id", None)
    if owner != getattr(row, "user_id", None):
        raise Refused(f"{table.name}: expected a row of user {owner}, was of another user")


def _require_storable(row: Row) -> None:
    for name in _amounts(type(row)):
        value = getattr(row, name)
        if value is not None and not (value.is_finite() and abs(value) < AMOUNT_MAX):
            raise Refused(f"{row.__table__}.{name}: expected a finite amount, was {value}")
    text = _encode(row)
    if b"\\u0000" in text and "\0" in _text_of(row):
        raise Refused(f"{row.__table__}: expected text without U+0000")


def _text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Row):
        return "".join(_text_of(inner) for inner in msgspec.structs.astuple(value))
    if isinstance(value, dict):
        return "".join(_text_of(key) + _text_of(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return "".join(_text_of(inner) for inner in value)
    return ""


def _require_balance(rows: Sequence[Row]) -> None:
    sums: dict[tuple[UUID, str], Decimal] = {}
    for row in rows:
        if type(row) is LedgerLineRow:
            place = (row.entry_id, row.asset)
            sums[place] = sums.get(place, Decimal(0)) + row.amount
    for (entry_id, asset), total in sums.items():
        if total:
            raise Refused(f"ledger entry {entry_id}: expected lines of {asset} to sum to 0, was {total}")


@cache
def _getter(columns: tuple[str, ...]) -> Callable[[Row], Any]:
    return attrgetter(*columns)


@cache
def _amounts(row_class: type[Row]) -> tuple[str, ...]:
    return tuple(name for name, hint in get_type_hints(row_class).items() if hint in (Decimal, Decimal | None))


def _place(row: Row) -> int:
    return PLACE_OF.get(type(row), 0)
