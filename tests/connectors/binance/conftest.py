"""Accounts at a simulated Binance, connected."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.venues.binance_rig import SpotRig, UsdmRig
from tests.support.venues.live_desk import LiveDesk

RIGS = [pytest.param(SpotRig, id="spot"), pytest.param(UsdmRig, id="usdm")]


@pytest_asyncio.fixture(params=RIGS)
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[LiveDesk]:
    async with request.param() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        yield desk


@pytest_asyncio.fixture
async def usdm() -> AsyncIterator[LiveDesk]:
    async with UsdmRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        yield desk


@pytest_asyncio.fixture
async def spot() -> AsyncIterator[LiveDesk]:
    async with SpotRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        yield desk
