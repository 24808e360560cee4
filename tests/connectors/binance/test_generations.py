"""Spot orders that were replaced: one order to the engine, several at the venue."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.binance.capabilities import CLIENT_ID
from connectors.binance.generations import LETTERS, Generations, base_of, is_replacing, next_of, replacement_of
from connectors.bridge.errors import Refused
from engine.domain.kinds import DoneReason
from engine.messages.venues import (
    FillsQuery,
    OrderFound,
    OrderQuery,
    VenueAmended,
    VenueAmendRefused,
    VenueFill,
    VenueOrderDone,
    VenueSubmit,
)
from engine.runtime.clock import WallClock
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.rig import RIG_ACCOUNT

OURS = f"cv-{'0a' * 16}"


@given(st.integers(0, len(LETTERS)))
def test_every_generation_leads_back_to_our_id(number: int) -> None:
    client_id: str | None = OURS
    for _ in range(number):
        assert client_id is not None
        client_id = next_of(client_id)
    assert client_id is not None
    assert base_of(client_id) == OURS
    assert CLIENT_ID.allows(client_id)


def test_there_is_an_end_to_it() -> None:
    assert next_of(OURS + LETTERS[-1]) is None
    with pytest.raises(Refused):
        replacement_of(OURS + LETTERS[-1])


def test_ids_of_others_are_left_alone() -> None:
    assert base_of("web_cb55efd1634c4a4689a5f67f99c15906") == "web_cb55efd1634c4a4689a5f67f99c15906"
    assert next_of("web_1") is None


def test_a_cancel_that_replaces_is_known_by_its_id() -> None:
    found, cancel_id = replacement_of(OURS)
    assert (found, is_replacing(cancel_id), is_replacing(OURS)) == (f"{OURS}a", True, False)
    assert CLIENT_ID.allows(cancel_id)


def a_query(order: VenueSubmit) -> OrderQuery:
    return OrderQuery(account_id=RIG_ACCOUNT, symbol=order.symbol, venue_client_id=order.venue_client_id)


async def amended(desk: LiveDesk, order: VenueSubmit, price: int, count: int) -> VenueAmended:
    desk.tell(desk.an_amend(order, price=Decimal(price)))
    await desk.until(lambda: len(desk.of(VenueAmended)) == count, f"amend {count}")
    return desk.of(VenueAmended)[-1]


@pytest.mark.asyncio
async def test_a_replaced_order_lives_on_under_our_id(spot: LiveDesk) -> None:
    order = await spot.place()
    first = await amended(spot, order, 49_000, 1)
    second = await amended(spot, order, 48_000, 2)
    assert first.external_order_id != second.external_order_id
    assert (second.price, second.quantity) == (Decimal(48_000), order.quantity)
    assert not spot.of(VenueOrderDone)
    spot.rig.server.exchange.fill(f"{order.venue_client_id}b")
    await spot.until(lambda: bool(spot.of(VenueOrderDone, order)), "its end")
    (fill,) = spot.of(VenueFill, order)
    assert (fill.price, fill.external_order_id) == (Decimal(48_000), second.external_order_id)
    page = await spot.ask(FillsQuery(account_id=RIG_ACCOUNT, cursor=None))
    assert page.fills == (fill,)


@pytest.mark.asyncio
async def test_another_process_finds_the_newest_form(spot: LiveDesk) -> None:
    order = await spot.place()
    await amended(spot, order, 49_000, 1)
    last = await amended(spot, order, 48_000, 2)
    adapter = spot.rig.adapter(WallClock())
    await adapter.open()
    found = await adapter.order(a_query(order))
    assert isinstance(found, OrderFound)
    assert (found.order.external_order_id, found.order.is_open) == (last.external_order_id, True)
    assert found.order.venue_client_id == order.venue_client_id
    await adapter.close()


@pytest.mark.asyncio
async def test_a_lost_answer_is_found_out_by_asking(spot: LiveDesk) -> None:
    order = await spot.place()
    spot.rig.server.faults.add("after_drop", "cancelReplace")
    spot.tell(spot.an_amend(order, price=Decimal(49_000)))
    await spot.until(lambda: bool(spot.of(VenueAmendRefused)), "that nobody knows")
    assert spot.of(VenueAmendRefused)[0].code == "unknown"
    found = await spot.ask(a_query(order))
    assert (found.order.price, found.order.is_open) == (Decimal(49_000), True)
    assert len(spot.rig.server.log.requests("cancelReplace")) == 1


@pytest.mark.asyncio
async def test_a_replacement_by_half_is_no_answer_and_ends_the_order(spot: LiveDesk) -> None:
    order = await spot.place()
    spot.tell(spot.an_amend(order, quantity=Decimal(2_000)))
    await spot.until(lambda: bool(spot.of(VenueAmendRefused)), "that nobody knows")
    assert spot.of(VenueAmendRefused)[0].code == "unknown"
    found = await spot.ask(a_query(order))
    assert found.order.done_reason is DoneReason.CANCELLED


@pytest.mark.asyncio
async def test_what_has_filled_in_part_is_not_replaced(spot: LiveDesk) -> None:
    order = await spot.place()
    spot.rig.server.exchange.fill(order.venue_client_id, "0.004")
    spot.tell(spot.an_amend(order, price=Decimal(49_000)))
    await spot.until(lambda: bool(spot.of(VenueAmendRefused)), "the refusal")
    assert spot.of(VenueAmendRefused)[0].code == "partially_filled"
    assert not spot.rig.server.log.requests("cancelReplace")


@pytest.mark.asyncio
async def test_a_fill_that_comes_first_keeps_the_order_as_it_is(spot: LiveDesk) -> None:
    order = await spot.place()
    spot.rig.server.faults.add("before", "cancelReplace", delay_s=0.1)
    spot.tell(spot.an_amend(order, price=Decimal(49_000)))
    await spot.until(lambda: bool(spot.rig.server.log.requests("cancelReplace")), "the request")
    spot.rig.server.exchange.fill(order.venue_client_id, "0.004")
    await spot.until(lambda: bool(spot.of(VenueAmendRefused)), "the refusal")
    assert spot.of(VenueAmendRefused)[0].code == "already_done"
    found = await spot.ask(a_query(order))
    assert (found.order.price, found.order.is_open) == (spot.rig.price, True)


def test_the_newest_form_of_an_order_is_remembered_and_the_oldest_order_forgotten() -> None:
    generations = Generations(limit=2)
    assert generations.newest("cv-1") == "cv-1"
    for client_id in ("cv-1", "cv-2", "cv-3"):
        generations.remember(client_id, f"{client_id}a")
    assert [generations.newest(each) for each in ("cv-1", "cv-2", "cv-3")] == ["cv-1", "cv-2a", "cv-3a"]
