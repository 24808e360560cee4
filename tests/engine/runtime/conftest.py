"""A system of actors on a clock that is turned by hand."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.metrics import Metrics
from engine.runtime.system import ActorSystem


@pytest.fixture
def clock() -> VirtualClock:
    """Give time that stands still."""
    return VirtualClock(start_ns=1_700_000_000_000_000_000)


@pytest_asyncio.fixture
async def system(clock: VirtualClock) -> AsyncIterator[ActorSystem]:
    """Give a system that the test's loop knows; whatever it leaves running is stopped."""
    broken: list[BaseException] = []
    rng = seeded_rng(7)
    made = ActorSystem(clock=clock, rng=rng, ids=Ids(clock, rng), metrics=Metrics(), fatal=broken.append)
    made.bind()
    yield made
    await made.stop_all()
    assert broken == [], "the runtime itself broke"
