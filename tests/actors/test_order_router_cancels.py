"""Cancels on their way through a router, and what leaves while the database is away."""

from decimal import Decimal
from typing import Any

import pytest

from engine.domain.kinds import DoneReason, OrderOrigin
from engine.messages.orders import CancelAnswer, CancelOrder, CancelOrders
from engine.messages.rows import OrderRequestRow
from engine.messages.venues import OrderQuery, VenueCancelRefused
from engine.messages.writing import StoreStatus
from tests.actors.conftest import MakeScripted
from tests.actors.test_order_router import submit
from tests.support.cell_builders import ACCOUNT, AGENT, START_NS, USER, an_intent
from tests.support.scripted_venue import a_fill, accepted, done

D = Decimal


def cancel(intent: Any) -> CancelOrder:
    return CancelOrder(user_id=USER, account_id=ACCOUNT, order_id=intent.order_id, reason="test")


@pytest.mark.asyncio
async def test_a_cancel_is_a_request_of_its_own(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(accepted(intent))
    answer = await rig.router.ask(cancel(intent))
    assert answer == CancelAnswer(order_ids=(intent.order_id,))
    (request,) = rig.rows(OrderRequestRow)
    assert (request.kind, request.state) == ("cancel", "requested")
    assert [each.order_id for each in rig.script.cancels] == [intent.order_id]
    assert rig.order(intent.order_id).status == "open"
    await rig.hear(done(intent, DoneReason.CANCELLED, filled="0"))
    (request,) = rig.rows(OrderRequestRow)
    assert request.state == "acked"
    assert rig.kinds("orders")[-3:] == ["CancelRequested", "OrderCancelled", "CancelAcknowledged"]


@pytest.mark.asyncio
async def test_a_second_cancel_does_not_ask_the_venue_again(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(accepted(intent))
    await rig.router.ask(cancel(intent))
    answer = await rig.router.ask(cancel(intent))
    assert answer.order_ids == (intent.order_id,)
    assert len(rig.script.cancels) == len(rig.rows(OrderRequestRow)) == 1


@pytest.mark.asyncio
async def test_an_order_that_was_never_sent_is_cancelled_without_asking_the_venue(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    late = rig.numbers.open()
    intent = await submit(rig)
    reply = rig.router.ask(cancel(intent))
    await rig.settle()
    rig.writer.tell(late)
    assert (await reply).order_ids == (intent.order_id,)
    assert (rig.script.submits, rig.script.cancels) == ([], [])
    assert rig.order(intent.order_id).status == "cancelled"


@pytest.mark.parametrize(("code", "state"), [("already_done", "refused"), ("unknown", "unknown")])
@pytest.mark.asyncio
async def test_a_refused_cancel_is_kept_and_the_venue_is_asked_what_it_has(
    make_scripted: MakeScripted, code: str, state: str
) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(accepted(intent))
    await rig.router.ask(cancel(intent))
    rig.script.queries.clear()
    await rig.hear(VenueCancelRefused(order_id=intent.order_id, account_id=ACCOUNT, code=code, venue_time_ns=START_NS))
    (request,) = rig.rows(OrderRequestRow)
    assert (request.state, request.answer_code) == (state, code)
    assert [type(query) for query in rig.script.queries] == [OrderQuery]


@pytest.mark.asyncio
async def test_a_cancel_of_what_is_done_or_unknown_says_so(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(a_fill(intent, 1))
    assert (await rig.router.ask(cancel(intent))).reason == "already_done"
    assert (await rig.router.ask(cancel(an_intent(999)))).reason == "not_found"


@pytest.mark.asyncio
async def test_cancel_all_takes_what_matches(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    mine = await submit(rig, 1)
    agents = await submit(rig, 2, agent_id=AGENT, origin=OrderOrigin.AGENT)
    answer = await rig.router.ask(CancelOrders(user_id=USER, agent_id=AGENT, reason="test"))
    assert answer.order_ids == (agents.order_id,)
    answer = await rig.router.ask(CancelOrders(user_id=USER, symbol="ETH/USDT:USDT", reason="test"))
    assert answer.order_ids == ()
    answer = await rig.router.ask(CancelOrders(user_id=USER, reason="test"))
    assert set(answer.order_ids) == {mine.order_id, agents.order_id}


@pytest.mark.asyncio
async def test_a_cancel_that_a_crash_left_unanswered_is_sent_again(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(accepted(intent))
    await rig.router.ask(cancel(intent))
    await rig.crash()
    await rig.start()
    assert [each.order_id for each in rig.script.cancels] == [intent.order_id, intent.order_id]


# --- While the database is away --------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_while_the_database_is_away_cancels_leave_and_nothing_else_does(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    working = await submit(rig, 1)
    await rig.hear(accepted(working))
    rig.bus.publish(StoreStatus(available=False, since_ns=START_NS))
    stuck = rig.numbers.open()  # What the database does not take holds everything behind it.
    await submit(rig, 2)
    answer = await rig.router.ask(cancel(working))
    assert answer == CancelAnswer(order_ids=(working.order_id,), durable=False)
    assert len(rig.script.cancels) == len(rig.script.submits) == 1
    assert rig.rows(OrderRequestRow) == []
    rig.bus.publish(StoreStatus(available=True, since_ns=START_NS))
    rig.writer.tell(stuck)
    await rig.settle()
    assert len(rig.rows(OrderRequestRow)) == 1
    assert len(rig.script.submits) == 2


@pytest.mark.asyncio
async def test_a_cancel_that_waits_for_its_commit_leaves_when_the_database_goes_away(
    make_scripted: MakeScripted,
) -> None:
    rig = await make_scripted()
    working = await submit(rig)
    await rig.hear(accepted(working))
    stuck = rig.numbers.open()
    reply = rig.router.ask(cancel(working))
    await rig.settle()
    assert rig.script.cancels == []
    rig.bus.publish(StoreStatus(available=False, since_ns=START_NS))
    assert (await reply).durable is False
    assert len(rig.script.cancels) == 1
    rig.writer.tell(stuck)
    await rig.settle()
    assert len(rig.script.cancels) == 1
