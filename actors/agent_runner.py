"""Agents as actors: starts them from their stored state, stops them, and hears when one fails."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import msgspec

from actors.agents.base import Agent, AgentSetup
from actors.agents.catalogue import agent_type, parse_parameters
from actors.cell import AgentLoad, Cell, Instruments
from actors.sizing import Holding
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId, AgentId, Symbol, Venue
from engine.domain.kinds import AgentStatus
from engine.domain.position import Position
from engine.messages.cell import ConfigureAgent
from engine.messages.rows import AgentRow
from engine.messages.rows_agents import AgentVersionRow
from engine.messages.signals import AgentFilled
from engine.runtime.errors import ActorDeadError
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem

RUNNING: Final = frozenset({AgentStatus.ACTIVE, AgentStatus.PAUSED})


class AgentEnded(msgspec.Struct, frozen=True, kw_only=True):
    """To the coordinator, from the system: an agent's actor has failed."""

    agent_id: AgentId
    generation: int
    error: str


class Slot:
    """One agent: its row, its actor while it runs, what it holds."""

    __slots__ = ("generation", "holding", "input_position", "ref", "row", "state", "status", "version")

    def __init__(self, load: AgentLoad) -> None:
        """Take over an agent as it was left."""
        self.row = load.row
        self.version = load.version
        self.status = AgentStatus(load.row.status)
        self.state = load.state
        self.input_position = load.input_position
        self.holding = Holding()
        self.ref: Ref[Agent] | None = None
        self.generation = 0
        """How often it was started; tells the end of this actor from that of an earlier one."""


class AgentRunner:
    """The agents of one coordinator."""

    __slots__ = ("_cell", "_coordinator", "_instruments", "_session", "_venues", "slots")

    def __init__(
        self,
        *,
        cell: Cell,
        coordinator: Ref[Any],
        instruments: Instruments,
        venues: Mapping[AccountId, Venue],
        session: str,
    ) -> None:
        """Start with none.

        Args:
            cell: What the cell shares.
            coordinator: Hears decisions and ends.
            instruments: Rules of what is held.
            venues: Venue of each account.
            session: Name of the replay session; state of another session is dropped.
        """
        self._cell = cell
        self._coordinator = coordinator
        self._instruments = instruments
        self._venues = venues
        self._session = session
        self.slots: dict[AgentId, Slot] = {}

    def add(self, load: AgentLoad) -> Slot:
        """Take over an agent, not started yet."""
        slot = self.slots[AgentId(load.row.id)] = Slot(load)
        if load.state is not None and load.state.get("session", "") != self._session:
            slot.state, slot.input_position = None, 0
        venue = self._venues[AccountId(load.row.account_id)]
        for held in load.positions:
            slot.holding.positions[held.symbol] = Position.restored(
                self._instruments[venue, held.symbol],
                size=held.size,
                average_price=held.average_price,
                realized_pnl=held.realized_pnl,
                fees_paid=held.fees,
            )
        return slot

    def require_known(self, row: AgentRow) -> None:
        """Check that an agent's account and symbols exist.

        Raises:
            BadInput: They do not.
        """
        venue = self._venues.get(AccountId(row.account_id))
        if venue is None:
            raise BadInput("account_id", expected="an account of this user", was=str(row.account_id))
        for symbol in row.symbols:
            if (venue, symbol) not in self._instruments:
                raise BadInput("symbols", expected=f"instruments of {venue}", was=symbol)

    def launch(self, slot: Slot, system: ActorSystem) -> str | None:
        """Start the actor of an agent.

        Returns:
            Why it is in status `error` instead: a wrong configuration is no failure of the coordinator.
        """
        row = slot.row
        agent_id = AgentId(row.id)
        slot.generation += 1
        try:
            kind = agent_type(row.agent_type)
            setup = AgentSetup(
                agent_id=agent_id,
                account_id=AccountId(row.account_id),
                venue=self._venues[AccountId(row.account_id)],
                symbols=tuple(row.symbols),
                parameters=parse_parameters(row.agent_type, row.configuration),
                state=slot.state,
                input_position=slot.input_position,
                is_paused=slot.status is AgentStatus.PAUSED,
            )
        except BadInput as error:
            slot.status = AgentStatus.ERROR
            return str(error)
        collaborators = {
            "setup": setup,
            "bus": self._cell.bus,
            "ids": self._cell.ids,
            "coordinator": self._coordinator,
        }
        slot.ref = system.launch(kind, kwargs=collaborators, name=f"agent/{agent_id}/{slot.generation}")
        system.watch(slot.ref, partial(self._tell_end, agent_id, slot.generation))
        for symbol, position in slot.holding.positions.items():
            self.tell_position(slot, symbol, position)
        return None

    def halt(self, slot: Slot) -> None:
        """Stop the actor of an agent, if it runs."""
        if slot.ref is not None:
            slot.ref.halt()
            slot.ref = None

    def tell_position(self, slot: Slot, symbol: Symbol, position: Position) -> None:
        """Tell an agent what it holds."""
        if slot.ref is None:
            return
        filled = AgentFilled(
            agent_id=AgentId(slot.row.id),
            account_id=AccountId(slot.row.account_id),
            symbol=symbol,
            position=position.size,
            average_price=position.average_price,
        )
        try:
            slot.ref.tell(filled)
        except ActorDeadError:
            return  # Its end is on its way to the coordinator.

    def _tell_end(self, agent_id: AgentId, generation: int, _ref: Ref[Any], error: BaseException | None) -> None:
        """Pass on what the system says, in some other actor's turn."""
        if error is None:
            return
        try:
            self._coordinator.tell(AgentEnded(agent_id=agent_id, generation=generation, error=repr(error)))
        except ActorDeadError:
            return  # The whole cell is ending.


def reconfigured(slot: Slot, message: ConfigureAgent) -> tuple[AgentVersionRow, ...]:
    """Give an agent its new configuration; return the row of its new version if it decides by something else now.

    The version is part of each intent key. Under the old one a decision on the same bar would be taken for the one that
    the former parameters have made already.
    """
    row, before = message.agent, slot.row
    is_same = all(getattr(row, name) == getattr(before, name) for name in ("agent_type", "symbols", "configuration"))
    slot.row = row
    if is_same:
        return ()
    slot.version = max(slot.version + 1, message.version)
    return (AgentVersionRow(id=row.id, user_id=row.user_id, version=slot.version, updated_at=row.updated_at),)
