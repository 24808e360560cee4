"""The books: each fill a balanced entry, projections in the same unit, and never an older one behind a newer."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest

from engine.domain.identifiers import OrderId
from engine.domain.kinds import OrderOrigin, OrderType, Side
from engine.domain.values import ZERO
from engine.messages.orders import BookUnit, Fill, FillBooked, OrderChanged
from engine.messages.portfolio import AccountMarked, PositionQuery
from engine.messages.ports import UnitResult
from engine.messages.rows import BalanceRow, LedgerEntryRow, LedgerLineRow, OrderRow, PositionRow, Row, TradeRow
from engine.messages.rows_trades import LotRow
from engine.messages.writing import WriteUnit
from tests.actors.conftest import MakeRig, MakeScripted
from tests.actors.test_books import a_fill
from tests.actors.test_exposures import changed
from tests.support.cell import CellRig
from tests.support.cell_builders import ACCOUNT, AGENT, START_NS, USER, a_place, an_id

D = Decimal


def trade_row(number: int, fill: Fill) -> TradeRow:
    return TradeRow(
        id=an_id(number + 600),
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
        correlation_id=an_id(4),
        executed_at=fill.executed_at_ns,
        created_at=START_NS,
    )


def book(rig: CellRig, unit: WriteUnit, *fills: Fill, orders: tuple[OrderChanged, ...] = ()) -> None:
    trades = tuple(trade_row(int(fill.external_trade_id[1:]), fill) for fill in fills)
    rig.ledger.tell(BookUnit(unit=unit, fills=fills, trades=trades, orders=orders))


@pytest.mark.asyncio
async def test_a_fill_and_all_that_it_moves_are_one_unit(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    moved = [units_with(rig, kind) for kind in (TradeRow, LedgerEntryRow, PositionRow, BalanceRow)]
    unit = rig.numbers.open()
    book(rig, unit, a_fill())
    await rig.settle()
    assert moved == [[unit.n]] * 4
    (trade,) = rig.rows(TradeRow)
    entry = rig.rows(LedgerEntryRow)[-1]
    assert (entry.kind, entry.trade_id, entry.order_id) == ("fill", trade.id, an_id(1))
    lines = [line for line in rig.rows(LedgerLineRow) if line.entry_id == entry.id]
    sums = {line.asset: sum((each.amount for each in lines if each.asset == line.asset), ZERO) for line in lines}
    assert sums == {"BTC": ZERO, "USDT": ZERO}
    (position,) = rig.rows(PositionRow)
    assert (position.size, position.average_price, position.fees_paid) == (D("0.1"), D(60_000), D(1))
    assert rig.total() == D(999_999)
    assert [event.type for event in rig.events()][-3:] == ["TradeBooked", "PositionChanged", "BalanceChanged"]


@pytest.mark.asyncio
async def test_a_trade_says_what_it_has_realised(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    heard: list[FillBooked] = []
    rig.bus.subscribe(FillBooked, heard.append, key=USER)
    book(rig, rig.numbers.open(), a_fill())
    order = changed(1, agent_id=AGENT, origin=OrderOrigin.AGENT, price=None)
    closing = a_fill(Side.SELL, price="61000", external_trade_id="t2")
    book(rig, rig.numbers.open(), closing, orders=(order,))
    await rig.settle()
    assert [row.realized_pnl for row in rig.rows(TradeRow)] == [D(0), D(100)]
    assert [(each.realized_pnl, each.position_size, each.agent_id) for each in heard] == [
        (D(0), D("0.1"), None),
        (D(100), D(0), AGENT),
    ]
    assert heard[-1].totals == (("USDT", rig.total()),)


@pytest.mark.asyncio
async def test_an_open_order_locks_and_its_end_unlocks(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    order = changed(1)
    book(rig, rig.numbers.open(), orders=(order,))
    await rig.settle()
    (row,) = rig.rows(BalanceRow)
    assert (row.locked, row.free, row.total) == (D(300), D(999_700), D(1_000_000))
    book(rig, rig.numbers.open(), orders=(changed(1, is_done=True, expected_quantity="0"),))
    await rig.settle()
    (row,) = rig.rows(BalanceRow)
    assert row.locked == ZERO


@pytest.mark.asyncio
async def test_a_unit_that_comes_late_does_not_overwrite_a_newer_row(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    moved = units_with(rig, BalanceRow)
    first, second = rig.numbers.open(), rig.numbers.open()
    book(rig, second, a_fill(order_id=OrderId(an_id(7))))
    book(rig, first, orders=(changed(1),))
    await rig.settle()
    (row,) = rig.rows(BalanceRow)
    assert (row.total, row.locked) == (D(999_999), D(600))
    assert moved == [second.n, (second.n or 0) + 1]  # The lock is in a unit of its own, behind both.


def units_with(rig: CellRig, kind: type[Row]) -> list[int | None]:
    """Note the numbers of the units that hold such a row, as they are committed from now on."""
    found: list[int | None] = []
    commit_now = rig.store.commit_now

    def spy(units: Sequence[WriteUnit]) -> list[UnitResult]:
        found.extend(unit.n for unit in units if any(isinstance(row, kind) for row in unit.rows))
        return commit_now(units)

    rig.store.commit_now = spy  # type: ignore[method-assign]
    return found


@pytest.mark.asyncio
async def test_a_fill_keeps_all_that_it_moves_beside_it_though_another_unit_was_late(
    make_scripted: MakeScripted,
) -> None:
    rig = await make_scripted()
    moved = units_with(rig, PositionRow)
    first, second, third = rig.numbers.open(), rig.numbers.open(), rig.numbers.open()
    book(rig, second, a_fill(order_id=OrderId(an_id(7))))
    book(rig, first, orders=(changed(1),))  # Late: its lock needs a later unit than the next one.
    book(rig, third, a_fill(external_trade_id="t2", order_id=OrderId(an_id(8))))
    await rig.settle()
    assert moved == [second.n, third.n]


@pytest.mark.asyncio
async def test_a_fill_keeps_all_that_it_moves_beside_it_though_a_valuation_is_due(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    moved = units_with(rig, PositionRow)
    book(rig, rig.numbers.open(), a_fill(order_id=OrderId(an_id(7))))
    await rig.settle()
    rig.marks.mark("binance", "BTC/USDT:USDT").last = D(61_000)
    fill = rig.numbers.open()
    rig.clock.advance(5_000_000_000)
    book(rig, fill, a_fill(external_trade_id="t2", order_id=OrderId(an_id(8))))
    await rig.settle()
    assert moved[1] == fill.n


@pytest.mark.asyncio
async def test_a_lock_that_a_crash_left_behind_its_order_is_stored_at_the_next_start(make_rig: MakeRig) -> None:
    rig = await make_rig()
    rig.quote("60000", "60001")
    await rig.gate.ask(a_place(type=OrderType.LIMIT, price="59000"))
    await rig.settle()
    (row,) = rig.rows(BalanceRow)
    rig.store.tables.write([msgspec.structs.replace(row, free=row.total, locked=ZERO)])
    await rig.crash()
    await rig.start()
    assert rig.rows(BalanceRow)[0].locked == row.locked > ZERO


@pytest.mark.asyncio
async def test_a_unit_without_anything_is_sent_all_the_same(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    waited = rig.writer.ask(rig.numbers.open())
    empty = rig.numbers.open()
    book(rig, empty)
    last = rig.writer.ask(rig.numbers.open())
    await rig.settle()
    assert (await waited).unit_id
    assert (await last).unit_id


@pytest.mark.asyncio
async def test_an_account_is_valued_every_few_seconds_of_market_time(make_rig: MakeRig) -> None:
    rig = await make_rig()
    heard: list[AccountMarked] = []
    rig.bus.subscribe(AccountMarked, heard.append, key=USER)
    rig.quote("60000", "60000")
    await rig.gate.ask(a_place())
    await rig.settle()
    rig.quote("61000", "61000")
    rig.clock.advance(5_000_000_000)
    await rig.settle()
    of_fill, mark = heard
    assert of_fill.positions == 1, "a fill is valued at once"
    fee = D("0.1") * 60_000 * D("0.00018")
    assert (mark.cash, mark.unrealized_pnl, mark.positions) == (D(1_000_000) - fee, D(100), 1)
    assert (mark.equity, mark.fees) == (D(1_000_100) - fee, fee)
    (position,) = rig.rows(PositionRow)
    assert (position.mark_price, position.unrealized_pnl) == (D(61_000), D(100))


@pytest.mark.asyncio
async def test_an_asset_without_a_price_is_named(make_rig: MakeRig) -> None:
    rig = await make_rig(balances={"USDT": D(5), "DOGE": D(7)})
    heard: list[AccountMarked] = []
    rig.bus.subscribe(AccountMarked, heard.append, key=USER)
    rig.clock.advance(5_000_000_000)
    await rig.settle()
    assert (heard[0].equity, heard[0].unpriced) == (D(5), ("DOGE",))


@pytest.mark.asyncio
async def test_the_books_go_on_after_a_restart(make_rig: MakeRig) -> None:
    rig = await make_rig()
    rig.quote("60000", "60000")
    await rig.gate.ask(a_place())
    await rig.settle()
    before = (rig.rows(PositionRow), rig.rows(BalanceRow))
    await rig.crash()
    await rig.start()
    assert await rig.ledger.ask(PositionQuery(symbol="BTC/USDT:USDT")) == D("0.1")
    assert (rig.rows(PositionRow), rig.rows(BalanceRow)) == before
    assert len([row for row in rig.rows(LedgerEntryRow) if row.kind == "opening"]) == 1


@pytest.mark.asyncio
async def test_the_position_of_what_was_never_traded_is_zero(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    assert await rig.ledger.ask(PositionQuery(symbol="ETH/USDT")) == ZERO
    assert rig.rows(OrderRow) == []


# --- Lots ------------------------------------------------------------------------------------------------------------


def lots(rig: CellRig) -> list[tuple[int, Decimal, Decimal, Decimal]]:
    """Return trade, quantity, rest and profit of each lot, in the order of their trades."""
    found = sorted(rig.rows(LotRow), key=lambda row: (row.opened_at, row.id))
    return [
        (0 if row.trade_id is None else row.trade_id.int % 1000 - 600, row.quantity, row.remaining, row.realized_pnl)
        for row in found
    ]  # fmt: skip


@pytest.mark.asyncio
async def test_a_fill_opens_a_lot_and_closes_the_oldest_ones_in_its_own_unit(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    units = units_with(rig, LotRow)
    opened = [rig.numbers.open(), rig.numbers.open(), rig.numbers.open()]
    book(rig, opened[0], a_fill())
    book(rig, opened[1], a_fill(external_trade_id="t2", price="61000", executed_at_ns=START_NS + 1))
    closing = a_fill(Side.SELL, "0.15", "62000", external_trade_id="t3", executed_at_ns=START_NS + 2)
    book(rig, opened[2], closing)
    await rig.settle()
    assert units == [unit.n for unit in opened]
    assert lots(rig) == [(1, D("0.1"), D(0), D(200)), (2, D("0.1"), D("0.05"), D(50))]
    first, second = sorted(rig.rows(LotRow), key=lambda row: row.opened_at)
    assert (first.trade_id, first.closed_at, second.closed_at) == (first.id, START_NS + 2, None)
    assert (first.side, first.price, first.symbol, first.account_id) == ("buy", D(60_000), closing.symbol, ACCOUNT)
    (position,) = rig.rows(PositionRow)
    assert sum((row.remaining for row in rig.rows(LotRow)), ZERO) == position.size


@pytest.mark.asyncio
@pytest.mark.parametrize("dies", [False, True], ids=["at once", "after a restart"])
async def test_a_fill_that_is_taken_back_leaves_the_lots_as_if_it_had_never_been(
    make_scripted: MakeScripted,
    dies: bool,
) -> None:
    rig = await make_scripted()
    early = a_fill(price="50000")
    closing = a_fill(Side.SELL, "0.15", "62000", external_trade_id="t3", executed_at_ns=START_NS + 2)
    book(rig, rig.numbers.open(), early)
    book(rig, rig.numbers.open(), a_fill(external_trade_id="t2", price="61000", executed_at_ns=START_NS + 1))
    book(rig, rig.numbers.open(), closing)
    await rig.settle()
    if dies:
        await rig.crash()
        await rig.start()
    taken = msgspec.structs.replace(early, is_reversal=True)
    row = msgspec.structs.replace(trade_row(1, early), voided_by=an_id(601))
    rig.ledger.tell(BookUnit(unit=rig.numbers.open(), fills=(taken,), trades=(row,)))
    await rig.settle()
    assert [each for each in lots(rig) if each[1]] == [
        (2, D("0.1"), D(0), D(100)), (3, D("0.05"), D("0.05"), D(0)),
    ]  # fmt: skip
    (position,) = rig.rows(PositionRow)
    assert (position.size, sum((row.realized_pnl for row in rig.rows(LotRow)), ZERO)) == (D("-0.05"), D(100))


@pytest.mark.asyncio
async def test_a_position_from_before_there_were_lots_gets_one(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    book(rig, rig.numbers.open(), a_fill())
    await rig.settle()
    rig.store.tables._rows["lots"].clear()
    await rig.crash()
    await rig.start()
    assert lots(rig) == [(0, D("0.1"), D("0.1"), D(0))]
