"""What is not booked is kept: contradictions, voids before their trades, fills in symbols that nobody knows."""

from decimal import Decimal
from typing import Any

import pytest

from actors.evidence import Tombstones
from engine.messages.orders import OrderIntent
from engine.messages.rows import LedgerEntryRow, OrderRow, TradeRow
from engine.messages.rows_people import RiskAlertRow
from engine.messages.rows_trades import TradeEvidenceRow
from engine.messages.venues import VenueTradeVoided
from tests.actors.conftest import MakeScripted
from tests.actors.test_order_router import submit
from tests.support.cell_builders import ACCOUNT, START_NS, an_intent
from tests.support.scripted_venue import ScriptedRig, a_fill, accepted

D = Decimal


def a_void(intent: OrderIntent, trade: int, **changes: Any) -> VenueTradeVoided:
    fill = a_fill(intent, trade)
    fields: dict[str, Any] = {
        "account_id": ACCOUNT,
        "symbol": fill.symbol,
        "side": fill.side,
        "venue_client_id": fill.venue_client_id,
        "external_order_id": fill.external_order_id,
        "external_trade_id": fill.external_trade_id,
        "venue_time_ns": START_NS + 10,
    }
    return VenueTradeVoided(**fields | changes)


def counting(rig: ScriptedRig) -> list[tuple[str, Decimal, Decimal]]:
    return [(row.external_trade_id, row.quantity, row.price) for row in rig.rows(TradeRow) if row.voided_by is None]


def alerts(rig: ScriptedRig) -> list[str]:
    return [row.alert_type for row in rig.rows(RiskAlertRow)]


@pytest.mark.asyncio
@pytest.mark.parametrize("is_larger_first", [True, False])
async def test_of_two_contents_of_one_trade_one_counts_whichever_came_first(
    make_scripted: MakeScripted, is_larger_first: bool
) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    reports = [a_fill(intent, 1, quantity="0.06"), a_fill(intent, 1, quantity="0.04")]
    for fill in reports if is_larger_first else reversed(reports):
        await rig.hear(fill)
    await rig.hear(a_fill(intent, 1, quantity="0.04"))
    assert counting(rig) == [("t1", D("0.06"), D(60_000))]
    assert rig.size() == rig.order(intent.order_id).filled_quantity == D("0.06")
    (evidence,) = rig.rows(TradeEvidenceRow)
    assert (evidence.kind, evidence.quantity, evidence.order_id) == ("conflict", D("0.04"), intent.order_id)
    assert alerts(rig) == ["conflicting_trade"]


@pytest.mark.asyncio
async def test_a_contradiction_stays_known_over_a_restart(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(a_fill(intent, 1, quantity="0.06"))
    await rig.hear(a_fill(intent, 1, quantity="0.04"))
    await rig.crash()
    await rig.start()
    await rig.hear(a_fill(intent, 1, quantity="0.04"))
    assert (len(rig.rows(TradeEvidenceRow)), alerts(rig)) == (1, ["conflicting_trade"])


@pytest.mark.asyncio
@pytest.mark.parametrize("restarts", [False, True])
async def test_a_trade_that_is_taken_back_never_was(make_scripted: MakeScripted, restarts: bool) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(accepted(intent))
    before = rig.total()
    await rig.hear(a_fill(intent, 1, quantity="0.04"))
    if restarts:
        await rig.crash()
        await rig.start()
    for _ in range(2):
        await rig.hear(a_void(intent, 1))
    await rig.hear(a_fill(intent, 1, quantity="0.04"))
    assert (counting(rig), rig.size(), rig.total()) == ([], D(0), before)
    assert rig.order(intent.order_id).filled_quantity == D(0)
    assert rig.kinds("trades") == ["TradeBooked", "TradeVoided"]
    assert [row.kind for row in rig.rows(TradeEvidenceRow)] == ["void"]


@pytest.mark.asyncio
@pytest.mark.parametrize("restarts", [False, True])
async def test_a_void_before_its_trade_keeps_it_from_being_booked(make_scripted: MakeScripted, restarts: bool) -> None:
    rig = await make_scripted()
    intent = await submit(rig)
    await rig.hear(a_void(intent, 1))
    if restarts:
        await rig.crash()
        await rig.start()
    await rig.hear(a_fill(intent, 1, quantity="0.04"))
    assert (counting(rig), rig.size()) == ([], D(0))


@pytest.mark.asyncio
@pytest.mark.parametrize("restarts", [False, True])
async def test_a_void_of_a_trade_of_nobody_knows_whom_is_a_tombstone(
    make_scripted: MakeScripted, restarts: bool
) -> None:
    rig = await make_scripted()
    stranger = an_intent(777)
    for _ in range(2):
        await rig.hear(a_void(stranger, 1))
    (row,) = rig.rows(TradeEvidenceRow)
    assert (row.kind, row.order_id, rig.rows(OrderRow)) == ("void", None, [])
    if restarts:
        await rig.crash()
        await rig.start()
    await rig.hear(a_fill(stranger, 1))
    assert (counting(rig), rig.size()) == ([], D(0))


@pytest.mark.asyncio
async def test_a_fill_in_a_symbol_without_rules_is_kept_and_told(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    entries = len(rig.rows(LedgerEntryRow))
    for trade in (1, 1, 2):
        await rig.hear(a_fill(an_intent(777), trade, symbol="NEW/USDT"))
    assert [(row.kind, row.external_trade_id) for row in rig.rows(TradeEvidenceRow)] == [
        ("unlisted", "t1"), ("unlisted", "t2"),
    ]  # fmt: skip
    assert alerts(rig) == ["unlisted_symbol"]
    assert len(rig.rows(LedgerEntryRow)) == entries
    intent = await submit(rig)
    await rig.hear(a_fill(intent, 3))
    assert rig.size() == D("0.1")


def test_tombstones_know_what_they_have_seen() -> None:
    stones, intent = Tombstones(), an_intent()
    assert stones.bury(a_void(intent, 1))
    assert not stones.bury(a_void(intent, 1))
    assert stones.is_voided(a_fill(intent, 1))
    assert not stones.is_voided(a_fill(intent, 2))
