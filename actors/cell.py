"""What all actors of a cell share."""

from dataclasses import dataclass
from typing import Any

from engine.domain.identifiers import UserId
from engine.domain.ports import Ids
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
