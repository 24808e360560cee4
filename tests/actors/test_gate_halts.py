"""Halts are in force at once, cancel what is open, and hold over restarts until a person resumes."""

from decimal import Decimal
from typing import Any

import pytest

from engine.domain.errors import BadInput
from engine.domain.kinds import DoneReason, OrderOrigin, OrderType, Scope, Side, TradingState
from engine.messages.orders import CancelOrder, CancelOrders, CheckIntent
from engine.messages.risk import Halt, HaltQuery, Resume, StateAnswer, StateQuery
from engine.messages.rows import OrderRow, TradingStateRow
from engine.messages.rows_halts import HaltRow
from engine.messages.rows_people import AuditRow, RiskAlertRow
from tests.actors.conftest import MakeRig, MakeScripted
from tests.support.cell import CellRig
from tests.support.cell_builders import ACCOUNT, AGENT, USER, a_place, a_record, an_id, an_intent
from tests.support.scripted_venue import done

D = Decimal
LIMIT: dict[str, Any] = {"type": OrderType.LIMIT, "price": "59000"}


async def opened(make_rig: MakeRig, **settings: Any) -> CellRig:
    rig = await make_rig(**settings)
    rig.quote("60000", "60001")
    return rig


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
    assert (answer.state, answer.durable, answer.cancels_requested) == (TradingState.HALTED, True, 2)
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


# --- Proof -----------------------------------------------------------------------------------------------------------


def the_halt(rig: CellRig) -> HaltRow:
    (row,) = rig.rows(HaltRow)
    return row


@pytest.mark.asyncio
async def test_a_halt_is_proven_when_the_venue_has_ended_every_order(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    await rig.gate.ask(a_place(1, **LIMIT))
    await rig.settle()
    answer = await rig.gate.ask(halt())
    assert the_halt(rig).state == "requested"
    await rig.pass_wall(1)
    row = the_halt(rig)
    assert (row.id, row.state, row.reason, row.flatten) == (answer.halt_id, "proven", "enough", False)
    assert [(each["order_id"], each["outcome"]) for each in row.report["orders"]] == [(str(an_id(1)), "cancelled")]
    report = await rig.gate.ask(HaltQuery(user_id=USER, halt_id=row.id))
    assert (report.state, report.report) == (row.state, row.report)
    assert await rig.gate.ask(HaltQuery(user_id=USER, halt_id=an_id(9))) is None


@pytest.mark.asyncio
async def test_without_the_venues_word_a_halt_is_never_proven_and_asks_again(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    rig.quote("60000", "60001")
    await rig.gate.ask(a_place(1, **LIMIT))
    await rig.settle()
    await rig.gate.ask(halt())
    await rig.pass_wall(4)
    assert the_halt(rig).state == "verifying"
    await rig.pass_wall(30)
    row = the_halt(rig)
    assert (row.state, row.report["orders"][0]["outcome"]) == ("unproven", "unknown")
    assert [each.alert_type for each in rig.rows(RiskAlertRow) if each.severity == "critical"] == ["halt_unproven"]
    await rig.crash()
    await rig.start()
    await rig.pass_wall(1)
    assert the_halt(rig).state == "unproven"
    await rig.hear(done(an_intent(1, **LIMIT), DoneReason.CANCELLED, filled="0"))
    await rig.pass_wall(1)
    assert the_halt(rig).state == "proven"


@pytest.mark.asyncio
async def test_after_a_halt_is_acknowledged_nothing_leaves_that_waited_for_its_commit(
    make_scripted: MakeScripted,
) -> None:
    rig = await make_scripted()
    rig.quote("60000", "60001")
    stuck = rig.numbers.open()
    placed = rig.gate.ask(a_place(1, **LIMIT))
    await rig.settle()
    halted = rig.gate.ask(halt(cancel_open=False))
    await rig.settle()
    rig.writer.tell(stuck)
    await halted
    await placed
    await rig.settle()
    assert rig.script.submits == []
    row = rig.order(an_intent(1).order_id)
    assert (row.status, row.denial_code) == ("rejected", "trading_halted")


@pytest.mark.asyncio
async def test_a_resume_lifts_the_halts_of_its_scope(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    await rig.gate.ask(halt())
    await rig.gate.ask(halt(Scope.ACCOUNT, ACCOUNT))
    await rig.gate.ask(Resume(user_id=USER, scope=Scope.USER, reason="calm again"))
    await rig.settle()
    assert {row.scope: row.state for row in rig.rows(HaltRow)} == {"user": "lifted", "account": "requested"}


# --- Flatten ---------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_halt_that_flattens_closes_each_position_with_one_order_that_can_only_reduce(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    await rig.gate.ask(a_place(1))
    await rig.settle()
    assert rig.size() == D("0.1")
    answer = await rig.gate.ask(halt(flatten=True))
    await rig.pass_wall(2)
    assert rig.size() == D(0)
    closing = [row for row in rig.rows(OrderRow) if row.origin == "system"]
    assert [(row.intent_key, row.reduce_only, row.side) for row in closing] == [
        (f"halt:{answer.halt_id}:{rig.instruments[0].symbol}", True, "sell")
    ]
    row = the_halt(rig)
    assert (row.state, [each["outcome"] for each in row.report["positions"]]) == ("proven", ["flat"])


@pytest.mark.asyncio
async def test_what_a_closing_order_has_left_gets_another_and_a_crash_makes_no_second_one(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    await rig.gate.ask(a_place(1))
    await rig.settle()
    rig.quote("60000", "60001", sizes="0.04 10")
    await rig.gate.ask(halt(flatten=True))
    await rig.pass_wall(0.6)
    assert rig.size() == D("0.06")
    await rig.crash()
    await rig.start()
    rig.quote("60000", "60001", sizes="10 10")
    await rig.pass_wall(2)
    assert rig.size() == D(0)
    keys = sorted(row.intent_key for row in rig.rows(OrderRow) if row.origin == "system")
    assert len(keys) == len(set(keys))
    assert the_halt(rig).state == "proven"


@pytest.mark.asyncio
async def test_a_position_that_cannot_be_closed_is_named_with_the_reason(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    await rig.gate.ask(a_place(1))
    await rig.settle()
    rig.marks.mark(rig.venue, rig.instruments[0].symbol).bid = None
    rig.marks.mark(rig.venue, rig.instruments[0].symbol).ask = None
    await rig.gate.ask(halt(flatten=True))
    await rig.pass_wall(31)
    row = the_halt(rig)
    assert row.state == "unproven"
    assert [(each["outcome"], each["why"]) for each in row.report["positions"]] == [
        ("remaining", "nobody knows a price")
    ]


@pytest.mark.asyncio
async def test_while_a_replay_catches_up_a_halt_cancels_and_closes_positions_later(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    await rig.gate.ask(a_place(1))
    await rig.settle()
    rig.marks.begin_catch_up(rig.venue)
    await rig.gate.ask(halt(flatten=True))
    await rig.pass_wall(2)
    assert rig.size() == D("0.1")
    assert [each["why"] for each in the_halt(rig).report["positions"]] == ["the replay catches up"]
    rig.marks.end_catch_up(rig.venue)
    await rig.pass_wall(2)
    assert (rig.size(), the_halt(rig).state) == (D(0), "proven")
