"""Where the API finds the actors of a user: the port behind which `engine.bootstrap` keeps the running cells."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.domain.identifiers import AccountId, UserId
from engine.runtime.ref import Ref


@dataclass(frozen=True, slots=True)
class AccountRefs:
    """The doors of one account for what is not trading."""

    reconciler: Ref[Any]
    """Comparisons with the venue."""
    ledger: Ref[Any]
    """Write-offs of differences."""


@dataclass(frozen=True, slots=True)
class CellRefs:
    """The doors of a cell."""

    gate: Ref[Any]
    """RiskGate: orders, cancels, halts, resumes, trading state."""
    coordinator: Ref[Any]
    """AgentCoordinator: agents' life."""
    executors: Ref[Any]
    """ExecutorDesk: plans that place and follow orders of their own."""
    accounts: Mapping[AccountId, AccountRefs] = field(default_factory=dict)


class Cells(Protocol):
    """The cells that run in this process, looked up anew for each request: a cell that restarts has new actors."""

    def of(self, user_id: UserId) -> CellRefs | None:
        """Return the doors of a user's cell; None if it does not run here (not started, halted, reloading)."""

    def users(self) -> Iterable[UserId]:
        """Name the users whose cells run here; a halt of the whole engine goes to each of them."""
