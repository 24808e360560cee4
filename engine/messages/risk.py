"""Halts, resumes and limits."""

from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from engine.domain.identifiers import AccountId, UserId
from engine.domain.kinds import Scope, TradingState
from engine.messages.base import Message
from engine.messages.writing import CommandRecord


class Halt(Message, frozen=True, kw_only=True):
    """Stop new orders in a scope and cancel its open ones. Overtakes everything in the gate's mailbox."""

    __lane__: ClassVar[str] = "control"

    user_id: UserId
    scope: Scope
    scope_id: UUID | None = None
    """Account or agent; None for user and engine."""
    reason: str
    state: TradingState = TradingState.HALTED
    """`halted`, or `reducing` to let positions still shrink."""
    cancel_open: bool = True
    flatten: bool = False
    """Close the positions of the scope too, with orders that can only reduce."""
    halt_id: UUID | None = None
    """Names the halt; None where nobody asks for it afterwards."""
    record: CommandRecord | None = None


class Resume(Message, frozen=True, kw_only=True):
    """A person lifts a halt, with a reason."""

    user_id: UserId
    scope: Scope
    scope_id: UUID | None = None
    reason: str
    record: CommandRecord | None = None


class HaltAnswer(Message, frozen=True, kw_only=True):
    """Reply to `Halt` and `Resume`."""

    state: TradingState
    durable: bool = True
    """False while the database is away: the halt is in force, its row waits."""
    cancels_requested: int = 0
    halt_id: UUID | None = None
    """Of the row in `halts`; None for a resume, and for a scope that may still reduce."""


class StateQuery(Message, frozen=True, kw_only=True):
    """Ask the gate: trading states of all scopes. Reply: `StateAnswer`."""

    user_id: UserId


class ScopeState(Message, frozen=True, kw_only=True):
    """State of one scope."""

    scope: Scope
    scope_id: UUID | None
    state: TradingState
    reason: str
    changed_at_ns: int
    flatten: bool = False
    """Its positions are being closed as well; known of halts that are not lifted."""


class StateAnswer(Message, frozen=True, kw_only=True):
    """Every scope that is not simply active, and the widest first."""

    states: tuple[ScopeState, ...]


class ScopesHalted(Message, frozen=True, kw_only=True):
    """RiskGate to OrderRouter and, on the bus under the user's id, to executors: every scope that is not active.

    Overtakes the orders that wait there.
    """

    __lane__: ClassVar[str] = "control"

    scopes: tuple[ScopeState, ...]


class ProveAlive(Message, frozen=True, kw_only=True):
    """Dead-man heartbeat to the actors that orders pass through. Reply: `Alive`."""

    account_id: AccountId


class Alive(Message, frozen=True, kw_only=True):
    """Reply to `ProveAlive`."""

    open_orders: int
    """Of the account, as far as the actor counts them."""


class AccountGuarded(Message, frozen=True, kw_only=True):
    """Dead-man heartbeat, on the bus under the user's id: whether the venue's switch is armed."""

    __lane__: ClassVar[str] = "control"

    account_id: AccountId
    is_armed: bool
    reason: str = ""
    """Why not."""


class HaltQuery(Message, frozen=True, kw_only=True):
    """Ask the gate: what is proven of a halt that is not lifted. Reply: `HaltReport`, None if it knows none."""

    user_id: UserId
    halt_id: UUID


class HaltReport(Message, frozen=True, kw_only=True):
    """How a halt stands; `report` is as in the table `halts`."""

    halt_id: UUID
    state: str
    report: dict[str, Any]


class LimitChanged(Message, frozen=True, kw_only=True):
    """A limit was set or lifted; the gate uses it from the next intent on."""

    user_id: UserId
    limit_type: str
    symbol: str | None
    scope: Scope
    scope_id: UUID | None
    value: Decimal | None
    """None lifts it."""
