"""Old rows leave in the background: at once while there is more, rarely when there is not."""

from collections.abc import Mapping

import pytest

from config.settings import RetentionSettings
from engine.bootstrap.sweeper import AGAIN_NS, EVERY_NS, Sweeper, kept_ns
from engine.domain.errors import DependencyAway
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.system import ActorSystem

pytestmark = pytest.mark.asyncio

DAY_NS = 86_400_000_000_000


class Rows:
    """Has so many old rows; is away at its third call."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.asked: list[Mapping[str, int]] = []

    async def prune(self, before_ns: Mapping[str, int]) -> dict[str, int]:
        self.asked.append(before_ns)
        if len(self.asked) == 3:
            raise DependencyAway("database", why="test")
        deleted = min(self.left, 10)
        self.left -= deleted
        return {"write_units": deleted}


async def test_it_goes_on_while_there_is_more_and_waits_for_a_database_that_is_away() -> None:
    clock = VirtualClock(10 * DAY_NS)
    rng = seeded_rng(1)
    system = ActorSystem(clock=clock, ids=Ids(clock, rng), rng=rng)
    rows = Rows(15)
    await system.start(
        Sweeper, name="sweeper", retention=rows, kept_ns={"write_units": DAY_NS}, rows_max=10, clock=clock
    )

    async def passes(wait_ns: int) -> int:
        clock.advance_to(clock.now_ns() + wait_ns)
        await system.idle()
        return len(rows.asked)

    assert await passes(EVERY_NS - 1) == 0
    assert await passes(1) == 1
    assert rows.asked[0] == {"write_units": 9 * DAY_NS + EVERY_NS}
    assert await passes(AGAIN_NS) == 2
    assert await passes(EVERY_NS - 1) == 2
    assert await passes(1) == 3
    assert await passes(EVERY_NS) == 4
    await system.stop_all()


async def test_tables_stay_as_long_as_the_configuration_says() -> None:
    kept = kept_ns(RetentionSettings(write_units="2d", events="3d"))
    assert kept == {
        "write_units": 2 * DAY_NS,
        "paper_batches": 7 * DAY_NS,
        "idempotency_keys": 0,
        "events": 3 * DAY_NS,
    }
