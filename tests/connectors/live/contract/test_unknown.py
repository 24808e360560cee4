"""Whatever goes wrong on the way of a command: exactly one order, never a refusal without proof."""

import asyncio
from typing import Any

import pytest

from engine.domain.kinds import OrderType
from engine.messages.venues import (
    CannotTell,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueAccepted,
    VenueCancelRefused,
    VenueNotSent,
    VenueOrderDone,
    VenueRejected,
    VenueSubmit,
    VenueUnknown,
)
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.rig import RIG_ACCOUNT, VenueRig

pytestmark = pytest.mark.venue_level("gold")

SILENT = [
    ("after_drop", True),
    ("truncate", True),
    ("html", True),
    ("empty", True),
    ("after_status", True),
    ("drop", False),
    ("status", False),
]
"""(fault, whether the venue has done the work): what must end in `VenueUnknown`."""


def a_query(submit: VenueSubmit) -> OrderQuery:
    return OrderQuery(account_id=RIG_ACCOUNT, symbol=submit.symbol, venue_client_id=submit.venue_client_id)


@pytest.mark.asyncio
@pytest.mark.parametrize(("kind", "has_happened"), SILENT, ids=[kind for kind, _ in SILENT])
async def test_a_lost_acknowledgement_is_unknown_and_leaves_exactly_one_order(
    rig: VenueRig, desk: LiveDesk, kind: Any, has_happened: bool
) -> None:
    rig.server.faults.add(kind, rig.paths.submit, status=502, body="<html>Bad gateway</html>", times=-1)
    submit = desk.a_submit()
    answer = await desk.answer_to(submit)
    assert isinstance(answer, VenueUnknown), answer
    assert len(rig.server.log.requests(rig.paths.submit)) == 1
    assert len(rig.orders(submit.venue_client_id)) == int(has_happened)
    rig.server.faults.clear()
    found = await desk.ask(a_query(submit))
    if rig.capabilities.client_id.is_queryable:
        assert isinstance(found, OrderFound if has_happened else OrderAbsent), found
    assert len(rig.orders(submit.venue_client_id)) == int(has_happened)


@pytest.mark.asyncio
async def test_an_acknowledgement_that_comes_too_late_is_a_fact_all_the_same(rig: VenueRig, desk: LiveDesk) -> None:
    rig.server.faults.add("after", rig.paths.submit, delay_s=0.8)
    submit = desk.a_submit()
    assert isinstance(await desk.answer_to(submit), VenueUnknown)
    await desk.until(lambda: bool(desk.of(VenueAccepted, submit)), "the late answer")
    assert desk.of(VenueAccepted, submit)[0].external_order_id
    assert len(rig.orders(submit.venue_client_id)) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["after_drop", "truncate", "html"])
async def test_a_market_order_whose_answer_is_lost_trades_once(rig: VenueRig, desk: LiveDesk, kind: Any) -> None:
    price = rig.market.last + 20 * rig.market.tick if rig.capabilities.market_needs_price else None
    rig.server.faults.add(kind, rig.paths.submit, times=-1)
    submit = desk.a_submit(type=OrderType.MARKET, price=price)
    assert isinstance(await desk.answer_to(submit), VenueUnknown)
    await asyncio.sleep(0.3)
    assert len(rig.orders(submit.venue_client_id)) == 1
    assert sum(trade.quantity for trade in rig.account.trades) == rig.quantity


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["after_drop", "html", "truncate"])
async def test_a_cancel_whose_answer_is_lost_is_unknown(rig: VenueRig, desk: LiveDesk, kind: Any) -> None:
    submit = await desk.place()
    rig.server.exchange.hold()
    rig.server.faults.add(kind, rig.paths.cancel, times=-1)
    answer = await desk.answer_to(desk.a_cancel(submit))
    assert isinstance(answer, VenueCancelRefused), answer
    assert answer.code == "unknown"
    rig.server.faults.clear()
    rig.server.exchange.let_go()
    await desk.until(lambda: bool(desk.of(VenueOrderDone, submit)), "the stream tells the end")


@pytest.mark.asyncio
async def test_too_many_requests_is_not_sent_and_shuts_the_gate(rig: VenueRig, desk: LiveDesk) -> None:
    rig.server.faults.add("status", rig.paths.submit, **rig.rate_limited.fields)
    first = await desk.answer_to(desk.a_submit())
    assert isinstance(first, VenueNotSent), first
    before = len(rig.server.log.requests(rig.paths.submit))
    second = await desk.answer_to(desk.a_submit())
    assert isinstance(second, VenueNotSent), second
    assert len(rig.server.log.requests(rig.paths.submit)) == before


@pytest.mark.asyncio
async def test_a_ban_lets_nothing_out_not_even_questions(rig: VenueRig, desk: LiveDesk) -> None:
    said = rig.banned or rig.rate_limited
    rig.server.faults.add("status", rig.paths.submit, **said.fields)
    submit = desk.a_submit()
    assert isinstance(await desk.answer_to(submit), VenueNotSent)
    before = len(rig.server.log.requests())
    assert isinstance(await desk.ask(a_query(submit)), CannotTell)
    assert len(rig.server.log.requests()) == before


@pytest.mark.asyncio
async def test_a_venue_under_maintenance_never_rejects(rig: VenueRig, desk: LiveDesk) -> None:
    rig.server.faults.add("status", rig.paths.submit, **rig.maintenance.fields)
    answer = await desk.answer_to(desk.a_submit())
    assert isinstance(answer, VenueUnknown | VenueNotSent), answer


@pytest.mark.asyncio
async def test_a_time_that_the_venue_does_not_believe_refuses_an_order_and_not_a_question(
    rig: VenueRig, desk: LiveDesk
) -> None:
    if rig.clock_refused is None:
        return
    rig.server.faults.add("status", rig.paths.submit, **rig.clock_refused.fields)
    submit = desk.a_submit()
    answer = await desk.answer_to(submit)
    assert isinstance(answer, VenueRejected), answer
    assert answer.code == "clock_off"
    rig.server.faults.add("status", rig.paths.order, **rig.clock_refused.fields)
    assert not isinstance(await desk.ask(a_query(submit)), CannotTell)
    assert rig.orders(submit.venue_client_id) == []


@pytest.mark.asyncio
async def test_a_repeated_client_id_makes_no_second_open_order(rig: VenueRig, desk: LiveDesk) -> None:
    submit = await desk.place()
    answer = await desk.answer_to(submit)
    assert not isinstance(answer, VenueRejected), answer
    assert len(rig.orders(submit.venue_client_id)) == 1


@pytest.mark.asyncio
async def test_an_order_that_arrives_after_its_time_is_not_taken(rig: VenueRig, desk: LiveDesk) -> None:
    """Where the venue reads the limit, what hangs on the way is refused there."""
    if not rig.capabilities.validity_max_ns:
        return
    rig.server.faults.add("before", rig.paths.submit, delay_s=0.4)
    submit = desk.a_submit(valid_until_ns=desk.clock.now_ns() + 150_000_000)
    answer = await desk.answer_to(submit)
    late_by_ns = rig.capabilities.validity_max_ns
    if late_by_ns < 10_000_000_000:
        assert not isinstance(answer, VenueAccepted) or rig.orders(submit.venue_client_id) != []
    assert len(rig.orders(submit.venue_client_id)) <= 1
