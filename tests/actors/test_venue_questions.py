from collections.abc import Coroutine
from typing import Any

import pytest

from actors.live_order import LiveOrder, new_order
from actors.venue_questions import DELAY_MAX_NS, FIRST_DELAY_NS, AskVenue, VenueQuestions, VenueSaid
from engine.messages.venues import CannotTell, OrderAbsent, OrderQuery
from engine.runtime.errors import Timeout
from tests.support.cell_builders import ACCOUNT, START_NS, an_intent


class Line:
    """The line to a venue: what was asked, what the answer is, what the router heard."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[OrderQuery] = []
        self.heard: list[VenueSaid] = []
        self.delays: list[int] = []
        self.running: list[Coroutine[Any, Any, Any]] = []
        connector: Any = self
        self.questions = VenueQuestions(
            account_id=ACCOUNT,
            connector=connector,
            tell=self.heard.append,
            spawn=lambda coroutine, _: self.running.append(coroutine),
            after=lambda delay_ns, _: self.delays.append(delay_ns),
            now_ns=lambda: 0,
        )

    async def ask(self, query: OrderQuery, *, timeout_s: float) -> Any:
        assert timeout_s > 0
        self.asked.append(query)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def run(self) -> None:
        while self.running:
            await self.running.pop(0)


def an_order() -> LiveOrder:
    return new_order(an_intent(), fence=1, send_by_ns=START_NS, now_ns=START_NS)


@pytest.mark.asyncio
async def test_an_order_is_asked_for_by_the_id_that_the_venue_knows() -> None:
    line, live = Line(OrderAbsent(venue_time_ns=5)), an_order()
    line.questions.begin(live)
    line.questions.begin(live)  # Asking goes on already.
    await line.run()
    assert [query.venue_client_id for query in line.asked] == [live.row.venue_client_id]
    assert line.heard == [VenueSaid(live.state.order_id, OrderAbsent(venue_time_ns=5))]


@pytest.mark.asyncio
async def test_a_network_error_is_no_answer() -> None:
    line, live = Line(Timeout("10 seconds")), an_order()
    line.questions.begin(live)
    await line.run()
    assert isinstance(line.heard[0].answer, CannotTell)


def test_delays_grow_up_to_a_limit_and_never_end() -> None:
    line, live = Line(None), an_order()
    live.question = 1
    for _ in range(40):
        line.questions.again(live)
    assert line.delays[:3] == [FIRST_DELAY_NS, 2 * FIRST_DELAY_NS, 4 * FIRST_DELAY_NS]
    assert set(line.delays[8:]) == {DELAY_MAX_NS}
    assert AskVenue(live.state.order_id).order_id == live.state.order_id
