"""When an account is compared with its venue, what is written about it, and who is told."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from engine.domain.kinds import OrderType
from engine.messages.cell import AccountReadiness, ReconcileAccount
from engine.messages.orders import SubmitOrder
from engine.messages.portfolio import WriteOffDiscrepancy
from engine.messages.ports import UnitResult
from engine.messages.rows import (
    DiscrepancyRow,
    LedgerEntryRow,
    OrderRow,
    ReconciliationRow,
    TradeRow,
    WatermarkRow,
)
from engine.messages.rows_people import RiskAlertRow
from engine.messages.system import ReadinessChanged
from engine.messages.venues import CannotTell, FillsQuery, VenueAccount, VenueBalance, VenueConnection, VenueFills
from engine.messages.writing import WriteUnit
from tests.actors.conftest import MakeRig, MakeScripted
from tests.support.cell import CellRig
from tests.support.cell_builders import ACCOUNT, START_NS, USER, a_place, an_intent
from tests.support.scripted_venue import ScriptedRig, a_fill

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
    assert [row.cursor for row in rig.rows(WatermarkRow) if row.kind == "fills"] == ["41"]
    rig.script.queries.clear()
    rig.script.fills = VenueFills(fills=(), cursor="41")
    await rig.crash()
    await rig.start()
    (query,) = [query for query in rig.script.queries if isinstance(query, FillsQuery)]
    assert query.cursor is None, "a little before the watermark, in case the venue shows a fill late"
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


# --- Depth, silence, differences -----------------------------------------------------------------------------------


def push_nothing(rig: ScriptedRig, *fills: Any) -> None:
    """Let questions show fills that nobody has pushed."""
    rig.script.fills = VenueFills(fills=fills, cursor=fills[-1].cursor)


def listen_to_parts(rig: CellRig) -> list[ReadinessChanged]:
    heard: list[ReadinessChanged] = []
    rig.bus.subscribe(ReadinessChanged, heard.append)
    return heard


@pytest.mark.asyncio
async def test_every_ten_minutes_a_run_is_deep(make_rig: MakeRig) -> None:
    rig = await make_rig(reconcile_every_ns=30 * SECOND_NS)
    await rig.pass_wall(1_300)
    rows = rig.rows(ReconciliationRow)
    deep_ns = [row.started_at for row in rows if row.depth == "deep"]
    assert 2 <= len(deep_ns) <= 4
    assert all(row.outcome == "done" for row in rows)
    assert all(24 * SECOND_NS <= b.started_at - a.started_at <= 30 * SECOND_NS for a, b in pairwise(rows))
    assert len({b.started_at - a.started_at for a, b in pairwise(rows)}) > 5, "by chance, not all at once"


@pytest.mark.asyncio
async def test_an_account_that_was_not_compared_is_not_ready(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(reconcile=False)
    intent = an_intent()
    rig.script.account = VenueAccount(balances=(), positions=(), cursor="0", venue_time_ns=START_NS)
    rig.script.fills = VenueFills(fills=(a_fill(intent, 1),), cursor="1")
    heard = listen(rig)
    await rig.start_reconciler()
    assert [(each.is_ready, each.reason) for each in heard] == [(False, "not compared: fills came in between")]
    assert runs(rig) == [("start", "partial")]
    rig.script.account = VenueAccount(balances=(), positions=(), cursor="1", venue_time_ns=START_NS)
    await rig.pass_wall(2)
    assert heard[-1].is_ready


@pytest.mark.asyncio
async def test_a_silent_private_stream_shuts_the_account_and_its_orders_are_followed_all_the_same(
    make_scripted: MakeScripted,
) -> None:
    rig = await make_scripted(reconcile_every_ns=30 * SECOND_NS)
    intent = an_intent(quantity="1")
    rig.router.tell(SubmitOrder(intent=intent, unit=rig.numbers.open()))
    await rig.settle()
    heard = listen(rig)
    push_nothing(rig, a_fill(intent, 1))
    await rig.pass_wall(60)
    assert rig.order(intent.order_id).filled_quantity == D("0.1")
    assert (False, "the private stream is silent") in [(each.is_ready, each.reason) for each in heard]
    assert rig.rows(ReconciliationRow)[-1].detail["silences"] == 1
    await rig.hear(a_fill(intent, 2))
    await rig.pass_wall(10)
    assert heard[-1].is_ready


@pytest.mark.asyncio
async def test_fills_after_a_reconnect_wait_for_those_that_were_missed(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = an_intent(quantity="1")
    rig.router.tell(SubmitOrder(intent=intent, unit=rig.numbers.open()))
    await rig.settle()
    rig.bus.publish(VenueConnection(venue=rig.venue, connected=False, at_ns=START_NS), key=rig.venue)
    await rig.settle()
    await rig.hear(a_fill(intent, 3))
    assert rig.rows(TradeRow) == []
    rig.script.fills = VenueFills(fills=(a_fill(intent, 1), a_fill(intent, 2)), cursor="2")
    rig.bus.publish(VenueConnection(venue=rig.venue, connected=True, at_ns=START_NS), key=rig.venue)
    await rig.settle()
    assert [row.external_trade_id for row in rig.rows(TradeRow)] == ["t1", "t2", "t3"]


@pytest.mark.asyncio
async def test_a_run_that_fails_after_its_fills_lets_the_others_wait_no_more(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(reconcile=False)
    rig.script.open_orders = CannotTell(why="maintenance")
    await rig.start_reconciler()
    intent = an_intent()
    await rig.hear(a_fill(intent, 1))
    assert len(rig.rows(TradeRow)) == 1


def usdt(total: str) -> VenueAccount:
    return VenueAccount(
        balances=(VenueBalance(asset="USDT", free=D(total), locked=D(0)),),
        positions=(),
        cursor=None,
        venue_time_ns=START_NS,
    )


@pytest.mark.asyncio
async def test_an_old_difference_shuts_its_asset_and_a_person_is_told(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(reconcile_every_ns=30 * SECOND_NS)
    heard, parts = listen(rig), listen_to_parts(rig)
    rig.script.account = usdt("999000")
    await rig.pass_wall(100)
    assert all(each.is_ready and not each.assets for each in heard)
    await rig.pass_wall(130)
    assert (heard[-1].is_ready, heard[-1].assets) == (True, ("USDT",))
    assert rig.kinds("alerts") == ["DiscrepancyFound", "DiscrepancyOverdue"]
    assert [row.alert_type for row in rig.rows(RiskAlertRow)] == ["discrepancy_overdue"]
    assert "USDT" in parts[-1].reason
    rig.script.account = usdt("1000000")
    await rig.pass_wall(31)
    assert (heard[-1].is_ready, heard[-1].assets) == (True, ())
    assert rig.kinds("alerts")[-1] == "DiscrepancyExplained"


@pytest.mark.asyncio
async def test_a_restart_gives_a_difference_no_new_time(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(reconcile_every_ns=30 * SECOND_NS)
    rig.script.account = usdt("999000")
    await rig.pass_wall(60)
    await rig.crash()
    await rig.start(reconcile=False)
    heard = listen(rig)
    await rig.start_reconciler()
    assert not heard[-1].assets
    await rig.pass_wall(100)
    assert heard[-1].assets == ("USDT",)
    assert len(rig.rows(DiscrepancyRow)) == 1


@pytest.mark.asyncio
async def test_a_difference_is_written_off_and_that_is_taken_back(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    rig.script.account = usdt("999000")
    await rig.reconciler.ask(ReconcileAccount(account_id=ACCOUNT))
    (row,) = rig.rows(DiscrepancyRow)
    wish = WriteOffDiscrepancy(account_id=ACCOUNT, discrepancy_id=row.id, reason="gift", by="ann")
    answer = await rig.ledger.ask(wish)
    assert (answer.error, answer.row.state) == ("", "written_off")
    assert rig.total() == D(999_000)
    entries = rig.rows(LedgerEntryRow)
    assert [entry.kind for entry in entries] == ["opening", "adjustment"]
    assert (await rig.ledger.ask(wish)).error == "not_open"
    assert (await rig.reconciler.ask(ReconcileAccount(account_id=ACCOUNT))).discrepancies == 0
    (row,) = rig.rows(DiscrepancyRow)
    undone = await rig.ledger.ask(msgspec.structs.replace(wish, takes_back=row))
    assert (undone.error, undone.row.state) == ("", "open")
    assert rig.total() == D(1_000_000)
    reversal = rig.rows(LedgerEntryRow)[-1]
    assert (reversal.kind, reversal.reverses) == ("reversal", entries[1].id)
    assert rig.kinds("alerts") == ["DiscrepancyFound", "DiscrepancyWrittenOff", "WriteOffTakenBack"]


@pytest.mark.asyncio
async def test_nobody_is_answered_before_the_report_is_durable(
    make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = await make_rig()
    commit, disk = rig.store.commit, asyncio.Event()

    async def commit_late(units: Sequence[WriteUnit]) -> list[UnitResult]:
        if any(isinstance(row, ReconciliationRow) for unit in units for row in unit.rows):
            await disk.wait()
        return await commit(units)

    monkeypatch.setattr(rig.store, "is_instant", False)
    monkeypatch.setattr(rig.store, "commit", commit_late)
    asked = asyncio.ensure_future(rig.reconciler.ask(ReconcileAccount(account_id=ACCOUNT, deep=True)))
    for _ in range(200):
        await asyncio.sleep(0)
    assert not asked.done()
    disk.set()
    assert (await asked).outcome == "done"
    assert [(row.trigger, row.depth) for row in rig.rows(ReconciliationRow)] == [("start", "light"), ("demand", "deep")]


@pytest.mark.asyncio
async def test_a_better_reason_takes_the_place_of_the_first_one(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(reconcile=False)
    parts = listen_to_parts(rig)
    rig.script.account = CannotTell(why="not connected yet")
    await rig.start_reconciler()
    assert parts[-1].reason.endswith("(not connected yet)")
    rig.script.account = CannotTell(why="the secret does not belong to this key")
    await rig.pass_wall(2)
    assert parts[-1].reason.endswith("(the secret does not belong to this key)")
    told = len(parts)
    await rig.pass_wall(20)
    assert len(parts) == told, "nothing new, nothing told"
