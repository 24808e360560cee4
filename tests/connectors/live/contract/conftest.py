"""Each test of the contract runs once per venue."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.rig import VenueRig
from tests.support.venues.rigs import RIGS


@pytest_asyncio.fixture(params=RIGS, ids=lambda kind: kind.name)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[VenueRig]:
    async with request.param() as rig:
        yield rig


@pytest_asyncio.fixture
async def desk(rig: VenueRig) -> AsyncIterator[LiveDesk]:
    async with LiveDesk(rig) as desk:
        await desk.ready()
        yield desk
