"""A plan that is interrupted at any durable step still ends as it should, with no order twice."""

from collections import Counter
from decimal import Decimal
from typing import Any, Final

import pykka
import pytest

from engine.messages.executors import StartExecutor
from engine.messages.rows import OrderRow
from engine.messages.rows_executors import ExecutorRow
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id
from tests.support.crash_audit import violations
from tests.support.crashes import DEADLY
from tests.support.domain import a_perpetual
from tests.support.executor_rig import ExecutorRig

pytestmark = pytest.mark.asyncio
D = Decimal

PLANS: Final[dict[str, dict[str, Any]]] = {
    "bracket": {"side": "buy", "quantity": "0.1", "entry_price": "59000", "stop_price": "58000", "take_price": "61000"},
    "dca": {"side": "buy", "quantity": "0.1", "safety_orders": 1, "step_percent": "1.5", "take_percent": "2"},
    "twap": {"side": "buy", "quantity": "0.1", "duration": 6, "slices": 3},
}
MARKET: Final = (
    ("59999.9", "60000.1", "10 10"),
    ("58900.0", "58999.5", "10 0.04"),
    ("58900.0", "58999.4", "10 10"),
    ("61300.0", "61300.5", "10 10"),
    ("61500.0", "61500.5", "10 10"),
    ("61500.0", "61500.5", "10 10"),
)
ENDS: Final = {"bracket": {"target_reached"}, "dca": {"target_reached"}, "twap": {"filled", "time_over"}}
"""How a plan may end: the market does not wait while the engine is away."""
MOST: Final = {"bracket": D("0.1"), "dca": D("0.2"), "twap": D("0.1")}


async def play(kind: str, plan: dict[int, str]) -> ExecutorRig:
    """Run a plan from its start to its end through one fault."""
    rig = ExecutorRig(instruments=[a_perpetual()])
    rig.faults.start()
    await rig.start()
    rig.faults.start(plan)
    rig.quote("59999.9", "60000.1")
    await start_executor(rig, kind)
    for bid, ask, sizes in MARKET:
        await rig.market(bid, ask, sizes)
        await rig.pass_market(2)
        if rig.is_dead:
            await rig.restart()
            await start_executor(rig, kind)  # The caller was not answered: it asks again.
            await rig.market(bid, ask, sizes)
    await settle(rig)
    return rig


async def start_executor(rig: ExecutorRig, kind: str) -> None:
    if not rig.rows(ExecutorRow):
        row = ExecutorRow(
            id=an_id(901), user_id=USER, account_id=ACCOUNT, kind=kind, symbol=rig.instruments[0].symbol, side="buy",
            configuration=PLANS[kind], status="active", intent_key="test", realized_pnl=D(0), correlation_id=an_id(901),
            created_at=START_NS, updated_at=START_NS,
        )  # fmt: skip
        rig.desk.tell(StartExecutor(user_id=USER, executor=row))
        await rig.settle()


async def settle(rig: ExecutorRig) -> None:
    """Let everything come to rest: unanswered questions are asked again, and the market goes the same way once more."""
    for _ in range(3):
        for _ in range(4):
            if rig.is_dead:
                await rig.restart()
            await rig.pass_wall(12)
        for bid, ask, sizes in MARKET:
            await rig.market(bid, ask, sizes)
            await rig.pass_market(2)


async def end(rig: ExecutorRig) -> None:
    await rig.crash()
    for ref in pykka.ActorRegistry.get_all():
        pykka.ActorRegistry.unregister(ref)


@pytest.mark.parametrize("kind", sorted(PLANS))
@pytest.mark.parametrize("mode", DEADLY)
async def test_a_kill_at_any_step_is_only_an_interruption(kind: str, mode: str) -> None:
    rig = await play(kind, {})
    steps = len(rig.faults.steps)
    await end(rig)
    assert steps > 8
    for step in range(1, steps + 1):
        rig = await play(kind, {step: mode})
        try:
            check(rig, kind, f"{kind}, killed {mode} step {step} of {steps}")
        finally:
            await end(rig)


def check(rig: ExecutorRig, kind: str, where: str) -> None:
    row = rig.executor(an_id(901))
    orders = [each for each in rig.rows(OrderRow) if each.executor_id == row.id]
    bought = sum((each.filled_quantity for each in orders if each.side == "buy"), D(0))
    sold = sum((each.filled_quantity for each in orders if each.side == "sell"), D(0))
    assert row.status == "done", where
    assert row.status_reason in ENDS[kind], where
    assert max(Counter(each.intent_key for each in orders).values()) == 1, where
    assert all(each.lifecycle == "done" for each in orders), where
    assert bought <= MOST[kind], where
    assert bought or kind == "twap", where  # A slice of unknown outcome holds the others back until it is known.
    assert rig.size() == bought - sold, where
    assert kind == "twap" or bought == sold, where
    assert not violations(rig), where
