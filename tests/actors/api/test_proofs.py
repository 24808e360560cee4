"""The proof of a halt over several cells is as good as the worst of them."""

from typing import Any

import pytest

from actors.api.cells import CellRefs
from actors.api.proofs import proof_of
from engine.messages.risk import HaltQuery, HaltReport
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.clock import VirtualClock, WallClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.system import ActorSystem
from tests.support.cell_builders import USER, an_id

pytestmark = pytest.mark.asyncio


class Gate(AsyncioActor):
    """Says one state after another, and the last one for ever."""

    def __init__(self, *states: str) -> None:
        super().__init__()
        self.states = list(states)

    @handles(HaltQuery)
    def on_query(self, message: HaltQuery) -> HaltReport | None:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        report = {"orders": [{"order_id": state}]}
        return None if state == "gone" else HaltReport(halt_id=message.halt_id, state=state, report=report)


async def proof(*gates: tuple[str, ...], wait_s: float = 0.0) -> dict[str, Any]:
    clock, rng = VirtualClock(), seeded_rng(1)
    system = ActorSystem(clock=clock, ids=Ids(clock, rng), rng=rng)
    try:
        refs = [await system.start(Gate, *states, name=f"gate/{number}") for number, states in enumerate(gates)]
        cells = [(USER, CellRefs(gate=ref, coordinator=ref, executors=ref)) for ref in refs]
        return await proof_of(WallClock(), cells, an_id(9), wait_s)
    finally:
        await system.stop_all()


async def test_everything_is_proven_when_every_cell_says_so() -> None:
    found = await proof(("proven",), ("proven",))
    assert (found["state"], len(found["orders"])) == ("proven", 2)


@pytest.mark.parametrize(
    ("states", "worst"),
    [(("proven", "unproven"), "unproven"), (("proven", "verifying"), "verifying"), (("unproven", "gone"), "unknown")],
)
async def test_the_worst_cell_decides(states: tuple[str, str], worst: str) -> None:
    assert (await proof(*((state,) for state in states)))["state"] == worst


async def test_a_cell_that_knows_nothing_is_named() -> None:
    found = await proof(("gone",))
    assert found["accounts"] == [{"user_id": str(USER), "outcome": "not_heard", "why": "its cell does not answer"}]


async def test_a_wait_ends_with_the_proof() -> None:
    assert (await proof(("requested", "verifying", "proven"), wait_s=5.0))["state"] == "proven"
