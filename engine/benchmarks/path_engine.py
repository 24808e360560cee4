"""The whole trading path for `path.py`: a cell over memory as `engine.bootstrap` wires it, and a floor under it.

The rules and the stream are the reference path's: a perpetual with 5 % margin and 0.018 % taker fee, two exponential
averages of the mid price, 0.010 BTC from flat and 0.020 to turn around, a market order filled whole at the same quote.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from actors.marks import MarkTable
from actors.readiness import Readiness
from connectors.paper.venue import PaperVenue
from engine.bootstrap.cell_wiring import CellPorts, wire_cell
from engine.domain.identifiers import UserId
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind, Liquidity, Side
from engine.domain.position import Position
from engine.domain.values import add, subtract
from engine.messages.archive import ForgottenPast
from engine.messages.load import AccountState, AgentState, CellState
from engine.messages.market import QuoteTick
from engine.messages.ports import FactStore, PaperStore
from engine.messages.rows import AgentRow, BalanceRow, OrderRow, Row
from engine.messages.rows_people import AccountRow, UserRow
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from storage.backlog import Backlog
from storage.memory import MemoryFactStore, MemoryPaperStore
from storage.writer import StorageWriter

VENUE: Final = "simulated"
SYMBOL: Final = "BTC/USDT:USDT"
START_NS: Final = 1_704_067_200_000_000_000
STEP_NS: Final = 1_000_000
BALANCE: Final = Decimal(1_000_000)
SIZE: Final = Decimal("0.010")
USER: Final = UserId(UUID(int=1))
ACCOUNT: Final = UUID(int=2)
AGENT: Final = UUID(int=3)
LIMITS: Final = {
    "order_notional": Decimal(1_000_000),
    "position_size": Decimal(10),
    "open_orders": Decimal(200),
    "price_band_percent": Decimal(10),
    "orders_per_minute": Decimal(100_000),
}
INSTRUMENT: Final = Instrument(
    venue=VENUE,
    symbol=SYMBOL,
    base="BTC",
    quote="USDT",
    settle="USDT",
    kind=InstrumentKind.PERPETUAL,
    tick_size=Decimal("0.1"),
    step_size=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    max_quantity=Decimal(1000),
    min_notional=Decimal(10),
    taker_fee=Decimal("0.00018"),
    initial_margin=Decimal("0.05"),
    maintenance_margin=Decimal("0.025"),
)
SETTLE_TURNS: Final = 1_000
"""Turns of the loop within which an account over memory has been compared with its venue."""


def quotes(count: int, seed: int = 42) -> Iterator[QuoteTick]:
    """Yield the reference stream: one quote per millisecond, prices in tenths, sizes in thousandths."""
    bits = seeded_rng(seed).getrandbits
    price = 600_000
    tenth, thousandth = Decimal("0.1"), Decimal("0.001")
    for number in range(count):
        price += bits(6) - bits(6)
        ask = price + 1 + (bits(2) == 0)
        bid_size = 20 + bits(11)
        at_ns = START_NS + number * STEP_NS
        yield QuoteTick(
            venue=VENUE,
            symbol=SYMBOL,
            ts_event_ns=at_ns,
            ts_init_ns=at_ns,
            bid=price * tenth,
            ask=ask * tenth,
            bid_size=bid_size * thousandth,
            ask_size=(20 + bits(11)) * thousandth,
        )


@dataclass(frozen=True, slots=True)
class Stores:
    """Where an engine writes to, if not to memory; the rows of `births` and the lease are there."""

    facts: FactStore
    paper: PaperStore
    fence: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has come to."""

    orders: int
    balance: Decimal
    """USDT; the open position is not marked."""


class PathEngine:
    """One user with one paper account and one trend follower; the caller shows it quotes."""

    def __init__(self, fast: int, slow: int, *, connector_of: Callable[[Ref[Any]], Any] = lambda paper: paper) -> None:
        """Configure the averages; nothing runs before `start`.

        Args:
            fast: Length of the fast average, in quotes.
            slow: Of the slow one.
            connector_of: Returns what the cell takes for its connector, given the paper venue.
        """
        self._connector_of = connector_of
        self._parameters = {"source": "quotes", "fast": fast, "slow": slow, "quantity": str(SIZE)}
        self._clock = VirtualClock(START_NS)
        self._store = MemoryFactStore(is_checked=False, keeps_journal=False)
        self.bus = Bus()
        self.backlog = Backlog()
        self._marks = MarkTable(self._clock)
        self._mark = self._marks.mark(VENUE, SYMBOL)

    async def start(self, stores: Stores | None = None) -> "PathEngine":
        """Start every actor and wait until the account is open for trading; over memory unless `stores` are given."""
        ids = Ids(self._clock, seeded_rng(1))
        self._system = ActorSystem(clock=self._clock, ids=ids)
        readiness = Readiness(bus=self.bus, clock=self._clock, expected=())
        agent = _agent_row(self._parameters)
        if stores is None:
            self._store.tables.write([agent])
            paper_store = MemoryPaperStore(is_checked=False)
            stores = Stores(self._store, paper_store, self._store.take_lease(USER))
        writer = await self._system.start(
            StorageWriter, store=stores.facts, clock=self._clock, bus=self.bus, backlog=self.backlog
        )
        paper = await self._system.start(
            PaperVenue,
            venue=VENUE,
            bus=self.bus,
            clock=self._clock,
            wall=self._clock,
            ids=ids,
            store=stores.paper,
            rng=seeded_rng(2),
            symbols=[SYMBOL],
            instruments=[INSTRUMENT],
        )
        unused: Any = None  # Leases and loads are the keeper's, which a single cell does not have.
        ports = CellPorts(
            system=self._system,
            bus=self.bus,
            wall=self._clock,
            market=self._clock,
            ids=ids,
            writer=writer,
            marks=self._marks,
            instruments={(VENUE, SYMBOL): INSTRUMENT},
            connectors={VENUE: self._connector_of(paper)},
            archive=ForgottenPast(),
            loader=unused,
            leases=unused,
            readiness=readiness,
        )
        state = CellState(
            time_zone="UTC",
            accounts=(AccountState(row=_account_row()),),
            agents=(AgentState(row=agent, version=1, state=None, input_position=0),),
        )
        await wire_cell(ports, USER, stores.fence, state, LIMITS)
        for _ in range(SETTLE_TURNS):
            if readiness.is_ready:
                break
            await self._clock_turn()
            await self.backlog.idle()
        assert readiness.is_ready, "expected the account to be open for trading"
        return self

    async def _clock_turn(self) -> None:
        """Let tasks beside the handlers go on; no time passes."""
        self._clock.call_after(0, lambda: None)
        await self._system.idle()
        turn = self._system.scheduler.loop.create_future()
        self._system.scheduler.loop.call_soon(turn.set_result, None)
        await turn

    def births(self) -> tuple[Row, ...]:
        """Return the rows that a database needs before the engine starts on it."""
        user = UserRow(
            id=USER, email="bench@example.org", password_hash=None, full_name=None, role="trader", is_active=True,
            time_zone="UTC", created_at=START_NS, updated_at=START_NS,
        )  # fmt: skip
        return user, _account_row(), _agent_row(self._parameters)

    def show(self, quote: QuoteTick) -> None:
        """Let the market move and everything happen that follows from it."""
        self._clock.advance_to(quote.ts_init_ns)
        mark = self._mark
        mark.bid, mark.ask, mark.seen_ns = quote.bid, quote.ask, quote.ts_init_ns
        self.bus.publish(quote, (VENUE, SYMBOL))
        self._system.drain()

    def outcome(self) -> Outcome:
        """Return orders and balance so far, from the store."""
        (balance,) = (row for row in self._store.tables.rows(BalanceRow) if row.asset == "USDT")
        return Outcome(sum(1 for _ in self._store.tables.rows(OrderRow)), balance.total)

    async def stop(self) -> None:
        """Stop every actor."""
        await self._system.stop_all()


def floor(stream: Sequence[QuoteTick], fast: int, slow: int) -> Outcome:
    """Trade the same rules in one loop of direct calls: no actors, no rows, no order but a number.

    The least that Python with Decimal money can cost, and the measure of the machine.
    """
    fast_alpha, slow_alpha = 2.0 / (fast + 1), 2.0 / (slow + 1)
    position, balance, orders, count, side = Position(instrument=INSTRUMENT), BALANCE, 0, 0, 0
    quick = slow_mean = 0.0
    for quote in stream:
        price = (float(quote.bid) + float(quote.ask)) * 0.5
        count += 1
        if count == 1:
            quick = slow_mean = price
        else:
            quick += fast_alpha * (price - quick)
            slow_mean += slow_alpha * (price - slow_mean)
        wanted = 1 if quick > slow_mean else -1
        if wanted == side or count < slow or quick == slow_mean:
            continue
        quantity = SIZE if not side else SIZE + SIZE
        side = wanted
        worth = quote.ask if side > 0 else quote.bid
        realized = position.apply_fill(Side.BUY if side > 0 else Side.SELL, worth, quantity)
        fee = INSTRUMENT.fee(INSTRUMENT.notional(worth, quantity), Liquidity.TAKER)
        balance = subtract(add(balance, realized), fee)
        orders += 1
    return Outcome(orders, balance)


def _account_row() -> AccountRow:
    return AccountRow(
        id=ACCOUNT,
        user_id=USER,
        name="bench",
        exchange=VENUE,
        account_id="bench",
        account_type="margin",
        mode="paper",
        is_active=True,
        starting_balances={"USDT": str(BALANCE)},
        config_hash=None,
        created_at=START_NS,
    )


def _agent_row(parameters: dict[str, Any]) -> AgentRow:
    return AgentRow(
        id=AGENT,
        user_id=USER,
        account_id=ACCOUNT,
        strategy_id=None,
        name="bench",
        agent_type="trend_follower",
        symbols=(SYMBOL,),
        configuration=parameters,
        allocation=None,
        status="active",
        config_hash=None,
        created_at=START_NS,
        updated_at=START_NS,
    )
