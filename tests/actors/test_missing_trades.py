"""A trade that a whole listing leaves out is told to a person, and stays in the books."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest

from engine.domain.kinds import PositionSide
from engine.messages.portfolio import WriteOffAnswer, WriteOffDiscrepancy
from engine.messages.rows import DiscrepancyRow, TradeRow
from engine.messages.rows_people import RiskAlertRow
from engine.messages.venues import VenueAccount, VenueBalance, VenueFill, VenueFills, VenuePosition, VenueTradeVoided
from tests.actors.conftest import MakeScripted
from tests.actors.test_reconcile_run import Pages, compare, some_orders
from tests.support.cell_builders import ACCOUNT, START_NS
from tests.support.scripted_venue import ScriptedRig, a_fill, as_listed

pytestmark = pytest.mark.asyncio
D = Decimal
US = 1_000


async def traded(make_scripted: MakeScripted, count: int = 4) -> tuple[ScriptedRig, list[VenueFill], Pages]:
    """Book fills of one order, 10 us apart, that the venue lists as well."""
    rig = await make_scripted()
    (intent,) = await some_orders(rig, 1)
    fills = [
        a_fill(intent, number, quantity="0.01", executed_at_ns=START_NS + number * 10 * US)
        for number in range(1, count + 1)
    ]
    for fill in fills:
        await rig.hear(fill)
    pages = Pages(rig, fills, [as_listed(intent, filled_quantity=D("0.01") * count)], size=3)

    def account(_: object) -> VenueAccount:
        return VenueAccount(
            balances=(VenueBalance(asset="USDT", free=rig.total(), locked=D(0)),),
            positions=(
                VenuePosition(
                    symbol=fills[0].symbol,
                    position_side=PositionSide.NET,
                    size=rig.size(),
                    entry_price=D(60_000),
                ),
            ),
            cursor=fills[-1].cursor,
            venue_time_ns=START_NS + 1_000 * US,
        )

    rig.script.account = account
    return rig, fills, pages


def trade_rows(rig: ScriptedRig) -> list[DiscrepancyRow]:
    return [row for row in rig.rows(DiscrepancyRow) if row.kind == "trade"]


def alerts(rig: ScriptedRig) -> list[RiskAlertRow]:
    return [row for row in rig.rows(RiskAlertRow) if row.alert_type == "trade_missing"]


def without(fills: Sequence[VenueFill], *left_out: int) -> list[VenueFill]:
    return [fill for place, fill in enumerate(fills, start=1) if place not in left_out]


async def test_a_void_that_came_while_the_cell_was_down_and_never_again_is_found(make_scripted: MakeScripted) -> None:
    rig, fills, pages = await traded(make_scripted)
    await rig.crash()
    pages.fills = without(fills, 2)
    await rig.start()
    await compare(rig, deep=True)
    assert (trade_rows(rig), alerts(rig)) == ([], []), "a list may show a fill late: once is not enough"
    await compare(rig, deep=True)
    (row,) = trade_rows(rig)
    (trade,) = [each for each in rig.rows(TradeRow) if each.external_trade_id == "t2"]
    assert (row.asset, row.ours, row.venue, row.state) == (fills[0].symbol, D("0.01"), D(0), "open")
    assert row.guess == f"voided_trade: buy 0.01 {fills[0].symbol} at 60000"
    assert (row.detail["trade_id"], row.detail["external_trade_id"]) == (str(trade.id), "t2")
    (alert,) = alerts(rig)
    assert (alert.severity, alert.data["discrepancy_id"]) == ("high", str(row.id))
    assert {"DiscrepancyFound", "TradeMissing"} <= set(rig.kinds("alerts"))
    assert trade.voided_by is None
    assert rig.size() == D("0.04"), "absence alone takes nothing out of the books"
    await compare(rig, deep=True)
    assert len(trade_rows(rig)) == len(alerts(rig)) == 1


@pytest.mark.parametrize("left_out", [(1,), (4,), (1, 4)], ids=["the oldest", "the newest", "both ends"])
async def test_what_lies_at_the_ends_of_a_listing_proves_nothing(
    make_scripted: MakeScripted, left_out: tuple[int, ...]
) -> None:
    rig, fills, pages = await traded(make_scripted)
    pages.fills = without(fills, *left_out)
    for _ in range(3):
        await compare(rig, deep=True)
    assert trade_rows(rig) == []


async def test_only_whole_and_deep_listings_count(make_scripted: MakeScripted) -> None:
    rig, fills, pages = await traded(make_scripted)
    pages.fills = without(fills, 2)
    for _ in range(3):
        await compare(rig)
    whole = pages.fills_page
    rig.script.fills = lambda query: VenueFills(
        fills=(twice := whole(query)).fills * 2, cursor=twice.cursor, has_more=twice.has_more
    )
    for _ in range(3):
        await compare(rig, deep=True)
    assert trade_rows(rig) == []


@pytest.mark.parametrize("dies", [False, True])
async def test_a_trade_that_is_listed_again_is_explained(make_scripted: MakeScripted, dies: bool) -> None:
    rig, fills, pages = await traded(make_scripted)
    pages.fills = without(fills, 2, 3)
    await compare(rig, deep=True)
    await compare(rig, deep=True)
    assert [row.state for row in trade_rows(rig)] == ["open", "open"]
    if dies:
        await rig.crash()
        await rig.start()
    pages.fills = without(fills, 3)
    await compare(rig, deep=True)
    found = {row.detail["external_trade_id"]: row for row in trade_rows(rig)}
    assert (found["t2"].state, found["t2"].detail["explained_by"]) == ("explained", "listed again")
    assert (found["t2"].ours, found["t2"].venue) == (D("0.01"), D("0.01"))
    assert found["t3"].state == "open"


async def test_a_trade_whose_void_comes_after_all_is_explained(make_scripted: MakeScripted) -> None:
    rig, fills, pages = await traded(make_scripted)
    pages.fills = without(fills, 2)
    await compare(rig, deep=True)
    await compare(rig, deep=True)
    gone = fills[1]
    void = VenueTradeVoided(
        account_id=ACCOUNT,
        symbol=gone.symbol,
        side=gone.side,
        venue_client_id=gone.venue_client_id,
        external_order_id=gone.external_order_id,
        external_trade_id=gone.external_trade_id,
        venue_time_ns=START_NS + 100 * US,
    )
    await rig.hear(void)
    await compare(rig)
    (row,) = trade_rows(rig)
    assert (row.state, row.detail["explained_by"], row.ours, row.venue) == ("explained", "taken back", D(0), D(0))
    assert rig.size() == D("0.03")


async def test_a_person_may_say_that_the_trade_is_right(make_scripted: MakeScripted) -> None:
    rig, fills, pages = await traded(make_scripted)
    pages.fills = without(fills, 2)
    await compare(rig, deep=True)
    assert (await compare(rig, deep=True)).discrepancies == 1
    (row,) = trade_rows(rig)
    before = rig.total(), rig.size()
    wish = WriteOffDiscrepancy(account_id=ACCOUNT, discrepancy_id=row.id, reason="seen on paper", by="ann")
    answer: WriteOffAnswer = await rig.ledger.ask(wish)
    assert (answer.error, answer.row.state if answer.row else "") == ("", "written_off")
    assert (rig.total(), rig.size()) == before, "nothing is booked"
    assert (await rig.ledger.ask(wish)).error == "not_open"
    await rig.settle()
    (settled,) = trade_rows(rig)
    assert (settled.state, settled.resolved_by, settled.detail["reason"]) == ("written_off", "ann", "seen on paper")
    assert (await rig.ledger.ask(msgspec.structs.replace(wish, takes_back=settled))).error == ""
    await rig.settle()
    assert [row.state for row in trade_rows(rig)] == ["open"]
