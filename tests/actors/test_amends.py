"""An amend is committed before it is sent, and changes the order when the venue has changed it."""

import itertools
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.domain.capabilities import AmendKind
from engine.domain.kinds import DoneReason, OrderType
from engine.messages.orders import AmendAnswer, AmendOrder, OrderIntent
from engine.messages.rows import OrderRequestRow
from engine.messages.venues import (
    CannotTell,
    OrderAbsent,
    OrderFound,
    VenueAmend,
    VenueAmended,
    VenueAmendRefused,
    VenueOrder,
    VenueOrderUpdate,
)
from tests.actors.conftest import MakeScripted
from tests.actors.test_order_router import submit
from tests.support.cell_builders import ACCOUNT, START_NS, USER, a_record, an_id
from tests.support.scripted_venue import ScriptedRig, a_fill, accepted, as_listed, done

D = Decimal


RECORDS = itertools.count(500)


def amend(intent: OrderIntent, **changes: Any) -> AmendOrder:
    record = a_record(next(RECORDS))
    return AmendOrder(user_id=USER, account_id=ACCOUNT, order_id=intent.order_id, record=record, **changes)


def amended(sent: VenueAmend, at: int = 10, **changes: Any) -> VenueAmended:
    fields: dict[str, Any] = {
        "request_id": sent.request_id, "order_id": sent.order_id, "account_id": ACCOUNT, "external_order_id": "x2",
        "quantity": sent.quantity or D("0.1"), "price": sent.price or D(59_000), "stop_price": None,
        "venue_time_ns": START_NS + at,
    }  # fmt: skip
    return VenueAmended(**fields | changes)


def refused(sent: VenueAmend, code: str) -> VenueAmendRefused:
    return VenueAmendRefused(
        request_id=sent.request_id, order_id=sent.order_id, account_id=ACCOUNT, code=code, venue_time_ns=START_NS + 10
    )


def update(order: VenueOrder) -> VenueOrderUpdate:
    return VenueOrderUpdate(account_id=ACCOUNT, order=order)


def ended(intent: OrderIntent, quantity: Decimal, filled: str) -> VenueOrder:
    return as_listed(
        intent,
        quantity=quantity,
        filled_quantity=D(filled),
        is_open=False,
        done_reason=DoneReason.CANCELLED,
        venue_time_ns=START_NS + 30,
    )


async def working(rig: ScriptedRig) -> OrderIntent:
    intent: OrderIntent = await submit(rig, type=OrderType.LIMIT, price="59000")
    await rig.hear(accepted(intent))
    return intent


async def ask(rig: ScriptedRig, message: AmendOrder) -> AmendAnswer:
    reply = rig.router.ask(message)
    await rig.settle()
    answer: AmendAnswer = await reply
    return answer


def request(rig: ScriptedRig) -> OrderRequestRow:
    (row,) = rig.rows(OrderRequestRow)
    return row


def reserved(rig: ScriptedRig) -> dict[object, Decimal]:
    return dict(rig.gate.actor_inbox.actor._exposures.reserved(ACCOUNT))  # type: ignore[union-attr]


@pytest.mark.asyncio
async def test_an_amend_is_in_the_store_before_it_is_at_the_venue(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await working(rig)
    earlier = rig.numbers.open()  # Of somebody else, not there yet.
    rig.router.tell(amend(intent, quantity=D("0.2")))
    await rig.settle()
    assert rig.script.amends == []
    rig.writer.tell(earlier)
    await rig.settle()
    (sent,) = rig.script.amends
    row = request(rig)
    assert (row.id, row.kind, row.state, row.quantity, row.fence) == (
        sent.request_id, "amend", "requested", D("0.2"), sent.fence,
    )  # fmt: skip
    assert sent.valid_until_ns == row.send_by
    assert reserved(rig) == {intent.order_id: D("0.2")}


@pytest.mark.asyncio
async def test_the_order_has_its_new_values_once_the_venue_has(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await working(rig)
    answer = await ask(rig, amend(intent, quantity=D("0.2"), price=D(58_000)))
    (sent,) = rig.script.amends
    assert (answer.request_id, rig.order(intent.order_id).quantity) == (sent.request_id, D("0.1"))
    await rig.hear(a_fill(intent, 1, quantity="0.05"))
    await rig.hear(amended(sent))
    row = rig.order(intent.order_id)
    assert (row.quantity, row.price, row.external_order_id, row.status) == (D("0.2"), D(58_000), "x2", "partial")
    assert request(rig).state == "acked"
    assert reserved(rig) == {intent.order_id: D("0.15")}
    assert [kind for kind in rig.kinds("orders") if "mend" in kind] == [
        "OrderAmendRequested", "OrderAmended", "AmendAcknowledged",
    ]  # fmt: skip


@pytest.mark.asyncio
async def test_a_refusal_leaves_the_order_as_it_is(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await working(rig)
    await ask(rig, amend(intent, quantity=D("0.2")))
    await rig.hear(refused(rig.script.amends[0], "post_only_would_take"))
    assert (request(rig).state, request(rig).answer_code) == ("refused", "post_only_would_take")
    assert rig.order(intent.order_id).quantity == D("0.1")
    assert reserved(rig) == {intent.order_id: D("0.1")}


@pytest.mark.asyncio
@pytest.mark.parametrize("is_applied", [True, False])
@pytest.mark.parametrize("restarts", [False, True])
async def test_an_unknown_outcome_is_read_from_the_venue(
    make_scripted: MakeScripted, is_applied: bool, restarts: bool
) -> None:
    rig = await make_scripted()
    intent = await working(rig)
    client_id = f"cv-{intent.order_id.hex}"
    rig.script.orders[client_id] = CannotTell(why="busy")
    await ask(rig, amend(intent, quantity=D("0.2")))
    if restarts:
        await rig.crash()
        await rig.start()
    else:
        await rig.hear(refused(rig.script.amends[0], "unknown"))
    assert request(rig).state == "unknown"
    assert reserved(rig) == {intent.order_id: D("0.2")}
    quantity = D("0.2") if is_applied else D("0.1")
    rig.script.orders[client_id] = OrderFound(order=as_listed(intent, quantity=quantity, venue_time_ns=START_NS + 20))
    await rig.pass_wall(70)
    assert request(rig).state == ("acked" if is_applied else "refused")
    assert rig.order(intent.order_id).quantity == quantity
    assert reserved(rig) == {intent.order_id: quantity}
    assert len(rig.script.amends) == 1


@pytest.mark.asyncio
async def test_a_request_that_came_twice_and_is_refused_the_second_time_may_have_been_done(
    make_scripted: MakeScripted,
) -> None:
    rig = await make_scripted()
    intent = await working(rig)
    listed = as_listed(intent, quantity=D("0.2"), venue_time_ns=START_NS + 20)
    rig.script.orders[f"cv-{intent.order_id.hex}"] = OrderFound(order=listed)
    await ask(rig, amend(intent, quantity=D("0.2")))
    await rig.hear(refused(rig.script.amends[0], "duplicate_request"))
    assert (request(rig).state, rig.order(intent.order_id).quantity) == ("acked", D("0.2"))


@pytest.mark.asyncio
async def test_an_order_that_somebody_else_has_changed_is_what_the_venue_lists(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await working(rig)
    await rig.hear(update(as_listed(intent, quantity=D("0.3"), venue_time_ns=START_NS + 20)))
    await rig.hear(update(as_listed(intent, quantity=D("0.1"), venue_time_ns=START_NS + 10)))
    assert (rig.order(intent.order_id).quantity, reserved(rig)) == (D("0.3"), {intent.order_id: D("0.3")})


@pytest.mark.asyncio
async def test_an_order_shrunk_to_what_is_filled_is_over(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await working(rig)
    await rig.hear(a_fill(intent, 1, quantity="0.05"))
    await ask(rig, amend(intent, quantity=D("0.05")))
    await rig.hear(amended(rig.script.amends[0]))
    assert (rig.order(intent.order_id).status, reserved(rig)) == ("filled", {})


@pytest.mark.asyncio
async def test_an_order_that_its_fills_had_ended_lives_on_with_a_larger_quantity(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await working(rig)
    await ask(rig, amend(intent, quantity=D("0.2")))
    await rig.hear(a_fill(intent, 1, quantity="0.1"))
    assert rig.order(intent.order_id).status == "filled"
    await rig.hear(amended(rig.script.amends[0]))
    assert (rig.order(intent.order_id).status, request(rig).state) == ("partial", "acked")
    assert reserved(rig) == {intent.order_id: D("0.1")}
    await rig.hear(a_fill(intent, 2, quantity="0.1"))
    assert (rig.order(intent.order_id).status, reserved(rig)) == ("filled", {})


@pytest.mark.asyncio
@pytest.mark.parametrize("is_applied", [True, False])
async def test_the_end_of_an_order_does_not_say_what_became_of_its_amend(
    make_scripted: MakeScripted, is_applied: bool
) -> None:
    rig = await make_scripted()
    intent = await working(rig)
    await ask(rig, amend(intent, quantity=D("0.2")))
    quantity = D("0.2") if is_applied else D("0.1")
    rig.script.orders[f"cv-{intent.order_id.hex}"] = OrderFound(order=ended(intent, quantity, "0"))
    await rig.hear(done(intent, DoneReason.CANCELLED, "0"))
    assert request(rig).state == ("acked" if is_applied else "refused")
    row = rig.order(intent.order_id)
    assert (row.quantity, row.status, reserved(rig)) == (quantity, "cancelled", {})


@pytest.mark.asyncio
@pytest.mark.parametrize("restarts", [False, True])
async def test_an_order_that_was_made_larger_and_cancelled_is_not_filled(
    make_scripted: MakeScripted, restarts: bool
) -> None:
    rig = await make_scripted()
    intent = await working(rig)
    client_id = f"cv-{intent.order_id.hex}"
    rig.script.orders[client_id] = CannotTell(why="busy")
    await ask(rig, amend(intent, quantity=D("0.2")))
    await rig.hear(refused(rig.script.amends[0], "unknown"))
    await rig.hear(a_fill(intent, 1, quantity="0.15"))
    assert rig.order(intent.order_id).status == "filled"
    if restarts:
        await rig.crash()
        await rig.start()
    rig.script.orders[client_id] = OrderFound(order=ended(intent, D("0.2"), "0.15"))
    await rig.pass_wall(70)
    row = rig.order(intent.order_id)
    assert (row.quantity, row.filled_quantity, row.status) == (D("0.2"), D("0.15"), "cancelled")
    assert (request(rig).state, reserved(rig)) == ("acked", {})


@pytest.mark.asyncio
async def test_an_order_that_ended_before_its_amend_could_leave_is_not_amended(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await working(rig)
    earlier = rig.numbers.open()  # Of somebody else, not there yet.
    rig.router.tell(amend(intent, quantity=D("0.2")))
    await rig.settle()
    rig.say(done(intent, DoneReason.CANCELLED, "0"))
    rig.writer.tell(earlier)
    await rig.settle()
    assert rig.script.amends == []
    assert (request(rig).state, request(rig).answer_code) == ("refused", "already_done")


@pytest.mark.asyncio
async def test_what_cannot_be_done_is_said_at_once(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await working(rig)
    nobody = msgspec.structs.replace(intent, order_id=an_id(9))
    assert (await ask(rig, amend(nobody, quantity=D(1)))).reason == "not_found"
    assert (await ask(rig, amend(intent, quantity=D("0.1")))).reason == "unchanged"
    await ask(rig, amend(intent, quantity=D("0.2")))
    assert (await ask(rig, amend(intent, quantity=D("0.3")))).reason == "amend_pending"
    await rig.hear(done(intent))
    assert (await ask(rig, amend(intent, quantity=D("0.3")))).reason == "already_done"


@pytest.mark.asyncio
async def test_a_venue_that_cannot_amend_is_not_asked(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(reconcile=False)
    await rig.crash()
    assert rig.capabilities is not None
    rig.capabilities = msgspec.structs.replace(rig.capabilities, amend=AmendKind.NONE)
    await rig.start()
    intent = await working(rig)
    assert (await ask(rig, amend(intent, quantity=D("0.2")))).reason == "amend_unsupported"
    assert rig.script.amends == []


@pytest.mark.asyncio
async def test_of_an_order_that_the_venue_has_forgotten_no_amend_stays_open(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await working(rig)
    rig.script.orders[f"cv-{intent.order_id.hex}"] = CannotTell(why="busy")
    await ask(rig, amend(intent, quantity=D("0.2")))
    await rig.hear(refused(rig.script.amends[0], "unknown"))
    await rig.hear(a_fill(intent, 1, quantity="0.1"))
    rig.script.orders[f"cv-{intent.order_id.hex}"] = lambda _query: OrderAbsent(venue_time_ns=rig.wall.now_ns())
    await rig.pass_wall(70)
    assert (request(rig).state, request(rig).answer_code) == ("refused", "order_gone")
