"""Unknown is left on evidence only, and what lives although it was refused counts until it is cancelled."""

from decimal import Decimal

import msgspec
import pytest

from engine.domain.capabilities import ValidityKind
from engine.domain.kinds import DoneReason, OrderType
from engine.messages.cell import ReconcileAccount
from engine.messages.orders import OrderIntent
from engine.messages.rows import OrderRequestRow
from engine.messages.rows_people import RiskAlertRow
from engine.messages.venues import CannotTell, OrderAbsent, OrderFound, VenueOrderUpdate, VenueRejected, VenueUnknown
from tests.actors.conftest import MakeScripted
from tests.actors.test_order_router import submit
from tests.support.cell_builders import ACCOUNT, START_NS
from tests.support.scripted_venue import ScriptedRig, a_fill, accepted, as_listed, done

D = Decimal
SECOND_NS = 1_000_000_000


def reserved(rig: ScriptedRig) -> dict[object, Decimal]:
    return dict(rig.gate.actor_inbox.actor._exposures.reserved(ACCOUNT))  # type: ignore[union-attr]


def unknown(intent: OrderIntent) -> VenueUnknown:
    return VenueUnknown(order_id=intent.order_id, account_id=ACCOUNT, why="timeout")


def rejected(intent: OrderIntent, code: str = "no") -> VenueRejected:
    return VenueRejected(order_id=intent.order_id, account_id=ACCOUNT, code=code, venue_time_ns=START_NS)


def absent_as_of_now(rig: ScriptedRig, intent: OrderIntent) -> None:
    """Let the venue answer with its own time, as long as the wall clock runs."""
    rig.script.orders[f"cv-{intent.order_id.hex}"] = lambda _query: OrderAbsent(venue_time_ns=rig.wall.now_ns())


@pytest.mark.asyncio
async def test_absence_is_believed_soon_after_the_declared_limit(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    absent_as_of_now(rig, intent)
    await rig.hear(unknown(intent))
    await rig.pass_wall(6.9)  # send_by after 5 s, a read lag of 2 s.
    assert rig.order(intent.order_id).lifecycle == "unknown"
    await rig.pass_wall(0.6)
    assert rig.order(intent.order_id).status_detail == "never_existed"


@pytest.mark.asyncio
async def test_without_a_limit_no_time_proves_an_absence(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(reconcile=False)
    await rig.crash()
    assert rig.capabilities is not None
    rig.capabilities = msgspec.structs.replace(rig.capabilities, validity=ValidityKind.NONE, validity_max_ns=0)
    await rig.start()
    intent = await submit(rig)
    absent_as_of_now(rig, intent)
    await rig.hear(unknown(intent))
    await rig.pass_wall(3_600)
    assert rig.order(intent.order_id).lifecycle == "unknown"
    assert [row.alert_type for row in rig.rows(RiskAlertRow)] == ["order_unresolved"]
    rig.script.orders[f"cv-{intent.order_id.hex}"] = OrderFound(order=as_listed(intent))
    await rig.pass_wall(31)
    assert rig.order(intent.order_id).lifecycle == "working"


@pytest.mark.asyncio
async def test_a_venue_that_cannot_tell_is_asked_for_ever(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    rig.script.orders[f"cv-{intent.order_id.hex}"] = CannotTell(why="maintenance")
    await rig.hear(unknown(intent))
    await rig.pass_wall(600)
    asked = len(rig.script.queries)
    await rig.pass_wall(61)
    assert len(rig.script.queries) >= asked + 2
    assert rig.order(intent.order_id).lifecycle == "unknown"


@pytest.mark.asyncio
@pytest.mark.parametrize("code", ["duplicate", "duplicate_client_order_id"])
async def test_a_refusal_as_a_duplicate_is_no_refusal(make_scripted: MakeScripted, code: str) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    rig.script.orders[f"cv-{intent.order_id.hex}"] = OrderFound(order=as_listed(intent))
    await rig.hear(rejected(intent, code))
    assert rig.order(intent.order_id).lifecycle == "working"


@pytest.mark.asyncio
@pytest.mark.parametrize("restarts", [False, True])
async def test_an_order_that_lives_after_its_refusal_counts_and_is_cancelled(
    make_scripted: MakeScripted, restarts: bool
) -> None:
    rig = await make_scripted()
    intent = await submit(rig, type=OrderType.LIMIT, price="59000")
    await rig.hear(rejected(intent))
    assert reserved(rig) == {}
    await rig.hear(VenueOrderUpdate(account_id=ACCOUNT, order=as_listed(intent, venue_time_ns=START_NS + 1)))
    row = rig.order(intent.order_id)
    assert (row.status, row.status_detail) == ("rejected", "exists_after_all")
    assert reserved(rig) == {intent.order_id: D("0.1")}
    assert [cancel.order_id for cancel in rig.script.cancels] == [intent.order_id]
    assert [row.alert_type for row in rig.rows(RiskAlertRow)] == ["exists_after_all"]
    if restarts:
        await rig.crash()
        await rig.start()
        assert reserved(rig) == {intent.order_id: D("0.1")}
        assert len(rig.script.cancels) == 2
    await rig.hear(a_fill(intent, 1, quantity="0.04"))
    assert reserved(rig) == {intent.order_id: D("0.06")}
    await rig.hear(done(intent, DoneReason.CANCELLED, filled="0.04", at_ns=START_NS + 9))
    row = rig.order(intent.order_id)
    assert (row.status, row.status_detail, row.late_fill) == ("cancelled", None, True)
    assert reserved(rig) == {}
    assert [request.state for request in rig.rows(OrderRequestRow)] == ["acked"]


@pytest.mark.asyncio
async def test_an_acknowledgement_after_a_refusal_is_no_end(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig, type=OrderType.LIMIT, price="59000")
    await rig.hear(accepted(intent))
    await rig.hear(rejected(intent))
    assert len(rig.script.cancels) == 1
    assert reserved(rig) == {intent.order_id: D("0.1")}


@pytest.mark.asyncio
async def test_an_order_that_has_filled_in_part_after_its_refusal_is_cancelled_and_asked_for(
    make_scripted: MakeScripted,
) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(rejected(intent))
    await rig.hear(a_fill(intent, 1, quantity="0.04"))
    assert reserved(rig) == {intent.order_id: D("0.06")}
    assert len(rig.script.cancels) == 1
    expired = as_listed(
        intent,
        filled_quantity=D("0.04"),
        is_open=False,
        done_reason=DoneReason.EXPIRED,
        venue_time_ns=START_NS + 9,
    )
    rig.script.orders[f"cv-{intent.order_id.hex}"] = OrderFound(order=expired)
    await rig.reconciler.ask(ReconcileAccount(account_id=ACCOUNT))
    await rig.settle()
    assert (rig.order(intent.order_id).status, reserved(rig)) == ("expired", {})
