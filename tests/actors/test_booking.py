"""A fill that is taken back leaves the books as if it had never been in them."""

from decimal import Decimal
from io import StringIO
from typing import Any

import msgspec
import pytest

from actors.booking import Draft
from engine.domain.errors import InvariantBroken
from engine.domain.kinds import Side
from engine.domain.values import ZERO
from engine.messages.orders import BookUnit, Fill, FillBooked
from engine.messages.rows import BalanceRow, LedgerEntryRow, LedgerLineRow, PositionRow, TradeRow
from engine.messages.rows_trades import TradeChangeRow
from engine.runtime.log import setup_logging
from tests.actors.conftest import MakeScripted
from tests.actors.test_books import a_fill
from tests.actors.test_ledger import trade_row
from tests.support.cell import CellRig
from tests.support.cell_builders import USER, an_id

D = Decimal
SELL = Side.SELL


def fill(number: int, side: Side = Side.BUY, **changes: Any) -> Fill:
    return a_fill(side, external_trade_id=f"t{number}", executed_at_ns=number * 1_000_000, **changes)


def taken_back(number: int, side: Side = Side.BUY, *, by: int | None = None, **changes: Any) -> tuple[Fill, TradeRow]:
    fact = fill(number, side, is_reversal=True, **changes)
    voided_by = an_id(number + 600) if by is None else an_id(by + 600)
    return fact, msgspec.structs.replace(trade_row(number, fact), voided_by=voided_by)


async def book(rig: CellRig, *moves: Fill | tuple[Fill, TradeRow]) -> None:
    pairs = [
        each if isinstance(each, tuple) else (each, trade_row(int(each.external_trade_id[1:]), each)) for each in moves
    ]
    fills, trades = zip(*pairs, strict=True)
    rig.ledger.tell(BookUnit(unit=rig.numbers.open(), fills=fills, trades=trades))
    await rig.settle()


def books(rig: CellRig) -> tuple[Any, ...]:
    lines: dict[tuple[str, str], Decimal] = {}
    for line in rig.rows(LedgerLineRow):
        key = line.ledger_account, line.asset
        lines[key] = lines.get(key, ZERO) + line.amount
    return (
        [
            (row.size, row.average_price, row.realized_pnl, row.fees_paid)
            for row in rig.rows(PositionRow)
            if row.size or row.realized_pnl
        ],
        {row.asset: row.total for row in rig.rows(BalanceRow)},
        {key: total for key, total in lines.items() if total},
        sorted((row.external_trade_id, row.realized_pnl) for row in rig.rows(TradeRow) if row.voided_by is None),
    )


@pytest.mark.asyncio
async def test_a_voided_trade_leaves_the_books_as_without_it(make_scripted: MakeScripted) -> None:
    rig, other = await make_scripted(), await make_scripted()
    await book(rig, fill(1, price="50000"), fill(2, price="60000"), fill(3, SELL, price="70000"))
    await book(rig, taken_back(2, price="60000"))
    await book(other, fill(1, price="50000"), fill(3, SELL, price="70000"))
    assert books(rig) == books(other)
    (voided,) = [row for row in rig.rows(TradeRow) if row.voided_by]
    assert (voided.external_trade_id, voided.voided_by, voided.realized_pnl) == ("t2", voided.id, ZERO)


@pytest.mark.asyncio
async def test_the_entry_of_a_reversal_names_what_it_takes_back(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    await book(rig, fill(1))
    await book(rig, taken_back(1))
    booked, reversal = rig.rows(LedgerEntryRow)[-2:]
    assert (booked.id, booked.kind) == (an_id(601), "fill")
    assert (reversal.kind, reversal.reverses, reversal.memo) == (
        "reversal", booked.id, "trade taken back by the venue",
    )  # fmt: skip
    assert rig.kinds("trades") == ["TradeBooked", "TradeVoided"]


@pytest.mark.asyncio
async def test_a_trade_booked_and_replaced_in_one_unit_is_one_row(make_scripted: MakeScripted) -> None:
    rig, other = await make_scripted(), await make_scripted()
    better = fill(1, price="50000")
    second = msgspec.structs.replace(trade_row(1, better), id=an_id(602))
    await book(rig, fill(1, price="60000"), taken_back(1, by=2, price="60000"), (better, second))
    await book(other, (better, second))
    assert books(rig) == books(other)
    assert rig.kinds("trades") == ["TradeBooked", "TradeReplaced", "TradeBooked"]


@pytest.mark.asyncio
async def test_a_late_fill_says_anew_what_those_behind_it_realised(make_scripted: MakeScripted) -> None:
    rig, other = await make_scripted(), await make_scripted()
    await book(rig, fill(1, price="50000"), fill(3, SELL, price="70000"))
    await book(rig, fill(2, price="60000"))
    await book(other, *(fill(1, price="50000"), fill(2, price="60000"), fill(3, SELL, price="70000")))
    assert books(rig) == books(other)


@pytest.mark.asyncio
async def test_after_a_restart_a_trade_is_taken_back_as_exactly(make_scripted: MakeScripted) -> None:
    rig, other = await make_scripted(), await make_scripted()
    await book(rig, fill(1, price="50000"), fill(2, price="60000"), fill(3, SELL, price="70000"))
    await rig.crash()
    await rig.start()
    await book(rig, taken_back(1, price="50000"))
    await book(other, fill(2, price="60000"), fill(3, SELL, price="70000"))
    assert books(rig) == books(other)


@pytest.mark.asyncio
async def test_gate_and_agents_hear_of_the_position_without_it(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    heard: list[FillBooked] = []
    rig.bus.subscribe(FillBooked, heard.append, key=USER)
    await book(rig, fill(1, price="50000"), fill(2, price="60000"))
    await book(rig, taken_back(2, price="60000"))
    assert [(each.fill.is_reversal, each.position_size, each.average_price) for each in heard] == [
        (False, D("0.1"), None), (False, D("0.2"), None), (True, D("0.1"), D(50_000)),
    ]  # fmt: skip


def test_a_draft_has_one_row_per_trade() -> None:
    draft = Draft()
    row = TradeChangeRow(id=an_id(1), user_id=USER, realized_pnl=D(1), voided_by=None)
    draft.trades[row.id] = row
    assert draft.rows == (row,)


@pytest.mark.asyncio
async def test_the_log_names_what_led_to_a_fill(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    known, strange = fill(1), fill(2, symbol="NO/NE")
    stream = StringIO()
    setup_logging("debug", "json", stream=stream)
    try:
        await book(rig, known)
        unit = BookUnit(unit=rig.numbers.open(), fills=(strange,), trades=(trade_row(2, strange),))
        with pytest.raises(InvariantBroken):
            await rig.ledger.ask(unit)
    finally:
        setup_logging()
    lines = {line["event"]: line for line in map(msgspec.json.decode, stream.getvalue().splitlines())}
    correlation_id = str(trade_row(1, known).correlation_id)
    booked, failed = lines["fill_booked"], lines["fill_not_booked"]
    assert (booked["order_id"], booked["correlation_id"]) == (str(known.order_id), correlation_id)
    assert (failed["level"], failed["trade_id"], failed["correlation_id"]) == ("error", str(an_id(602)), correlation_id)
