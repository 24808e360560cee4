"""Runs a user's agents: starts and stops them, turns their targets into orders, knows what each of them holds.

An agent says where its position should be; the coordinator orders what is missing: target less what the agent holds
and what it has on its way. The agent's new state, its signal and the intent travel in one unit, so that a restart
neither forgets a decision nor makes it twice.

An agent that fails is marked `error` and its open orders are cancelled; the others go on.
"""

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from actors.agent_runner import RUNNING, AgentEnded, AgentRunner, Slot, reconfigured
from actors.agents.catalogue import parse_parameters
from actors.cell import AgentLoad, Cell, Instruments
from actors.outbox import Outbox
from actors.sizing import clip_target, order_for, pending_of
from engine.domain.errors import BadInput, NotReady
from engine.domain.identifiers import AccountId, AgentId, OrderId, SignalId, StrategyId, Venue
from engine.domain.kinds import AgentStatus, OrderOrigin, OrderType
from engine.messages.cell import ConfigureAgent, SetAgentMode
from engine.messages.orders import CancelOrders, CheckIntent, FillBooked, OrderChanged, OrderIntent
from engine.messages.rows import AgentStateRow, AgentStatusRow, OrderRow, Row, SignalRow
from engine.messages.rows_people import ReplayPositionRow
from engine.messages.signals import (
    AgentAnswer,
    AgentDecided,
    PauseAgent,
    Signal,
    StartAgent,
    StopAgent,
)
from engine.messages.writing import (
    CellHalted,
    CommandRecord,
    JournalEvent,
    StoreStatus,
    UnitsCommitted,
    WriteUnit,
)
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Subscription
from engine.runtime.errors import ActorDeadError
from engine.runtime.future import AsyncioFuture
from engine.runtime.ref import Ref

_EVENT_OF = {
    AgentStatus.ACTIVE: "AgentStarted",
    AgentStatus.INACTIVE: "AgentStopped",
    AgentStatus.PAUSED: "AgentPaused",
    AgentStatus.ERROR: "AgentFailed",
}


class AgentCoordinator(AsyncioActor):
    """One per user."""

    def __init__(
        self,
        *,
        cell: Cell,
        gate: Ref[Any],
        instruments: Instruments,
        venues: Mapping[AccountId, Venue],
        agents: Sequence[AgentLoad] = (),
        open_orders: Sequence[OrderRow] = (),
        session: str = "",
    ) -> None:
        """Keep what it works with.

        Args:
            cell: What the cell shares; its bus also feeds the agents.
            gate: Takes intents and cancels.
            instruments: Rules for sizing.
            venues: Venue of each account.
            agents: As they were left, of every status.
            open_orders: Of all accounts; those of agents are on their way to a position.
            session: Name of the replay session, empty elsewhere. State of another session is of another market time.
        """
        super().__init__()
        self._cell = cell
        self._gate = gate
        self._instruments = instruments
        self._venues = dict(venues)
        self._session = session
        self._outbox = Outbox(cell.numbers, cell.bus, self.actor_ref)
        self._is_store_away = False
        self._subscriptions: list[Subscription] = []
        self._runner = AgentRunner(
            cell=cell, coordinator=self.actor_ref, instruments=instruments, venues=venues, session=session
        )
        for load in agents:
            self._runner.add(load)
        for order in open_orders:
            self._take_over(order)

    def on_start(self) -> None:
        """Start the agents that were running."""
        tell, bus = self.actor_ref.tell, self._cell.bus
        self._subscriptions = [bus.subscribe(StoreStatus, tell)]
        for kind in (CellHalted, OrderChanged, FillBooked):
            self._subscriptions.append(bus.subscribe(kind, tell, key=self._cell.user_id))
        for slot in self._runner.slots.values():
            if slot.status in RUNNING and (reason := self._runner.launch(slot, self.system)) is not None:
                self._tell_status(slot, reason)

    def on_stop(self) -> None:
        """Stop the agents. What they still say has nobody to hear it, and is in no stored state."""
        self._outbox.close()
        for subscription in self._subscriptions:
            subscription.cancel()
        for slot in self._runner.slots.values():
            self._runner.halt(slot)

    def on_failure(self, *_error: Any) -> None:
        """Stop the agents: the cell starts again from the store."""
        self.on_stop()

    # --- Decisions --------------------------------------------------------------------------------------------------

    @handles(AgentDecided)
    def on_decided(self, message: AgentDecided) -> None:
        """Store the agent's new state with its signals, and order what is missing."""
        slot = self._runner.slots.get(message.agent_id)
        if slot is None or slot.status not in RUNNING:
            return  # Said before it heard of its end; its stored state is older and consistent.
        now_ns = self._cell.clock.now_ns()
        slot.state = {**message.state, "session": self._session}
        slot.input_position = message.input_position
        rows: list[Row] = self._state_rows(slot, message, now_ns)
        events: list[JournalEvent] = []
        intents: list[OrderIntent] = []
        for signal in message.signals:
            row = self._signal_row(slot, signal, message, now_ns)
            rows.append(row)
            events.append(self._event("signals", "SignalGenerated", row, slot, message.correlation_id))
            intent = self._intent(slot, signal, row, message)
            if intent is not None:
                slot.holding.ordered(intent)
                intents.append(intent)
        self._send(intents, message, tuple(rows), tuple(events))

    def _send(
        self,
        intents: list[OrderIntent],
        message: AgentDecided,
        rows: tuple[Row, ...],
        events: tuple[JournalEvent, ...],
    ) -> None:
        """Give each intent a unit of its own; the agent's state is in the last.

        A crash between two of them finds the state from before the decision: it is made again, and the keys of the
        intents that were stored lead to the orders that exist.
        """
        if not intents:
            self._cell.writer.tell(self._cell.numbers.open(message.correlation_id, rows, events))
            return
        for intent in intents[:-1]:
            self._gate.tell(CheckIntent(intent=intent, unit=self._cell.numbers.open(message.correlation_id)))
        unit = self._cell.numbers.open(message.correlation_id, rows, events)
        self._gate.tell(CheckIntent(intent=intents[-1], unit=unit))

    def _intent(self, slot: Slot, signal: Signal, row: SignalRow, message: AgentDecided) -> OrderIntent | None:
        instrument = self._instruments[signal.venue, signal.symbol]
        target = clip_target(signal.target, instrument, signal.price, slot.row.allocation)
        sized = order_for(target, slot.holding.foreseen(signal.symbol), instrument)
        if sized is None or slot.status is AgentStatus.PAUSED:
            return None
        side, quantity = sized
        order_id = OrderId(self._cell.ids.uuid())
        key = f"{message.agent_id}:{slot.version}:{self._session}:{message.input_key}:{signal.leg}"
        return OrderIntent(
            order_id=order_id,
            user_id=self._cell.user_id,
            account_id=AccountId(slot.row.account_id),
            venue=signal.venue,
            symbol=signal.symbol,
            side=side,
            type=OrderType.MARKET,
            quantity=quantity,
            client_order_id=str(order_id),
            intent_key=key,
            origin=OrderOrigin.AGENT,
            agent_id=message.agent_id,
            strategy_id=None if slot.row.strategy_id is None else StrategyId(slot.row.strategy_id),
            signal_id=SignalId(row.id),
            correlation_id=message.correlation_id,
            decided_at_ns=message.decided_at_ns,
        )

    def _state_rows(self, slot: Slot, message: AgentDecided, now_ns: int) -> list[Row]:
        user = self._cell.user_id
        rows: list[Row] = [
            AgentStateRow(
                id=message.agent_id,
                user_id=user,
                state=slot.state,
                input_position=message.input_position,
                last_decision_at=message.decided_at_ns,
                updated_at=now_ns,
            )
        ]
        if message.input_position:
            # The slowest agent decides from where a restart must read again.
            frame = min(each.input_position for each in self._runner.slots.values() if each.status in RUNNING)
            rows.append(ReplayPositionRow(user_id=user, session=self._session, frame=frame, updated_at=now_ns))
        return rows

    def _signal_row(self, slot: Slot, signal: Signal, message: AgentDecided, now_ns: int) -> SignalRow:
        return SignalRow(
            id=self._cell.ids.uuid(),
            user_id=self._cell.user_id,
            strategy_id=slot.row.strategy_id,
            agent_id=message.agent_id,
            symbol=signal.symbol,
            action=signal.action,
            strength=signal.strength,
            price=signal.price,
            confidence=signal.confidence,
            reasoning=signal.reasoning,
            metadata=signal.metadata,
            correlation_id=message.correlation_id,
            created_at=now_ns,
        )

    # --- Orders and fills -------------------------------------------------------------------------------------------

    @handles(OrderChanged)
    def on_order(self, message: OrderChanged) -> None:
        """Follow an agent's order to its end."""
        slot = self._runner.slots.get(message.agent_id) if message.agent_id is not None else None
        if slot is not None:
            slot.holding.changed(message)

    @handles(FillBooked)
    def on_fill(self, message: FillBooked) -> None:
        """Book an agent's fill and tell the agent."""
        slot = self._runner.slots.get(message.agent_id) if message.agent_id is not None else None
        if slot is None:
            return
        fill = message.fill
        position = slot.holding.filled(fill, self._instruments[fill.venue, fill.symbol])
        self._runner.tell_position(slot, fill.symbol, position)

    # --- Commands ---------------------------------------------------------------------------------------------------

    @handles(StartAgent)
    def on_start_agent(self, message: StartAgent) -> AsyncioFuture[AgentAnswer] | AgentAnswer:
        """Start an agent from its stored state, or let a paused one trade again."""
        return self._command(message.agent_id, AgentStatus.ACTIVE, message.record)

    @handles(StopAgent)
    def on_stop_agent(self, message: StopAgent) -> AsyncioFuture[AgentAnswer] | AgentAnswer:
        """Stop an agent and cancel its open orders; its position stays."""
        return self._command(message.agent_id, AgentStatus.INACTIVE, message.record)

    @handles(PauseAgent)
    def on_pause_agent(self, message: PauseAgent) -> AsyncioFuture[AgentAnswer] | AgentAnswer:
        """Let an agent read on without trading."""
        return self._command(message.agent_id, AgentStatus.PAUSED, message.record)

    @handles(ConfigureAgent)
    def on_configure(self, message: ConfigureAgent) -> AsyncioFuture[AgentAnswer] | AgentAnswer:
        """Create an agent or change it. A running one starts again, with its state, under the new parameters."""
        self._require_store()
        row = message.agent
        agent_id = AgentId(row.id)
        try:
            parse_parameters(row.agent_type, row.configuration)
            self._runner.require_known(row)
        except BadInput as error:
            return AgentAnswer(agent_id=agent_id, status=None, reason=str(error))
        slot = self._runner.slots.get(agent_id)
        rows: tuple[Row, ...] = (row,)
        if slot is None:
            slot = self._runner.add(AgentLoad(row=row, version=message.version))
        else:
            self._runner.halt(slot)
            rows += reconfigured(slot, message)
        slot.status = AgentStatus(row.status)
        if slot.status in RUNNING:
            self._runner.launch(slot, self.system)
        event = self._event("agents", "AgentConfigured", row, slot)
        return self._reply_after(slot, rows, (event,), message.record)

    def _command(
        self, agent_id: AgentId, status: AgentStatus, record: CommandRecord | None
    ) -> AsyncioFuture[AgentAnswer] | AgentAnswer:
        self._require_store()
        slot = self._runner.slots.get(agent_id)
        if slot is None:
            return AgentAnswer(agent_id=agent_id, status=None, reason="not_found")
        reason = self._enter(slot, status)
        rows, events = self._status(slot, reason)
        if status is AgentStatus.INACTIVE:
            self._cancel_orders(slot, "agent_stopped")
        return self._reply_after(slot, rows, events, record, reason or "")

    def _enter(self, slot: Slot, status: AgentStatus) -> str | None:
        """Bring an agent into a status; return why it is in `error` instead, if it is."""
        slot.status = status
        if status is AgentStatus.INACTIVE:
            self._runner.halt(slot)
            return None
        if slot.ref is None:
            return self._runner.launch(slot, self.system)
        with contextlib.suppress(ActorDeadError):  # Then its end is on its way here.
            slot.ref.tell(SetAgentMode(agent_id=AgentId(slot.row.id), is_paused=status is AgentStatus.PAUSED))
        return None

    def _reply_after(
        self,
        slot: Slot,
        rows: tuple[Row, ...],
        events: tuple[JournalEvent, ...],
        record: CommandRecord | None,
        reason: str = "",
    ) -> AsyncioFuture[AgentAnswer]:
        unit = self._cell.numbers.open(rows=rows + (record.rows if record is not None else ()), events=events)
        self._cell.writer.tell(unit)
        reply: AsyncioFuture[AgentAnswer] = self.new_future()
        answer = AgentAnswer(agent_id=AgentId(slot.row.id), status=slot.status, reason=reason)
        self._hold(unit, partial(reply.set, answer))
        return reply

    def _hold(self, unit: WriteUnit, send: Any) -> None:
        assert unit.n is not None, "expected a unit of the cell"
        self._outbox.hold(unit.n, send)

    def _require_store(self) -> None:
        if self._is_store_away:
            raise NotReady("database", why="changes are refused while it is away", retry_after_s=1.0)

    # --- Agents as actors -------------------------------------------------------------------------------------------

    def _take_over(self, order: OrderRow) -> None:
        slot = self._runner.slots.get(AgentId(order.agent_id)) if order.agent_id is not None else None
        if slot is not None:
            slot.holding.pending[OrderId(order.id)] = pending_of(order)

    @handles(AgentEnded)
    def on_ended(self, message: AgentEnded) -> None:
        """Mark a failed agent, cancel what it has open, and go on with the others."""
        slot = self._runner.slots[message.agent_id]
        if slot.generation != message.generation or slot.ref is None:
            return
        slot.ref = None
        slot.status = AgentStatus.ERROR
        self.log.error("agent_failed", agent=slot.row.name, error=message.error)
        self._tell_status(slot, message.error[:500])
        self._cancel_orders(slot, "agent_failed")

    def _tell_status(self, slot: Slot, reason: str) -> None:
        rows, events = self._status(slot, reason)
        self._cell.writer.tell(self._cell.numbers.open(rows=rows, events=events))

    def _cancel_orders(self, slot: Slot, reason: str) -> None:
        self._gate.tell(CancelOrders(user_id=self._cell.user_id, agent_id=AgentId(slot.row.id), reason=reason))

    def _status(self, slot: Slot, reason: str | None) -> tuple[tuple[Row, ...], tuple[JournalEvent, ...]]:
        row = AgentStatusRow(
            id=slot.row.id,
            user_id=self._cell.user_id,
            status=slot.status,
            status_reason=reason,
            updated_at=self._cell.clock.now_ns(),
        )
        return (row,), (self._event("agents", _EVENT_OF[slot.status], row, slot),)

    def _event(self, channel: str, kind: str, row: Row, slot: Slot, correlation_id: Any = None) -> JournalEvent:
        return JournalEvent(
            channel=channel,
            type=kind,
            data=row,
            at_ns=self._cell.clock.now_ns(),
            account_id=AccountId(slot.row.account_id),
            correlation_id=correlation_id,
        )

    # --- The cell ---------------------------------------------------------------------------------------------------

    @handles(UnitsCommitted)
    def on_committed(self, message: UnitsCommitted) -> None:
        """Give the answers whose units are durable."""
        self._outbox.release(message)

    @handles(StoreStatus)
    def on_store(self, message: StoreStatus) -> None:
        """Refuse changes while the database is away."""
        self._is_store_away = not message.available

    @handles(CellHalted)
    def on_halted(self, message: CellHalted) -> None:
        """Answer nothing more: what this cell still says is not durable."""
        if message.fence == self._cell.numbers.fence:
            self._outbox.close()
