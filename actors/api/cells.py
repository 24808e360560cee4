"""Where the API finds the actors of a user: the port behind which `engine.bootstrap` keeps the running cells."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from engine.domain.identifiers import UserId
from engine.runtime.ref import Ref


@dataclass(frozen=True, slots=True)
class CellRefs:
    """The two doors of a cell."""

    gate: Ref[Any]
    """RiskGate: orders, cancels, halts, resumes, trading state."""
    coordinator: Ref[Any]
    """AgentCoordinator: agents' life."""


class Cells(Protocol):
    """The cells that run in this process, looked up anew for each request: a cell that restarts has new actors."""

    def of(self, user_id: UserId) -> CellRefs | None:
        """Return the doors of a user's cell; None if it does not run here (not started, halted, reloading)."""

    def users(self) -> Iterable[UserId]:
        """Name the users whose cells run here; a halt of the whole engine goes to each of them."""
