"""Rows of the tables that units write: one struct per table, field names are column names.

`__table__` names the table, `__key__` the columns of its key, `__mode__` what happens when the key exists:

- `insert`: an error; the fact must be new (trades, ledger, journal);
- `upsert`: the whole row is replaced; rows are full states, so the newest of a batch wins;
- `ignore`: the first row stays (idempotent facts such as closed bars);
- `update`: only the columns given here change; the row must exist.

A field of type `Ns` is integer nanoseconds here and `timestamptz` in the table; `Json` is `jsonb`.
"""

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import msgspec

Ns = Annotated[int, "timestamptz"]
Json = Annotated[Any, "jsonb"]
TextArray = Annotated[tuple[str, ...], "text[]"]
Mode = Literal["insert", "upsert", "ignore", "update"]


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of all rows."""

    __table__: ClassVar[str] = ""
    __key__: ClassVar[tuple[str, ...]] = ("id",)
    __mode__: ClassVar[Mode] = "insert"
    __expires__: ClassVar[str] = ""
    """Of a row that stays (`ignore`): the time after which a new one takes its place."""


class OrderRow(Row, frozen=True, kw_only=True):
    """`orders`: the order as three facts, and the status that people see."""

    __table__: ClassVar[str] = "orders"
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    user_id: UUID
    account_id: UUID
    external_order_id: str | None
    client_order_id: str
    venue_client_id: str
    intent_key: str
    last_intent_key: str | None = None
    symbol: str
    side: str
    type: str
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    time_in_force: str
    post_only: bool
    reduce_only: bool
    position_side: str
    status: str
    status_detail: str | None
    lifecycle: str  # Lower-case name of the rank: `submitting`.
    done_reason: str | None
    filled_quantity: Decimal
    average_price: Decimal | None
    fees: Decimal
    fee_asset: str | None
    exchange: str
    origin: str
    agent_id: UUID | None
    strategy_id: UUID | None
    executor_id: UUID | None
    signal_id: UUID | None
    correlation_id: UUID
    fence: int | None
    send_by: Ns | None
    request: Json = None
    """The exact request as it goes to the venue."""
    denial_code: str | None = None
    denial_limit: str | None = None
    denial_value: str | None = None
    denial_count: int = 0
    late_fill: bool = False
    missing_quantity: Decimal = Decimal(0)
    """What the venue counts as filled beyond the trades that it gave."""
    stale: bool = False
    venue_updated_at: Ns | None = None
    created_at: Ns
    updated_at: Ns


class OrderRequestRow(Row, frozen=True, kw_only=True):
    """`order_requests`: a cancel or amend, with its own life."""

    __table__: ClassVar[str] = "order_requests"
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    user_id: UUID
    account_id: UUID
    order_id: UUID
    kind: str
    state: str
    reason: str | None
    answer_code: str | None
    correlation_id: UUID
    created_at: Ns
    updated_at: Ns
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    fence: int | None = None
    send_by: Ns | None = None


class TradeRow(Row, frozen=True, kw_only=True):
    """`trades`: one execution."""

    __table__: ClassVar[str] = "trades"

    id: UUID
    order_id: UUID
    user_id: UUID
    account_id: UUID
    external_trade_id: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    fees: Decimal
    fee_asset: str | None
    liquidity: str
    inferred: bool
    realized_pnl: Decimal
    exchange: str
    correlation_id: UUID | None
    executed_at: Ns
    created_at: Ns
    voided_by: UUID | None = None
    """The trade that replaced it; itself where the venue took it back."""


class LedgerEntryRow(Row, frozen=True, kw_only=True):
    """`ledger_entries`: the head of a double entry."""

    __table__: ClassVar[str] = "ledger_entries"

    id: UUID
    user_id: UUID
    account_id: UUID
    kind: str
    order_id: UUID | None
    trade_id: UUID | None
    memo: str | None
    correlation_id: UUID | None
    at: Ns
    reverses: UUID | None = None


class LedgerLineRow(Row, frozen=True, kw_only=True):
    """`ledger_lines`: the lines of an entry sum to zero per asset."""

    __table__: ClassVar[str] = "ledger_lines"
    __key__: ClassVar[tuple[str, ...]] = ("entry_id", "line_no")

    entry_id: UUID
    line_no: int
    user_id: UUID
    account_id: UUID
    ledger_account: str
    asset: str
    amount: Decimal


class PositionRow(Row, frozen=True, kw_only=True):
    """`positions`: projection of the ledger, marked."""

    __table__: ClassVar[str] = "positions"
    __key__: ClassVar[tuple[str, ...]] = ("user_id", "account_id", "symbol", "position_side")
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    user_id: UUID
    account_id: UUID
    symbol: str
    position_side: str
    size: Decimal
    average_price: Decimal
    mark_price: Decimal | None
    market_value: Decimal | None
    unrealized_pnl: Decimal | None
    realized_pnl: Decimal
    fees_paid: Decimal
    exchange: str
    updated_at: Ns


class BalanceRow(Row, frozen=True, kw_only=True):
    """`balances`: projection of the ledger; `locked` is reserved by open orders."""

    __table__: ClassVar[str] = "balances"
    __key__: ClassVar[tuple[str, ...]] = ("user_id", "account_id", "asset")
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    user_id: UUID
    account_id: UUID
    asset: str
    free: Decimal
    locked: Decimal
    total: Decimal
    usd_value: Decimal | None
    exchange: str
    updated_at: Ns


class SignalRow(Row, frozen=True, kw_only=True):
    """`trading_signals`."""

    __table__: ClassVar[str] = "trading_signals"
    __key__: ClassVar[tuple[str, ...]] = ("id", "created_at")

    id: UUID
    user_id: UUID
    strategy_id: UUID | None
    agent_id: UUID | None
    symbol: str
    action: str
    strength: Decimal
    price: Decimal
    confidence: Decimal
    reasoning: str | None
    metadata: Json
    correlation_id: UUID
    created_at: Ns


class AgentStateRow(Row, frozen=True, kw_only=True):
    """`trading_agents`: what changes when an agent decides."""

    __table__: ClassVar[str] = "trading_agents"
    __mode__: ClassVar[Mode] = "update"

    id: UUID
    user_id: UUID
    state: Json
    input_position: int
    last_decision_at: Ns | None
    updated_at: Ns


class AgentStatusRow(Row, frozen=True, kw_only=True):
    """`trading_agents`: started, stopped, paused, failed."""

    __table__: ClassVar[str] = "trading_agents"
    __mode__: ClassVar[Mode] = "update"

    id: UUID
    user_id: UUID
    status: str
    status_reason: str | None
    updated_at: Ns


class AgentRow(Row, frozen=True, kw_only=True):
    """`trading_agents`: its configuration."""

    __table__: ClassVar[str] = "trading_agents"
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    user_id: UUID
    account_id: UUID
    strategy_id: UUID | None
    name: str
    agent_type: str
    symbols: TextArray
    configuration: Json
    allocation: Decimal | None
    status: str
    config_hash: str | None
    created_at: Ns
    updated_at: Ns


class TradingStateRow(Row, frozen=True, kw_only=True):
    """`trading_states`: halts and resumes; they hold over restarts."""

    __table__: ClassVar[str] = "trading_states"
    __key__: ClassVar[tuple[str, ...]] = ("user_id", "scope", "scope_id")
    __mode__: ClassVar[Mode] = "upsert"

    user_id: UUID
    scope: str
    scope_id: UUID
    """The user's own id for scope `user` and `engine`."""
    state: str
    reason: str
    changed_at: Ns
    changed_by: str


class WatermarkRow(Row, frozen=True, kw_only=True):
    """`watermarks`: up to where the account's fills at the venue are in the books."""

    __table__: ClassVar[str] = "watermarks"
    __key__: ClassVar[tuple[str, ...]] = ("account_id", "kind")
    __mode__: ClassVar[Mode] = "upsert"

    account_id: UUID
    user_id: UUID
    kind: str
    """`fills`."""
    cursor: str | None
    updated_at: Ns


class ReconciliationRow(Row, frozen=True, kw_only=True):
    """`reconciliations`: one row per run."""

    __table__: ClassVar[str] = "reconciliations"

    id: UUID
    user_id: UUID
    account_id: UUID
    trigger: str
    """`start`, `reconnect`, `takeover`, `timer`, `demand`."""
    depth: str = "light"
    outcome: str
    """`done`, `partial` or `failed`."""
    matched: int
    adopted: int
    late_fills: int
    inferred: int
    absent: int
    cannot_tell: int
    discrepancies: int
    pages: int = 0
    duration_ms: int
    detail: Json
    started_at: Ns
    finished_at: Ns


class DiscrepancyRow(Row, frozen=True, kw_only=True):
    """`discrepancies`: ours and the venue's numbers differ."""

    __table__: ClassVar[str] = "discrepancies"
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    user_id: UUID
    account_id: UUID
    kind: str
    """`balance`, `position`, or `trade`: one that the venue does not list any more."""
    asset: str
    """Asset or symbol."""
    ours: Decimal
    venue: Decimal
    guess: str | None
    state: str
    """`open`, `explained`, `written_off`."""
    detail: Json = None
    resolved_by: str | None = None
    resolved_at: Ns | None = None
    created_at: Ns
    updated_at: Ns


class EquityPointRow(Row, frozen=True, kw_only=True):
    """`equity_points`: an account's value over time."""

    __table__: ClassVar[str] = "equity_points"
    __key__: ClassVar[tuple[str, ...]] = ("account_id", "at")
    __mode__: ClassVar[Mode] = "ignore"

    account_id: UUID
    user_id: UUID
    at: Ns
    equity: Decimal
    cash: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    fees: Decimal


class PortfolioSnapshotRow(Row, frozen=True, kw_only=True):
    """`portfolio_snapshots`: one row per user and day of the user's time zone."""

    __table__: ClassVar[str] = "portfolio_snapshots"
    __key__: ClassVar[tuple[str, ...]] = ("user_id", "snapshot_date")
    __mode__: ClassVar[Mode] = "upsert"

    id: UUID
    user_id: UUID
    total_value: Decimal
    total_pnl: Decimal | None
    daily_pnl: Decimal | None
    positions_count: int
    snapshot_date: Annotated[str, "date"]
    created_at: Ns
