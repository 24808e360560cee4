"""What a router learns in one turn leaves as one unit, and nothing leaves it before that unit is durable."""

import pytest

from engine.domain.kinds import OrderType
from engine.messages.rows import OrderRow
from tests.actors.conftest import MakeScripted
from tests.actors.test_order_router import submit
from tests.actors.test_resolving import rejected
from tests.support.scripted_venue import a_fill, accepted


@pytest.mark.asyncio
async def test_facts_that_come_together_leave_together(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    before = rig.units_with(OrderRow)
    rig.say(accepted(intent))
    await rig.hear(a_fill(intent, 1, quantity="0.04"))
    assert rig.units_with(OrderRow) == before + 1


@pytest.mark.asyncio
async def test_what_a_unit_sends_waits_for_its_commit(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig, type=OrderType.LIMIT, price="59000")
    await rig.hear(rejected(intent))
    earlier = rig.numbers.open()  # Of somebody else, not there yet.
    await rig.hear(accepted(intent))
    assert rig.script.cancels == []
    rig.writer.tell(earlier)
    await rig.settle()
    assert len(rig.script.cancels) == 1
