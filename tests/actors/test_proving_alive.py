"""Whoever orders pass through can be asked whether it lives."""

import pytest

from engine.domain.kinds import OrderType
from engine.messages.risk import Alive, ProveAlive
from tests.actors.conftest import MakeRig
from tests.support.cell_builders import ACCOUNT, a_place


@pytest.mark.asyncio
async def test_gate_and_router_answer_and_the_gate_counts_open_orders(make_rig: MakeRig) -> None:
    rig = await make_rig()
    rig.quote("60000", "60001")
    await rig.gate.ask(a_place(1, type=OrderType.LIMIT, price="59000"))
    await rig.settle()
    question = ProveAlive(account_id=ACCOUNT)
    assert await rig.gate.ask(question) == Alive(open_orders=1)
    assert await rig.router.ask(question) == Alive(open_orders=0)
