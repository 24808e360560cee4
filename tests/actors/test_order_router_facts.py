"""Every kind of fact in any order of arrival, with repeats: one order, the same books, nothing reserved for ever."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.kinds import DoneReason, OrderType, Side
from engine.domain.values import ZERO
from engine.messages.orders import OrderIntent, SubmitOrder
from engine.messages.rows import BalanceRow, LedgerLineRow, OrderRow, PositionRow, TradeRow
from engine.messages.rows_trades import TradeEvidenceRow
from engine.messages.venues import VenueOrderUpdate
from tests.actors.test_evidence import a_void
from tests.support.cell_builders import ACCOUNT, START_NS, an_intent
from tests.support.scripted_venue import ScriptedRig, a_fill, accepted, as_listed, done

D = Decimal
BUY = an_intent(100, type=OrderType.LIMIT, price="60000", quantity="0.1")
SELL = an_intent(101, type=OrderType.LIMIT, price="61000", quantity="0.1", side=Side.SELL)


def fill(intent: OrderIntent, trade: int, **changes: Any) -> Any:
    return a_fill(intent, trade, executed_at_ns=START_NS + trade * 1_000, **changes)


def told(intent: OrderIntent, filled: str, at: int) -> VenueOrderUpdate:
    order = as_listed(intent, filled_quantity=D(filled), venue_time_ns=START_NS + at)
    return VenueOrderUpdate(account_id=ACCOUNT, order=order)


STORY = (
    accepted(BUY),
    accepted(SELL),
    fill(BUY, 1, quantity="0.03", price="59000"),
    fill(BUY, 1, quantity="0.02", price="59000"),
    fill(SELL, 2, quantity="0.05", price="61500"),
    fill(BUY, 3, quantity="0.04", price="59500"),
    fill(SELL, 4, quantity="0.05", price="62000"),
    a_void(BUY, 3),
    a_void(SELL, 9),
    told(BUY, "0.03", 50),
    told(SELL, "0.05", 40),
    done(BUY, DoneReason.CANCELLED, filled="0.03", at_ns=START_NS + 90),
    done(SELL, DoneReason.FILLED, filled="0.1", at_ns=START_NS + 91),
)


async def play(facts: list[Any], pauses: list[bool]) -> tuple[Any, ...]:
    """Tell a new cell these facts; a pause lets everything happen before the next."""
    rig = await ScriptedRig().start()
    for intent in (BUY, SELL):
        rig.router.tell(SubmitOrder(intent=intent, unit=rig.numbers.open(intent.correlation_id)))
    await rig.settle()
    for place, fact in enumerate(facts):
        rig.say(fact)
        if pauses[place % len(pauses)]:
            await rig.settle()
    await rig.settle()
    sums: dict[str, Decimal] = {}
    for line in rig.rows(LedgerLineRow):
        sums[line.asset] = sums.get(line.asset, ZERO) + line.amount
    assert not any(sums.values())
    assert rig.gate.actor_inbox.actor._exposures.reserved(ACCOUNT) == {}  # type: ignore[union-attr]
    end = (
        sorted((row.id, row.status, row.filled_quantity, row.average_price, row.fees) for row in rig.rows(OrderRow)),
        sorted(
            (row.external_trade_id, row.quantity, row.price, row.realized_pnl)
            for row in rig.rows(TradeRow)
            if row.voided_by is None
        ),
        sorted((row.kind, row.external_trade_id, row.quantity or ZERO) for row in rig.rows(TradeEvidenceRow)),
        [(row.size, row.average_price, row.realized_pnl, row.fees_paid) for row in rig.rows(PositionRow)],
        [(row.asset, row.total, row.locked) for row in rig.rows(BalanceRow)],
    )
    await rig.stop()
    return end


@settings(max_examples=20)
@given(data=st.data())
@pytest.mark.asyncio
async def test_the_arrival_of_facts_does_not_matter(data: st.DataObject) -> None:
    repeats = data.draw(st.lists(st.sampled_from(STORY), max_size=4))
    facts = data.draw(st.permutations([*STORY, *repeats]))
    pauses = data.draw(st.lists(st.booleans(), min_size=1, max_size=6))
    assert await play(facts, pauses) == await play(list(STORY), [True])
