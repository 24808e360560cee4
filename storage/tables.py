"""From row structs to SQL: one statement per row class, fed with a JSON array of arrays.

The struct says it all: field names are column names, annotations choose the casts, `__mode__` what happens when the key
exists. Decimals travel as text and times as nanoseconds, so that Python never touches a binary numeric codec
(0.5 to 1 us per row instead of 6). U+0000 is refused by the server itself: jsonb cannot hold it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, Final, get_args, get_type_hints
from uuid import UUID

import msgspec

from engine.messages import (
    rows,
    rows_agents,
    rows_executors,
    rows_halts,
    rows_losses,
    rows_market,
    rows_people,
    rows_trades,
)
from engine.messages.rows import Mode, Ns, Row, TextArray

FACTS: Final[tuple[type[Row], ...]] = (
    rows_people.UserRow,
    rows_people.UserSessionRow,
    rows_market.TradingPairRow,
    rows_market.ExchangeStatusRow,
    rows_people.AccountRow,
    rows.AgentRow,
    rows.AgentStateRow,
    rows.AgentStatusRow,
    rows_agents.AgentVersionRow,
    rows_executors.ExecutorRow,
    rows.SignalRow,
    rows.OrderRow,
    rows.OrderRequestRow,
    rows_trades.TradeChangeRow,
    rows.TradeRow,
    rows_trades.TradeEvidenceRow,
    rows.LedgerEntryRow,
    rows.LedgerLineRow,
    rows_trades.LotRow,
    rows.PositionRow,
    rows.BalanceRow,
    rows.WatermarkRow,
    rows.ReconciliationRow,
    rows.DiscrepancyRow,
    rows_people.ReplayPositionRow,
    rows.EquityPointRow,
    rows.PortfolioSnapshotRow,
    rows.TradingStateRow,
    rows_halts.HaltRow,
    rows_people.LimitRow,
    rows_losses.LimitTripRow,
    rows_losses.RiskDayRow,
    rows_people.RiskAlertRow,
    rows_market.OhlcvRow,
    rows_market.TickerRow,
    rows_market.BookSnapshotRow,
    rows_people.AuditRow,
    rows_people.IdempotencyRow,
    rows_market.LogRow,
)
"""Every row class of schema `public`, what others point to first."""

SHARED: Final = frozenset(
    row_class.__table__ for row_class in FACTS if sum(other.__table__ == row_class.__table__ for other in FACTS) > 1
)
"""Tables that several row classes write."""

MONTHS: Final[dict[str, str]] = {
    "trading_signals": "created_at",
    "equity_points": "at",
    "market_data_ohlcv": "open_time",
    "order_book_snapshots": "created_at",
    "system_logs": "created_at",
}
"""Tables that are partitioned by month, and the column that says which."""

KEPT: Final = frozenset({"id", "created_at"})
"""Columns that an upsert leaves as the first row set them, so that a row keeps its name and its birth."""

_CASTS: Final[dict[Any, str]] = {
    UUID: "(e ->> {i})::uuid",
    str: "e ->> {i}",
    int: "(e ->> {i})::bigint",
    bool: "(e ->> {i})::boolean",
    Decimal: "(e ->> {i})::numeric",
    Ns: "cival_ts((e ->> {i})::bigint)",
    TextArray: "ARRAY(SELECT jsonb_array_elements_text(e -> {i}))",
}
_JSON_CAST: Final = "nullif(e -> {i}, 'null'::jsonb)"

_encode = msgspec.json.Encoder(decimal_format="string").encode
_as_tuple = msgspec.structs.astuple


@dataclass(frozen=True, slots=True)
class Table:
    """How rows of one class are written."""

    row_class: type[Row]
    name: str
    """Schema included where it is not `public`."""
    mode: Mode
    key: tuple[str, ...]
    columns: tuple[str, ...]
    key_of: Callable[[Row], Any]
    """The value of the key, hashable."""
    month_column: str | None
    """The column that says in which partition a row belongs."""

    @property
    def is_guarded(self) -> bool:
        """Whether the statement passes over a row that is not there, or another user's, and the caller must count."""
        return self.mode == "update" or (self.mode == "upsert" and self._is_owned)

    @property
    def _is_owned(self) -> bool:
        return "user_id" in self.columns and "user_id" not in self.key

    def statement(self, source: str) -> str:
        """Return the statement that writes the JSON text `source`, an SQL expression; built once per source."""
        return _statement(self.row_class, source)

    def build(self, source: str) -> str:
        """Build the statement."""
        elements = f"jsonb_array_elements(({source})::jsonb)"
        return self._update(elements) if self.mode == "update" else self._insert(elements)

    def _insert(self, elements: str) -> str:
        hints = get_type_hints(self.row_class, include_extras=True)
        values = ", ".join(_cast(hints[name], i) for i, name in enumerate(self.columns))
        text = f"INSERT INTO {self.name} AS t ({_quoted(self.columns)}) SELECT {values} FROM {elements} AS elements (e)"  # noqa: S608 - names of our own structs.
        if self.mode == "insert":
            return text
        expires = self.row_class.__expires__
        if self.mode == "ignore" and not expires:
            return f"{text} ON CONFLICT ({_quoted(self.key)}) DO NOTHING"
        kept = frozenset() if expires else KEPT
        changing = [name for name in self.columns if name not in self.key and name not in kept]
        sets = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in changing if name != "user_id")
        # A row never changes hands: the statement then touches too few rows, and whoever runs it refuses the batch.
        guard = ' WHERE t."user_id" = EXCLUDED."user_id"' if self._is_owned else ""
        if expires:
            guard = f' WHERE t."{expires}" <= EXCLUDED."created_at"'
        return f"{text} ON CONFLICT ({_quoted(self.key)}) DO UPDATE SET {sets}{guard}"

    def _update(self, elements: str) -> str:
        hints = get_type_hints(self.row_class, include_extras=True)
        values = ", ".join(f'{_cast(hints[name], i)} AS "{name}"' for i, name in enumerate(self.columns))
        where = [*self.key, "user_id"] if self._is_owned else list(self.key)
        sets = ", ".join(f'"{name}" = r."{name}"' for name in self.columns if name not in where)
        matches = " AND ".join(f't."{name}" = r."{name}"' for name in where)
        # MATERIALIZED: the casts run once per row, before the join.
        rows_of_batch = f"SELECT {values} FROM {elements} AS elements (e)"  # noqa: S608 - as above.
        return f"WITH r AS MATERIALIZED ({rows_of_batch}) UPDATE {self.name} AS t SET {sets} FROM r WHERE {matches}"  # noqa: S608


@cache
def table_of(row_class: type[Row]) -> Table:
    """Return how rows of `row_class` are written; worked out once per class."""
    key = row_class.__key__
    columns = row_class.__struct_fields__
    assert row_class.__table__, f"{row_class.__name__}: expected a table name, was none"
    assert set(key) <= set(columns), f"{row_class.__name__}: expected key columns among its fields, was {key}"
    return Table(
        row_class=row_class,
        name=row_class.__table__,
        mode=row_class.__mode__,
        key=key,
        columns=columns,
        key_of=attrgetter(*key),
        month_column=MONTHS.get(row_class.__table__),
    )


@cache
def _statement(row_class: type[Row], source: str) -> str:
    return table_of(row_class).build(source)


def newest_per_key(table: Table, batch: Sequence[Row]) -> list[Row]:
    """Keep one row per key: the newest, where the first row stays (`ignore`) the first, and all of what must be new.

    A statement may not touch a row twice. Of what must be new nothing is dropped: a repeated key is an error.
    """
    if table.mode == "insert" or len(batch) == 1:
        return list(batch)
    key_of = table.key_of
    if table.mode == "ignore":
        batch = batch[::-1]
    return list(dict(zip(map(key_of, batch), batch, strict=True)).values())


def encode_rows(batch: Sequence[Row]) -> str:
    """Return rows of one class as the JSON array of arrays that their statement takes.

    Raises:
        ValueError: A text cannot be UTF-8 (a lone surrogate).
        TypeError: A JSON column holds something that is no JSON.
    """
    return _encode(list(map(_as_tuple, batch))).decode()


def _cast(hint: Any, index: int) -> str:
    parts = [part for part in get_args(hint) if part is not type(None)] if _is_optional(hint) else [hint]
    assert len(parts) == 1, f"expected one type of column, was {hint}"
    metadata = getattr(parts[0], "__metadata__", ())
    if "jsonb" in metadata:
        return _JSON_CAST.format(i=index)
    if "date" in metadata:
        return f"(e ->> {index})::date"
    return _CASTS[parts[0]].format(i=index)


def _is_optional(hint: Any) -> bool:
    return type(None) in get_args(hint) and not hasattr(hint, "__metadata__")


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
