"""The actor of a live account, on the made-up venue: what is the same whatever the venue is."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from engine.messages.venues import (
    VenueAccepted,
    VenueCancelRefused,
    VenueFill,
    VenueNotSent,
    VenueOrderDone,
    VenueRejected,
    VenueUnknown,
)
from engine.runtime import fault_points
from engine.runtime.clock import NS_PER_S
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.plain_rig import PlainAdapter, PlainRig


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[PlainRig]:
    async with PlainRig() as rig:
        yield rig


@pytest_asyncio.fixture
async def desk(rig: PlainRig) -> AsyncIterator[LiveDesk]:
    async with LiveDesk(rig) as desk:
        await desk.ready()
        yield desk


@pytest.mark.asyncio
async def test_an_order_that_is_too_old_does_not_leave(rig: PlainRig, desk: LiveDesk) -> None:
    answer = await desk.answer_to(desk.a_submit(valid_until_ns=desk.clock.now_ns() - 1))
    assert isinstance(answer, VenueNotSent)
    assert answer.why == "expired_before_send"
    assert rig.server.log.requests(rig.paths.submit) == []


@pytest.mark.asyncio
async def test_nothing_leaves_without_the_lease_and_cancels_have_their_own(rig: PlainRig, desk: LiveDesk) -> None:
    submit = await desk.place()
    desk.permit.sends = False
    answer = await desk.answer_to(desk.a_submit())
    assert isinstance(answer, VenueNotSent)
    assert answer.why == "fenced"
    assert isinstance(await desk.answer_to(desk.a_cancel(submit)), VenueOrderDone)
    desk.permit.cancels = False
    refused = await desk.answer_to(desk.a_cancel(submit))
    assert isinstance(refused, VenueCancelRefused)
    assert refused.code == "fenced"
    assert set(desk.permit.asked) == {3}


@pytest.mark.asyncio
async def test_the_lease_is_looked_at_after_the_wait_for_a_connection(rig: PlainRig, desk: LiveDesk) -> None:
    """A lease that is lost while the order waits for the rate limit keeps it here."""
    budget = desk.adapter.wire.bridge.budgets.of("alice")
    for window in budget._windows["orders"]:
        window.take(window.limit.units)
    submit = desk.a_submit()
    desk.tell(submit)
    await asyncio.sleep(0.05)
    desk.permit.sends = False
    for window in budget._windows["orders"]:
        window._entries.clear()
        window._own = 0
    budget._queue._serve()
    await desk.until(lambda: bool(desk.of(VenueNotSent, submit)), "not sent")
    assert desk.of(VenueNotSent, submit)[0].why == "fenced"
    assert rig.orders(submit.venue_client_id) == []


@pytest.mark.asyncio
async def test_an_order_that_waits_too_long_for_its_turn_never_leaves(rig: PlainRig, desk: LiveDesk) -> None:
    budget = desk.adapter.wire.bridge.budgets.of("alice")
    for window in budget._windows["orders"]:
        window.take(window.limit.units)
    submit = desk.a_submit()
    answer = await desk.answer_to(submit)
    assert isinstance(answer, VenueNotSent)
    assert answer.why == "rate_limited"
    for window in budget._windows["orders"]:
        window._entries.clear()
        window._own = 0
    budget._queue._serve()
    await asyncio.sleep(0.1)
    assert rig.orders(submit.venue_client_id) == []
    assert len([each for each in desk.heard if getattr(each, "order_id", None) == submit.order_id]) == 1


@pytest.mark.asyncio
async def test_a_cancel_withdraws_an_order_that_has_not_left(rig: PlainRig, desk: LiveDesk) -> None:
    budget = desk.adapter.wire.bridge.budgets.of("alice")
    for window in budget._windows["orders"]:
        window.take(window.limit.units)
    submit = desk.a_submit()
    desk.tell(submit)
    await asyncio.sleep(0.05)
    desk.tell(desk.a_cancel(submit))
    await desk.until(lambda: bool(desk.of(VenueCancelRefused, submit)), "the cancel is answered")
    assert desk.of(VenueNotSent, submit)[0].why == "cancelled_before_send"
    assert desk.of(VenueCancelRefused, submit)[0].code == "unknown_order"
    assert rig.orders(submit.venue_client_id) == []


@pytest.mark.asyncio
async def test_a_cancel_waits_for_the_answer_to_its_order(rig: PlainRig, desk: LiveDesk) -> None:
    rig.server.faults.add("before", rig.paths.submit, delay_s=0.2)
    submit = desk.a_submit()
    desk.tell(submit)
    await desk.until(lambda: rig.server.log.requests(rig.paths.submit) != [], "the order has left")
    answer = await desk.answer_to(desk.a_cancel(submit))
    await desk.until(lambda: bool(desk.of(VenueOrderDone, submit)), "the order is cancelled")
    assert isinstance(answer, VenueAccepted)


@pytest.mark.asyncio
async def test_an_answer_after_the_time_limit_is_still_told(rig: PlainRig, desk: LiveDesk) -> None:
    rig.server.faults.add("after", rig.paths.submit, delay_s=1.0)
    submit = desk.a_submit()
    assert isinstance(await desk.answer_to(submit), VenueUnknown)
    await desk.until(lambda: bool(desk.of(VenueAccepted, submit)), "the late answer")
    assert len(rig.orders(submit.venue_client_id)) == 1
    assert len(desk.of(VenueUnknown, submit)) == 1


@pytest.mark.asyncio
async def test_a_late_refusal_is_told_and_a_late_nothing_is_not(rig: PlainRig, desk: LiveDesk) -> None:
    rig.server.faults.add("after", rig.paths.submit, delay_s=1.0)
    submit = desk.a_submit(quantity=rig.quantity * 100_000)
    assert isinstance(await desk.answer_to(submit), VenueUnknown)
    await desk.until(lambda: bool(desk.of(VenueRejected, submit)), "the late refusal")
    rig.server.faults.add("after_drop", rig.paths.submit)
    rig.server.faults.rules[-1].kind = "after"
    rig.server.faults.rules[-1].delay_s = 1.0
    rig.server.faults.add("truncate", rig.paths.submit)
    lost = desk.a_submit()
    assert isinstance(await desk.answer_to(lost), VenueUnknown)
    assert len(desk.of(VenueUnknown, lost)) == 1


@pytest.mark.asyncio
async def test_commands_pass_their_fault_points_in_order(desk: LiveDesk) -> None:
    passed: list[str] = []
    fault_points.arm(passed.append)
    try:
        submit = await desk.place()
        await desk.answer_to(desk.an_amend(submit, price=desk.rig.price - 100))
        await desk.answer_to(desk.a_cancel(submit))
    finally:
        fault_points.arm(None)
    assert passed == [
        f"{path}.{step}" for path in ("submit", "amend", "cancel") for step in ("sending", "sent", "answered")
    ]


@pytest.mark.asyncio
async def test_what_the_answer_and_the_stream_both_tell_is_told_once(rig: PlainRig, desk: LiveDesk) -> None:
    submit = await desk.place(price=rig.market.best("ask"))
    await desk.until(lambda: bool(desk.of(VenueOrderDone, submit)), "filled")
    await asyncio.sleep(0.1)
    assert len(desk.of(VenueOrderDone, submit)) == 1
    assert len({each.external_trade_id for each in desk.of(VenueFill, submit)}) == len(desk.of(VenueFill, submit))


@pytest.mark.asyncio
async def test_a_cancel_whose_end_the_stream_should_tell_is_looked_up() -> None:
    class Asynchronous(PlainAdapter):
        async def cancel(self, cancel: Any, departure: Any) -> None:
            await super().cancel(cancel, departure)

    class AsynchronousRig(PlainRig):
        def adapter(self, clock: Any, *, key: Any = "good", since_ns: int = 0) -> PlainAdapter:
            return Asynchronous(self.exchange(clock, key=key))

    async with AsynchronousRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        heard, unheard = await desk.place(), await desk.place()
        assert isinstance(await desk.answer_to(desk.a_cancel(heard)), VenueOrderDone)
        rig.server.exchange.hold()
        assert isinstance(await desk.answer_to(desk.a_cancel(unheard)), VenueOrderDone)
        assert len(rig.server.log.requests(rig.paths.order)) == 1
        rig.server.exchange.let_go()
        await asyncio.sleep(0.1)
        assert len(desk.of(VenueOrderDone, unheard)) == 1


@pytest.mark.asyncio
async def test_nothing_is_kept_of_what_is_over(desk: LiveDesk) -> None:
    for _ in range(20):
        submit = await desk.place()
        await desk.answer_to(desk.a_cancel(submit))
    actor = desk.actor
    assert (actor._opens, actor._cancels, actor._asked) == (0, 0, 0)
    assert not actor._under_way
    assert not actor._submits
    assert not actor._after_submit
    assert not actor._ending


@pytest.mark.asyncio
async def test_when_it_stops_it_says_what_it_knows_of_what_is_under_way(rig: PlainRig, desk: LiveDesk) -> None:
    rig.server.faults.add("after", rig.paths.submit, delay_s=2.0)
    submit = desk.a_submit()
    desk.tell(submit)
    await desk.until(lambda: rig.server.log.requests(rig.paths.submit) != [], "the order has left")
    await desk.system.stop_all()
    (unknown,) = desk.of(VenueUnknown, submit)
    assert unknown.why == "the connector has stopped"


@pytest.mark.asyncio
async def test_after_a_refusal_because_of_the_time_the_clock_is_measured_before_anybody_asks() -> None:
    async with PlainRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        rig.server.clock.skew(20)
        answer = await desk.answer_to(desk.a_submit())
        assert isinstance(answer, VenueRejected), answer
        assert answer.code == "clock_off"
        await desk.until(lambda: desk.adapter.wire.bridge.time.offset_ns > 19 * NS_PER_S, "the clock is measured")
        await desk.place()
