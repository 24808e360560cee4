"""The desk carries plans out with the real cell: places, resizes, cancels, and goes on after any death."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, Final

import msgspec
import pytest
import pytest_asyncio

from actors.executors import desk as desk_module
from actors.executors.refusals import why_given_up
from engine.domain.errors import BadInput
from engine.domain.kinds import Scope, TradingState
from engine.messages.orders import CancelOrder, FillBooked
from engine.messages.risk import Halt, Resume
from engine.messages.rows import OrderRow
from engine.messages.writing import StoreStatus
from tests.support.cell_builders import ACCOUNT, USER
from tests.support.domain import a_perpetual, a_spot
from tests.support.executor_rig import ExecutorRig

pytestmark = pytest.mark.asyncio
LONG: Final[dict[str, Any]] = {
    "side": "buy", "quantity": "0.1", "entry_price": "59000", "stop_price": "58000", "take_price": "61000",
}  # fmt: skip
D = Decimal


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[ExecutorRig]:
    rig = await ExecutorRig(instruments=[a_perpetual()]).start()
    await rig.market("59999.9", "60000.1")
    yield rig
    await rig.stop()


@pytest_asyncio.fixture
async def spot() -> AsyncIterator[ExecutorRig]:
    balances = {"USDT": D(100_000), "BTC": D(0)}
    rig = await ExecutorRig(instruments=[a_spot()], kind="spot", balances=balances).start()
    await rig.market("59999.90", "60000.10")
    yield rig
    await rig.stop()


async def test_a_bracket_from_entry_to_target(rig: ExecutorRig) -> None:
    executor_id = await rig.begin("bracket", **LONG)
    assert {slot: row.status for slot, row in rig.open_orders_of(executor_id).items()} == {"entry": "open"}
    await rig.market("58999.0", "58999.5")
    living = rig.open_orders_of(executor_id)
    assert {slot: (row.quantity, row.reduce_only) for slot, row in living.items()} == {"stop": (D("0.1"), True)}
    await rig.market("61001.0", "61001.5")
    assert rig.open_orders_of(executor_id) == {}
    row = rig.executor(executor_id)
    assert (row.status, row.status_reason) == ("done", "target_reached")
    assert row.realized_pnl == D("0.1") * (D(61001) - D(59000))
    assert rig.size() == 0
    assert rig.kinds("agents") == ["ExecutorStarted", "ExecutorFinished"]


async def test_every_order_carries_the_correlation_of_its_executor(rig: ExecutorRig) -> None:
    executor_id = await rig.begin("bracket", **LONG)
    await rig.market("58999.0", "58999.5")
    orders = [row for row in rig.rows(OrderRow) if row.executor_id == executor_id]
    assert len(orders) == 2
    assert {row.correlation_id for row in orders} == {executor_id}
    assert {row.origin for row in orders} == {"executor"}


async def test_the_stop_is_resized_with_each_partial_fill(rig: ExecutorRig) -> None:
    executor_id = await rig.begin("bracket", **LONG)
    await rig.market("58900.0", "58999.5", "10 0.04")
    first = rig.open_orders_of(executor_id)
    filled = first["entry"].filled_quantity
    assert 0 < filled < D("0.1")
    assert first["stop"].quantity == filled
    await rig.market("58900.0", "58999.4", "10 10")
    second = rig.open_orders_of(executor_id)
    assert {slot: row.quantity for slot, row in second.items()} == {"stop": D("0.1")}


async def test_a_stop_closes_and_the_target_goes(rig: ExecutorRig) -> None:
    executor_id = await rig.begin("bracket", **LONG)
    await rig.market("58999.0", "58999.5")
    await rig.market("57990.0", "57990.5")
    await rig.market("57990.0", "57990.5")
    assert rig.open_orders_of(executor_id) == {}
    assert rig.executor(executor_id).status_reason == "stopped"
    assert rig.size() == 0


async def test_on_spot_the_stop_rests_and_the_target_is_hit_when_touched(spot: ExecutorRig) -> None:
    executor_id = await spot.begin("bracket", **LONG)
    await spot.market("58999.00", "58999.50")
    assert set(spot.open_orders_of(executor_id)) == {"stop"}
    await spot.market("61000.50", "61001.00")
    await spot.pass_market(2)
    await spot.market("61000.50", "61001.00")
    assert spot.open_orders_of(executor_id) == {}
    assert spot.executor(executor_id).status_reason == "target_reached"


async def test_a_twap_trades_by_the_clock(rig: ExecutorRig) -> None:
    executor_id = await rig.begin("twap", side="buy", quantity="0.1", duration=100, slices=10)
    for _ in range(12):
        await rig.market("59999.9", "60000.1")
        await rig.pass_market(10)
    orders = [row for row in rig.rows(OrderRow) if row.executor_id == executor_id]
    assert [row.filled_quantity for row in orders] == [D("0.01")] * 10
    assert rig.executor(executor_id).status_reason == "filled"
    assert rig.size() == D("0.1")


async def test_pausing_leaves_only_what_protects_and_resuming_goes_on(rig: ExecutorRig) -> None:
    executor_id = await rig.begin("bracket", **LONG)
    await rig.market("58900.0", "58999.5", "10 0.04")
    await rig.pause(executor_id)
    assert set(rig.open_orders_of(executor_id)) == {"stop"}
    answer = await rig.resume(executor_id)
    assert answer.status == "active"
    assert set(rig.open_orders_of(executor_id)) == {"entry", "stop"}
    await rig.market("61001.0", "61001.5")
    assert rig.executor(executor_id).status_reason == "target_reached"


async def test_an_entry_withdrawn_by_a_pause_comes_back_even_after_a_crash(rig: ExecutorRig) -> None:
    executor_id = await rig.begin("bracket", **LONG)
    await rig.pause(executor_id)
    assert rig.open_orders_of(executor_id) == {}
    await rig.restart()
    await rig.market("59999.9", "60000.1")
    assert rig.open_orders_of(executor_id) == {}
    assert rig.executor(executor_id).status == "paused"
    await rig.resume(executor_id)
    assert rig.open_orders_of(executor_id)["entry"].quantity == D("0.1")


async def test_an_entry_that_somebody_else_cancels_ends_it_even_after_a_crash(rig: ExecutorRig) -> None:
    executor_id = await rig.begin("bracket", **LONG)
    entry = rig.open_orders_of(executor_id)["entry"]
    await rig.pause(executor_id)
    await rig.resume(executor_id)
    entry = rig.open_orders_of(executor_id)["entry"]
    await rig.desk.halt()  # It dies before it hears of the cancel.
    rig.gate.tell(CancelOrder(user_id=USER, account_id=ACCOUNT, order_id=entry.id, reason="by hand"))  # type: ignore[arg-type]
    await rig.settle()
    await rig.restart()
    await rig.market("59999.9", "60000.1")
    assert rig.executor(executor_id).status_reason == "not_entered"


async def test_stopping_cancels_everything_and_flattens_if_asked(rig: ExecutorRig) -> None:
    executor_id = await rig.begin("bracket", **LONG)
    await rig.market("58999.0", "58999.5")
    await rig.stop_executor(executor_id, flatten=True)
    await rig.market("58999.0", "58999.5")
    assert rig.open_orders_of(executor_id) == {}
    assert rig.size() == 0
    assert rig.executor(executor_id).status == "cancelled"
    answer = await rig.stop_executor(executor_id)
    assert (answer.status, answer.reason) == (None, "not_found")


async def test_stopping_without_flattening_keeps_the_position(rig: ExecutorRig) -> None:
    executor_id = await rig.begin("bracket", **LONG)
    await rig.market("58999.0", "58999.5")
    await rig.stop_executor(executor_id)
    assert rig.open_orders_of(executor_id) == {}
    assert rig.size() == D("0.1")


async def test_a_position_that_somebody_else_has_closed_does_not_keep_it_from_ending(rig: ExecutorRig) -> None:
    first = await rig.begin("twap", 1, side="buy", quantity="0.1", duration=1, slices=1)
    executor_id = await rig.begin("bracket", 2, **LONG)
    await rig.market("58999.0", "58999.5")
    await rig.begin("twap", 3, side="sell", quantity="0.3", duration=1, slices=1)
    await rig.pass_market(1)
    assert rig.executor(first).status == "done"
    await rig.market("58999.0", "58999.5")
    await rig.stop_executor(executor_id, flatten=True)
    await rig.pass_market(10)
    assert rig.executor(executor_id).status == "stopping"
    await rig.pass_market(10)
    row = rig.executor(executor_id)
    assert (row.status, row.status_reason) == ("cancelled", "flatten: refused 5 times, reduce_only")
    assert "executor_failed" in rig.alerts()


async def test_a_halt_pauses_it_and_it_stays_paused(rig: ExecutorRig) -> None:
    executor_id = await rig.begin("twap", side="buy", quantity="0.1", duration=100, slices=10)
    rig.gate.tell(Halt(user_id=USER, scope=Scope.USER, reason="test", state=TradingState.HALTED))
    await rig.settle()
    await rig.pass_market(30)
    await rig.market("59999.9", "60000.1")
    assert rig.executor(executor_id).status == "paused"
    placed = len(rig.rows(OrderRow))
    rig.gate.tell(Resume(user_id=USER, scope=Scope.USER, reason="test"))
    await rig.settle()
    await rig.pass_market(30)
    await rig.market("59999.9", "60000.1")
    assert len(rig.rows(OrderRow)) == placed
    await rig.resume(executor_id)
    assert len(rig.rows(OrderRow)) == placed + 1


@pytest.mark.parametrize("is_away", [False, True])
async def test_a_slot_that_is_refused_again_and_again_fails_its_executor(
    rig: ExecutorRig, monkeypatch: pytest.MonkeyPatch, is_away: bool
) -> None:
    judge, desk = why_given_up, rig.desk.actor_inbox.actor

    def while_away(*refusal: Any) -> str | None:
        reason = judge(*refusal)
        if reason is not None and is_away:
            desk.on_store(StoreStatus(available=False, since_ns=0))  # type: ignore[union-attr]
        return reason

    monkeypatch.setattr(desk_module, "why_given_up", while_away)
    rich = LONG | {"quantity": "900"}  # Far beyond the account's margin.
    executor_id = await rig.begin("bracket", **rich)
    await rig.pass_market(60)
    row = rig.executor(executor_id)
    assert row.status == "error"
    assert row.status_reason is not None
    assert row.status_reason.startswith("entry: refused 5 times")
    assert "executor_failed" in rig.alerts()
    orders = len(rig.rows(OrderRow))
    await rig.pass_market(300)
    assert len(rig.rows(OrderRow)) == orders


async def test_a_position_without_its_stop_is_an_alarm_until_it_has_one(rig: ExecutorRig) -> None:
    executor_id = await rig.begin("bracket", **LONG)
    await rig.market("58999.0", "58999.5")
    rig.gate.tell(Halt(user_id=USER, scope=Scope.USER, reason="test"))
    await rig.settle()
    assert rig.open_orders_of(executor_id) == {}
    assert rig.executor(executor_id).status == "paused"
    await rig.pass_market(4)
    assert "position_unprotected" not in rig.alerts()
    await rig.pass_market(3)
    assert rig.alerts().count("position_unprotected") == 1
    await rig.restart()
    await rig.pass_market(120)
    assert rig.alerts().count("position_unprotected") == 1
    assert rig.open_orders_of(executor_id) == {}
    rig.gate.tell(Resume(user_id=USER, scope=Scope.USER, reason="test"))
    await rig.settle()
    assert set(rig.open_orders_of(executor_id)) == {"stop"}
    assert rig.alerts().count("position_protected") == 1


async def test_a_halt_that_closes_positions_ends_its_executors(rig: ExecutorRig) -> None:
    executor_id = await rig.begin("bracket", **LONG)
    await rig.market("58999.0", "58999.5")
    rig.gate.tell(Halt(user_id=USER, scope=Scope.USER, reason="enough", flatten=True))
    await rig.settle()
    await rig.pass_wall(2)
    await rig.market("58999.0", "58999.5")
    await rig.pass_wall(10)
    assert rig.size() == 0
    row = rig.executor(executor_id)
    assert (row.status, row.status_reason) == ("cancelled", "halted and closed: enough")
    rig.gate.tell(Resume(user_id=USER, scope=Scope.USER, reason="test"))
    await rig.settle()
    await rig.market("58999.0", "58999.5")
    assert rig.open_orders_of(executor_id) == {}


async def test_a_stop_that_somebody_cancels_comes_back(rig: ExecutorRig) -> None:
    executor_id = await rig.begin("bracket", **LONG)
    await rig.market("58999.0", "58999.5")
    stop = rig.open_orders_of(executor_id)["stop"]
    rig.gate.tell(CancelOrder(user_id=USER, account_id=ACCOUNT, order_id=stop.id, reason="by hand"))  # type: ignore[arg-type]
    await rig.settle()
    again = rig.open_orders_of(executor_id)["stop"]
    assert again.id != stop.id
    assert again.quantity == stop.quantity


async def test_what_cannot_work_is_refused_before_it_starts(rig: ExecutorRig, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="stop_price"):
        await rig.begin("bracket", side="buy", quantity="0.1")
    with pytest.raises(BadInput, match="kind: expected bracket or chase"):
        await rig.begin("martingale", side="buy", quantity="0.1")
    monkeypatch.setattr(desk_module, "RUNNING_MAX", 1)
    await rig.begin("chase", 1, side="buy", quantity="0.1")
    with pytest.raises(BadInput, match="executors: expected at most 1"):
        await rig.begin("chase", 2, side="buy", quantity="0.1")


async def test_a_chase_follows_the_market(rig: ExecutorRig) -> None:
    executor_id = await rig.begin("chase", side="buy", quantity="0.1", max_distance_percent="5")
    assert rig.open_orders_of(executor_id)["chase"].price == D("59999.9")
    await rig.market("60010.0", "60010.5")
    await rig.market("60010.0", "60010.5")
    assert rig.open_orders_of(executor_id)["chase"].price == D("60010.0")
    await rig.market("60000.0", "60005.0")
    assert rig.executor(executor_id).status_reason == "filled"


async def test_a_grid_goes_round(rig: ExecutorRig) -> None:
    grid: dict[str, Any] = {
        "side": "buy",
        "quantity": "0.01",
        "lower_price": "59000",
        "upper_price": "61000",
        "levels": 5,
    }
    executor_id = await rig.begin("grid", **grid)
    assert set(rig.open_orders_of(executor_id)) == {"open:0", "open:1", "open:2"}
    for _ in range(3):
        await rig.market("59999.0", "59999.5")
        assert rig.open_orders_of(executor_id)["close:2"].price == D(60500)
        await rig.market("60501.0", "60501.5")
        assert "open:2" in rig.open_orders_of(executor_id)
    assert rig.executor(executor_id).realized_pnl == 3 * D("0.01") * 500


async def test_a_fill_that_another_replaces_was_never_away(rig: ExecutorRig) -> None:
    executor_id = await rig.begin("bracket", **LONG)
    told: list[FillBooked] = []
    rig.bus.subscribe(FillBooked, told.append, key=USER)
    await rig.market("58999.0", "58999.5")
    before = rig.open_orders_of(executor_id)
    assert before.keys() == {"stop"}
    (booked,) = told
    taken = msgspec.structs.replace(booked, fill=msgspec.structs.replace(booked.fill, is_reversal=True))
    for message in (taken, booked):
        rig.desk.tell(message)
    await rig.settle()
    assert rig.executor(executor_id).status == "active"
    assert rig.open_orders_of(executor_id) == before
