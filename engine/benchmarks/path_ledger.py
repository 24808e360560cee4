"""L1: what the books of one fill cost the ledger, and whether that grows with how many it has booked."""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import Any, Final
from uuid import UUID

from actors.cell import Cell
from actors.ledger import Ledger, LedgerLoad
from actors.marks import MarkTable
from engine.benchmarks.harness import cpu_seconds, on_loop
from engine.benchmarks.path_engine import INSTRUMENT
from engine.domain.identifiers import AccountId, CorrelationId, OrderId, UserId
from engine.domain.kinds import Liquidity, Side
from engine.domain.values import ZERO
from engine.messages.orders import BookUnit, Fill
from engine.messages.rows import TradeRow
from engine.messages.writing import UnitNumbers
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.system import ActorSystem

USER: Final = UserId(UUID(int=1))
ACCOUNT: Final = AccountId(UUID(int=2))
AT_ONCE: Final = 500
"""Fills that are made, and then booked on the clock."""
FEW: Final = 2_000
MANY: Final = 20_000


class _Sink:
    """Stands for the writer: takes units and forgets them."""

    def tell(self, _unit: Any) -> None:
        """Take a unit."""


def on_ledger_us() -> tuple[float, float]:
    """Return the CPU time of a fill in us: among the first few, and behind many."""
    costs: list[float] = []

    async def play() -> int:
        system = ActorSystem()
        clock = VirtualClock(1_700_000_000_000_000_000)
        ids = Ids(clock, seeded_rng(1))
        marks = MarkTable(clock)
        mark = marks.mark(INSTRUMENT.venue, INSTRUMENT.symbol)
        mark.bid = mark.ask = Decimal(50_000)
        sink: Any = _Sink()
        cell = Cell(numbers=UnitNumbers(USER, 1, ids), clock=clock, wall=clock, ids=ids, bus=Bus(), writer=sink)
        ref = await system.start(
            Ledger,
            name="ledger",
            cell=cell,
            account_id=ACCOUNT,
            venue=INSTRUMENT.venue,
            instruments={(INSTRUMENT.venue, INSTRUMENT.symbol): INSTRUMENT},
            marks=marks,
            load=LedgerLoad(is_opened=True),
        )
        ledger: Any = ref.actor_inbox.actor
        made = _units(cell)
        booked = 0
        for start, end in ((0, FEW), (MANY - FEW, MANY)):
            booked += _book(ledger, made, start - booked)[0]
            count, seconds = _book(ledger, made, end - start)
            booked += count
            costs.append(seconds / count * 1e6)
        await system.stop_all(timeout_s=5)
        return booked

    on_loop(play)()
    few, many = costs
    return few, many


def _book(ledger: Any, made: Iterator[BookUnit], count: int) -> tuple[int, float]:
    seconds = 0.0
    for _ in range(count // AT_ONCE):
        units = list(islice(made, AT_ONCE))
        seconds += cpu_seconds(partial(_give, ledger, units))
    return count, seconds


def _give(ledger: Any, units: list[BookUnit]) -> None:
    book = ledger.on_book
    for unit in units:
        book(unit)


def _units(cell: Cell) -> Iterator[BookUnit]:
    """Make fills of both sides and of several sizes, so that most close what others have opened."""
    rng = seeded_rng(7)
    number = 0
    while True:
        number += 1
        price = Decimal(500_000 + rng.randrange(-1_000, 1_000)) / 10
        fill = Fill(
            external_trade_id=str(number),
            order_id=OrderId(UUID(int=10_000_000 + number)),
            account_id=ACCOUNT,
            venue=INSTRUMENT.venue,
            symbol=INSTRUMENT.symbol,
            side=Side.BUY if rng.randrange(2) else Side.SELL,
            price=price,
            quantity=Decimal(rng.randrange(1, 6)) / 100,
            fee=Decimal("0.01"),
            fee_asset=INSTRUMENT.quote,
            liquidity=Liquidity.TAKER,
            executed_at_ns=1_700_000_000_000_000_000 + number * 1_000_000,
        )
        unit = cell.numbers.open(CorrelationId(UUID(int=number)))
        yield BookUnit(unit=unit, fills=(fill,), trades=(_trade(fill, number),))


def _trade(fill: Fill, number: int) -> TradeRow:
    return TradeRow(
        id=UUID(int=20_000_000 + number),
        order_id=fill.order_id,
        user_id=USER,
        account_id=ACCOUNT,
        external_trade_id=fill.external_trade_id,
        symbol=fill.symbol,
        side=fill.side.value,
        quantity=fill.quantity,
        price=fill.price,
        fees=fill.fee,
        fee_asset=fill.fee_asset,
        liquidity=fill.liquidity.value,
        inferred=False,
        realized_pnl=ZERO,
        exchange=fill.venue,
        correlation_id=UUID(int=number),
        executed_at=fill.executed_at_ns,
        created_at=fill.executed_at_ns,
    )
