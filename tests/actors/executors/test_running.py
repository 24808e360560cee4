"""What an executor knows follows from its orders, however they and their fills arrive, and survives a restart."""

from decimal import Decimal

import msgspec
import pytest

from actors.executors import running as running_module
from actors.executors.places import intent_key
from actors.executors.running import Running
from engine.domain.identifiers import AccountId, OrderId
from engine.domain.instrument import Instrument
from engine.domain.kinds import DoneReason, Liquidity, OrderStatus, Side
from engine.messages.load import ExecutorState, SlotTotal
from engine.messages.orders import Fill
from tests.support.plan_bench import PlanBench
from tests.support.units import TestCell, UnitMaker

D = Decimal
LONG = {"side": "buy", "quantity": "10", "entry_price": "100", "stop_price": "90"}


def test_an_order_is_over_only_when_its_fills_are_booked(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    bench.advance()
    order = bench.order("entry")
    bench._tell(order, OrderStatus.FILLED, D(10))  # The router's word is faster than the ledger's.
    assert bench.order("entry") is order
    order.booked = D(0)
    bench.fill("entry")
    assert bench.living() == []
    ended = bench.view().slot("entry").ended
    assert ended is not None
    assert (ended.reason, ended.is_foreign) == (DoneReason.FILLED, False)


def test_a_cancel_that_we_did_not_ask_for_is_foreign(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    bench.advance()
    bench.end("entry")
    ended = bench.view().slot("entry").ended
    assert ended is not None
    assert ended.is_foreign


def test_a_late_fill_of_an_order_that_is_over_counts(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    bench.advance()
    order = bench.order("entry")
    bench.end("entry")
    bench.running.slots["entry"].order = order  # Let the bench fill what has ended.
    bench.fill("entry", "2")
    assert bench.view().slot("entry").filled == 2
    assert bench.running.net_quantity == 2


@pytest.mark.parametrize("missing", ["0", "3"])
def test_an_order_whose_fills_are_missing_is_not_over_after_a_restart(missing: str, perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    row, make = bench.running.row, UnitMaker()
    order = make.order(
        TestCell(make).account, executor_id=row.id, side="buy", intent_key=intent_key(row.id, "entry", 1),
        quantity=D(10), filled_quantity=D(4), missing_quantity=D(missing), lifecycle="done", status="cancelled",
        done_reason="cancelled",
    )  # fmt: skip
    total = SlotTotal(name="entry", side=Side.BUY, generation=1, first_price=D(100), filled=D(4), value=D(400))
    again = Running.restored(ExecutorState(row=row, slots=(total,), orders=(order,)), "binance", perpetual)
    assert (again.slot("entry").order is not None) is (missing == "3")
    assert again.is_quiet is (missing == "0")


def test_a_cancel_that_an_earlier_life_has_asked_for_is_not_foreign(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    row, make = bench.running.row, UnitMaker()
    row = msgspec.structs.replace(row, state={"withdrawn": {"entry": 1}})
    order = make.order(
        TestCell(make).account, executor_id=row.id, side="buy", intent_key=intent_key(row.id, "entry", 1),
        quantity=D(10), lifecycle="working", status="open",
    )  # fmt: skip
    total = SlotTotal(name="entry", side=Side.BUY, generation=1, first_price=D(100), filled=D(0), value=D(0))
    bench.running = Running.restored(ExecutorState(row=row, slots=(total,), orders=(order,)), "binance", perpetual)
    assert not bench.order("entry").is_cancelling  # Nobody knows whether the cancel has left: it is asked for again.
    bench.end("entry")
    ended = bench.view().slot("entry").ended
    assert ended is not None
    assert not ended.is_foreign


def test_what_is_over_is_forgotten_in_time(perpetual: Instrument, monkeypatch: object) -> None:
    bench = PlanBench("chase", {"side": "buy", "quantity": "10"}, perpetual)
    keep, running_module.OVER_MAX = running_module.OVER_MAX, 3  # type: ignore[misc]
    try:
        for _ in range(10):
            bench.advance()
            bench.fill("chase", "0.5")
            bench.order("chase").is_cancelling = True
            bench.end("chase")
    finally:
        running_module.OVER_MAX = keep  # type: ignore[misc]
    assert len(bench.running.by_order) == 3
    assert bench.running.net_quantity == 5


def test_profit_is_what_the_closed_part_has_made(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    bench.advance()
    bench.fill("entry", price=D(100))
    assert bench.running.realized_pnl == 0
    bench.advance()
    bench.fill("stop", "4", price=D(95))
    assert bench.running.realized_pnl == -20


def test_it_is_restored_as_it_was(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    bench.advance()
    bench.fill("entry", "4")
    bench.advance()
    bench.accept("stop")
    row = bench.running.row
    make = UnitMaker()
    account = TestCell(make).account
    entry, stop = bench.order("entry"), bench.order("stop")
    orders = tuple(
        make.order(
            account, id=order.order_id, executor_id=row.id, side=order.terms.side.value, type=order.terms.type.value,
            intent_key=intent_key(row.id, order.slot, 1), quantity=order.terms.quantity, price=order.terms.price,
            stop_price=order.terms.stop_price, filled_quantity=order.booked, lifecycle="working", status="open",
            reduce_only=order.terms.reduce_only,
        )
        for order in (entry, stop)
    )  # fmt: skip
    totals = (
        SlotTotal(name="entry", side=Side.BUY, generation=1, first_price=D(100), filled=D(4), value=D(400)),
        SlotTotal(name="stop", side=Side.SELL, generation=1, first_price=None, filled=D(0), value=D(0)),
    )
    again = Running.restored(ExecutorState(row=row, slots=totals, orders=orders), "binance", perpetual)
    before, after = (
        bench.view(),
        msgspec.structs.replace(bench.view(), slots={name: slot.view() for name, slot in again.slots.items()}),
    )
    entry.is_working = True
    bench.accept("entry")
    assert after.slots == bench.view().slots
    assert before.slots.keys() == after.slots.keys()
    assert again.net_quantity == 4
    assert again.policy.plan(after) == bench.running.policy.plan(bench.view())


def test_a_trade_that_is_taken_back_after_a_restart_counts_no_more(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    row, make = bench.running.row, UnitMaker()
    account = TestCell(make).account
    done = {"lifecycle": "done", "done_reason": "filled", "status": "filled", "filled_quantity": D(4)}
    orders = [
        make.order(account, executor_id=row.id, intent_key=intent_key(row.id, "entry", n), quantity=D(4), **done)
        for n in (1, 2)
    ]
    total = SlotTotal(name="entry", side=Side.BUY, generation=2, first_price=D(100), filled=D(8), value=D(800))
    again = Running.restored(ExecutorState(row=row, slots=(total,), orders=tuple(orders)), "binance", perpetual)
    voided = Fill(
        external_trade_id="1", order_id=OrderId(orders[0].id), account_id=AccountId(account.id), venue="binance",
        symbol=perpetual.symbol, side=Side.BUY, price=D(100), quantity=D(4), fee=D(0), fee_asset="USDT",
        liquidity=Liquidity.TAKER, executed_at_ns=1, is_reversal=True,
    )  # fmt: skip
    again.filled(voided, 1)
    assert (again.slot("entry").filled, again.slot("entry").order) == (D(4), None)
