"""When an account is compared with its venue, what is written about it, and who is told."""

from decimal import Decimal

import pytest

from engine.domain.kinds import OrderType
from engine.messages.cell import AccountReadiness, ReconcileAccount
from engine.messages.orders import SubmitOrder
from engine.messages.rows import DiscrepancyRow, OrderRow, ReconciliationRow, TradeRow, WatermarkRow
from engine.messages.system import ReadinessChanged
from engine.messages.venues import CannotTell, FillsQuery, VenueAccount, VenueBalance, VenueConnection, VenueFills
from tests.actors.conftest import MakeRig, MakeScripted
from tests.support.cell import CellRig
from tests.support.cell_builders import ACCOUNT, START_NS, USER, a_place, an_intent
from tests.support.scripted_venue import a_fill

D = Decimal
SECOND_NS = 1_000_000_000


def runs(rig: CellRig) -> list[tuple[str, str]]:
    return [(row.trigger, row.outcome) for row in rig.rows(ReconciliationRow)]


def listen(rig: CellRig) -> list[AccountReadiness]:
    heard: list[AccountReadiness] = []
    rig.bus.subscribe(AccountReadiness, heard.append, key=USER)
    return heard


@pytest.mark.asyncio
async def test_the_first_run_opens_the_books_and_the_account(make_rig: MakeRig) -> None:
    rig = await make_rig(reconcile=False)
    parts: list[ReadinessChanged] = []
    rig.bus.subscribe(ReadinessChanged, parts.append)
    heard = listen(rig)
    await rig.start_reconciler()
    assert runs(rig) == [("start", "done")]
    assert rig.total() == D(1_000_000)
    assert [each.is_ready for each in heard] == [True]
    assert [(each.part, each.ready) for each in parts] == [(f"account:{ACCOUNT}", True)]


@pytest.mark.asyncio
async def test_fills_are_fetched_from_the_watermark_on(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(reconcile=False)
    rig.script.fills = VenueFills(fills=(a_fill(an_intent(), 1),), cursor="41")
    await rig.start_reconciler()
    assert [row.cursor for row in rig.rows(WatermarkRow)] == ["41"]
    rig.script.queries.clear()
    rig.script.fills = VenueFills(fills=(), cursor="41")
    await rig.crash()
    await rig.start()
    (query,) = [query for query in rig.script.queries if isinstance(query, FillsQuery)]
    assert query.cursor == "41"
    assert len(rig.rows(TradeRow)) == 1


@pytest.mark.asyncio
async def test_a_run_comes_every_half_minute(make_rig: MakeRig) -> None:
    rig = await make_rig(reconcile_every_ns=30 * SECOND_NS)
    await rig.pass_wall(61)
    assert runs(rig) == [("start", "done"), ("timer", "done"), ("timer", "done")]


@pytest.mark.asyncio
async def test_a_read_that_fails_is_tried_again_and_is_never_no_orders(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(reconcile=False)
    rig.router.tell(SubmitOrder(intent=an_intent(), unit=rig.numbers.open()))
    await rig.settle()
    heard = listen(rig)
    open_orders = rig.script.open_orders
    rig.script.open_orders = CannotTell(why="maintenance")
    await rig.start_reconciler()
    await rig.pass_wall(4)
    assert {outcome for _, outcome in runs(rig)} == {"failed"}
    assert len(runs(rig)) >= 3
    assert {each.is_ready for each in heard} == {False}
    assert heard[-1].reason.endswith("(maintenance)")
    assert [row.status for row in rig.rows(OrderRow)] == ["pending"]
    rig.script.open_orders = open_orders
    await rig.pass_wall(10)
    assert runs(rig)[-1][1] == "done"
    assert heard[-1].is_ready


@pytest.mark.asyncio
async def test_one_failure_later_does_not_close_the_account_but_three_do(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    heard = listen(rig)
    rig.script.account = CannotTell(why="slow")
    answer = await rig.reconciler.ask(ReconcileAccount(account_id=ACCOUNT))
    assert (answer.outcome, heard) == ("failed", [])
    await rig.pass_wall(4)
    assert [each.is_ready for each in heard][:1] == [False]


@pytest.mark.asyncio
async def test_a_run_on_demand_answers_when_its_facts_are_durable(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    rig.script.fills = VenueFills(fills=(a_fill(an_intent(), 3),), cursor="3")
    answer = await rig.reconciler.ask(ReconcileAccount(account_id=ACCOUNT))
    assert (answer.outcome, answer.late_fills, answer.adopted) == ("done", 1, 1)
    assert len(rig.rows(TradeRow)) == 1


@pytest.mark.asyncio
async def test_a_wish_during_a_run_makes_another_run(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    replies = [rig.reconciler.ask(ReconcileAccount(account_id=ACCOUNT)) for _ in range(3)]
    for reply in replies:
        assert (await reply).outcome == "done"
    await rig.settle()
    assert len(runs(rig)) == 3  # At the start, the first wish, and the two that came meanwhile.


@pytest.mark.asyncio
async def test_a_lost_connection_closes_the_account_until_it_is_reconciled(make_rig: MakeRig) -> None:
    rig = await make_rig()
    rig.quote("60000", "60001")
    rig.bus.publish(VenueConnection(venue=rig.venue, connected=False, at_ns=START_NS), key=rig.venue)
    await rig.settle()
    assert (await rig.gate.ask(a_place(1))).denial is not None
    rig.bus.publish(VenueConnection(venue=rig.venue, connected=True, at_ns=START_NS), key=rig.venue)
    await rig.settle()
    assert runs(rig)[-1] == ("reconnect", "done")
    assert (await rig.gate.ask(a_place(2))).denial is None


@pytest.mark.asyncio
async def test_a_difference_is_written_down_and_not_away(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    rig.script.account = VenueAccount(
        balances=(VenueBalance(asset="USDT", free=D(999_000), locked=D(0)),),
        positions=(),
        cursor=None,
        venue_time_ns=START_NS,
    )
    await rig.reconciler.ask(ReconcileAccount(account_id=ACCOUNT))
    (row,) = rig.rows(DiscrepancyRow)
    assert (row.asset, row.ours, row.venue, row.state) == ("USDT", D(1_000_000), D(999_000), "open")
    assert rig.total() == D(1_000_000)
    assert rig.kinds("alerts") == ["DiscrepancyFound"]


@pytest.mark.asyncio
async def test_what_filled_while_we_were_down_is_found(make_rig: MakeRig) -> None:
    rig = await make_rig()
    rig.quote("60000", "60001")
    answer = await rig.gate.ask(a_place(1, type=OrderType.LIMIT, price="59000"))
    await rig.settle()
    await rig.crash()
    await rig.start(reconcile=False)
    rig.quote("58000", "58001")  # The router does not listen yet.
    await rig.settle()
    assert rig.order(answer.order_id).status == "open"
    await rig.start_reconciler()
    assert rig.order(answer.order_id).status == "filled"
    assert rig.size() == D("0.1")
