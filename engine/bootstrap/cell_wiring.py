"""Wires one cell: which actor is handed what, from the ledger at the bottom to the reconciler that opens an account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Protocol

from actors.agent_coordinator import AgentCoordinator
from actors.api.cells import AccountRefs
from actors.cell import AgentLoad, AgentPosition, Cell, Instruments
from actors.dead_man import DeadMan
from actors.executors.desk import ExecutorDesk
from actors.gate_load import GateAccount
from actors.ledger import Ledger, LedgerLoad
from actors.order_loading import restored_order
from actors.order_router import OrderRouter
from actors.readiness import Readiness
from actors.reconciler import Reconciler
from actors.risk_gate import RiskGate
from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import AccountId, UserId, Venue
from engine.domain.ports import Marks
from engine.messages.archive import OrderArchive
from engine.messages.load import AccountState, AgentState, CellState
from engine.messages.orders import OrderChanged
from engine.messages.venues import AccountOpened, CannotTell, OpenAccount, VenueTradeVoided
from engine.messages.writing import UnitNumbers
from engine.runtime.bus import Bus
from engine.runtime.clock import Clock
from engine.runtime.entropy import Ids
from engine.runtime.errors import Timeout
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem

OPEN_TIMEOUT_S: Final = 15.0
"""Longer than a connector waits for its venue."""


class CellLeases(Protocol):
    """Leases of this process."""

    async def acquire(self, user_id: UserId) -> int | None:
        """Take a user's lease; its new fence, None while another node has it."""

    async def holder(self, user_id: UserId) -> str:
        """Say who has a user's lease, for people; empty if nobody has."""

    async def release(self, user_ids: tuple[UserId, ...]) -> None:
        """Give leases back."""


class Loader(Protocol):
    """Reads the past of a cell."""

    async def cell(self, user_id: UserId) -> CellState | None:
        """Read a cell; None if there is no such user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPorts:
    """What every cell is made of."""

    system: ActorSystem
    bus: Bus
    wall: Clock
    market: Clock
    ids: Ids
    writer: Ref[Any]
    marks: Marks
    instruments: Instruments
    connectors: Mapping[Venue, Ref[Any]]
    """Venue -> who takes orders for it."""
    archive: OrderArchive
    loader: Loader
    leases: CellLeases
    readiness: Readiness
    session: str = ""
    """Name of the replay session."""
    router_limits: Mapping[str, int] = field(default_factory=dict)
    """Arguments of the routers that differ from the usual ones: simulations make rare paths usual by them."""


@dataclass(slots=True)
class Wired:
    """A cell that runs."""

    fence: int
    gate: Ref[Any]
    coordinator: Ref[Any]
    executors: Ref[Any]
    accounts: tuple[AccountId, ...] = ()
    actors: list[Ref[Any]] = field(default_factory=list)
    """In order of start."""
    doors: Mapping[AccountId, AccountRefs] = field(default_factory=dict)
    capabilities: Mapping[Venue, Capabilities | None] = field(default_factory=dict)
    """What the venues of its accounts can do, as the actors were told; None where nobody could say."""


class _Account:
    """The actors of one account."""

    def __init__(
        self,
        state: AccountState,
        router: Ref[Any],
        ledger: Ref[Any],
        open_orders: tuple[OrderChanged, ...],
        capabilities: Capabilities | None,
    ) -> None:
        self.id = AccountId(state.row.id)
        self.state = state
        self.router = router
        self.ledger = ledger
        self.open_orders = open_orders
        self.capabilities = capabilities


async def wire_cell(
    ports: CellPorts,
    user_id: UserId,
    fence: int,
    state: CellState,
    defaults: Mapping[str, Decimal],
    *,
    trigger: str = "start",
) -> Wired:
    """Start the actors of a cell, bottom first; the reconcilers open its accounts when they have compared.

    Accounts at a venue that this engine does not run are left alone, with the reason in the readiness table.

    Args:
        ports: What every cell is made of.
        user_id: Whose cell.
        fence: Of its lease.
        state: As it was left.
        defaults: Limits for accounts that have none of their own.
        trigger: Why its accounts are compared first: `start`, or `takeover` from another node.

    Raises:
        Exception: What kept an actor from starting. Those that had started are stopped again.
    """
    numbers = UnitNumbers(user_id, fence, ports.ids)
    cell = Cell(numbers=numbers, clock=ports.market, wall=ports.wall, ids=ports.ids, bus=ports.bus, writer=ports.writer)
    started: list[Ref[Any]] = []
    try:
        return await _wire(ports, cell, state, defaults, started, trigger)
    except BaseException:
        for ref in reversed(started):
            await ref.halt()
        raise


async def _wire(
    ports: CellPorts,
    cell: Cell,
    state: CellState,
    defaults: Mapping[str, Decimal],
    started: list[Ref[Any]],
    trigger: str,
) -> Wired:
    accounts = [await _start_account(ports, cell, each, started) for each in state.accounts if _is_served(ports, each)]
    agents = [_agent_load(each) for each in state.agents if each.row.account_id in {a.id for a in accounts}]
    gate = await ports.system.start(
        RiskGate,
        name=f"gate/{cell.user_id}",
        cell=cell,
        accounts=[_gate_account(each) for each in accounts],
        instruments=ports.instruments,
        marks=ports.marks,
        archive=ports.archive,
        defaults=defaults,
        limits=state.limits,
        states=state.states,
        halts=state.halts,
        time_zone=state.time_zone,
        risk_days=state.risk_days,
        trips=state.trips,
        agents=agents,
        recent_orders=state.recent_orders,
    )
    started.append(gate)
    started += [await _start_dead_man(ports, cell, each, gate) for each in accounts if each.state.row.dead_man_ms]
    coordinator = await ports.system.start(
        AgentCoordinator,
        name=f"coordinator/{cell.user_id}",
        cell=cell,
        gate=gate,
        instruments=ports.instruments,
        venues={each.id: each.state.row.exchange for each in accounts},
        agents=agents,
        open_orders=[load.row for each in accounts for load in each.state.orders],
        session=ports.session,
    )
    started.append(coordinator)
    executors = await ports.system.start(
        ExecutorDesk,
        name=f"executors/{cell.user_id}",
        cell=cell,
        gate=gate,
        instruments=ports.instruments,
        marks=ports.marks,
        venues={each.id: each.state.row.exchange for each in accounts},
        executors=state.executors,
        states=state.states,
        halts=state.halts,
    )
    started.append(executors)
    doors: dict[AccountId, AccountRefs] = {}
    for each in accounts:
        reconciler = await _start_reconciler(ports, cell, each, trigger)
        started.append(reconciler)
        doors[each.id] = AccountRefs(reconciler=reconciler, ledger=each.ledger)
    # One account that could not ask is reason enough to load the cell again when its venue comes.
    unasked = {each.state.row.exchange for each in accounts if each.capabilities is None}
    declared = {
        each.state.row.exchange: None if each.state.row.exchange in unasked else each.capabilities for each in accounts
    }
    return Wired(
        cell.numbers.fence, gate, coordinator, executors, tuple(each.id for each in accounts), started, doors, declared
    )


def _is_served(ports: CellPorts, account: AccountState) -> bool:
    part = f"account:{account.row.id}"
    if account.row.exchange in ports.connectors:
        ports.readiness.expect(part)
        return True
    ports.readiness.report(part, ready=False, reason=f"venue {account.row.exchange} does not run here")
    return False


async def _start_account(ports: CellPorts, cell: Cell, state: AccountState, started: list[Ref[Any]]) -> _Account:
    account_id = AccountId(state.row.id)
    # A venue may say at the opening already what it took back meanwhile; nobody is there yet to hear it.
    voids: list[VenueTradeVoided] = []
    heard = ports.bus.subscribe(VenueTradeVoided, voids.append, key=account_id)
    try:
        capabilities = await _open_account(ports, cell, state)
        account = await _start_books(ports, cell, state, capabilities, started)
    finally:
        heard.cancel()
    for void in voids:
        account.router.tell(void)
    return account


async def _start_books(
    ports: CellPorts, cell: Cell, state: AccountState, capabilities: Capabilities | None, started: list[Ref[Any]]
) -> _Account:
    row = state.row
    account_id, venue = AccountId(row.id), row.exchange
    connector = ports.connectors[venue]
    orders = [restored_order(load) for load in state.orders]
    open_orders = tuple(live.changed() for live in orders)
    ledger = await ports.system.start(
        Ledger,
        name=f"ledger/{account_id}",
        cell=cell,
        account_id=account_id,
        venue=venue,
        instruments=ports.instruments,
        marks=ports.marks,
        load=LedgerLoad(
            positions=state.positions,
            balances=state.balances,
            discrepancies=state.discrepancies,
            trades=state.recent_trades,
            lots=state.lots,
            is_opened=state.is_opened,
        ),
        open_orders=open_orders,
    )
    started.append(ledger)
    router = await ports.system.start(
        OrderRouter,
        name=f"router/{account_id}",
        cell=cell,
        account_id=account_id,
        venue=venue,
        connector=connector,
        ledger=ledger,
        archive=ports.archive,
        orders=orders,
        instruments=ports.instruments,
        tombstones=state.tombstones,
        capabilities=capabilities,
        **ports.router_limits,
    )
    started.append(router)
    return _Account(state, router, ledger, open_orders, capabilities)


async def _open_account(ports: CellPorts, cell: Cell, state: AccountState) -> Capabilities | None:
    """Introduce an account to its venue; return what that can do, None if it cannot be asked now.

    A venue that is away keeps no cell from starting: the account is not ready until the venue is there, and then the
    cell is loaded again with what it can do (`CellHost`).
    """
    row = state.row
    given = {asset: Decimal(amount) for asset, amount in (row.starting_balances or {}).items()}
    message = OpenAccount(
        account_id=AccountId(row.id),
        user_id=cell.user_id,
        kind=row.account_type,
        # Nobody gives money to a live account: it has what its venue says.
        starting_balances={} if row.mode == "live" else given,
    )
    why = "the venue does not answer"
    try:
        answer: AccountOpened | CannotTell = await ports.connectors[row.exchange].ask(message, timeout_s=OPEN_TIMEOUT_S)
    except Timeout:
        pass
    else:
        if isinstance(answer, AccountOpened):
            return answer.capabilities
        why = answer.why
    ports.readiness.report(f"account:{row.id}", ready=False, reason=f"{row.exchange}: {why}")
    return None


async def _start_reconciler(ports: CellPorts, cell: Cell, account: _Account, trigger: str) -> Ref[Any]:
    venue = account.state.row.exchange
    return await ports.system.start(
        Reconciler,
        name=f"reconciler/{account.id}",
        cell=cell,
        account_id=account.id,
        venue=venue,
        connector=ports.connectors[venue],
        router=account.router,
        watermark=account.state.watermark,
        discrepancies=account.state.discrepancies,
        trigger=trigger,
    )


async def _start_dead_man(ports: CellPorts, cell: Cell, account: _Account, gate: Ref[Any]) -> Ref[Any]:
    row = account.state.row
    return await ports.system.start(
        DeadMan,
        name=f"dead-man/{account.id}",
        cell=cell,
        account_id=account.id,
        venue=row.exchange,
        connector=ports.connectors[row.exchange],
        gate=gate,
        router=account.router,
        timeout_ns=(row.dead_man_ms or 0) * 1_000_000,
        capabilities=account.capabilities,
    )


def _gate_account(account: _Account) -> GateAccount:
    return GateAccount(
        account_id=account.id,
        venue=account.state.row.exchange,
        router=account.router,
        capabilities=account.capabilities,
        is_guarded=bool(account.state.row.dead_man_ms),
        positions=account.state.positions,
        balances=account.state.balances,
        open_orders=account.open_orders,
    )


def _agent_load(agent: AgentState) -> AgentLoad:
    return AgentLoad(
        row=agent.row,
        version=agent.version,
        state=agent.state,
        input_position=agent.input_position,
        positions=tuple(
            AgentPosition(
                symbol=each.symbol,
                size=each.size,
                average_price=each.average_price,
                realized_pnl=each.realized_pnl,
                fees=each.fees,
            )
            for each in agent.holdings
        ),
    )
