"""Strategies of rows that their tables take: every value that a column may hold, of any tenant's own objects."""

import functools
import re
from decimal import Decimal
from typing import Any, Final, get_args, get_type_hints
from uuid import UUID

import msgspec
from hypothesis import strategies as st

from engine.messages import rows, rows_executors, rows_halts, rows_losses, rows_market, rows_people, rows_trades
from engine.messages.rows import Row, TextArray
from storage.pool import Connection
from storage.tables import encode_rows, table_of
from tests.support.tenants import Tenant

US_MAX: Final = 2**32 * 10**6 - 1
"""Last microsecond of 2106 that the tables keep exactly."""
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=10)
AMOUNTS = st.one_of(
    st.decimals(-(10**18), 10**18, places=18),
    st.decimals(0, 1, places=18),
    st.sampled_from([*map(Decimal, ("1E-18", "1E+30", "0E-18", "-0.00", "0E+3", "1.500", "-1E-30", "61234.56"))]),
)
POSITIVE = AMOUNTS.map(abs).filter(bool)
TIMES_NS = st.integers(0, US_MAX * 1000 + 999)
COUNTS = st.integers(0, 2**31 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS | st.decimals(-(10**9), 10**9, places=8).filter(lambda value: "E" not in str(value)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
OBJECTS = st.dictionaries(TEXTS, JSON, max_size=3)

_PLAIN: Final[dict[Any, st.SearchStrategy[Any]]] = {
    UUID: st.uuids(allow_nil=False),
    str: TEXTS,
    int: st.integers(0, 2**31 - 1),
    bool: st.booleans(),
    Decimal: AMOUNTS,
    TextArray: st.lists(TEXTS, max_size=3).map(tuple),
}


def _one_of(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


_NAMED: Final[dict[str, st.SearchStrategy[Any]]] = {
    "side": _one_of("buy", "sell"),
    "position_side": _one_of("net", "long", "short"),
    "action": _one_of("buy", "sell", "hold"),
    "liquidity": _one_of("maker", "taker"),
    "quantity": POSITIVE,
    "filled_quantity": AMOUNTS.map(abs),
    "missing_quantity": AMOUNTS.map(abs),
    "window_seconds": st.none() | st.integers(1, 2**31 - 1),
    "fence": st.none() | st.integers(1, 2**63 - 1),
    "symbols": _PLAIN[TextArray],
    "configuration": OBJECTS,
}
_OF_CLASS: Final[dict[type[Row], dict[str, st.SearchStrategy[Any]]]] = {
    rows.OrderRow: {
        "type": _one_of("market", "limit", "stop", "stop_limit", "take_profit", "take_profit_limit"),
        "time_in_force": _one_of("GTC", "IOC", "FOK"),
        "origin": _one_of("agent", "api", "executor", "external", "system"),
        "executor_id": st.none(),
    },
    rows_executors.ExecutorRow: {
        "kind": _one_of("bracket", "twap", "grid", "dca", "chase"), "side": _one_of("buy", "sell"),
        "status": _one_of("active", "paused", "stopping", "done", "cancelled", "error"), "generation": COUNTS,
    },
    rows.LedgerEntryRow: {
        "kind": _one_of("opening", "fill", "adjustment"), "trade_id": st.none(), "reverses": st.none(),
    },
    rows_trades.LotRow: {"trade_id": st.none(), "quantity": AMOUNTS.map(abs), "remaining": st.just(Decimal(0))},
    rows_trades.TradeEvidenceRow: {"kind": _one_of("conflict", "void", "unlisted")},
    rows.SignalRow: {"strength": st.decimals(0, 100, places=18), "confidence": st.decimals(0, 1, places=18)},
    rows.AgentRow: {"status": _one_of("active", "inactive", "paused", "error")},
    rows_people.AccountRow: {
        "account_type": _one_of("spot", "margin", "futures"), "mode": _one_of("paper", "live"),
        "dead_man_ms": st.none() | st.integers(1, 10**9),
    },
    rows.TradingStateRow: {
        "scope": _one_of("engine", "account", "agent"), "state": _one_of("active", "reducing", "halted"),
    },
    rows_halts.HaltRow: {
        "scope": _one_of("engine", "account", "agent"), "state": _one_of("requested", "proven", "unproven", "lifted"),
        "report": OBJECTS,
    },
    rows_people.LimitRow: {"scope": _one_of("engine", "user")},
    rows_losses.LimitTripRow: {"scope": _one_of("engine", "user")},
    rows_losses.RiskDayRow: {"scope": _one_of("account", "user"), "day": st.dates().map(str)},
    rows.ReconciliationRow: {
        "trigger": _one_of("start", "reconnect", "takeover", "timer", "demand"),
        "outcome": _one_of("done", "partial", "failed"), "depth": _one_of("light", "deep"),
    },
    rows.DiscrepancyRow: {
        "kind": _one_of("balance", "position"), "state": _one_of("open", "explained", "written_off"),
    },
    rows.PortfolioSnapshotRow: {"snapshot_date": st.dates().map(str)},
    rows_people.RiskAlertRow: {"severity": _one_of("low", "medium", "high", "critical")},
    rows_people.UserRow: {"role": _one_of("admin", "trader", "viewer")},
    rows_people.UserSessionRow: {"kind": _one_of("session", "token")},
    rows_market.TradingPairRow: {"kind": _one_of("spot", "perpetual")},
    rows_market.ExchangeStatusRow: {"status": _one_of("online", "offline", "maintenance"), "response_time_ms": COUNTS},
    rows_market.OhlcvRow: {"trades_count": COUNTS},
    rows_market.BookSnapshotRow: {
        "bids": st.lists(st.lists(AMOUNTS.map(str), min_size=2, max_size=2)),
        "asks": st.just([]),
    },
}  # fmt: skip
_LIFE: Final = (
    ("pending", "submitting", None), ("open", "working", None), ("partial", "unknown", None),
    ("filled", "done", "filled"), ("rejected", "done", "denied"), ("expired", "done", "expired"),
)  # fmt: skip


@functools.cache
def rows_of(row_class: type[Row], tenant: Tenant) -> st.SearchStrategy[Row]:
    """Build rows of a class that belong to `tenant` (`insert_tenant`) and are not among those it has already.

    Hypothesis draws texts from our own sources too, so `USDT` comes up: such a balance would replace the tenant's, and
    an upsert leaves the id of what it replaces.
    """
    taken = _texts(tenant)
    own = {
        "user_id": tenant.user,
        "account_id": tenant.account,
        "order_id": tenant.order,
        "agent_id": tenant.id(3),
        "strategy_id": tenant.id(4),
    }
    hints = get_type_hints(row_class, include_extras=True)
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for name in row_class.__struct_fields__:
        if name in own and hints[name] in (UUID, UUID | None):
            plain = st.just(own[name])
            fields[name] = plain if hints[name] is UUID else st.none() | plain
        else:
            fields[name] = _field(row_class, name, hints[name])
        if fields[name] is TEXTS or name == "snapshot_date":
            fields[name] = fields[name].filter(lambda text: text not in taken)
    return st.builds(row_class, **fields).flatmap(_made_consistent)


def _texts(tenant: Tenant) -> frozenset[str]:
    """Every text and date in the rows that the tenant has."""
    return frozenset(re.findall("'([^']*)'", " ".join(tenant.inserts().values())))


@functools.cache
def _field(row_class: type[Row], name: str, hint: Any) -> st.SearchStrategy[Any]:
    given = _OF_CLASS.get(row_class, {}).get(name, _NAMED.get(name))
    if given is not None:
        return given
    if type(None) in get_args(hint):
        return st.none() | _field(row_class, name, get_args(hint)[0])
    metadata = getattr(hint, "__metadata__", ())
    if "timestamptz" in metadata:
        return TIMES_NS
    return JSON if "jsonb" in metadata else _PLAIN[hint]


def _made_consistent(row: Row) -> st.SearchStrategy[Row]:
    replace = msgspec.structs.replace
    if isinstance(row, rows.OrderRow):
        return st.sampled_from(_LIFE).map(
            lambda life: replace(row, status=life[0], lifecycle=life[1], done_reason=life[2])
        )
    if isinstance(row, rows_market.OhlcvRow):
        low, high = sorted((row.low_price, row.high_price))
        return st.just(replace(row, low_price=low, high_price=high, open_price=low, close_price=high))
    return st.just(row)


async def write_rows(connection: Connection, *batch: Row) -> None:
    """Write rows as the writer does: one statement per class, in the order in which the classes first come."""
    for row_class in dict.fromkeys(map(type, batch)):
        of_class = [row for row in batch if type(row) is row_class]
        await connection.execute(table_of(row_class).statement("$1::text"), encode_rows(of_class))
