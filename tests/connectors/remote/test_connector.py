"""Commands, answers and events between a cell and a venue in another process."""

import pytest

from engine.messages.venues import VenueSubmit
from tests.connectors.remote.support import a_line, a_submit, accepted

pytestmark = pytest.mark.asyncio


async def test_an_order_is_sent_once_and_its_answer_published() -> None:
    async with a_line() as line:
        submit = a_submit()
        await line.tell(submit)
        assert line.link.take(VenueSubmit).body == submit
        await line.say(accepted(submit), to=VenueSubmit)
        assert line.told() == [accepted(submit)]
        assert line.link.count(VenueSubmit) == 1
