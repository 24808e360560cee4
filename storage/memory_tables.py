"""Tables in memory that refuse what PostgreSQL would refuse of the same rows; the stores in memory share them.

Checked are keys, the unique constraints below, owners, numbers, texts, and that ledger entries balance. Foreign keys
and lists of words are not: what breaks them is a defect that the tests on PostgreSQL find.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, Final, get_type_hints
from uuid import UUID

import msgspec

from engine.messages.rows import LedgerLineRow, Row
from storage.commit_plan import PLACE_OF
from storage.tables import FACTS, KEPT, SHARED, Table, table_of

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
"""Unique constraints beside the key. Only the last column of one may be None, and is then not compared."""

COUNTING: Final = {"trades": "voided_by"}
"""Tables whose unique constraints hold among the rows without a value in this column."""

AMOUNT_MAX: Final = Decimal("1e38")

Undo = list[tuple[dict[Any, Any], Any, Any]]
"""(dict, key, value before); undone from the end."""

_ABSENT: Final = object()
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Refused(ValueError):
    """What PostgreSQL would answer with an error about the data."""


class _Shelf:
    """Where rows of one class go."""

    __slots__ = ("births", "counting", "is_partial", "is_shared", "keeps", "key_of", "mode", "rows", "table", "uniques")

    def __init__(self, table: Table, rows: dict[Any, Any], uniques: list[tuple[Any, dict[Any, Any]]]) -> None:
        self.table = table
        self.mode = table.mode
        self.key_of = table.key_of
        self.rows = rows
        self.uniques = uniques
        """(getter of the columns, holder by value)."""
        self.counting = COUNTING.get(table.name)
        self.is_shared = table.name in SHARED and not _has_whole_rows(table.name)
        self.is_partial = self.mode == "update" and not self.is_shared
        """Its rows change some columns of rows of another class."""
        self.births = tuple(name for name in sorted(KEPT) if name in table.columns and name not in table.key)
        self.keeps = self.is_shared or bool(self.births)
        """Something of an older row stays."""


class MemoryTables:
    """Rows by table and key."""

    def __init__(self, *, is_strict: bool = True, is_checked: bool = True) -> None:
        """Start empty.

        Args:
            is_strict: Look into texts and numbers as well; 2 us per row that a backtest does not need.
            is_checked: Refuse anything at all. Without it whoever writes is trusted: a backtest writes what the tests
                have written through every check, and the checks were two thirds of what a row costs.
        """
        self._is_strict = is_strict
        self._is_checked = is_checked
        self._rows: dict[str, dict[Any, Any]] = {}
        self._unique: dict[tuple[str, tuple[str, ...]], dict[Any, Any]] = {}
        self._shelves: dict[type[Row], _Shelf] = {}

    def rows(self, row_class: type[Row]) -> Iterable[Any]:
        """Return the rows of a table; of one that several classes write and none whole, each as a dict."""
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
        if not self._is_checked:
            self._write_trusted(rows)
            return
        undo: Undo = []
        try:
            for row in sorted(rows, key=_place) if len(rows) > 1 else rows:
                self._write_row(row, undo)
            _require_balance(rows)
        except BaseException:
            for place, key, before in reversed(undo):
                if before is _ABSENT:
                    del place[key]
                else:
                    place[key] = before
            raise

    def _write_row(self, row: Row, undo: Undo) -> None:
        shelf = self._shelves.get(type(row)) or self._new_shelf(type(row))
        if self._is_strict:
            _require_storable(row)
        key = shelf.key_of(row)
        old = shelf.rows.get(key, _ABSENT)
        new: Any = row
        if old is not _ABSENT or shelf.table.mode == "update":
            if shelf.table.mode == "ignore" and not _is_over(old, row):
                return
            new = row if shelf.table.mode == "ignore" else _changed(shelf, key, old, row)
        elif shelf.is_shared:
            new = msgspec.structs.asdict(row)
        if shelf.uniques:
            _keep_unique(shelf, new if shelf.is_partial else row, key, undo)
        shelf.rows[key] = new
        undo.append((shelf.rows, key, old))

    def _write_trusted(self, rows: Sequence[Row]) -> None:
        """Write rows that nothing would refuse, in the order given; it costs a third of checking and sorting them."""
        shelves = self._shelves
        early: list[Row] = []
        for row in rows:
            shelf = shelves.get(type(row)) or self._new_shelf(type(row))
            key = shelf.key_of(row)
            held = shelf.rows
            old = held.get(key)
            if old is not None:
                if shelf.mode != "ignore" or _is_over(old, row):
                    held[key] = _merged(shelf, old, row) if shelf.keeps or shelf.is_partial else row
            elif shelf.mode == "update":
                early.append(row)
            else:
                held[key] = msgspec.structs.asdict(row) if shelf.is_shared else row
        if early:  # They change rows that stood behind them.
            if len(early) == len(rows):
                raise Refused(f"{early[0].__table__}: expected a row to change, was none")
            self._write_trusted(early)

    def _new_shelf(self, row_class: type[Row]) -> _Shelf:
        table = table_of(row_class)
        uniques = [
            (attrgetter(*columns), self._unique.setdefault((table.name, columns), {}))
            for columns in UNIQUE.get(table.name, ())
            if set(columns) <= set(table.columns) or table.name in COUNTING
        ]
        shelf = self._shelves[row_class] = _Shelf(table, self._rows.setdefault(table.name, {}), uniques)
        return shelf


def _keep_unique(shelf: _Shelf, row: Row, key: object, undo: Undo) -> None:
    is_counting = shelf.counting is None or getattr(row, shelf.counting) is None
    for getter, holders in shelf.uniques:
        value = getter(row)
        if not is_counting:
            if holders.get(value) == key:
                undo.append((holders, value, holders.pop(value)))
            continue
        if (value[-1] if type(value) is tuple else value) is None:
            continue
        size = len(holders)
        holder = holders.setdefault(value, key)
        if len(holders) > size:
            undo.append((holders, value, _ABSENT))
        elif holder is not key and holder != key:
            raise Refused(f"{shelf.table.name}: expected a unique value, was {value} again")


def _changed(shelf: _Shelf, key: object, old: Any, row: Row) -> Any:
    """Return what stands in the table after `row`."""
    table = shelf.table
    if old is _ABSENT:
        raise Refused(f"{table.name}: expected a row {key}, was none")
    if table.mode == "insert":
        raise Refused(f"{table.name}: expected a new key, was {key}")
    before = old if shelf.is_shared else None
    if table.is_guarded:
        owner = before["user_id"] if before is not None else old.user_id
        if owner != row.user_id:  # type: ignore[attr-defined]  # It is guarded because it has one.
            raise Refused(f"{table.name}: expected a row of user {owner}, was another user's")
    return _merged(shelf, old, row)


def _merged(shelf: _Shelf, old: Any, row: Row) -> Any:
    """Return `row` with what the first row of its key has settled; over the other columns of a shared table."""
    if shelf.is_shared:
        kept = {name: old[name] for name in KEPT if name in old}
        return {**old, **msgspec.structs.asdict(row), **kept}
    if shelf.is_partial:
        return msgspec.structs.replace(old, **msgspec.structs.asdict(row))
    kept = {name: getattr(old, name) for name in shelf.births if getattr(old, name) != getattr(row, name)}
    return msgspec.structs.replace(row, **kept) if kept else row


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
def _amounts(row_class: type[Row]) -> tuple[str, ...]:
    return tuple(name for name, hint in get_type_hints(row_class).items() if hint in (Decimal, Decimal | None))


@cache
def _has_whole_rows(table: str) -> bool:
    """Whether one of the classes that write a table has all of its columns, so that its rows can stand there."""
    classes = [set(row_class.__struct_fields__) for row_class in FACTS if row_class.__table__ == table]
    return set().union(*classes) in classes


def _is_over(old: Any, row: Row) -> bool:
    """Whether a row that stays has expired before the one that would take its place was made."""
    expires = row.__expires__
    return bool(expires) and bool(getattr(old, expires) <= row.created_at)  # type: ignore[attr-defined]


def _place(row: Row) -> int:
    return PLACE_OF.get(type(row), 0)
