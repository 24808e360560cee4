"""Wires one cell: which actor is handed what, from the ledger at the bottom to the reconciler that opens an account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Protocol

from actors.agent_coordinator import AgentCoordinator
from actors.api.cells import AccountRefs
from actors.cell import Cell, Instruments
from actors.dead_man import DeadMan
from actors.executors.desk import ExecutorDesk
from actors.ledger import Ledger, LedgerLoad
from actors.order_loading import restored_order
from actors.order_router import OrderRouter
from actors.readiness import Readiness
from actors.reconciler import Reconciler
from actors.risk_gate import RiskGate
from engine.bootstrap.account_connection import OwnConnections, connect
from engine.bootstrap.cell_loads import WiredAccount, agent_load, gate_account, losses
from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import AccountId, UserId, Venue
from engine.domain.ports import Marks
from engine.messages.archive import OrderArchive
from engine.messages.load import AccountState, CellState
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
    own: OwnConnections | None = None
    """Connections of live accounts; None where every account shares its venue's connector."""
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
    capabilities: Mapping[Venue | AccountId, Capabilities | None] = field(default_factory=dict)
    """What the venues of its accounts can do, as the actors were told; None where nobody could say.

    Under the account's id where the account has a connection of its own.
    """


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
    accounts = await _start_accounts(ports, cell, state, started)
    agents = [agent_load(each) for each in state.agents if each.row.account_id in {a.id for a in accounts}]
    gate = await ports.system.start(
        RiskGate,
        name=f"gate/{cell.user_id}",
        cell=cell,
        accounts=[gate_account(each) for each in accounts],
        instruments=ports.instruments,
        marks=ports.marks,
        archive=ports.archive,
        defaults=defaults,
        limits=state.limits,
        states=state.states,
        halts=state.halts,
        **losses(state, accounts),
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
    return Wired(
        cell.numbers.fence,
        gate,
        coordinator,
        executors,
        tuple(each.id for each in accounts),
        started,
        doors,
        _declared(ports, accounts),
    )


async def _start_accounts(
    ports: CellPorts, cell: Cell, state: CellState, started: list[Ref[Any]]
) -> list[WiredAccount]:
    """Start what stands below the gate, of every account for which there is somebody who takes its orders."""
    accounts = []
    for each in state.accounts:
        connector = await _connector_of(ports, cell, each, started)
        if connector is not None:
            accounts.append(await _start_account(ports, cell, each, connector, started))
    return accounts


def _declared(ports: CellPorts, accounts: Sequence[WiredAccount]) -> dict[Venue | AccountId, Capabilities | None]:
    """Return what was said of venues, and of accounts that have a connection of their own."""
    shared = [each for each in accounts if not _has_own(ports, each)]
    # One account that could not ask is reason enough to load the cell again when its venue comes.
    unasked = {each.state.row.exchange for each in shared if each.capabilities is None}
    declared: dict[Venue | AccountId, Capabilities | None] = {
        each.state.row.exchange: None if each.state.row.exchange in unasked else each.capabilities for each in shared
    }
    return declared | {each.id: each.capabilities for each in accounts if _has_own(ports, each)}


async def _connector_of(ports: CellPorts, cell: Cell, state: AccountState, started: list[Ref[Any]]) -> Ref[Any] | None:
    return await connect(
        state.row,
        cell.user_id,
        system=ports.system,
        readiness=ports.readiness,
        shared=ports.connectors,
        own=ports.own,
        started=started,
    )


def _has_own(ports: CellPorts, account: WiredAccount) -> bool:
    return account.connector is not ports.connectors.get(account.state.row.exchange)


async def _start_account(
    ports: CellPorts, cell: Cell, state: AccountState, connector: Ref[Any], started: list[Ref[Any]]
) -> WiredAccount:
    account_id = AccountId(state.row.id)
    # A venue may say at the opening already what it took back meanwhile; nobody is there yet to hear it.
    voids: list[VenueTradeVoided] = []
    heard = ports.bus.subscribe(VenueTradeVoided, voids.append, key=account_id)
    try:
        capabilities = await _open_account(ports, cell, state, connector)
        account = await _start_books(ports, cell, state, connector, capabilities, started)
    finally:
        heard.cancel()
    for void in voids:
        account.router.tell(void)
    return account


async def _start_books(
    ports: CellPorts,
    cell: Cell,
    state: AccountState,
    connector: Ref[Any],
    capabilities: Capabilities | None,
    started: list[Ref[Any]],
) -> WiredAccount:
    row = state.row
    account_id, venue = AccountId(row.id), row.exchange
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
    return WiredAccount(state, connector, router, ledger, open_orders, capabilities)


async def _open_account(ports: CellPorts, cell: Cell, state: AccountState, connector: Ref[Any]) -> Capabilities | None:
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
        answer: AccountOpened | CannotTell = await connector.ask(message, timeout_s=OPEN_TIMEOUT_S)
    except Timeout:
        pass
    else:
        if isinstance(answer, AccountOpened):
            return answer.capabilities
        why = answer.why
    ports.readiness.report(f"account:{row.id}", ready=False, reason=f"{row.exchange}: {why}")
    return None


async def _start_reconciler(ports: CellPorts, cell: Cell, account: WiredAccount, trigger: str) -> Ref[Any]:
    venue, declared = account.state.row.exchange, account.capabilities
    return await ports.system.start(
        Reconciler,
        name=f"reconciler/{account.id}",
        cell=cell,
        account_id=account.id,
        venue=venue,
        connector=account.connector,
        has_own_connection=_has_own(ports, account),
        router=account.router,
        watermark=account.state.watermark,
        discrepancies=account.state.discrepancies,
        trigger=trigger,
        opening_lag_ns=None if account.state.is_opened else 0 if declared is None else declared.read_lag_ns,
    )


async def _start_dead_man(ports: CellPorts, cell: Cell, account: WiredAccount, gate: Ref[Any]) -> Ref[Any]:
    row = account.state.row
    return await ports.system.start(
        DeadMan,
        name=f"dead-man/{account.id}",
        cell=cell,
        account_id=account.id,
        venue=row.exchange,
        connector=account.connector,
        gate=gate,
        router=account.router,
        timeout_ns=(row.dead_man_ms or 0) * 1_000_000,
        capabilities=account.capabilities,
    )
