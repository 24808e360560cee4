"""A whole cell to play with: every actor of it, a real paper venue and the memory stores; time is turned by hand.

`CellRig.crash` drops everything but the stores, as `kill -9` does, and `start` builds the cell again from them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Self, TypeVar
from uuid import UUID

import msgspec

from actors.agent_coordinator import AgentCoordinator
from actors.cell import AgentLoad, AgentPosition, Cell, Instruments
from actors.gate_load import GateAccount
from actors.ledger import Ledger, LedgerLoad
from actors.marks import MarkTable
from actors.order_loading import restored_order
from actors.order_router import OrderRouter
from actors.reconciler import Reconciler
from actors.risk_gate import RiskGate
from connectors.paper.capabilities import capabilities
from connectors.paper.latency import PaperLatency
from connectors.paper.venue import PaperVenue
from engine.domain.capabilities import AmendKind, Capabilities
from engine.domain.identifiers import AgentId, OrderId
from engine.domain.instrument import Instrument
from engine.domain.kinds import Side
from engine.domain.position import Position
from engine.messages.market import QuoteTick
from engine.messages.orders import OrderChanged
from engine.messages.rows import (
    AgentRow,
    BalanceRow,
    DiscrepancyRow,
    EquityPointRow,
    OrderRow,
    PositionRow,
    Row,
    TradeRow,
    TradingStateRow,
    WatermarkRow,
)
from engine.messages.rows_halts import HaltRow
from engine.messages.rows_losses import LimitTripRow, RiskDayRow
from engine.messages.rows_people import LimitRow
from engine.messages.rows_trades import LotRow, TradeEvidenceRow
from engine.messages.venues import OpenAccount
from engine.messages.writing import CommittedEvent, UnitNumbers
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from storage.memory import MemoryFactStore, MemoryPaperStore
from storage.writer import StorageWriter
from tests.support.cell_builders import ACCOUNT, AGENT, START_NS, USER, an_id
from tests.support.domain import a_perpetual
from tests.support.memory_past import MemoryArchive, all_rows, live_rows, order_load

D = Decimal
READ_LAG_NS = 2_000_000_000  # As the venue of a rig declares it.

R = TypeVar("R", bound=Row)


def an_agent(kind: str = "trend_follower", number: int = 3, **changes: Any) -> AgentRow:
    """Return an active trend follower on the perpetual, configured for the reference stream."""
    fields: dict[str, Any] = {
        "id": AGENT if number == 3 else AgentId(an_id(number)),
        "user_id": USER,
        "account_id": ACCOUNT,
        "strategy_id": None,
        "name": f"{kind}-{number}",
        "agent_type": kind,
        "symbols": ("BTC/USDT:USDT",),
        "configuration": {"source": "quotes", "fast": 10, "slow": 20, "quantity": "0.010"},
        "allocation": None,
        "status": "active",
        "config_hash": None,
        "created_at": START_NS,
        "updated_at": START_NS,
    }
    return AgentRow(**fields | changes)


class CellRig:
    """One user with one paper account, and everything that trades for it."""

    def __init__(
        self,
        *,
        instruments: Sequence[Instrument] = (),
        kind: str = "margin",
        balances: Mapping[str, Decimal] | None = None,
        agents: Sequence[AgentRow] = (),
        defaults: Mapping[str, Decimal] | None = None,
        limits: Sequence[LimitRow] = (),
        latency: PaperLatency | None = None,
        keeps_journal: bool = True,
        session: str = "",
        seed: int = 1,
        send_within_ns: int = 5_000_000_000,
        done_max: int = 1_000,
        infer_after_ns: int = 30_000_000_000,
        reconcile_every_ns: int | None = None,
        opening_lag_ns: int | None = None,
    ) -> None:
        """Keep the settings; nothing runs before `start`."""
        self.instruments = tuple(instruments) or (a_perpetual(),)
        self.by_name: Instruments = {(each.venue, each.symbol): each for each in self.instruments}
        self.venue = self.instruments[0].venue
        self.kind = kind
        self.balances = dict(balances or {"USDT": D(1_000_000)})
        self.agents = tuple(agents)
        self.defaults = dict(defaults or {})
        self.limits = tuple(limits)
        self.latency = latency or PaperLatency()
        self.session = session
        self.seed = seed
        self.send_within_ns = send_within_ns
        self.done_max = done_max
        self.infer_after_ns = infer_after_ns
        declared = msgspec.structs.replace(capabilities(self.venue), read_lag_ns=READ_LAG_NS, amend=AmendKind.IN_PLACE)
        self.capabilities: Capabilities | None = declared
        self.reconcile_every_ns = reconcile_every_ns
        self.opening_lag_ns = opening_lag_ns
        self.store = MemoryFactStore(is_strict=False, keeps_journal=keeps_journal)
        self.paper_store = MemoryPaperStore(is_strict=False)
        self.clock = VirtualClock(START_NS)
        self.wall = VirtualClock(START_NS)
        self.runs = 0

    async def start(self, *, reconcile: bool = True) -> Self:
        """Start or start again, from what the stores hold."""
        self.runs += 1
        rng = seeded_rng(f"{self.seed}/{self.runs}")
        self.ids = Ids(self.wall, rng)
        self.system = ActorSystem(clock=self.wall, ids=self.ids, rng=rng)
        self.bus = Bus()
        self.marks = MarkTable(self.clock)
        self.numbers = UnitNumbers(USER, self.store.take_lease(USER), self.ids)
        await self._start_below()
        await self._start_account()
        await self._start_above()
        if reconcile:
            await self.start_reconciler()
        return self

    async def _start_below(self) -> None:
        self.writer = await self.system.start(
            StorageWriter, name="writer", store=self.store, clock=self.wall, bus=self.bus
        )
        self.cell = Cell(
            numbers=self.numbers, clock=self.clock, wall=self.wall, ids=self.ids, bus=self.bus, writer=self.writer
        )
        self.paper = await self.system.start(
            PaperVenue,
            name=f"paper/{self.venue}",
            venue=self.venue,
            bus=self.venue_bus(),
            clock=self.clock,
            wall=self.wall,
            ids=self.ids,
            store=self.paper_store,
            rng=seeded_rng(self.seed),
            session=self.session,
            symbols=[each.symbol for each in self.instruments],
            instruments=self.instruments,
            latency=self.latency,
        )
        await self.paper.ask(
            OpenAccount(account_id=ACCOUNT, user_id=USER, kind=self.kind, starting_balances=self.balances)
        )

    def venue_bus(self) -> Bus:
        """Return what the venue hears and says on; a test may put something in between."""
        return self.bus

    async def _start_account(self) -> None:
        orders = [order_load(self.store, row) for row in live_rows(self.store)]
        self.open_orders: tuple[OrderChanged, ...] = tuple(restored_order(load).changed() for load in orders)
        self.load = LedgerLoad(
            positions=tuple(self.rows(PositionRow)),
            balances=tuple(self.rows(BalanceRow)),
            discrepancies=tuple(row for row in self.rows(DiscrepancyRow) if row.state == "open"),
            trades=tuple(row for row in self.rows(TradeRow) if row.voided_by is None),
            lots=tuple(self.rows(LotRow)),
            is_opened=any(row.kind == "opened" for row in self.rows(WatermarkRow)),
        )
        self.ledger = await self.system.start(
            Ledger,
            name="ledger",
            cell=self.cell,
            account_id=ACCOUNT,
            venue=self.venue,
            instruments=self.by_name,
            marks=self.marks,
            load=self.load,
            open_orders=self.open_orders,
        )
        self.archive = MemoryArchive(self.store)
        self.router = await self.system.start(
            OrderRouter,
            name="router",
            cell=self.cell,
            account_id=ACCOUNT,
            venue=self.venue,
            connector=self.connector(),
            ledger=self.ledger,
            archive=self.archive,
            orders=[restored_order(load) for load in orders],
            instruments=self.by_name,
            tombstones=[row for row in self.rows(TradeEvidenceRow) if row.order_id is None],
            capabilities=self.capabilities,
            send_within_ns=self.send_within_ns,
            infer_after_ns=self.infer_after_ns,
            done_max=self.done_max,
        )

    def connector(self) -> Ref[Any]:
        """Return what the cell takes for its venue; a test may put something in between."""
        return self.paper

    async def _start_above(self) -> None:
        agents = self.agent_loads()
        self.gate = await self.system.start(
            RiskGate,
            name="gate",
            cell=self.cell,
            accounts=[
                GateAccount(
                    account_id=ACCOUNT,
                    venue=self.venue,
                    router=self.router,
                    positions=self.load.positions,
                    balances=self.load.balances,
                    open_orders=self.open_orders,
                )
            ],
            instruments=self.by_name,
            marks=self.marks,
            archive=self.archive,
            defaults=self.defaults,
            limits=self.limits,
            states=self.rows(TradingStateRow),
            halts=[row for row in self.rows(HaltRow) if row.state != "lifted"],
            risk_days=self.rows(RiskDayRow),
            last_values=self.rows(EquityPointRow),
            trips=[row for row in self.rows(LimitTripRow) if row.tripped_at is not None],
            agents=agents,
            recent_orders=self.rows(OrderRow),
        )
        self.coordinator = await self.system.start(
            AgentCoordinator,
            name="coordinator",
            cell=self.cell,
            gate=self.gate,
            instruments=self.by_name,
            venues={ACCOUNT: self.venue},
            agents=agents,
            open_orders=live_rows(self.store),
            session=self.session,
        )

    async def start_reconciler(self) -> None:
        """Compare with the venue; trading is open when this returns, if the venue answers."""
        await self.launch_reconciler()
        await self.settle()

    async def launch_reconciler(self) -> None:
        """Begin to compare with the venue."""
        marks = [row for row in self.rows(WatermarkRow) if row.kind == "fills"]
        self.reconciler = await self.system.start(
            Reconciler,
            name="reconciler",
            cell=self.cell,
            account_id=ACCOUNT,
            venue=self.venue,
            connector=self.connector(),
            router=self.router,
            watermark=marks[0].cursor if marks else None,
            every_ns=self.reconcile_every_ns,
            discrepancies=self.load.discrepancies,
            opening_lag_ns=self.opening_lag_ns,
        )

    def agent_loads(self) -> list[AgentLoad]:
        """Return the agents as the store has them, else as they were configured."""
        stored: dict[UUID, dict[str, Any]] = {row["id"]: row for row in self.store.tables.rows(AgentRow)}
        self.store.tables.write([row for row in self.agents if row.id not in stored])
        columns = AgentRow.__struct_fields__
        return [
            AgentLoad(
                row=AgentRow(**{name: row[name] for name in columns}),
                version=row.get("version") or 1,
                state=row.get("state"),
                input_position=row.get("input_position") or 0,
                positions=self._agent_positions(row["id"]),
            )
            for row in self.store.tables.rows(AgentRow)
        ]

    def _agent_positions(self, agent_id: UUID) -> tuple[AgentPosition, ...]:
        orders = {order.id for order in self.rows(OrderRow) if order.agent_id == agent_id}
        found: dict[str, Position] = {}
        for trade in self.rows(TradeRow):
            if trade.order_id in orders and trade.voided_by is None:
                instrument = self.by_name[self.venue, trade.symbol]
                position = found.setdefault(trade.symbol, Position(instrument=instrument))
                position.apply_fill(Side(trade.side), trade.price, trade.quantity)
        return tuple(
            AgentPosition(symbol=symbol, size=each.size, average_price=each.average_price)
            for symbol, each in found.items()
        )

    # --- Time and market ----------------------------------------------------------------------------------------------

    def tick(self, quote: QuoteTick) -> None:
        """Show a quote to the market and let everything that follows from it happen."""
        self.clock.advance_to(max(quote.ts_init_ns, self.clock.now_ns()))
        mark = self.marks.mark(quote.venue, quote.symbol)
        mark.bid, mark.ask, mark.seen_ns = quote.bid, quote.ask, quote.ts_init_ns
        self.bus.publish(quote, (quote.venue, quote.symbol))
        self.system.drain()

    def quote(self, bid: str, ask: str, *, sizes: str = "10 10", symbol: str = "", frame: int = 0) -> None:
        """Show a quote a millisecond later."""
        bid_size, ask_size = sizes.split()
        at_ns = self.clock.now_ns() + 1_000_000
        quote = QuoteTick(
            venue=self.venue, symbol=symbol or self.instruments[0].symbol, ts_event_ns=at_ns, ts_init_ns=at_ns,
            frame=frame, bid=D(bid), ask=D(ask), bid_size=D(bid_size), ask_size=D(ask_size),
        )  # fmt: skip
        self.tick(quote)

    async def settle(self) -> None:
        """Wait until nothing more happens by itself, tasks beside handlers included."""
        for _ in range(12):
            await asyncio.sleep(0)
            await self.system.idle()

    async def pass_wall(self, seconds: float) -> None:
        """Let wall time pass; what is due happens at its time."""
        until_ns = self.wall.now_ns() + int(seconds * 1_000_000_000)
        while (due_ns := self.wall.next_timer_ns()) is not None and due_ns <= until_ns:
            self.wall.advance_to(max(due_ns, self.wall.now_ns()))
            await self.settle()
        self.wall.advance_to(until_ns)
        await self.settle()

    # --- What has come of it ------------------------------------------------------------------------------------------

    def rows(self, kind: type[R]) -> list[R]:
        """Return a table."""
        return all_rows(self.store, kind)

    def order(self, order_id: OrderId) -> OrderRow:
        """Return the row of an order."""
        (row,) = (row for row in self.rows(OrderRow) if row.id == order_id)
        return row

    def events(self, channel: str | None = None) -> list[CommittedEvent]:
        """Return the journal, or one channel of it."""
        return [event for event in self.store.journal.get(USER, []) if channel in (None, event.channel)]

    def kinds(self, channel: str) -> list[str]:
        """Return the event types of a channel, in order."""
        return [event.type for event in self.events(channel)]

    def total(self, asset: str = "USDT") -> Decimal:
        """Return what the account owns of an asset."""
        return sum((row.total for row in self.rows(BalanceRow) if row.asset == asset), D(0))

    def size(self, symbol: str = "") -> Decimal:
        """Return the signed position."""
        name = symbol or self.instruments[0].symbol
        return sum((row.size for row in self.rows(PositionRow) if row.symbol == name), D(0))

    # --- End ----------------------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Stop everything in order."""
        await self.system.stop_all()

    async def crash(self) -> None:
        """Lose everything but the stores: no message is handled, no timer fires, no task goes on."""
        self.system.abandon()
        self.system.scheduler._ready.clear()
        self.clock, self.wall = VirtualClock(self.clock.now_ns()), VirtualClock(self.wall.now_ns())
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            if "/" in task.get_name():  # An actor's task is named after it.
                task.cancel()
        await asyncio.sleep(0)
