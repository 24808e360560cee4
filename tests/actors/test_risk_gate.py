"""The one way to an order: answers are durable, one decision is one order, halts overtake and hold over restarts."""

from decimal import Decimal
from typing import Any

import pytest

from engine.domain.errors import BadInput, CatchingUp
from engine.domain.kinds import OrderOrigin, OrderType
from engine.messages.orders import CancelOrder, CheckIntent, OrderChanged
from engine.messages.rows import OrderRow
from engine.messages.rows_people import AuditRow
from tests.actors.conftest import MakeRig
from tests.support.cell import CellRig
from tests.support.cell_builders import ACCOUNT, AGENT, USER, a_place, an_id, an_intent

D = Decimal
LIMIT: dict[str, Any] = {"type": OrderType.LIMIT, "price": "59000"}


async def opened(make_rig: MakeRig, **settings: Any) -> CellRig:
    rig = await make_rig(**settings)
    rig.quote("60000", "60001")
    return rig


# --- Placing ---------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_an_order_is_answered_when_its_intent_is_durable(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    stuck = rig.numbers.open()
    reply = rig.gate.ask(a_place())
    await rig.settle()
    answered: list[object] = []
    reply.when_done(answered.append)
    assert answered == []
    rig.writer.tell(stuck)
    answer = await reply
    assert (answer.order_id, answer.denial, answer.duplicate) == (an_id(100), None, False)
    await rig.settle()
    assert rig.order(answer.order_id).status == "filled"


@pytest.mark.asyncio
async def test_the_audit_row_of_the_command_is_in_the_units_of_the_order(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    await rig.gate.ask(a_place())
    await rig.settle()
    assert [row.action for row in rig.rows(AuditRow)] == ["test"]


@pytest.mark.asyncio
async def test_a_refusal_names_rule_limit_and_value(make_rig: MakeRig) -> None:
    rig = await opened(make_rig, defaults={"order_notional": D(100)})
    answer = await rig.gate.ask(a_place())
    assert answer.denial is not None
    assert (answer.denial.code, answer.denial.limit, answer.denial.value) == ("order_notional", "100", "6000.1")
    assert rig.order(answer.order_id).denial_code == "order_notional"


@pytest.mark.parametrize("again", [{"intent_key": "key-100"}, {"client_order_id": "mine-100"}])
@pytest.mark.asyncio
async def test_the_same_decision_is_the_same_order(make_rig: MakeRig, again: dict[str, Any]) -> None:
    rig = await opened(make_rig)
    first = await rig.gate.ask(a_place(100))
    second = await rig.gate.ask(a_place(101, **again))
    assert (second.order_id, second.duplicate) == (first.order_id, True)
    await rig.settle()
    assert len(rig.rows(OrderRow)) == 1


@pytest.mark.asyncio
async def test_two_calls_at_once_with_one_key_make_one_order(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    replies = [rig.gate.ask(a_place(number, intent_key="same")) for number in (100, 101)]
    answers = [await reply for reply in replies]
    assert {answer.order_id for answer in answers} == {an_id(100)}
    assert sorted(answer.duplicate for answer in answers) == [False, True]


@pytest.mark.asyncio
async def test_a_key_from_before_the_restart_is_still_known(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    await rig.gate.ask(a_place(100))
    await rig.settle()
    await rig.crash()
    await rig.start()
    rig.gate.actor_inbox.actor._intents = type(rig.gate.actor_inbox.actor._intents)()  # type: ignore[union-attr]
    answer = await rig.gate.ask(a_place(101, intent_key="key-100"))
    assert (answer.order_id, answer.duplicate) == (an_id(100), True)


@pytest.mark.asyncio
async def test_what_cannot_be_an_order_of_this_user_is_refused_at_once(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    with pytest.raises(BadInput):
        await rig.gate.ask(a_place(symbol="DOGE/USDT"))
    with pytest.raises(BadInput):
        await rig.gate.ask(a_place(account_id=an_id(4711)))
    assert rig.rows(OrderRow) == []


@pytest.mark.asyncio
async def test_an_intent_of_an_agent_that_is_told_twice_comes_to_nothing(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    heard: list[OrderChanged] = []
    rig.bus.subscribe(OrderChanged, heard.append, key=USER)
    for number in (1, 2):
        intent = an_intent(number, intent_key="bar-7", agent_id=AGENT, origin=OrderOrigin.AGENT)
        rig.gate.tell(CheckIntent(intent=intent, unit=rig.numbers.open()))
    await rig.settle()
    assert [row.id for row in rig.rows(OrderRow)] == [an_id(1)]
    assert [each.is_done for each in heard if each.order_id == an_id(2)] == [True]


@pytest.mark.asyncio
async def test_no_order_is_taken_on_prices_of_the_past_but_cancels_are(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    resting = await rig.gate.ask(a_place(100, **LIMIT))
    await rig.settle()
    rig.marks.begin_catch_up(rig.venue)
    with pytest.raises(CatchingUp):
        await rig.gate.ask(a_place(101))
    assert len(rig.rows(OrderRow)) == 1
    cancelled = await rig.gate.ask(
        CancelOrder(user_id=USER, account_id=ACCOUNT, order_id=resting.order_id, reason="test")
    )
    assert cancelled.order_ids == (resting.order_id,)
    rig.marks.end_catch_up(rig.venue)
    assert (await rig.gate.ask(a_place(101))).denial is None
