"""Halts of a gate: in force at once, durable before they are answered, looked after until they are proven or lifted."""

from collections.abc import Iterator
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from actors.flattening import flatten_intent, flatten_key, why_not
from actors.gate_core import GateCore
from actors.halt_proof import REQUESTED, UNPROVEN, HaltProof, HeldPosition
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId, AgentId, OrderId, Symbol
from engine.domain.kinds import Scope, TradingState
from engine.domain.position import Position
from engine.domain.values import ZERO, text_of
from engine.messages.cell import ReconcileAccount
from engine.messages.orders import CancelOrders, OrderChanged, SubmitOrder
from engine.messages.risk import (
    Halt,
    HaltAnswer,
    HaltQuery,
    HaltReport,
    Resume,
    ScopesHalted,
    ScopeState,
    StateAnswer,
    StateQuery,
)
from engine.messages.rows import Row
from engine.messages.rows_halts import HaltRow
from engine.messages.rows_people import RiskAlertRow
from engine.messages.writing import CommandRecord, JournalEvent
from engine.runtime.actor import handles
from engine.runtime.future import AsyncioFuture

LOOK_EVERY_NS: Final = 500_000_000
"""Wall time between two looks at the halts that are not proven."""
CANCEL_AGAIN_NS: Final = 5_000_000_000
"""Wall time after which what is still open is asked to be cancelled again, and its account compared."""
FLATTEN_AFTER_NS: Final = 5_000_000_000
"""Wall time that the cancels of a symbol may take before its position is closed beside them."""


class LookAtHalts(msgspec.Struct, frozen=True):
    """To myself: see what has become of the halts."""


class HaltingGate(GateCore):
    """The kill switch of one user."""

    _is_looking = False

    def on_start(self) -> None:
        """Let the routers hold back what is halted, and go on with what is not proven."""
        super().on_start()
        self._halts = {row.id: HaltProof(row) for row in self._halt_rows}
        self._cancelled_ns: dict[UUID, int] = {}
        for proof in self._halts.values():
            for change in self._exposures.living():
                proof.follow(change)
        self._tell_routers()
        self._look_soon()

    # --- Commands -----------------------------------------------------------------------------------------------------

    @handles(Halt)
    def on_halt(self, message: Halt) -> AsyncioFuture[HaltAnswer] | HaltAnswer:
        """Close a scope and cancel what it has open. In force at once; answered when it is durable."""
        return self._halt(message)

    def _halt(
        self, message: Halt, more_rows: tuple[Row, ...] = (), more_events: tuple[JournalEvent, ...] = ()
    ) -> AsyncioFuture[HaltAnswer] | HaltAnswer:
        """Do what a halt says, with the rows and events of its cause in the same unit."""
        state = self._state(message, message.state)
        self._states.set(state)
        self._tell_routers()
        requested = self._cancel_scope(message.scope, message.scope_id, message.reason) if message.cancel_open else 0
        halt = self._new_halt(message, state) if message.state is TradingState.HALTED else None
        rows = more_rows if halt is None else (halt, *more_rows)
        halt_id = None if halt is None else halt.id
        return self._record(state, "TradingHalted", message.record, requested, rows, halt_id, more_events)

    @handles(Resume)
    def on_resume(self, message: Resume) -> AsyncioFuture[HaltAnswer] | HaltAnswer:
        """Open a scope again, and end what looks after its halts.

        Raises:
            NotReady: The database is away: only halts and cancels pass.
            BadInput: No reason was given.
        """
        self._require_store()
        if not message.reason.strip():
            raise BadInput("reason", expected="why trading goes on", was=message.reason)
        state = self._state(message, TradingState.ACTIVE)
        self._states.set(state)
        self._tell_routers()
        scope = (state.scope, state.scope_id)
        lifted = [each for each in self._halts.values() if (each.scope, each.row.scope_id) == scope]
        now_ns = self._cell.wall.now_ns()
        for proof in lifted:
            del self._halts[proof.row.id]
        rows = (*(each.lift(now_ns) for each in lifted), *self._lifted(*scope))
        return self._record(state, "TradingResumed", message.record, 0, rows)

    def _lifted(self, _scope: Scope, _scope_id: UUID | None) -> tuple[Row, ...]:
        """Return what else changes when a person resumes a scope."""
        return ()

    @handles(StateQuery)
    def on_state(self, _message: StateQuery) -> StateAnswer:
        """Return every scope that is not active."""
        return StateAnswer(states=self._states.all())

    @handles(HaltQuery)
    def on_halt_query(self, message: HaltQuery) -> HaltReport | None:
        """Return how a halt stands in memory."""
        proof = self._halts.get(message.halt_id)
        if proof is None:
            return None
        row = self._judge(proof)
        return HaltReport(halt_id=row.id, state=row.state, report=dict(row.report))

    def _state(self, message: Halt | Resume, state: TradingState) -> ScopeState:
        return ScopeState(
            scope=message.scope,
            scope_id=self._states.id_of(message.scope, message.scope_id),
            state=state,
            reason=message.reason,
            changed_at_ns=self._cell.clock.now_ns(),
            flatten=isinstance(message, Halt) and message.flatten,
        )

    def _tell_routers(self) -> None:
        scopes = ScopesHalted(scopes=self._states.all())
        for router in self._routers.values():
            router.tell(scopes)
        self._cell.bus.publish(scopes, key=self._cell.user_id)

    def _new_halt(self, message: Halt, state: ScopeState) -> HaltRow:
        now_ns = self._cell.wall.now_ns()
        assert state.scope_id is not None, "expected the scope to be named"
        row = HaltRow(
            id=message.halt_id or self._cell.ids.uuid(),
            user_id=self._cell.user_id,
            scope=message.scope.value,
            scope_id=state.scope_id,
            reason=message.reason,
            flatten=message.flatten,
            state=REQUESTED,
            requested_by="system" if message.record is None else str(message.record.audit.actor_id),
            requested_at=now_ns,
            updated_at=now_ns,
            report={},
        )
        proof = self._halts[row.id] = HaltProof(row)
        self._cancelled_ns[row.id] = now_ns
        for change in self._exposures.living():
            proof.follow(change)
        self._look_soon()
        return row

    def _cancel_scope(self, scope: Scope, scope_id: UUID | None, reason: str) -> int:
        """Ask the routers to cancel what is open in a scope; return how many orders that concerns."""
        account_id = AccountId(scope_id) if scope is Scope.ACCOUNT and scope_id else None
        agent_id = AgentId(scope_id) if scope is Scope.AGENT and scope_id else None
        for each, router in self._routers.items():
            if account_id in (None, each):
                router.tell(CancelOrders(user_id=self._cell.user_id, account_id=each, agent_id=agent_id, reason=reason))
        return self._exposures.open_orders(account_id, agent_id)

    def _record(
        self,
        state: ScopeState,
        kind: str,
        record: CommandRecord | None,
        requested: int,
        rows: tuple[Row, ...] = (),
        halt_id: UUID | None = None,
        more_events: tuple[JournalEvent, ...] = (),
    ) -> AsyncioFuture[HaltAnswer] | HaltAnswer:
        row = self._states.row(state, "system" if record is None else str(record.audit.actor_id))
        audit = (self._states.audit(row, self._cell.ids, self._cell.wall.now_ns()),) if record is None else record.rows
        event = JournalEvent(channel="control", type=kind, data=row, at_ns=state.changed_at_ns)
        unit = self._cell.numbers.open(rows=(row, *rows, *audit), events=(event, *more_events))
        self._cell.writer.tell(unit)
        answer = HaltAnswer(state=state.state, cancels_requested=requested, halt_id=halt_id)
        if self._is_store_away:
            return msgspec.structs.replace(answer, durable=False)
        reply: AsyncioFuture[HaltAnswer] = self.new_future()
        self._hold(unit, partial(reply.set, answer))
        return reply

    # --- Proof --------------------------------------------------------------------------------------------------------

    @handles(OrderChanged)
    def on_order(self, message: OrderChanged) -> None:
        """Follow what an order may still fill, and what that proves."""
        super().on_order(message)
        for proof in self._halts.values():
            proof.follow(message)
            if proof.is_open(message.account_id, message.symbol):
                self._look_soon()

    def _look_soon(self) -> None:
        if self._halts and not self._is_looking:
            self._is_looking = True
            self.after(LOOK_EVERY_NS, LookAtHalts(), clock=self._cell.wall)

    @handles(LookAtHalts)
    def on_look(self, _message: LookAtHalts) -> None:
        """Cancel again, close positions, and write down what has changed."""
        self._is_looking = False
        now_ns = self._cell.wall.now_ns()
        for proof in tuple(self._halts.values()):
            if proof.open_orders and now_ns - self._cancelled_ns.get(proof.row.id, 0) >= CANCEL_AGAIN_NS:
                self._cancelled_ns[proof.row.id] = now_ns
                self._cancel_scope(proof.scope, proof.row.scope_id, proof.row.reason)
                for account_id in self._accounts_of(proof):
                    self._cell.bus.publish(ReconcileAccount(account_id=account_id), key=account_id)
            if proof.row.flatten and not self._is_store_away:
                self._flatten(proof, now_ns)
            before = proof.row.state
            self._judge(proof)
            if proof.is_news and not self._is_store_away:
                self._write(proof, before)
        if any(proof.row.state != "proven" for proof in self._halts.values()):
            self._look_soon()

    def _judge(self, proof: HaltProof) -> HaltRow:
        reasons = self._checks.not_ready
        unheard = {each: reasons[each] for each in self._accounts_of(proof) if each in reasons}
        positions = self._held_positions(proof) if proof.row.flatten else []
        is_complete = self._exposures.is_telling()
        return proof.judge(unheard, positions, self._cell.wall.now_ns(), is_complete=is_complete)

    def _write(self, proof: HaltProof, before: str) -> None:
        row = proof.row
        proof.stored()
        event = JournalEvent(channel="control", type="HaltChanged", data=row, at_ns=self._cell.clock.now_ns())
        rows: tuple[Row, ...] = (row,)
        events: tuple[JournalEvent, ...] = (event,)
        if row.state == UNPROVEN and before != UNPROVEN:
            alert = RiskAlertRow(
                id=self._cell.ids.uuid(),
                user_id=row.user_id,
                alert_type="halt_unproven",
                severity="critical",
                message="not everything that was halted is proven to be over",
                data={"halt_id": str(row.id), "open_orders": proof.open_orders},
                created_at=self._cell.clock.now_ns(),
            )
            rows += (alert,)
            events += (JournalEvent(channel="alerts", type="AlertRaised", data=alert, at_ns=alert.created_at),)
        self._cell.writer.tell(self._cell.numbers.open(rows=rows, events=events))

    def _accounts_of(self, proof: HaltProof) -> list[AccountId]:
        if proof.scope is Scope.AGENT:
            owner = self._account_of_agent.get(AgentId(proof.row.scope_id))
            return [] if owner is None else [owner]
        return [each for each in self._routers if proof.account_id in (None, each)]

    # --- Flatten ------------------------------------------------------------------------------------------------------

    def _positions_of(self, proof: HaltProof) -> Iterator[tuple[AccountId, Position]]:
        for account_id in self._accounts_of(proof):
            book = self._exposures.book(proof.agent_id or account_id)
            for position in tuple(book.positions.values()):
                yield account_id, position

    def _held_positions(self, proof: HaltProof) -> list[HeldPosition]:
        known = {(each["account_id"], each["symbol"]) for each in proof.row.report.get("positions", [])}
        return [
            HeldPosition(
                account_id=account_id,
                symbol=position.instrument.symbol,
                size=text_of(position.size),
                why=self._why_held(account_id, position),
            )
            for account_id, position in self._positions_of(proof)
            if position.size or (str(account_id), position.instrument.symbol) in known
        ]

    def _why_held(self, account_id: AccountId, position: Position) -> str:
        if not position.size:
            return ""
        instrument = position.instrument
        price = self._marks.price(instrument.venue, instrument.symbol)
        if self._marks.is_past(instrument.venue):
            return "the replay catches up"
        return why_not(position.size, instrument, price, self._checks.capabilities(account_id)) or "on its way"

    def _flatten(self, proof: HaltProof, now_ns: int) -> None:
        """Send an order for every position that has none on its way."""
        is_time = now_ns - proof.row.requested_at >= FLATTEN_AFTER_NS
        for account_id, position in self._positions_of(proof):
            if position.size and (is_time or not proof.is_open(account_id, position.instrument.symbol)):
                self._close(proof, account_id, position)

    def _close(self, proof: HaltProof, account_id: AccountId, position: Position) -> None:
        instrument, size = position.instrument, position.size
        if not instrument.is_perpetual and size > ZERO:
            size = min(size, self._exposures.free(account_id, instrument.base))
        able = self._checks.capabilities(account_id)
        price = self._marks.price(instrument.venue, instrument.symbol)
        if self._marks.is_past(instrument.venue):
            return  # The halt looks again; its price would be one of the past.
        if not size or price is None or why_not(size, instrument, price, able):
            return
        attempt = self._next_attempt(proof.row.id, account_id, instrument.symbol)
        if attempt is None:
            return
        intent = flatten_intent(
            order_id=OrderId(self._cell.ids.uuid()),
            user_id=self._cell.user_id,
            account_id=account_id,
            agent_id=proof.agent_id,
            instrument=instrument,
            size=size,
            price=price,
            key=flatten_key(proof.row.id, instrument.symbol, attempt),
            capabilities=able,
            now_ns=self._cell.clock.now_ns(),
        )
        if self._checks.check_flatten(intent, instrument, price) is not None:
            return
        self._intents.keep(account_id, intent.order_id, intent.intent_key, intent.client_order_id)
        self._exposures.take(intent, instrument, price)
        self._routers[account_id].tell(SubmitOrder(intent=intent, unit=self._cell.numbers.open(intent.correlation_id)))

    def _next_attempt(self, halt_id: UUID, account_id: AccountId, symbol: Symbol) -> int | None:
        """Return the number of the next order for a position; None while the last one may still fill."""
        attempt = 1
        while (known := self._intents.order_of(account_id, flatten_key(halt_id, symbol, attempt))) is not None:
            if self._exposures.is_living(known):
                return None
            attempt += 1
        return attempt
