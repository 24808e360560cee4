"""What a gate knows, and how it follows its cell: orders, fills, balances, limits, readiness, the database.

`RiskGate` (risk_gate.py) adds the ways in: intents and cancels; gate_halts.py and gate_amends.py add theirs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from actors.cell import AgentLoad, Cell, Instruments
from actors.checks import Checks
from actors.exposures import Exposures
from actors.gate_load import GateAccount, rebuild
from actors.intent_memory import IntentMemory
from actors.limit_book import LimitBook
from actors.outbox import Outbox
from actors.proving_alive import ProvingAlive
from actors.trading_states import TradingStates
from engine.domain.errors import CatchingUp, NotReady
from engine.domain.identifiers import AccountId, AgentId
from engine.domain.ports import Marks
from engine.domain.position import Position
from engine.messages.archive import OrderArchive
from engine.messages.cell import AccountReadiness, BalancesChanged, DefaultLimitsChanged
from engine.messages.orders import FillBooked, OrderChanged
from engine.messages.risk import AccountGuarded, LimitChanged
from engine.messages.rows import OrderRow, TradingStateRow
from engine.messages.rows_halts import HaltRow
from engine.messages.rows_people import LimitRow
from engine.messages.venues import VenueConnection
from engine.messages.writing import CellHalted, StoreStatus, UnitsCommitted, WriteUnit
from engine.runtime.actor import handles
from engine.runtime.bus import Subscription


class GateCore(ProvingAlive):
    """State of a gate; see `RiskGate`."""

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
        halts: Iterable[HaltRow] = (),
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
            halts: Those that nobody has lifted.
        """
        super().__init__()
        self._halt_rows = tuple(halts)
        agents = tuple(agents)
        self._account_of_agent = {AgentId(each.row.id): AccountId(each.row.account_id) for each in agents}
        self._cell = cell
        self._routers = {account.account_id: account.router for account in accounts}
        self._venues = {account.account_id: account.venue for account in accounts}
        self._instruments = instruments
        self._marks = marks
        self._archive = archive
        self._exposures = Exposures(cell.user_id, instruments)
        self._limits = LimitBook(cell.user_id, limits, defaults or {})
        self._states = TradingStates(cell.user_id, states)
        self._checks = Checks(
            exposures=self._exposures,
            limits=self._limits,
            states=self._states,
            marks=marks,
            capabilities={each.account_id: each.capabilities for each in accounts},
        )
        self._intents = IntentMemory()
        self._outbox = Outbox(cell.numbers, cell.bus, self.actor_ref)
        self._is_store_away = False
        self._subscriptions: list[Subscription] = []
        for account in accounts:
            self._checks.not_ready[account.account_id] = "starting"
            if account.is_guarded:
                self._checks.unguarded[account.account_id] = "it has not been armed yet"
        rebuild(self._exposures, accounts, agents, instruments=instruments, marks=marks)
        for row in recent_orders:
            self._intents.keep_row(row)

    def on_start(self) -> None:
        """Follow orders, fills, balances and readiness of the cell."""
        tell, bus, user = self.actor_ref.tell, self._cell.bus, self._cell.user_id
        self._subscriptions = [bus.subscribe(StoreStatus, tell)]
        for kind in (CellHalted, OrderChanged, FillBooked, BalancesChanged, AccountReadiness, AccountGuarded):
            self._subscriptions.append(bus.subscribe(kind, tell, key=user))
        # A live account has a connection of its own.
        for key in {*self._venues.values(), *self._venues}:
            self._subscriptions.append(bus.subscribe(VenueConnection, tell, key=key))

    def on_stop(self) -> None:
        """Let nothing pass any more."""
        self._outbox.close()
        for subscription in self._subscriptions:
            subscription.cancel()

    def on_failure(self, *_error: Any) -> None:
        """Let nothing pass any more; the cell starts again from the store."""
        self.on_stop()

    # --- What happens in the cell -------------------------------------------------------------------------------------

    @handles(OrderChanged)
    def on_order(self, message: OrderChanged) -> None:
        """Follow what an order may still fill."""
        if message.agent_id is not None:
            self._account_of_agent[message.agent_id] = message.account_id
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
        """Let an account trade, or only reduce; of one that trades some symbols may only reduce."""
        self._checks.shut[message.account_id] = frozenset((*message.symbols, *message.assets))
        if message.is_ready:
            self._checks.not_ready.pop(message.account_id, None)
        else:
            self._checks.not_ready[message.account_id] = message.reason

    @handles(AccountGuarded)
    def on_guarded(self, message: AccountGuarded) -> None:
        """Open no risk on an account whose dead-man switch is not armed although it should be."""
        if message.is_armed:
            self._checks.unguarded.pop(message.account_id, None)
        else:
            self._checks.unguarded[message.account_id] = message.reason

    @handles(VenueConnection)
    def on_connection(self, message: VenueConnection) -> None:
        """Learn what a venue can do that could not be asked when the cell started."""
        if message.connected and message.capabilities is not None:
            for account_id, venue in self._venues.items():
                if venue == message.venue and message.account_id in (None, account_id):
                    self._checks.able[account_id] = message.capabilities

    def count_open(self, account_id: AccountId) -> int:
        """Return how many orders of an account are not over."""
        return self._exposures.open_orders(account_id, None)

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

    def _hold(self, unit: WriteUnit, send: Callable[[], None]) -> None:
        assert unit.n is not None, "expected a unit of the cell"
        self._outbox.hold(unit.n, send)

    def _require_store(self) -> None:
        if self._is_store_away:
            raise self._away()

    def _require_present(self, account_id: AccountId) -> None:
        """Refuse what a person decides on prices of the past."""
        venue = self._venues.get(account_id)
        if venue is not None and self._marks.is_past(venue):
            raise CatchingUp(venue)

    @staticmethod
    def _away() -> NotReady:
        return NotReady("database", why="nothing but cancels and halts passes while it is away", retry_after_s=1.0)
