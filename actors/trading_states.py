"""Which scopes are halted. A halt holds over restarts until a person resumes the same scope with a reason."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from engine.domain.identifiers import AccountId, AgentId, UserId
from engine.domain.kinds import Scope, TradingState
from engine.domain.ports import Ids
from engine.messages.risk import ScopeState
from engine.messages.rows import TradingStateRow
from engine.messages.rows_people import AuditRow

_WIDTH: Final = {Scope.ENGINE: 0, Scope.USER: 1, Scope.ACCOUNT: 2, Scope.AGENT: 3}
_STRENGTH: Final = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2}


class TradingStates:
    """States of one user's scopes; what is not named is active."""

    __slots__ = ("_states", "_user_id")

    def __init__(self, user_id: UserId, rows: Iterable[TradingStateRow]) -> None:
        """Start with what is stored."""
        self._user_id = user_id
        self._states: dict[tuple[Scope, UUID], ScopeState] = {}
        for row in rows:
            self.set(
                ScopeState(
                    scope=Scope(row.scope),
                    scope_id=row.scope_id,
                    state=TradingState(row.state),
                    reason=row.reason,
                    changed_at_ns=row.changed_at,
                )
            )

    def id_of(self, scope: Scope, scope_id: UUID | None) -> UUID:
        """Return the id under which a scope is stored: the user's own for `user` and `engine`."""
        return self._user_id if scope in (Scope.ENGINE, Scope.USER) or scope_id is None else scope_id

    def set(self, state: ScopeState) -> None:
        """Change the state of one scope."""
        key = (state.scope, self.id_of(state.scope, state.scope_id))
        if state.state is TradingState.ACTIVE:
            self._states.pop(key, None)
        else:
            self._states[key] = state

    def row(self, state: ScopeState, changed_by: str) -> TradingStateRow:
        """Return the row of a state."""
        return TradingStateRow(
            user_id=self._user_id,
            scope=state.scope.value,
            scope_id=self.id_of(state.scope, state.scope_id),
            state=state.state.value,
            reason=state.reason,
            changed_at=state.changed_at_ns,
            changed_by=changed_by,
        )

    def audit(self, row: TradingStateRow, ids: Ids, wall_ns: int) -> AuditRow:
        """Return the audit row of a change that nobody ordered over HTTP."""
        return AuditRow(
            id=ids.uuid(),
            user_id=self._user_id,
            actor_id=None,
            action="resume" if row.state == TradingState.ACTIVE.value else "halt",
            object_type=row.scope,
            object_id=str(row.scope_id),
            outcome="done",
            detail={"reason": row.reason, "state": row.state},
            remote_addr=None,
            correlation_id=None,
            created_at=wall_ns,
        )

    def of(self, account_id: AccountId, agent_id: AgentId | None) -> ScopeState | None:
        """Return the strictest state that covers an order; None if all its scopes are active."""
        if not self._states:
            return None
        keys = [(Scope.ENGINE, self._user_id), (Scope.USER, self._user_id), (Scope.ACCOUNT, account_id)]
        if agent_id is not None:
            keys.append((Scope.AGENT, agent_id))
        found = [state for key in keys if (state := self._states.get(key)) is not None]
        return max(found, key=lambda state: _STRENGTH[state.state], default=None)

    def all(self) -> tuple[ScopeState, ...]:
        """Return every scope that is not active, the widest first."""
        return tuple(sorted(self._states.values(), key=lambda state: (_WIDTH[state.scope], state.changed_at_ns)))
