"""What the actors of a cell say to each other beside orders: agents' life, readiness of accounts, balances."""

from decimal import Decimal
from typing import ClassVar

from engine.domain.identifiers import AccountId, AgentId, Asset, Symbol, UserId
from engine.messages.base import Message
from engine.messages.rows import AgentRow
from engine.messages.writing import CommandRecord


class ConfigureAgent(Message, frozen=True, kw_only=True):
    """Api or start-up to Coordinator: create an agent or change it; a running one restarts with the new parameters.

    Answered with `AgentAnswer` after the commit; `reason` says what is wrong with the parameters.
    """

    user_id: UserId
    agent: AgentRow
    version: int = 1
    """Part of each intent key; a change of the parameters is a new version."""
    record: CommandRecord | None = None


class SetAgentMode(Message, frozen=True, kw_only=True):
    """Coordinator to Agent: trade, or only keep reading."""

    __lane__: ClassVar[str] = "control"

    agent_id: AgentId
    is_paused: bool


class BalancesChanged(Message, frozen=True, kw_only=True):
    """Ledger to RiskGate, on the bus under the user's id: opening balances and positions were booked."""

    account_id: AccountId
    totals: tuple[tuple[Asset, Decimal], ...]
    """(asset, what the account owns now); assets not named are unchanged."""
    positions: tuple[tuple[Symbol, Decimal, Decimal], ...] = ()
    """(symbol, signed size, average price)."""


class AccountReadiness(Message, frozen=True, kw_only=True):
    """Reconciler to RiskGate, on the bus under the user's id: whether the account has been compared with its venue.

    While not ready only cancels and reducing orders pass. Of a ready account the named symbols, and whatever moves the
    named assets, may only reduce as well: they have differed from the venue for too long.
    """

    __lane__: ClassVar[str] = "control"

    account_id: AccountId
    is_ready: bool
    reason: str = ""
    symbols: tuple[Symbol, ...] = ()
    assets: tuple[Asset, ...] = ()


class FollowVenue(Message, frozen=True, kw_only=True):
    """Reconciler to OrderRouter, once the whole cell runs: listen to the venue's events from now on.

    What the venue said before is found by the reconciliation that follows.
    """

    account_id: AccountId


class HoldFills(Message, frozen=True, kw_only=True):
    """Reconciler to OrderRouter: let fills that the venue pushes wait until older ones are booked, or wait no more.

    The profit that a fill realises depends on the fills before it. The last page of a reconciliation ends it as well.
    """

    account_id: AccountId
    hold: bool


class ReconcileAccount(Message, frozen=True, kw_only=True):
    """Ask the Reconciler: compare with the venue now. Reply: `ReconcileAnswer`, once the facts are committed."""

    account_id: AccountId
    trigger: str = "demand"
    """`start`, `reconnect`, `takeover`, `timer` or `demand`; in the report any other word is a demand."""
    deep: bool = False
    """Fetch far back again, and ask for every open order and the newest closed ones one by one."""
    record: CommandRecord | None = None


class ReconcileAnswer(Message, frozen=True, kw_only=True):
    """What a reconciliation did."""

    account_id: AccountId
    outcome: str
    """`done`, `partial` (what was found is in the books, but not everything could be compared) or `failed`."""
    reason: str = ""
    depth: str = "light"
    """`light` or `deep`."""
    matched: int = 0
    adopted: int = 0
    late_fills: int = 0
    closed: int = 0
    inferred: int = 0
    absent: int = 0
    cannot_tell: int = 0
    discrepancies: int = 0
    """Open ones, after the run."""
    pages: int = 0


class DefaultLimitsChanged(Message, frozen=True, kw_only=True):
    """Reload to the cells' host to every RiskGate: what stands in for accounts without a limit of their own.

    It replaces all defaults, from the next intent on. The host answers when its cells have been told.
    """

    limits: tuple[tuple[str, Decimal], ...]
    """(limit type, value)."""
