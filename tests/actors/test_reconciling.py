"""What a reconciliation finds at the venue becomes true here, once, in one unit with its watermark."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.domain.identifiers import UnitId
from engine.domain.kinds import DoneReason
from engine.messages.cell import FollowVenue, ReconcileAccount
from engine.messages.orders import CancelOrder, SubmitOrder
from engine.messages.portfolio import ApplyReconciliation, ReconciliationApplied
from engine.messages.rows import DiscrepancyRow, LedgerEntryRow, OrderRow, TradeRow, WatermarkRow
from engine.messages.venues import OrderQuery, VenueAccount, VenueBalance, VenueFill, VenueFills, VenueTradeVoided
from engine.messages.writing import WriteUnit
from tests.actors.conftest import MakeScripted
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id, an_intent
from tests.support.scripted_venue import ScriptedRig, a_fill, accepted, as_listed, done, somebody_elses_order

D = Decimal


async def apply(rig: ScriptedRig, **found: Any) -> ReconciliationApplied:
    mark = WatermarkRow(account_id=ACCOUNT, user_id=USER, kind="fills", cursor="7", updated_at=START_NS)
    unit = WriteUnit(id=UnitId(an_id(7_000)), n=None, user_id=USER, fence=1, rows=(mark,))
    fields: dict[str, Any] = {"fills": (), "orders": (), "absent": (), "account": None}
    message = ApplyReconciliation(account_id=ACCOUNT, unit=unit, **fields | found)
    return await rig.router.ask(message)  # type: ignore[no-any-return]


async def submit(rig: ScriptedRig, number: int = 100, **changes: Any) -> Any:
    intent = an_intent(number, **changes)
    rig.router.tell(SubmitOrder(intent=intent, unit=rig.numbers.open(intent.correlation_id)))
    await rig.settle()
    return intent


def voided(fill: VenueFill) -> VenueTradeVoided:
    return VenueTradeVoided(
        account_id=fill.account_id,
        symbol=fill.symbol,
        side=fill.side,
        venue_client_id=fill.venue_client_id,
        external_order_id=fill.external_order_id,
        external_trade_id=fill.external_trade_id,
        venue_time_ns=START_NS,
    )


def usdt(total: str, cursor: str | None = None) -> VenueAccount:
    return VenueAccount(
        balances=(VenueBalance(asset="USDT", free=D(total), locked=D(0)),),
        positions=(),
        cursor=cursor,
        venue_time_ns=START_NS,
    )


@pytest.mark.asyncio
async def test_fills_and_watermark_are_one_unit(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    before = rig.units_with(OrderRow)
    applied = await apply(rig, fills=(a_fill(intent, 1),))
    assert applied.late_fills == 1
    assert rig.units_with(OrderRow) == before + 1
    assert rig.order(intent.order_id).status == "filled"
    assert [row.cursor for row in rig.rows(WatermarkRow) if row.kind == "fills"] == ["7"]


@pytest.mark.asyncio
async def test_facts_that_are_known_change_nothing(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(accepted(intent))
    await rig.hear(a_fill(intent, 1, quantity="0.04"))
    listed = as_listed(intent, filled_quantity=D("0.04"))
    applied = await apply(rig, fills=(a_fill(intent, 1, quantity="0.04"),), orders=(listed,))
    assert (applied.late_fills, applied.matched, applied.adopted) == (0, 1, 0)
    assert rig.size() == D("0.04")


@pytest.mark.asyncio
async def test_an_order_whose_acknowledgement_was_lost_is_found_by_its_id(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await apply(rig, orders=(as_listed(intent),))
    row = rig.order(intent.order_id)
    assert (row.status, row.external_order_id) == ("open", f"x{intent.order_id.int}")


@pytest.mark.asyncio
async def test_somebody_elses_order_is_adopted_and_counted(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    applied = await apply(rig, orders=(somebody_elses_order(),))
    (row,) = rig.rows(OrderRow)
    assert applied.adopted == 1
    assert (row.origin, row.status, row.venue_client_id, row.quantity) == ("external", "open", "web-1", D("0.5"))
    assert rig.kinds("orders") == ["OrderAdopted", "OrderAccepted"]


@pytest.mark.asyncio
async def test_fills_of_somebody_elses_order_are_booked_and_never_alarmed(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    strange = an_intent(4_000)
    fills = tuple(
        a_fill(strange, trade, quantity="0.1", venue_client_id="", external_order_id="x-web-2") for trade in (1, 2)
    )
    await apply(rig, fills=fills)
    (row,) = rig.rows(OrderRow)
    assert (row.origin, row.quantity, row.filled_quantity, row.status) == ("external", D("0.2"), D("0.2"), "filled")
    assert rig.size() == D("0.2")
    assert rig.events("alerts") == []


@pytest.mark.asyncio
async def test_an_order_that_the_list_does_not_show_is_asked_for(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(accepted(intent))
    client_id = f"cv-{intent.order_id.hex}"
    rig.script.queries.clear()
    await apply(rig, is_complete=True)
    await rig.settle()
    assert rig.order(intent.order_id).status == "open"
    asked = [query for query in rig.script.queries if isinstance(query, OrderQuery)]
    assert [query.venue_client_id for query in asked] == [client_id]


@pytest.mark.asyncio
async def test_an_order_whose_connector_never_answered_is_asked_for_once_it_is_too_old_to_be_on_its_way(
    make_scripted: MakeScripted,
) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await apply(rig, is_complete=True)
    await rig.settle()
    assert rig.order(intent.order_id).status_detail == "submitting"
    await rig.pass_wall(6)
    await apply(rig, is_complete=True)
    await rig.settle()
    assert rig.order(intent.order_id).status_detail == "unknown"
    assert any(isinstance(query, OrderQuery) for query in rig.script.queries)


@pytest.mark.asyncio
async def test_a_cancel_that_was_not_answered_is_sent_again(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(accepted(intent))
    await rig.router.ask(CancelOrder(user_id=USER, account_id=ACCOUNT, order_id=intent.order_id, reason="test"))
    await apply(rig, is_complete=True, orders=(as_listed(intent),))
    assert [cancel.order_id for cancel in rig.script.cancels] == [intent.order_id], "it may still be on its way"
    await apply(rig, is_complete=True, orders=(as_listed(intent),))
    assert [cancel.order_id for cancel in rig.script.cancels] == [intent.order_id] * 2
    await rig.hear(done(intent, DoneReason.CANCELLED, "0"))
    await apply(rig, is_complete=True)
    assert len(rig.script.cancels) == 2


@pytest.mark.asyncio
async def test_the_end_of_an_order_that_nobody_told_is_found(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(accepted(intent))
    gone = as_listed(intent, is_open=False, done_reason=DoneReason.CANCELLED, venue_time_ns=START_NS + 5)
    await apply(rig, orders=(gone,))
    assert rig.order(intent.order_id).status == "cancelled"


@pytest.mark.asyncio
async def test_the_first_comparison_opens_the_books(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(reconcile=False)
    applied = await apply(rig, account=usdt("5000"))
    assert applied.is_compared
    assert rig.total() == D(5_000)
    assert [row.kind for row in rig.rows(LedgerEntryRow)] == ["opening"]


@pytest.mark.parametrize(("cursor", "is_compared"), [("0", False), ("1", True), ("2", True), (None, False)])
@pytest.mark.asyncio
async def test_balances_of_another_moment_are_not_compared(
    make_scripted: MakeScripted, cursor: str | None, is_compared: bool
) -> None:
    rig = await make_scripted(reconcile=False)
    intent = await submit(rig)
    applied = await apply(rig, fills=(a_fill(intent, 1),), account=usdt("999", cursor))
    assert applied.is_compared is is_compared
    assert len(rig.rows(TradeRow)) == 1


@pytest.mark.asyncio
async def test_balances_from_before_a_pushed_fill_are_not_compared_with_books_that_hold_it(
    make_scripted: MakeScripted,
) -> None:
    rig = await make_scripted()
    first, second = await submit(rig, 1), await submit(rig, 2)
    await rig.hear(a_fill(first, 1))
    await rig.hear(a_fill(second, 2))
    # The venue was asked between the two fills, and its answer comes after the second.
    applied = await apply(rig, fills=(a_fill(first, 1),), account=usdt("999999", "1"))
    assert not applied.is_compared
    assert rig.rows(DiscrepancyRow) == []


@pytest.mark.asyncio
async def test_the_books_are_not_opened_with_numbers_from_before_a_fill_that_was_asked_for(
    make_scripted: MakeScripted,
) -> None:
    rig = await make_scripted(reconcile=False)
    intent = await submit(rig)
    rig.script.fills = VenueFills(fills=(a_fill(intent, 1, executed_at_ns=START_NS + 5),), cursor="1")
    rig.router.tell(FollowVenue(account_id=ACCOUNT))
    await rig.settle()
    await rig.hear(done(intent))
    await rig.pass_wall(2)
    assert len(rig.rows(TradeRow)) == 1
    assert not (await apply(rig, account=usdt("5000", "0"))).is_compared
    later = msgspec.structs.replace(usdt("999", "1"), venue_time_ns=START_NS + 5)
    assert (await apply(rig, account=later)).is_compared


@pytest.mark.asyncio
async def test_a_trade_that_is_taken_back_before_the_books_are_opened_is_not_in_them_twice(
    make_scripted: MakeScripted,
) -> None:
    rig = await make_scripted(reconcile=False)
    intent = await submit(rig)
    await apply(rig, fills=(a_fill(intent, 1, fee="0"),), is_last=False)
    rig.say(voided(a_fill(intent, 1)))
    await rig.settle()
    assert rig.size() == D("0.1")
    assert (await apply(rig, account=usdt("5000", "1"))).is_compared
    await rig.settle()
    assert (rig.size(), rig.total()) == (D(0), D(5_000))
    assert rig.rows(DiscrepancyRow) == []


@pytest.mark.asyncio
async def test_a_fill_that_is_pushed_first_waits_for_those_that_happened_while_we_were_down(
    make_scripted: MakeScripted,
) -> None:
    rig = await make_scripted(reconcile=False)
    intent = await submit(rig, quantity="1")
    rig.router.tell(FollowVenue(account_id=ACCOUNT))
    await rig.settle()
    await rig.hear(a_fill(intent, 3))
    assert rig.rows(TradeRow) == []
    applied = await apply(rig, fills=(a_fill(intent, 1), a_fill(intent, 2)))
    await rig.settle()
    assert applied.late_fills == 2
    assert [row.external_trade_id for row in rig.rows(TradeRow)] == ["t1", "t2", "t3"]


@pytest.mark.asyncio
async def test_fills_that_were_too_many_to_wait_are_fetched(
    make_scripted: MakeScripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.router_core.WAITING_MAX", 1)
    rig = await make_scripted(reconcile=False)
    wishes: list[ReconcileAccount] = []
    rig.bus.subscribe(ReconcileAccount, wishes.append, key=ACCOUNT)
    intent = await submit(rig, quantity="1")
    rig.router.tell(FollowVenue(account_id=ACCOUNT))
    await rig.settle()
    await rig.hear(a_fill(intent, 1))
    await rig.hear(a_fill(intent, 2))
    await apply(rig)
    await rig.settle()
    assert [row.external_trade_id for row in rig.rows(TradeRow)] == ["t1"]
    assert len(wishes) == 1


@pytest.mark.asyncio
async def test_a_fill_of_an_order_that_has_left_memory_is_booked_on_it(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(done_max=0)
    first = await submit(rig, 1)
    await rig.hear(a_fill(first, 1, quantity="0.1"))
    second = await submit(rig, 2)
    await rig.hear(a_fill(second, 2))
    await submit(rig, 3)  # Each further unit lets the done and durable ones go.
    applied = await apply(rig, fills=(a_fill(first, 1), a_fill(first, 9, quantity="0.02")))
    assert applied.late_fills == 1
    assert applied.adopted == 0
    assert rig.order(first.order_id).filled_quantity == D("0.12")
