"""Questions are answered by the venue or not at all."""

import asyncio
from typing import Any

import pytest

from connectors.live.queries import QUERIES_MAX
from engine.messages.venues import (
    AccountOpened,
    AccountQuery,
    CannotTell,
    FillsQuery,
    OpenAccount,
    OpenOrdersQuery,
    OrderAbsent,
    OrderQuery,
    VenueAccount,
)
from engine.runtime import fault_points
from tests.support.venues.live_desk import USER, LiveDesk
from tests.support.venues.plain_rig import PlainRig
from tests.support.venues.rig import RIG_ACCOUNT


def every_query(desk: LiveDesk) -> list[Any]:
    submit = desk.a_submit()
    return [
        AccountQuery(account_id=RIG_ACCOUNT),
        OpenOrdersQuery(account_id=RIG_ACCOUNT),
        FillsQuery(account_id=RIG_ACCOUNT, cursor=None),
        OrderQuery(account_id=RIG_ACCOUNT, symbol=submit.symbol, venue_client_id=submit.venue_client_id),
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["drop", "truncate", "html", "empty", "status"])
async def test_an_answer_that_proves_nothing_is_no_answer(kind: Any) -> None:
    async with PlainRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        rig.server.faults.add(kind, "GET /", status=500, body="{}", times=-1)
        for query in every_query(desk):
            assert isinstance(await desk.ask(query), CannotTell)


@pytest.mark.asyncio
async def test_json_in_another_shape_is_no_answer() -> None:
    async with PlainRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        rig.server.faults.add("status", "GET /", status=200, body='{"orders": null}', times=-1)
        for query in every_query(desk):
            assert isinstance(await desk.ask(query), CannotTell)


@pytest.mark.asyncio
async def test_a_question_that_takes_too_long_is_not_answered() -> None:
    async with PlainRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        rig.server.faults.add("after", rig.paths.account, delay_s=5)
        answer = await desk.ask(AccountQuery(account_id=RIG_ACCOUNT))
        assert answer == CannotTell(why="no answer in time")


@pytest.mark.asyncio
async def test_before_the_account_is_open_nothing_is_asked() -> None:
    async with PlainRig() as rig:
        rig.server.faults.add("status", rig.paths.account, status=500, times=-1)
        async with LiveDesk(rig) as desk:
            await desk.until(lambda: desk.connections() != [], "it was tried")
            answer = await desk.ask(AccountQuery(account_id=RIG_ACCOUNT))
            assert isinstance(answer, CannotTell)
            assert answer.why.startswith("not connected: ")
            assert rig.server.log.requests(rig.paths.open_orders) == []


@pytest.mark.asyncio
async def test_an_account_is_introduced_by_what_its_venue_can_do_even_before_it_is_open() -> None:
    async with PlainRig() as rig:
        rig.server.faults.add("status", "GET /", status=500, times=-1)
        async with LiveDesk(rig) as desk:
            message = OpenAccount(account_id=RIG_ACCOUNT, user_id=USER, kind="spot", starting_balances={})
            answer = await desk.ask(message)
            assert answer == AccountOpened(account_id=RIG_ACCOUNT, created=False, capabilities=rig.capabilities)


@pytest.mark.asyncio
async def test_more_questions_than_may_wait_are_not_asked() -> None:
    async with PlainRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        rig.server.faults.add("after", rig.paths.account, delay_s=0.3, times=-1)
        query = AccountQuery(account_id=RIG_ACCOUNT)
        answers = await asyncio.gather(*(desk.ask(query) for _ in range(QUERIES_MAX + 5)))
        assert answers.count(CannotTell(why="busy")) == 5
        assert isinstance(answers[0], VenueAccount)


@pytest.mark.asyncio
async def test_questions_pass_their_fault_points() -> None:
    async with PlainRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        passed: list[str] = []
        fault_points.arm(passed.append)
        try:
            await desk.ask(AccountQuery(account_id=RIG_ACCOUNT))
        finally:
            fault_points.arm(None)
        assert passed == ["query.sending", "query.sent", "query.answered"]


@pytest.mark.asyncio
async def test_an_absence_is_no_younger_than_its_question_however_far_ahead_the_venue_is() -> None:
    # Whoever weighs it knows by our clock until when the order could arrive.
    async with PlainRig() as rig:
        rig.server.clock.skew(20)
        async with LiveDesk(rig) as desk:
            await desk.ready()
            submit = desk.a_submit()
            query = OrderQuery(account_id=RIG_ACCOUNT, symbol=submit.symbol, venue_client_id=submit.venue_client_id)
            asked_ns = desk.clock.now_ns()
            rig.server.faults.add("after", rig.paths.order, delay_s=0.3)
            answer = await desk.ask(query)
            assert isinstance(answer, OrderAbsent), answer
            assert answer.venue_time_ns < asked_ns + 200_000_000
