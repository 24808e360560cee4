"""The same facts in any order, with any repeats, end in the same rows and the same books."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.kinds import DoneReason
from engine.messages.orders import SubmitOrder
from engine.messages.rows import BalanceRow, OrderRow, PositionRow, TradeRow
from engine.messages.venues import VenueRejected, VenueUnknown
from tests.support.cell_builders import ACCOUNT, START_NS, an_intent
from tests.support.scripted_venue import ScriptedRig, a_fill, accepted, done

D = Decimal
INTENT = an_intent(quantity="0.1")
UNKNOWN = VenueUnknown(order_id=INTENT.order_id, account_id=ACCOUNT, why="timeout")
REJECTED = VenueRejected(order_id=INTENT.order_id, account_id=ACCOUNT, code="x", venue_time_ns=START_NS)

STORIES = st.sampled_from(
    [
        (accepted(INTENT), a_fill(INTENT, 1), done(INTENT)),
        (accepted(INTENT), a_fill(INTENT, 1, quantity="0.04"), a_fill(INTENT, 2, quantity="0.06"), done(INTENT)),
        (accepted(INTENT), a_fill(INTENT, 1, quantity="0.04"), done(INTENT, DoneReason.CANCELLED, filled="0.04")),
        (accepted(INTENT), done(INTENT, DoneReason.EXPIRED, filled="0")),
        (UNKNOWN, accepted(INTENT), a_fill(INTENT, 1, quantity="0.07")),
        (REJECTED, a_fill(INTENT, 1, quantity="0.03")),
        (a_fill(INTENT, 1), a_fill(INTENT, 2, quantity="0.02")),
    ]
)


async def play(facts: list[Any], pauses: list[bool]) -> tuple[Any, ...]:
    """Tell a new cell these facts; a pause lets everything happen before the next."""
    rig = await ScriptedRig().start()
    rig.router.tell(SubmitOrder(intent=INTENT, unit=rig.numbers.open(INTENT.correlation_id)))
    await rig.settle()
    for place, fact in enumerate(facts):
        rig.say(fact)
        if pauses[place % len(pauses)]:
            await rig.settle()
    await rig.settle()
    (order,) = rig.rows(OrderRow)
    trades = sorted((row.external_trade_id, row.quantity, row.price, row.fees) for row in rig.rows(TradeRow))
    positions = [(row.size, row.average_price, row.fees_paid) for row in rig.rows(PositionRow)]
    balances = [(row.asset, row.total, row.locked) for row in rig.rows(BalanceRow)]
    reserved = rig.gate.actor_inbox.actor._exposures.reserved(ACCOUNT)  # type: ignore[union-attr]
    await rig.stop()
    return order, trades, positions, balances, reserved


@settings(max_examples=20)
@given(story=STORIES, data=st.data())
@pytest.mark.asyncio
async def test_the_order_of_facts_does_not_matter(story: tuple[Any, ...], data: st.DataObject) -> None:
    repeats = data.draw(st.lists(st.sampled_from(story), max_size=3))
    facts = data.draw(st.permutations([*story, *repeats]))
    pauses = data.draw(st.lists(st.booleans(), min_size=1, max_size=6))
    assert await play(facts, pauses) == await play(list(story), [True])
