"""What the actor tells itself belongs to one attempt to connect."""

import pytest

from connectors.remote.messages import Drained, GreetingDue, Lost, Received, Reopen, Tick
from tests.connectors.remote.support import ACCOUNT, a_line

pytestmark = pytest.mark.asyncio


async def test_what_belongs_to_an_earlier_connection_changes_nothing() -> None:
    async with a_line() as line:
        for message in (Received(0, b"x"), Lost(0, "x"), GreetingDue(0), Tick(0), Drained(0, 5), Reopen(0, ACCOUNT)):
            await line.tell(message)
        assert not line.link.is_closed
        assert len(line.links) == 1
        assert line.venue.counts == {}
