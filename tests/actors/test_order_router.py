"""An order's way through its router: disk before wire, unknown is a state, fills are law."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from connectors.paper.capabilities import capabilities
from engine.domain.capabilities import ClientIdRule, DuplicateRule
from engine.domain.kinds import DoneReason, OrderOrigin, OrderType
from engine.messages.orders import Denial, DenyOrder, SubmitOrder
from engine.messages.rows import OrderRow, TradeRow
from engine.messages.rows_people import RiskAlertRow
from engine.messages.venues import (
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueCancelRefused,
    VenueConnection,
    VenueNotSent,
    VenueOrderUpdate,
    VenueRejected,
    VenueUnknown,
)
from engine.messages.writing import CellHalted
from tests.actors.conftest import MakeScripted
from tests.support.cell_builders import ACCOUNT, AGENT, START_NS, USER, an_intent
from tests.support.scripted_venue import ScriptedRig, a_fill, accepted, as_listed, done

D = Decimal
SECOND_NS = 1_000_000_000


async def submit(rig: ScriptedRig, number: int = 100, **changes: Any) -> Any:
    """Let the gate's word for an order reach the router, and its unit commit."""
    intent = an_intent(number, **changes)
    rig.router.tell(SubmitOrder(intent=intent, unit=rig.numbers.open(intent.correlation_id)))
    await rig.settle()
    return intent


# --- Sending ---------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_an_intent_is_in_the_store_before_it_is_at_the_venue(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = an_intent()
    rig.numbers.open()  # A unit of somebody else that has not come yet: everything behind it must wait.
    rig.router.tell(SubmitOrder(intent=intent, unit=rig.numbers.open(intent.correlation_id)))
    await rig.settle()
    assert (rig.rows(OrderRow), rig.script.submits) == ([], [])


@pytest.mark.asyncio
async def test_an_order_is_named_as_its_venue_takes_it(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    rule = ClientIdRule(pattern=r"0x[0-9a-f]{32}", duplicates=DuplicateRule.IGNORES, is_queryable=True)
    able = msgspec.structs.replace(capabilities(rig.venue), client_id=rule)
    told = VenueConnection(venue=rig.venue, connected=True, at_ns=START_NS, capabilities=able, account_id=ACCOUNT)
    rig.bus.publish(told, key=ACCOUNT)
    intent = await submit(rig)
    assert rig.script.submits[0].venue_client_id == f"0x{intent.order_id.hex}"


@pytest.mark.asyncio
async def test_the_row_holds_exactly_what_is_sent(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig, type=OrderType.LIMIT, price="59000", post_only=True)
    (sent,) = rig.script.submits
    row = rig.order(intent.order_id)
    assert (row.lifecycle, row.status, row.status_detail) == ("submitting", "pending", "submitting")
    assert row.venue_client_id == sent.venue_client_id == f"cv-{intent.order_id.hex}"
    assert row.send_by == sent.valid_until_ns == START_NS + 5 * SECOND_NS
    assert row.request["price"] == str(sent.price) == "59000"
    assert row.fence == 1


@pytest.mark.asyncio
async def test_what_is_too_old_when_it_is_durable_is_not_sent(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(send_within_ns=SECOND_NS)
    late = rig.numbers.open()
    intent = await submit(rig)
    await rig.pass_wall(2)
    rig.writer.tell(late)
    await rig.settle()
    row = rig.order(intent.order_id)
    assert rig.script.submits == []
    assert (row.status, row.status_detail, row.denial_code) == ("rejected", "denied", "expired_before_send")


@pytest.mark.asyncio
async def test_what_the_connector_did_not_send_is_denied(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(VenueNotSent(order_id=intent.order_id, account_id=ACCOUNT, why="fenced"))
    row = rig.order(intent.order_id)
    assert (row.status, row.status_detail, row.denial_code) == ("rejected", "denied", "fenced")


@pytest.mark.asyncio
async def test_a_cell_that_is_over_sends_nothing_more(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    late = rig.numbers.open()
    await submit(rig)
    rig.bus.publish(CellHalted(user_id=USER, fence=1, reason="fenced"), key=USER)
    await rig.settle()
    rig.writer.tell(late)
    await rig.settle()
    assert rig.script.submits == []


# --- Facts -----------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_acknowledgement_fill_and_end_become_one_unit(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    before = rig.units_with(OrderRow)
    rig.say(accepted(intent))
    rig.say(a_fill(intent, 1))
    await rig.hear(done(intent))
    row = rig.order(intent.order_id)
    assert rig.units_with(OrderRow) == before + 1
    assert (row.status, row.filled_quantity, row.average_price, row.fees) == ("filled", D("0.1"), D(60_000), D(1))
    assert rig.kinds("orders")[-2:] == ["OrderAccepted", "OrderFilled"]
    assert rig.kinds("trades") == ["TradeBooked"]


@pytest.mark.asyncio
async def test_partial_fills_are_told_one_by_one(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(a_fill(intent, 1, quantity="0.04"))
    row = rig.order(intent.order_id)
    assert (row.status, row.lifecycle, row.filled_quantity) == ("partial", "working", D("0.04"))
    await rig.hear(a_fill(intent, 2, quantity="0.06"))
    assert rig.order(intent.order_id).status == "filled"
    assert rig.kinds("orders")[1:] == ["OrderPartiallyFilled", "OrderFilled"]


@pytest.mark.asyncio
async def test_the_same_fill_twice_is_booked_once(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(a_fill(intent, 1, quantity="0.04"))
    await rig.hear(a_fill(intent, 1, quantity="0.04"))
    assert len(rig.rows(TradeRow)) == 1
    assert rig.size() == D("0.04")


@pytest.mark.asyncio
async def test_a_fill_after_a_cancel_is_booked(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    rig.say(accepted(intent))
    await rig.hear(done(intent, DoneReason.CANCELLED, filled="0"))
    await rig.pass_wall(600)
    await rig.hear(a_fill(intent, 1, quantity="0.04"))
    row = rig.order(intent.order_id)
    assert (row.status, row.filled_quantity) == ("cancelled", D("0.04"))
    assert rig.size() == D("0.04")


@pytest.mark.asyncio
async def test_a_fill_of_a_rejected_order_is_booked_and_alarmed(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(VenueRejected(order_id=intent.order_id, account_id=ACCOUNT, code="margin", venue_time_ns=START_NS))
    row = rig.order(intent.order_id)
    assert (row.status, row.denial_code) == ("rejected", "margin")
    await rig.hear(a_fill(intent, 1))
    row = rig.order(intent.order_id)
    assert (row.status, row.late_fill) == ("filled", True)
    assert [alert.alert_type for alert in rig.rows(RiskAlertRow)] == ["late_fill"]
    assert rig.kinds("alerts") == ["OrderAlarm"]


@pytest.mark.asyncio
async def test_more_filled_than_ordered_is_booked_and_alarmed(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(a_fill(intent, 1, quantity="0.1"))
    await rig.hear(a_fill(intent, 2, quantity="0.05"))
    assert rig.order(intent.order_id).filled_quantity == rig.size() == D("0.15")
    assert [alert.alert_type for alert in rig.rows(RiskAlertRow)] == ["overfill"]


@pytest.mark.asyncio
async def test_a_status_filled_without_trades_has_the_fills_fetched(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(done(intent, DoneReason.FILLED, filled="0.1"))
    assert rig.size() == D(0)
    rig.script.fills = type(rig.script.fills)(fills=(a_fill(intent, 1),), cursor="1")
    await rig.pass_wall(1.5)
    await rig.settle()
    assert rig.size() == D("0.1")
    assert len(rig.rows(TradeRow)) == 1


# --- Unknown ---------------------------------------------------------------------------------------------------------


async def unknown(rig: ScriptedRig) -> Any:
    intent = await submit(rig)
    await rig.hear(VenueUnknown(order_id=intent.order_id, account_id=ACCOUNT, why="timeout"))
    return intent


def client_id(intent: Any) -> str:
    return f"cv-{intent.order_id.hex}"


@pytest.mark.asyncio
async def test_an_unknown_outcome_is_not_a_rejection(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await unknown(rig)
    row = rig.order(intent.order_id)
    assert (row.status, row.status_detail, row.lifecycle) == ("pending", "unknown", "unknown")
    assert rig.kinds("orders")[-1] == "OrderUnknown"


@pytest.mark.asyncio
async def test_an_unknown_order_that_the_venue_has_is_working(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    rig.script.orders[client_id(intent)] = OrderFound(order=as_listed(intent))
    await rig.hear(VenueUnknown(order_id=intent.order_id, account_id=ACCOUNT, why="timeout"))
    assert rig.order(intent.order_id).status == "open"


@pytest.mark.asyncio
async def test_absence_is_believed_only_twice_and_after_the_last_moment_of_the_request(
    make_scripted: MakeScripted,
) -> None:
    rig = await make_scripted(send_within_ns=SECOND_NS)
    intent = await submit(rig)
    rig.script.orders[client_id(intent)] = OrderAbsent(venue_time_ns=START_NS + SECOND_NS)
    await rig.hear(VenueUnknown(order_id=intent.order_id, account_id=ACCOUNT, why="timeout"))
    await rig.pass_wall(60)
    await rig.settle()
    assert rig.order(intent.order_id).lifecycle == "unknown"
    rig.script.orders[client_id(intent)] = OrderAbsent(venue_time_ns=START_NS + 10 * SECOND_NS)
    rig.script.queries.clear()
    await rig.pass_wall(120)
    await rig.settle()
    row = rig.order(intent.order_id)
    assert (row.status, row.status_detail) == ("rejected", "never_existed")
    assert len([query for query in rig.script.queries if isinstance(query, OrderQuery)]) == 2


@pytest.mark.asyncio
async def test_who_cannot_tell_is_asked_for_ever(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(send_within_ns=SECOND_NS)
    intent = await unknown(rig)
    rig.script.queries.clear()
    for _ in range(20):
        await rig.pass_wall(30)
        await rig.settle()
    assert rig.order(intent.order_id).lifecycle == "unknown"
    assert len(rig.script.queries) >= 15
    assert [alert.alert_type for alert in rig.rows(RiskAlertRow)] == ["order_unresolved"]
    rig.script.orders[client_id(intent)] = OrderFound(order=as_listed(intent))
    await rig.pass_wall(31)
    await rig.settle()
    assert rig.order(intent.order_id).status == "open"


@pytest.mark.asyncio
async def test_a_fill_is_evidence_enough(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await unknown(rig)
    await rig.hear(a_fill(intent, 1))
    assert rig.order(intent.order_id).status == "filled"


async def denied(rig: ScriptedRig) -> Any:
    """Return a working order of which the venue says from now on that it has none such."""
    intent = await submit(rig)
    await rig.hear(accepted(intent))
    rig.script.orders[client_id(intent)] = lambda _query: OrderAbsent(venue_time_ns=rig.wall.now_ns())
    await rig.hear(
        VenueCancelRefused(order_id=intent.order_id, account_id=ACCOUNT, code="unknown_order", venue_time_ns=START_NS)
    )
    return intent


@pytest.mark.asyncio
async def test_an_order_that_the_venue_has_shown_and_denies_for_long_is_over(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await denied(rig)
    await rig.pass_wall(55)
    assert rig.order(intent.order_id).status == "open"
    await rig.pass_wall(60)
    row = rig.order(intent.order_id)
    assert (row.status, row.status_detail) == ("cancelled", "gone")


@pytest.mark.asyncio
async def test_an_order_that_shows_in_between_is_not_over(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await denied(rig)
    await rig.pass_wall(40)
    await rig.hear(VenueOrderUpdate(account_id=ACCOUNT, order=as_listed(intent)))
    await rig.pass_wall(50)
    assert rig.order(intent.order_id).status == "open"


@pytest.mark.asyncio
@pytest.mark.parametrize("restarts", [False, True])
async def test_an_order_that_was_taken_for_gone_and_shows_counts_again_and_is_cancelled(
    make_scripted: MakeScripted, restarts: bool
) -> None:
    rig = await make_scripted()
    intent = await denied(rig)
    await rig.pass_wall(120)
    assert rig.order(intent.order_id).status_detail == "gone"
    if restarts:
        await rig.crash()
        await rig.start()
    rig.script.cancels.clear()
    await rig.hear(VenueOrderUpdate(account_id=ACCOUNT, order=as_listed(intent)))
    row = rig.order(intent.order_id)
    assert (row.lifecycle, row.status_detail) == ("done", "exists_after_all")
    assert [cancel.order_id for cancel in rig.script.cancels] == [intent.order_id]
    await rig.hear(done(intent, DoneReason.CANCELLED, "0"))
    assert (rig.order(intent.order_id).status, rig.order(intent.order_id).status_detail) == ("cancelled", None)


@pytest.mark.asyncio
async def test_a_working_order_is_not_proven_absent_by_old_answers(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(send_within_ns=SECOND_NS)
    intent = await submit(rig)
    await rig.hear(accepted(intent))
    rig.script.orders[client_id(intent)] = OrderAbsent(venue_time_ns=START_NS + 100 * SECOND_NS)
    await rig.hear(
        VenueCancelRefused(order_id=intent.order_id, account_id=ACCOUNT, code="unknown_order", venue_time_ns=START_NS)
    )
    await rig.pass_wall(300)
    await rig.settle()
    assert rig.order(intent.order_id).status == "open"


@pytest.mark.asyncio
async def test_after_a_crash_in_the_middle_of_a_submit_the_outcome_is_unknown(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.crash()
    await rig.start()
    row = rig.order(intent.order_id)
    assert (row.lifecycle, row.fence) == ("unknown", 1)
    assert len(rig.script.submits) == 1


# --- Denials ---------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_denial_is_an_order_that_was_never_sent(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = an_intent()
    denial = Denial(code="order_notional", limit="5", value="6")
    rig.router.tell(DenyOrder(intent=intent, denial=denial, unit=rig.numbers.open()))
    await rig.settle()
    row = rig.order(intent.order_id)
    assert (row.status, row.status_detail, row.done_reason) == ("rejected", "denied", "denied")
    assert (row.denial_code, row.denial_limit, row.denial_value, row.denial_count) == ("order_notional", "5", "6", 1)
    assert rig.script.submits == []
    assert rig.kinds("orders") == ["OrderDenied"]


@pytest.mark.asyncio
async def test_an_agent_that_insists_fills_one_row_a_second(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    denial = Denial(code="order_notional", limit="5", value="6")
    for number in (1, 2, 3):
        intent = an_intent(number, agent_id=AGENT, origin=OrderOrigin.AGENT)
        rig.router.tell(DenyOrder(intent=intent, denial=denial, unit=rig.numbers.open()))
    await rig.settle()
    (row,) = rig.rows(OrderRow)
    assert (row.denial_count, row.intent_key, row.last_intent_key) == (3, "key-1", "key-3")
    told = [
        (event.type, event.correlation_id == row.correlation_id, cause)
        for event, cause in zip(rig.events("orders"), causes(rig), strict=True)
    ]
    assert told == [("OrderDenied", True, an_intent(number).correlation_id) for number in (1, 2, 3)]


def causes(rig: ScriptedRig) -> list[UUID | None]:
    """Return what led to each event about orders."""
    units = [result.unit for result in rig.store._committed.values()]
    return [event.causation_id for unit in units for event in unit.events if event.channel == "orders"]
