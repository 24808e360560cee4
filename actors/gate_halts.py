"""Halts and resumes of a gate: in force at once, durable before they are answered."""

from functools import partial

from actors.gate_core import GateCore
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId, AgentId
from engine.domain.kinds import Scope, TradingState
from engine.messages.orders import CancelOrders
from engine.messages.risk import Halt, HaltAnswer, Resume, ScopeState, StateAnswer, StateQuery
from engine.messages.writing import CommandRecord, JournalEvent
from engine.runtime.actor import handles
from engine.runtime.future import AsyncioFuture


class HaltingGate(GateCore):
    """The kill switch of one user."""

    # --- Halts --------------------------------------------------------------------------------------------------------

    @handles(Halt)
    def on_halt(self, message: Halt) -> AsyncioFuture[HaltAnswer] | HaltAnswer:
        """Close a scope and cancel what it has open. In force at once; answered when it is durable."""
        state = ScopeState(
            scope=message.scope,
            scope_id=self._states.id_of(message.scope, message.scope_id),
            state=message.state,
            reason=message.reason,
            changed_at_ns=self._cell.clock.now_ns(),
        )
        self._states.set(state)
        requested = self._cancel_scope(message) if message.cancel_open else 0
        return self._record(state, "TradingHalted", message.record, requested)

    @handles(Resume)
    def on_resume(self, message: Resume) -> AsyncioFuture[HaltAnswer] | HaltAnswer:
        """Open a scope again.

        Raises:
            NotReady: The database is away: only halts and cancels pass.
            BadInput: No reason was given.
        """
        self._require_store()
        if not message.reason.strip():
            raise BadInput("reason", expected="why trading goes on", was=message.reason)
        state = ScopeState(
            scope=message.scope,
            scope_id=self._states.id_of(message.scope, message.scope_id),
            state=TradingState.ACTIVE,
            reason=message.reason,
            changed_at_ns=self._cell.clock.now_ns(),
        )
        self._states.set(state)
        return self._record(state, "TradingResumed", message.record, 0)

    @handles(StateQuery)
    def on_state(self, _message: StateQuery) -> StateAnswer:
        """Return every scope that is not active."""
        return StateAnswer(states=self._states.all())

    def _cancel_scope(self, message: Halt) -> int:
        """Ask the routers to cancel what is open in a scope; return how many orders that concerns."""
        account_id = AccountId(message.scope_id) if message.scope is Scope.ACCOUNT and message.scope_id else None
        agent_id = AgentId(message.scope_id) if message.scope is Scope.AGENT and message.scope_id else None
        for each, router in self._routers.items():
            if account_id in (None, each):
                router.tell(
                    CancelOrders(user_id=message.user_id, account_id=each, agent_id=agent_id, reason=message.reason)
                )
        return self._exposures.open_orders(account_id, agent_id)

    def _record(
        self, state: ScopeState, kind: str, record: CommandRecord | None, requested: int
    ) -> AsyncioFuture[HaltAnswer] | HaltAnswer:
        row = self._states.row(state, "system" if record is None else str(record.audit.actor_id))
        audit = (self._states.audit(row, self._cell.ids, self._cell.wall.now_ns()),) if record is None else record.rows
        event = JournalEvent(channel="control", type=kind, data=row, at_ns=state.changed_at_ns)
        unit = self._cell.numbers.open(rows=(row, *audit), events=(event,))
        self._cell.writer.tell(unit)
        if self._is_store_away:
            return HaltAnswer(state=state.state, durable=False, cancels_requested=requested)
        reply: AsyncioFuture[HaltAnswer] = self.new_future()
        self._hold(unit, partial(reply.set, HaltAnswer(state=state.state, cancels_requested=requested)))
        return reply
