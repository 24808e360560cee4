"""The one way to an order: every intent of a user passes here, is checked against every rule, and reserves exposure.

The gate knows the reservations of all accounts and agents of the user, the limits and the trading states. What it
refuses becomes an order row that was never sent, with code, limit and value. Halts overtake everything else.

While the database is away nothing passes but cancels and halts.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from actors.cell import AgentLoad, Cell, Instruments
from actors.checks import Checks
from actors.exposures import Exposures
from actors.gate_load import GateAccount, rebuild
from actors.intent_memory import IntentMemory, is_own_key, nothing_of
from actors.limit_book import LimitBook
from actors.outbox import Outbox
from actors.trading_states import TradingStates
from engine.domain.errors import BadInput, DependencyAway, NotReady
from engine.domain.identifiers import AccountId, AgentId, OrderId
from engine.domain.instrument import Instrument
from engine.domain.kinds import Scope, TradingState
from engine.domain.ports import Marks
from engine.domain.position import Position
from engine.domain.values import ZERO
from engine.domain.violation import Violation
from engine.messages.archive import OrderArchive
from engine.messages.cell import AccountReadiness, BalancesChanged, DefaultLimitsChanged
from engine.messages.orders import (
    CancelAnswer,
    CancelOrder,
    CancelOrders,
    CheckIntent,
    Denial,
    DenyOrder,
    FillBooked,
    OrderAnswer,
    OrderChanged,
    OrderIntent,
    PlaceOrder,
    SubmitOrder,
)
from engine.messages.risk import Halt, HaltAnswer, LimitChanged, Resume, ScopeState, StateAnswer, StateQuery
from engine.messages.rows import OrderRow, TradingStateRow
from engine.messages.rows_people import LimitRow
from engine.messages.writing import CellHalted, CommandRecord, JournalEvent, StoreStatus, UnitsCommitted, WriteUnit
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Subscription
from engine.runtime.future import AsyncioFuture

CANCEL_TIMEOUT_S: Final = 30.0
"""Seconds for a router to answer a cancel; it answers at once or after one commit."""
AWAY: Final = "not_ready"
"""Code of a denial while the database is away."""


class IntentLooked(msgspec.Struct, frozen=True):
    """To myself: what the archive knows of an intent; an error if it could not be asked."""

    message: PlaceOrder
    found: OrderId | None
    reply: AsyncioFuture[OrderAnswer]
    error: Exception | None = None


class RiskGate(AsyncioActor):
    """One per user."""

    def __init__(
        self,
        *,
        cell: Cell,
        accounts: Sequence[GateAccount],
        instruments: Instruments,
        marks: Marks,
        archive: OrderArchive,
        defaults: Mapping[str, Any] | None = None,
        limits: Iterable[LimitRow] = (),
        states: Iterable[TradingStateRow] = (),
        agents: Iterable[AgentLoad] = (),
        recent_orders: Iterable[OrderRow] = (),
    ) -> None:
        """Keep what it works with, and rebuild what is reserved.

        Args:
            cell: What the cell shares. Changes of orders, fills, balances and readiness come over its bus.
            accounts: All of the user, with their routers.
            instruments: All that may be traded.
            marks: Newest prices and whether they are stale.
            archive: Asked for intents with a key of the caller's choice.
            defaults: Limit type -> value for every account.
            limits: Of `trading_limits`.
            states: Of `trading_states`.
            agents: For their positions.
            recent_orders: The newest orders of any status, oldest first: their keys are known without the archive.
        """
        super().__init__()
        self._cell = cell
        self._routers = {account.account_id: account.router for account in accounts}
        self._venues = {account.account_id: account.venue for account in accounts}
        self._instruments = instruments
        self._marks = marks
        self._archive = archive
        self._exposures = Exposures(cell.user_id, instruments)
        self._limits = LimitBook(cell.user_id, limits, defaults or {})
        self._states = TradingStates(cell.user_id, states)
        self._checks = Checks(exposures=self._exposures, limits=self._limits, states=self._states, marks=marks)
        self._intents = IntentMemory()
        self._outbox = Outbox(cell.numbers, cell.bus, self.actor_ref)
        self._is_store_away = False
        self._subscriptions: list[Subscription] = []
        for account in accounts:
            self._checks.not_ready[account.account_id] = "starting"
        rebuild(self._exposures, accounts, agents, instruments=instruments, marks=marks)
        for row in recent_orders:
            self._intents.keep_row(row)

    def on_start(self) -> None:
        """Follow orders, fills, balances and readiness of the cell."""
        tell, bus, user = self.actor_ref.tell, self._cell.bus, self._cell.user_id
        self._subscriptions = [bus.subscribe(StoreStatus, tell)]
        for kind in (CellHalted, OrderChanged, FillBooked, BalancesChanged, AccountReadiness):
            self._subscriptions.append(bus.subscribe(kind, tell, key=user))

    def on_stop(self) -> None:
        """Let nothing pass any more."""
        self._outbox.close()
        for subscription in self._subscriptions:
            subscription.cancel()

    def on_failure(self, *_error: Any) -> None:
        """Let nothing pass any more; the cell starts again from the store."""
        self.on_stop()

    # --- Intents ------------------------------------------------------------------------------------------------------

    @handles(PlaceOrder)
    def on_place(self, message: PlaceOrder) -> AsyncioFuture[OrderAnswer]:
        """Check a person's order. Answered when its unit, or its denial's, is durable.

        Raises:
            NotReady: The database is away.
            BadInput: The account or the instrument is unknown.
        """
        self._require_store()
        self._instrument(message.intent)
        reply: AsyncioFuture[OrderAnswer] = self.new_future()
        if self._intents.find(message.intent) is None and is_own_key(message.intent):
            self.spawn(self._look(message, reply), name="look-up-intent")
        else:
            self._place(message, reply)
        return reply

    async def _look(self, message: PlaceOrder, reply: AsyncioFuture[OrderAnswer]) -> None:
        intent = message.intent
        found: OrderId | None = None
        failure: Exception | None = None
        try:
            found = await self._archive.find_intent(intent.account_id, intent.intent_key, intent.client_order_id)
        except DependencyAway as error:
            failure = error
        self.actor_ref.tell(IntentLooked(message, found, reply, failure))

    @handles(IntentLooked)
    def on_looked(self, message: IntentLooked) -> None:
        """Go on with an intent whose key might have been used before."""
        intent = message.message.intent
        if message.error is not None or self._is_store_away:
            message.reply.fail(message.error or self._away())
            return
        if message.found is not None:
            self._intents.keep(intent.account_id, message.found, intent.intent_key, intent.client_order_id)
        self._place(message.message, message.reply)

    def _place(self, message: PlaceOrder, reply: AsyncioFuture[OrderAnswer]) -> None:
        intent = message.intent
        unit = self._cell.numbers.open(intent.correlation_id, message.record.rows)
        first = self._intents.find(intent)
        if first is not None:
            self._cell.writer.tell(unit)
            answer = OrderAnswer(order_id=first, duplicate=True)
        else:
            denial = self._decide(intent, unit)
            answer = OrderAnswer(order_id=intent.order_id, denial=denial)
        self._hold(unit, partial(reply.set, answer))

    @handles(CheckIntent)
    def on_check(self, message: CheckIntent) -> None:
        """Check an intent of an agent or executor."""
        intent = message.intent
        if self._intents.find(intent) is not None:
            # Told twice: the first order stands, and whoever counts on this one hears that nothing comes of it.
            self._cell.writer.tell(message.unit)
            self._cell.bus.publish(nothing_of(intent), key=self._cell.user_id)
            return
        self._decide(intent, message.unit)

    def _decide(self, intent: OrderIntent, unit: WriteUnit) -> Denial | None:
        """Pass an intent on with its unit, accepted or denied."""
        router = self._routers[intent.account_id]
        instrument = self._instrument(intent)
        now_ns = self._cell.clock.now_ns()
        self._intents.keep(intent.account_id, intent.order_id, intent.intent_key, intent.client_order_id)
        price = self._checks.value_at(intent)
        denial: Denial | None = None
        if self._is_store_away:
            denial = Denial(code=AWAY, limit="the database", value="away")
        else:
            broken = self._checks.check(intent, instrument, price, now_ns)
            if broken is not None:
                denial = _denial(broken)
        if denial is not None:
            router.tell(DenyOrder(intent=intent, denial=denial, unit=unit))
            return denial
        self._checks.count(intent, now_ns)
        self._exposures.take(intent, instrument, price or ZERO)
        router.tell(SubmitOrder(intent=intent, unit=unit))
        return None

    def _instrument(self, intent: OrderIntent) -> Instrument:
        if intent.account_id not in self._routers:
            raise BadInput("account_id", expected="an account of this user", was=str(intent.account_id))
        found = self._instruments.get((intent.venue, intent.symbol))
        if found is None or intent.venue != self._venues[intent.account_id]:
            raise BadInput("symbol", expected=f"an instrument of {self._venues[intent.account_id]}", was=intent.symbol)
        return found

    # --- Cancels ------------------------------------------------------------------------------------------------------

    @handles(CancelOrder)
    def on_cancel(self, message: CancelOrder) -> AsyncioFuture[CancelAnswer] | CancelAnswer:
        """Hand a cancel to the router, whose answer is the answer."""
        router = self._routers.get(message.account_id)
        if router is None:
            return CancelAnswer(order_ids=(), reason="not_found")
        return router.ask(message, timeout_s=CANCEL_TIMEOUT_S)

    @handles(CancelOrders)
    def on_cancel_orders(self, message: CancelOrders) -> AsyncioFuture[CancelAnswer] | CancelAnswer:
        """Hand a cancel of many to every router that it concerns, and join their answers."""
        account_ids = [each for each in self._routers if message.account_id in (None, each)]
        if not account_ids:
            return CancelAnswer(order_ids=(), reason="not_found")
        first, *others = (
            # The record of the command travels once.
            self._routers[account_id].ask(
                message if place == 0 else msgspec.structs.replace(message, record=None), timeout_s=CANCEL_TIMEOUT_S
            )
            for place, account_id in enumerate(account_ids)
        )
        return first.join(*others).map(_joined)

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

    # --- What happens in the cell -------------------------------------------------------------------------------------

    @handles(OrderChanged)
    def on_order(self, message: OrderChanged) -> None:
        """Follow what an order may still fill."""
        self._exposures.change(message, self._marks.price(message.venue, message.symbol))

    @handles(FillBooked)
    def on_fill(self, message: FillBooked) -> None:
        """Move a fill from what is reserved to what is held."""
        self._exposures.fill(message)

    @handles(BalancesChanged)
    def on_balances(self, message: BalancesChanged) -> None:
        """Take in opening balances and positions."""
        self._exposures.own(message.account_id, message.totals)
        venue = self._venues[message.account_id]
        for symbol, size, average_price in message.positions:
            position = Position.restored(self._instruments[venue, symbol], size=size, average_price=average_price)
            self._exposures.hold_for_account(message.account_id, position)

    @handles(AccountReadiness)
    def on_readiness(self, message: AccountReadiness) -> None:
        """Let an account trade, or only reduce."""
        if message.is_ready:
            self._checks.not_ready.pop(message.account_id, None)
        else:
            self._checks.not_ready[message.account_id] = message.reason

    @handles(LimitChanged)
    def on_limit(self, message: LimitChanged) -> None:
        """Use a limit from the next intent on."""
        self._limits.change(message)

    @handles(DefaultLimitsChanged)
    def on_default_limits(self, message: DefaultLimitsChanged) -> None:
        """Use other defaults from the next intent on."""
        self._limits.use_defaults(dict(message.limits))

    @handles(UnitsCommitted)
    def on_committed(self, message: UnitsCommitted) -> None:
        """Give the answers whose units are durable."""
        self._outbox.release(message)

    @handles(StoreStatus)
    def on_store(self, message: StoreStatus) -> None:
        """Refuse intents while the database is away."""
        self._is_store_away = not message.available

    @handles(CellHalted)
    def on_halted(self, message: CellHalted) -> None:
        """Answer nothing more: what this cell still says is not durable."""
        if message.fence == self._cell.numbers.fence:
            self._is_store_away = True
            self._outbox.close()

    def _hold(self, unit: WriteUnit, send: Any) -> None:
        assert unit.n is not None, "expected a unit of the cell"
        self._outbox.hold(unit.n, send)

    def _require_store(self) -> None:
        if self._is_store_away:
            raise self._away()

    @staticmethod
    def _away() -> NotReady:
        return NotReady("database", why="nothing but cancels and halts passes while it is away", retry_after_s=1.0)


def _denial(broken: Violation) -> Denial:
    return Denial(code=broken.code, limit=broken.limit, value=broken.value, message=str(broken))


def _joined(answers: Any) -> CancelAnswer:
    order_ids = tuple(order_id for answer in answers for order_id in answer.order_ids)
    return CancelAnswer(order_ids=order_ids, durable=all(answer.durable for answer in answers))
