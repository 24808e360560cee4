"""Turns row structs into SQL that renders a row as JSON text, as `engine.messages.render` does.

The database builds the text: decimals as strings, times as RFC 3339 UTC with microseconds. Nothing is decoded on the
way from a page of the heap to the client.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Any, Final, get_args, get_type_hints

from engine.messages import rows, rows_executors, rows_halts, rows_market, rows_people
from engine.messages.rows import Row
from storage.sql import statements

TIME_FORMAT: Final = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'

_TIME: Final = re.compile(r"\{time ([a-z_.]+)\}")

SHOWN: Final[dict[str, tuple[type[Row], tuple[str, ...], tuple[str, ...]]]] = {
    "order": (rows.OrderRow, (), ()),
    "order_item": (rows.OrderRow, ("request",), ()),
    "trade": (rows.TradeRow, (), ()),
    "signal": (rows.SignalRow, (), ()),
    "account": (rows_people.AccountRow, ("config_hash",), ()),
    "position": (rows.PositionRow, (), ()),
    "balance": (rows.BalanceRow, (), ()),
    "equity_point": (rows.EquityPointRow, (), ()),
    "snapshot": (rows.PortfolioSnapshotRow, (), ()),
    "reconciliation": (rows.ReconciliationRow, (), ()),
    "discrepancy": (rows.DiscrepancyRow, (), ()),
    "agent_item": (rows.AgentRow, ("config_hash",), ("status_reason", "last_decision_at:time")),
    "agent": (
        rows.AgentRow,
        ("config_hash",),
        ("status_reason", "last_decision_at:time", "state", "input_position", "performance", "version"),
    ),
    "executor": (rows_executors.ExecutorRow, (), ()),
    "limit": (rows_people.LimitRow, (), ()),
    "alert": (rows_people.RiskAlertRow, (), ("acknowledged",)),
    "trading_state": (rows.TradingStateRow, (), ()),
    "halt": (rows_halts.HaltRow, (), ()),
    "audit": (rows_people.AuditRow, (), ()),
    "ledger_entry": (rows.LedgerEntryRow, (), ()),
    "pair": (rows_market.TradingPairRow, (), ()),
    "ticker": (rows_market.TickerRow, (), ()),
    "candle": (rows_market.OhlcvRow, (), ()),
    "book": (rows_market.BookSnapshotRow, (), ()),
    "exchange": (rows_market.ExchangeStatusRow, (), ()),
    "person": (rows_people.UserRow, ("password_hash",), ()),
    "session": (rows_people.UserSessionRow, ("token_hash",), ()),
}
"""What a statement may ask for as `{name}`: the row struct, columns left out, columns added (`:time` is a time)."""


def time_text(column: str) -> str:
    """Return SQL that writes a `timestamptz` column as RFC 3339 UTC."""
    return f"to_char({column} at time zone 'UTC', '{TIME_FORMAT}')"


def json_columns(row: type[Row], *, without: Iterable[str] = (), also: Iterable[str] = ()) -> str:
    """Return a select list that gives the row's columns as a client sees them."""
    hints = get_type_hints(row, include_extras=True)
    columns = [_column(name, hints[name]) for name in row.__struct_fields__ if name not in set(without)]
    for name in also:
        plain, _, kind = name.partition(":")
        columns.append(f"{time_text('t.' + plain)} as {plain}" if kind == "time" else f"t.{plain}")
    return ", ".join(columns)


def _column(name: str, hint: Any) -> str:
    arguments = get_args(hint)
    if Decimal in (hint, *arguments):
        return f"t.{name}::text as {name}"
    if any("timestamptz" in getattr(kind, "__metadata__", ()) for kind in (hint, *arguments)):
        return f"{time_text('t.' + name)} as {name}"
    return f"t.{name}"


@cache
def read_statements(area: str) -> dict[str, str]:
    """Return the statements of `storage/queries/<area>.sql`, each mark replaced.

    `{name}` stands for a row `t` as a JSON object, `{time t.column}` for a time as text.
    """
    return {name: _with_rows(text) for name, text in statements(area).items()}


def _with_rows(text: str) -> str:
    text = _TIME.sub(lambda mark: time_text(mark[1]), text)
    for shown, (row, without, also) in SHOWN.items():
        if (mark := f"{{{shown}}}") in text:
            columns = json_columns(row, without=without, also=also)
            # Column names come from our own structs.
            text = text.replace(mark, f"(select row_to_json(c) from (select {columns}) c)")  # noqa: S608
    return text
