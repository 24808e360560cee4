"""The one way to an order: answers are durable, one decision is one order, halts overtake and hold over restarts."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from engine.domain.errors import BadInput, NotReady
from engine.domain.kinds import OrderOrigin, OrderType, Scope, Side, TradingState
from engine.messages.cell import AccountReadiness
from engine.messages.orders import CancelOrder, CancelOrders, CheckIntent, OrderChanged, PlaceOrder
from engine.messages.risk import Halt, HaltAnswer, LimitChanged, Resume, StateAnswer, StateQuery
from engine.messages.rows import OrderRow, TradingStateRow
from engine.messages.rows_people import AuditRow
from engine.messages.writing import StoreStatus
from tests.actors.conftest import MakeRig, MakeScripted
from tests.support.cell import CellRig
from tests.support.cell_builders import ACCOUNT, AGENT, START_NS, USER, a_place, a_record, an_id, an_intent

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


# --- Reservations ----------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_what_passed_is_reserved_before_anything_has_filled(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(defaults={"position_size": D("0.15")})
    rig.quote("60000", "60001")
    first, second = await rig.gate.ask(a_place(1)), await rig.gate.ask(a_place(2))
    assert first.denial is None
    assert second.denial is not None
    assert second.denial.code == "position_size"


@pytest.mark.asyncio
async def test_reservations_are_rebuilt_from_open_and_unknown_orders(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(defaults={"position_size": D("0.15")})
    rig.quote("60000", "60001")
    await rig.gate.ask(a_place(1))
    await rig.crash()
    await rig.start()
    rig.quote("60000", "60001")
    answer = await rig.gate.ask(a_place(2))
    assert answer.denial is not None
    assert answer.denial.code == "position_size"


@pytest.mark.asyncio
async def test_a_cancelled_order_gives_its_reservation_back(make_rig: MakeRig) -> None:
    rig = await opened(make_rig, defaults={"open_orders": D(1)})
    first = await rig.gate.ask(a_place(1, **LIMIT))
    assert (await rig.gate.ask(a_place(2, **LIMIT))).denial is not None
    await rig.settle()
    cancel = CancelOrder(user_id=USER, account_id=ACCOUNT, order_id=first.order_id, reason="test")
    assert (await rig.gate.ask(cancel)).order_ids == (first.order_id,)
    await rig.settle()
    assert (await rig.gate.ask(a_place(3, **LIMIT))).denial is None


@pytest.mark.asyncio
async def test_a_changed_limit_counts_from_the_next_order_on(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    assert (await rig.gate.ask(a_place(1))).denial is None
    rig.gate.tell(
        LimitChanged(
            user_id=USER, limit_type="order_notional", symbol=None, scope=Scope.USER, scope_id=None, value=D(10)
        )
    )
    answer = await rig.gate.ask(a_place(2))
    assert answer.denial is not None
    assert answer.denial.code == "order_notional"


# --- Before the books are compared -----------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_until_the_account_is_reconciled_it_may_only_reduce(make_rig: MakeRig) -> None:
    rig = await make_rig(reconcile=False)
    rig.quote("60000", "60001")
    answer = await rig.gate.ask(a_place(1))
    assert answer.denial is not None
    assert answer.denial.code == "account_not_ready"
    await rig.start_reconciler()
    assert (await rig.gate.ask(a_place(2))).denial is None
    await rig.settle()
    rig.bus.publish(AccountReadiness(account_id=ACCOUNT, is_ready=False, reason="disconnected"), key=USER)
    assert (await rig.gate.ask(a_place(3))).denial is not None
    assert (await rig.gate.ask(a_place(4, side=Side.SELL))).denial is None


# --- Halts -----------------------------------------------------------------------------------------------------------


def halt(scope: Scope = Scope.USER, scope_id: Any = None, **changes: Any) -> Halt:
    return Halt(user_id=USER, scope=scope, scope_id=scope_id, reason="enough", **changes)


@pytest.mark.asyncio
async def test_a_halt_overtakes_what_waits_before_it(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    own = {number: str(an_id(number)) for number in (1, 2, 3)}
    replies = [rig.gate.ask(a_place(n, intent_key=key, client_order_id=key)) for n, key in own.items()]
    await rig.gate.ask(halt())
    answers = [await reply for reply in replies]
    assert [answer.denial.code for answer in answers if answer.denial is not None] == ["trading_halted"] * 3


@pytest.mark.asyncio
async def test_a_halt_cancels_what_is_open_and_says_how_much(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    for number in (1, 2):
        await rig.gate.ask(a_place(number, **LIMIT))
    await rig.settle()
    answer = await rig.gate.ask(halt(record=a_record(77)))
    assert answer == HaltAnswer(state=TradingState.HALTED, cancels_requested=2)
    await rig.settle()
    assert {row.status for row in rig.rows(OrderRow)} == {"cancelled"}
    (state,) = rig.rows(TradingStateRow)
    assert (state.state, state.scope_id, state.reason, state.changed_by) == ("halted", USER, "enough", str(USER))
    assert rig.kinds("control") == ["TradingHalted"]


@pytest.mark.asyncio
async def test_a_halt_that_nobody_ordered_is_audited_too(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    await rig.gate.ask(halt())
    (audit,) = rig.rows(AuditRow)
    assert (audit.action, audit.object_type, audit.detail["reason"]) == ("halt", "user", "enough")


@pytest.mark.asyncio
async def test_a_halted_agent_stops_alone(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    await rig.gate.ask(halt(Scope.AGENT, AGENT))
    rig.gate.tell(CheckIntent(intent=an_intent(1, agent_id=AGENT, origin=OrderOrigin.AGENT), unit=rig.numbers.open()))
    assert (await rig.gate.ask(a_place(2))).denial is None
    await rig.settle()
    assert rig.order(an_intent(1).order_id).denial_code == "trading_halted"


@pytest.mark.asyncio
async def test_a_halt_holds_over_restarts_until_a_person_resumes_with_a_reason(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    await rig.gate.ask(halt(Scope.ACCOUNT, ACCOUNT))
    await rig.crash()
    await rig.start()
    rig.quote("60000", "60001")
    (state,) = (await rig.gate.ask(StateQuery(user_id=USER))).states
    assert (state.scope, state.scope_id, state.state) == (Scope.ACCOUNT, ACCOUNT, TradingState.HALTED)
    assert (await rig.gate.ask(a_place(1))).denial is not None
    with pytest.raises(BadInput):
        await rig.gate.ask(Resume(user_id=USER, scope=Scope.ACCOUNT, scope_id=ACCOUNT, reason=" "))
    resumed = await rig.gate.ask(Resume(user_id=USER, scope=Scope.ACCOUNT, scope_id=ACCOUNT, reason="looked"))
    assert resumed.state is TradingState.ACTIVE
    assert await rig.gate.ask(StateQuery(user_id=USER)) == StateAnswer(states=())
    assert (await rig.gate.ask(a_place(2))).denial is None
    assert rig.kinds("control") == ["TradingHalted", "TradingResumed"]


@pytest.mark.asyncio
async def test_while_reducing_a_position_may_be_closed(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    await rig.gate.ask(a_place(1))
    await rig.settle()
    await rig.gate.ask(halt(state=TradingState.REDUCING))
    assert (await rig.gate.ask(a_place(2))).denial is not None
    assert (await rig.gate.ask(a_place(3, side=Side.SELL, reduce_only=True))).denial is None


@pytest.mark.asyncio
async def test_cancels_pass_a_halt(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    await rig.gate.ask(a_place(1, **LIMIT))
    await rig.settle()
    await rig.gate.ask(halt(cancel_open=False))
    answer = await rig.gate.ask(CancelOrders(user_id=USER, reason="test", record=a_record(88)))
    await rig.settle()
    assert answer.order_ids == (an_id(1),)
    assert rig.order(answer.order_ids[0]).status == "cancelled"
    assert an_id(88) in {row.id for row in rig.rows(AuditRow)}


@pytest.mark.asyncio
async def test_a_cancel_for_an_account_that_is_not_there_finds_nothing(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    strange = CancelOrder(user_id=USER, account_id=an_id(4711), order_id=an_id(1), reason="test")  # type: ignore[arg-type]
    assert (await rig.gate.ask(strange)).reason == "not_found"
    everything = CancelOrders(user_id=USER, account_id=an_id(4711), reason="test")  # type: ignore[arg-type]
    assert (await rig.gate.ask(everything)).reason == "not_found"


# --- While the database is away --------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_while_the_database_is_away_only_cancels_and_halts_pass(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    await rig.gate.ask(a_place(1, **LIMIT))
    await rig.settle()
    rig.bus.publish(StoreStatus(available=False, since_ns=START_NS))
    stuck = rig.numbers.open()
    await rig.settle()
    with pytest.raises(NotReady):
        await rig.gate.ask(a_place(2))
    with pytest.raises(NotReady):
        await rig.gate.ask(Resume(user_id=USER, scope=Scope.USER, reason="x"))
    answer = await rig.gate.ask(halt())
    assert answer == HaltAnswer(state=TradingState.HALTED, durable=False, cancels_requested=1)
    assert rig.rows(TradingStateRow) == []
    rig.bus.publish(StoreStatus(available=True, since_ns=START_NS))
    rig.writer.tell(stuck)
    await rig.settle()
    assert len(rig.rows(TradingStateRow)) == 1


@pytest.mark.asyncio
async def test_an_agents_intent_that_was_on_its_way_when_the_database_went_away_is_denied(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    rig.bus.publish(StoreStatus(available=False, since_ns=START_NS))
    rig.gate.tell(CheckIntent(intent=an_intent(1, agent_id=AGENT, origin=OrderOrigin.AGENT), unit=rig.numbers.open()))
    await rig.settle()
    assert rig.order(an_intent(1).order_id).denial_code == "not_ready"


@pytest.mark.asyncio
async def test_a_gate_that_stops_leaves_nobody_waiting(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    rig.numbers.open()
    reply = rig.gate.ask(PlaceOrder(intent=an_intent(1), record=a_record()))
    await rig.settle()
    await rig.gate.stop()
    with pytest.raises(Exception, match="stopped"):
        await asyncio.wait_for(_wait(reply), 1)


async def _wait(reply: Any) -> Any:
    return await reply
