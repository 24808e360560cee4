"""One account at a simulated Hyperliquid, connected."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.venues.hyperliquid_rig import HyperliquidRig, HyperliquidSpotRig
from tests.support.venues.live_desk import LiveDesk


@pytest_asyncio.fixture(params=[HyperliquidRig, HyperliquidSpotRig], ids=["perp", "spot"])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[LiveDesk]:
    async with request.param() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        yield desk


@pytest_asyncio.fixture
async def perp() -> AsyncIterator[LiveDesk]:
    async with HyperliquidRig() as rig, LiveDesk(rig) as desk:
        await desk.ready()
        yield desk
