"""What a cell is told about its past when it starts: rows as the store keeps them, and sums that no row holds."""

from decimal import Decimal
from typing import Any

import msgspec

from engine.domain.identifiers import AgentId, Symbol
from engine.domain.kinds import Side
from engine.messages.archive import OrderLoad
from engine.messages.rows import (
    AgentRow,
    BalanceRow,
    DiscrepancyRow,
    EquityPointRow,
    OrderRow,
    PortfolioSnapshotRow,
    PositionRow,
    TradeRow,
    TradingStateRow,
)
from engine.messages.rows_executors import ExecutorRow
from engine.messages.rows_halts import HaltRow
from engine.messages.rows_losses import LimitTripRow, RiskDayRow
from engine.messages.rows_people import AccountRow, LimitRow
from engine.messages.rows_trades import LotRow, TradeEvidenceRow


class AgentHolding(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent holds of one symbol by its own fills; the sum over its trades."""

    agent_id: AgentId
    symbol: Symbol
    size: Decimal
    """Signed, base units."""
    average_price: Decimal
    realized_pnl: Decimal
    """Quote units, by average price, before fees."""
    fees: Decimal
    """Quote units; fees in other assets are not in it."""


class AgentState(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as it was left."""

    row: AgentRow
    version: int
    state: dict[str, Any] | None
    input_position: int
    holdings: tuple[AgentHolding, ...] = ()


class AccountState(msgspec.Struct, frozen=True, kw_only=True):
    """An account as it was left."""

    row: AccountRow
    orders: tuple[OrderLoad, ...] = ()
    """Every order that is not done, with all its trades."""
    positions: tuple[PositionRow, ...] = ()
    balances: tuple[BalanceRow, ...] = ()
    discrepancies: tuple[DiscrepancyRow, ...] = ()
    """Those that are open."""
    recent_trades: tuple[TradeRow, ...] = ()
    """The newest of each symbol that count, so that the ledger can take them back exactly."""
    lots: tuple[LotRow, ...] = ()
    """All that are open, and those that these trades have opened; oldest first."""
    tombstones: tuple[TradeEvidenceRow, ...] = ()
    """Reports about trades of which no order of ours is known."""
    is_opened: bool = False
    """Whether it was compared with its venue before."""
    last_value: EquityPointRow | None = None
    """What it was worth when it was last valued."""
    watermark: str | None = None
    """Cursor up to which the venue's fills are in the books."""


class SlotTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What all orders that one slot of an executor has had add up to."""

    name: str
    side: Side
    generation: int
    """Orders so far."""
    first_price: Decimal | None
    """Limit price of the first."""
    filled: Decimal
    value: Decimal
    """Sum of filled quantity times average price."""


class ExecutorState(msgspec.Struct, frozen=True, kw_only=True):
    """An executor that has not ended."""

    row: ExecutorRow
    slots: tuple[SlotTotal, ...] = ()
    orders: tuple[OrderRow, ...] = ()
    """Its living orders, and the last of each slot."""


class CellState(msgspec.Struct, frozen=True, kw_only=True):
    """A user's cell as it was left."""

    time_zone: str
    accounts: tuple[AccountState, ...] = ()
    agents: tuple[AgentState, ...] = ()
    executors: tuple[ExecutorState, ...] = ()
    limits: tuple[LimitRow, ...] = ()
    states: tuple[TradingStateRow, ...] = ()
    halts: tuple[HaltRow, ...] = ()
    """Those that nobody has lifted."""
    risk_days: tuple[RiskDayRow, ...] = ()
    trips: tuple[LimitTripRow, ...] = ()
    """Limits that have tripped and that nobody has armed again."""
    recent_orders: tuple[OrderRow, ...] = ()
    """The newest of any status, oldest first."""
    last_day: PortfolioSnapshotRow | None = None
    """The newest daily snapshot."""
