"""Fills that the venue counts and does not show are asked for, then inferred; real trades replace what was inferred."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from actors.inferring import _fee_of, quote_of
from engine.domain.kinds import DoneReason, OrderType
from engine.messages.orders import OrderIntent
from engine.messages.rows import TradeRow
from engine.messages.rows_people import RiskAlertRow
from engine.messages.venues import CannotTell, FillsQuery, OrderFound, VenueFills, VenueOrderUpdate
from tests.actors.conftest import MakeScripted
from tests.actors.test_ledger import lots
from tests.actors.test_order_router import submit
from tests.support.cell_builders import ACCOUNT, START_NS
from tests.support.scripted_venue import ScriptedRig, a_fill, accepted, as_listed, done

D = Decimal


def filled(intent: OrderIntent, quantity: str = "0.1", **changes: Any) -> VenueOrderUpdate:
    fields: dict[str, Any] = {
        "filled_quantity": D(quantity), "is_open": False, "done_reason": DoneReason.FILLED,
        "venue_time_ns": START_NS + 5, "average_price": D(61_000), "fee": D(2), "fee_asset": "USDT",
    }  # fmt: skip
    return VenueOrderUpdate(account_id=ACCOUNT, order=as_listed(intent, **fields | changes))


def counting(rig: ScriptedRig) -> list[tuple[Decimal, Decimal, Decimal, bool]]:
    return sorted((row.quantity, row.price, row.fees, row.inferred) for row in rig.rows(TradeRow) if not row.voided_by)


@pytest.mark.asyncio
async def test_the_fills_of_one_order_are_asked_for_page_by_page(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    pages = {
        None: VenueFills(fills=(a_fill(intent, 1, quantity="0.04"),), cursor="1", has_more=True),
        "1": VenueFills(fills=(a_fill(intent, 2, quantity="0.06"),), cursor="2"),
    }
    rig.script.fills = lambda query: pages[query.cursor]
    await rig.hear(filled(intent))
    await rig.pass_wall(2)
    asked = [query for query in rig.script.queries if isinstance(query, FillsQuery) and query.venue_client_id]
    assert [query.cursor for query in asked] == [None, "1"]
    assert (rig.order(intent.order_id).status, rig.size()) == ("filled", D("0.1"))
    assert not any(row.inferred for row in rig.rows(TradeRow))


@pytest.mark.asyncio
async def test_a_venue_without_trades_has_one_fill_inferred_at_the_limit(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(infer_after_ns=10_000_000_000)
    intent = await submit(rig)
    rig.script.fills = CannotTell(why="no history")
    await rig.hear(a_fill(intent, 1, quantity="0.04", price="60000", fee="1"))
    await rig.hear(filled(intent))
    await rig.pass_wall(9)
    assert rig.size() == D("0.04")
    assert rig.order(intent.order_id).missing_quantity == D("0.06")
    await rig.pass_wall(6)
    row = rig.order(intent.order_id)
    assert (row.status, row.filled_quantity, row.average_price) == ("filled", D("0.1"), D(61_000))
    assert counting(rig)[1][3]
    assert "fill_inferred" in [row.alert_type for row in rig.rows(RiskAlertRow)]


@pytest.mark.asyncio
@pytest.mark.parametrize("restarts", [False, True])
async def test_what_an_inferred_fill_has_cost_is_corrected_when_the_venue_says_it(
    make_scripted: MakeScripted, restarts: bool
) -> None:
    rig = await make_scripted(infer_after_ns=1)
    intent = await submit(rig)
    rig.script.fills = CannotTell(why="no history")
    await rig.hear(a_fill(intent, 1, quantity="0.04", price="60000", fee="1"))
    await rig.hear(filled(intent, "0.04", is_open=True, done_reason=None, average_price=D(60_000), fee=D(1)))
    await rig.hear(done(intent, at_ns=START_NS + 5))
    await rig.pass_wall(3)
    assert counting(rig)[1][:2] == (D("0.06"), D(60_000))
    if restarts:
        await rig.crash()
        await rig.start()
    for _ in range(2):
        await rig.hear(filled(intent, average_price=D(60_600), fee=D("2.5"), venue_time_ns=START_NS + 5))
    assert counting(rig)[1] == (D("0.06"), D(61_000), D("1.5"), True)
    assert rig.size() == D("0.1")
    assert len(rig.rows(TradeRow)) == 3


@pytest.mark.asyncio
@pytest.mark.parametrize("restarts", [False, True])
async def test_real_trades_replace_what_was_inferred(make_scripted: MakeScripted, restarts: bool) -> None:
    rig, other = await make_scripted(infer_after_ns=1), await make_scripted()
    intent = await submit(rig)
    rig.script.fills = CannotTell(why="no history")
    await rig.hear(filled(intent))
    await rig.pass_wall(3)
    assert counting(rig) == [(D("0.1"), D(61_000), D(2), True)]
    if restarts:
        await rig.crash()
        rig.script.fills = VenueFills(fills=(), cursor=None)
        await rig.start()
    real = [a_fill(intent, 1, quantity="0.04", price="60900"), a_fill(intent, 2, quantity="0.06", price="61100")]
    await submit(other)
    for fill in real:
        await rig.hear(fill)
        await other.hear(fill)
    assert counting(rig) == counting(other)
    assert (rig.size(), rig.total()) == (other.size(), other.total())
    assert rig.order(intent.order_id).average_price == other.order(intent.order_id).average_price


@pytest.mark.asyncio
async def test_the_trades_behind_an_inferred_fill_are_asked_for_after_a_restart_too(
    make_scripted: MakeScripted,
) -> None:
    rig, other = await make_scripted(infer_after_ns=1), await make_scripted()
    intent = await submit(rig)
    rig.script.fills = CannotTell(why="no history")
    await rig.hear(filled(intent))
    await rig.pass_wall(3)
    await rig.crash()
    rig.script.fills = VenueFills(fills=(), cursor=None)
    await rig.start()
    await rig.pass_wall(2)
    real = (a_fill(intent, 1, quantity="0.04", price="60900"), a_fill(intent, 2, quantity="0.06", price="61100"))
    rig.script.fills = lambda query: VenueFills(fills=real if query.venue_client_id else (), cursor=None)
    await rig.pass_wall(31)
    await submit(other)
    for fill in real:
        await other.hear(fill)
    assert counting(rig) == counting(other)
    assert (rig.size(), rig.total()) == (other.size(), other.total())
    assert [lot[1:] for lot in lots(rig) if lot[1]] == [lot[1:] for lot in lots(other)]


@pytest.mark.asyncio
async def test_they_are_asked_for_less_and_less_often(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(infer_after_ns=1)
    intent = await submit(rig)
    rig.script.fills = CannotTell(why="no history")
    await rig.hear(filled(intent))
    await rig.pass_wall(3)
    before = len(asked_fills(rig))
    await rig.pass_wall(460)
    assert len(asked_fills(rig)) - before == 4


def asked_fills(rig: ScriptedRig) -> list[FillsQuery]:
    return [query for query in rig.script.queries if isinstance(query, FillsQuery) and query.venue_client_id]


@pytest.mark.asyncio
async def test_missing_fills_are_still_missed_after_a_restart(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    rig.script.fills = CannotTell(why="away")
    await rig.hear(done(intent))
    assert rig.order(intent.order_id).missing_quantity == D("0.1")
    await rig.crash()
    rig.script.fills = VenueFills(fills=(), cursor=None)
    await rig.start()
    rig.script.fills = VenueFills(fills=(a_fill(intent, 1),), cursor="1")
    await rig.pass_wall(2)
    assert (rig.size(), rig.order(intent.order_id).missing_quantity) == (D("0.1"), D(0))


@pytest.mark.asyncio
async def test_without_an_average_price_the_orders_own_price_stands_in(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(infer_after_ns=1)
    intent = await submit(rig, type=OrderType.LIMIT, price="59000")
    rig.script.fills = CannotTell(why="no history")
    await rig.hear(filled(intent, average_price=None, fee=None, fee_asset=None))
    await rig.pass_wall(3)
    assert counting(rig) == [(D("0.1"), D(59_000), D(0), True)]


@pytest.mark.asyncio
async def test_a_stale_status_changes_nothing(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(accepted(intent))
    await rig.hear(a_fill(intent, 1, quantity="0.04"))
    newer = as_listed(intent, filled_quantity=D("0.04"), venue_time_ns=START_NS + 50, sequence=2)
    await rig.hear(VenueOrderUpdate(account_id=ACCOUNT, order=newer))
    before = rig.order(intent.order_id)
    older = as_listed(intent, filled_quantity=D(0), venue_time_ns=START_NS + 50, sequence=1)
    await rig.hear(VenueOrderUpdate(account_id=ACCOUNT, order=older))
    assert rig.order(intent.order_id) == before
    assert before.status == "partial"


@pytest.mark.asyncio
async def test_an_update_of_an_open_order_of_somebody_else_adopts_it(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    rig.script.orders.clear()
    order = as_listed(intent, venue_client_id="web-1", external_order_id="x-web-1", type=OrderType.LIMIT, price=D(1))
    await rig.hear(VenueOrderUpdate(account_id=ACCOUNT, order=order))
    assert rig.kinds("orders").count("OrderAdopted") == 1
    assert OrderFound(order=order).order is order


@pytest.mark.parametrize(
    ("listed", "quantity", "fee"),
    [("0.1", "0.1", "2"), ("0.1", "0.25", "5"), (None, "0.1", "0")],
    ids=["as listed", "listed with less", "never listed"],
)
def test_a_fee_of_an_older_listing_grows_in_proportion(listed: str | None, quantity: str, fee: str) -> None:
    shown = SimpleNamespace(fee=D(2), filled_quantity=D(listed)) if listed else None
    assert _fee_of(cast("Any", shown), D(quantity)) == D(fee)


def test_the_quote_asset_of_a_symbol() -> None:
    assert [quote_of(symbol) for symbol in ("BTC/USDT", "BTC/USDC:USDC")] == ["USDT", "USDC"]
