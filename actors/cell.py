"""What the actors of a cell share, and what they are told about the past when they start.

The past comes as rows, as the store keeps them; what no row holds comes as sums.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from engine.domain.identifiers import Symbol, UserId, Venue
from engine.domain.instrument import Instrument
from engine.domain.ports import Ids
from engine.domain.values import ZERO
from engine.messages.rows import AgentRow
from engine.messages.writing import UnitNumbers
from engine.runtime.bus import Bus
from engine.runtime.clock import Clock
from engine.runtime.ref import Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One user's cell under one fence. A cell that starts again gets a new one."""

    numbers: UnitNumbers
    """Counter of its units."""
    clock: Clock
    """Market time: of rows and events, of agents, limits and staleness."""
    wall: Clock
    """Wall time: of send-by, retries, audits."""
    ids: Ids
    bus: Bus
    writer: Ref[Any]
    """Takes units of work."""

    @property
    def user_id(self) -> UserId:
        """Whose cell it is."""
        return self.numbers.user_id


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
