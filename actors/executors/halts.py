"""What a halt means for the executors in its scope: they stand still, or end where their positions are closed."""

from collections.abc import Iterable

from actors.executors.running import Running
from engine.domain.kinds import Scope, TradingState
from engine.messages.risk import ScopesHalted, ScopeState
from engine.messages.rows import TradingStateRow
from engine.messages.rows_halts import HaltRow

LIFTED = "lifted"


class Halts:
    """The halted scopes of one user."""

    __slots__ = ("_scopes",)

    def __init__(self, states: Iterable[TradingStateRow] = (), halts: Iterable[HaltRow] = ()) -> None:
        """Start with what is stored: a halt that was answered holds, also where nobody heard of it before the crash."""
        closing = {(row.scope, row.scope_id) for row in halts if row.flatten and row.state != LIFTED}
        self._scopes = tuple(
            ScopeState(
                scope=Scope(row.scope),
                scope_id=row.scope_id,
                state=TradingState(row.state),
                reason=row.reason,
                changed_at_ns=row.changed_at,
                flatten=(row.scope, row.scope_id) in closing,
            )
            for row in states
            if row.state != TradingState.ACTIVE.value
        )

    def learn(self, message: ScopesHalted) -> None:
        """Take the place of all that was known."""
        self._scopes = message.scopes

    def of(self, running: Running) -> ScopeState | None:
        """Return the halt that an executor is under, the one that closes its position first; None without one."""
        found = [each for each in self._scopes if _covers(each, running)]
        return max(found, key=lambda each: (each.flatten, each.state is TradingState.HALTED), default=None)

    def status_for(self, running: Running) -> tuple[str, str] | None:
        """Return the status that an executor must enter, and why; None if it may stay as it is.

        Whoever closes the position leaves nothing for the executor to guard or to sell: it ends. Otherwise it stands
        still until a person resumes it.
        """
        halt = self.of(running)
        if halt is None or running.row.status == "stopping":
            return None
        if halt.flatten:
            return "stopping", f"halted and closed: {halt.reason}"
        return ("paused", f"halted: {halt.reason}") if running.row.status == "active" else None

    def forbids(self, running: Running) -> bool:
        """Whether nothing of an executor may leave, not even what protects."""
        halt = self.of(running)
        return halt is not None and halt.state is TradingState.HALTED


def _covers(state: ScopeState, running: Running) -> bool:
    if state.scope in (Scope.ENGINE, Scope.USER):
        return True
    return state.scope_id in (running.row.account_id, running.row.agent_id) and state.scope_id is not None
