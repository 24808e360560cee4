"""What agents say and hear."""

from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from engine.domain.identifiers import AccountId, AgentId, CorrelationId, Symbol, UserId, Venue
from engine.domain.kinds import AgentStatus, SignalAction
from engine.messages.base import Message, require_finite
from engine.messages.writing import CommandRecord


class Signal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A proposal of an agent: where its position in a symbol should be."""

    symbol: Symbol
    venue: Venue
    action: SignalAction
    target: Decimal
    """Signed position, base units, that the agent wants to hold. The coordinator turns it into an order."""
    strength: Decimal
    """0 to 100."""
    confidence: Decimal
    """0 to 1."""
    price: Decimal
    """Market price at the decision."""
    reasoning: str
    leg: str = ""
    """Tells several signals of one input apart; part of the intent key."""
    metadata: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse targets that are not finite."""
        require_finite("target", self.target)


class AgentDecided(Message, frozen=True, kw_only=True):
    """Agent to Coordinator: an input is digested. State, position and signals are committed in one unit."""

    agent_id: AgentId
    signals: tuple[Signal, ...]
    state: dict[str, Any]
    """JSON values from which the agent continues after a restart."""
    input_position: int
    """Frame (replay) or event number up to which the state has seen the market."""
    input_key: str
    """Names the input, such as `bar:1m:1723161300000000000`; intent keys are made of it."""
    decided_at_ns: int
    """Market time."""
    correlation_id: CorrelationId


class StartAgent(Message, frozen=True, kw_only=True):
    """Api to Coordinator; answered with `AgentAnswer` after the commit."""

    user_id: UserId
    agent_id: AgentId
    record: CommandRecord | None = None


class StopAgent(Message, frozen=True, kw_only=True):
    """Api to Coordinator: no more signals; open orders of the agent are cancelled, its position stays."""

    user_id: UserId
    agent_id: AgentId
    record: CommandRecord | None = None


class PauseAgent(Message, frozen=True, kw_only=True):
    """Api to Coordinator: keep reading the market, send no signals."""

    user_id: UserId
    agent_id: AgentId
    record: CommandRecord | None = None


class AgentAnswer(Message, frozen=True, kw_only=True):
    """Reply to an agent command; `reason` is `not_found` where there is no such agent."""

    agent_id: AgentId
    status: AgentStatus | None
    reason: str = ""


class AgentFilled(Message, frozen=True, kw_only=True):
    """Coordinator to Agent: your position in a symbol is now this."""

    __lane__: ClassVar[str] = "orders"

    agent_id: AgentId
    account_id: AccountId
    symbol: Symbol
    position: Decimal
    """Signed, base units, from this agent's own fills."""
    average_price: Decimal
