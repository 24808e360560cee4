"""What a cell is told about its past when it starts: rows as the store keeps them, and sums that no row holds."""

from decimal import Decimal
from typing import Any

import msgspec

from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.values import ZERO
from engine.messages.rows import AgentRow

Instruments = dict[tuple[Venue, Symbol], Instrument]
"""Every instrument that the cell may trade."""


class AgentPosition(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent holds by its own fills; the sum over its trades."""

    symbol: Symbol
    size: Decimal
    average_price: Decimal
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO


class AgentLoad(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as it was left."""

    row: AgentRow
    version: int = 1
    state: dict[str, Any] | None = None
    input_position: int = 0
    positions: tuple[AgentPosition, ...] = ()
