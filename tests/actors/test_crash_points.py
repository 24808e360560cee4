"""Whatever happens at whichever durable step: no order is lost, none is doubled, and the books add up.

`CIVAL_CRASH_SEEDS` is the number of seeds of each kind; the default takes about 15 s. A failure names seed and faults.
"""

import os
import random
from collections.abc import Iterator
from typing import Any

import pykka
import pytest

from tests.support.bad_line import BadLineRig
from tests.support.crash_stream import Player
from tests.support.crashes import DEADLY, CrashRig

SEEDS = int(os.environ.get("CIVAL_CRASH_SEEDS", "2"))
LENGTH = 50
"""Actions of a stream; about 70 durable steps."""
HALF_A_MINUTE_NS = 30_000_000_000

Plan = dict[int, str]


async def play(seed: int, plans: list[Plan], rig_type: type[CrashRig] = CrashRig, **settings: Any) -> Player:
    """Play a stream, and fail if anything does not add up at its end."""
    player = Player(seed, length=LENGTH, is_replay=seed % 2 == 0, rig_type=rig_type, **settings)
    try:
        broken = await player.play(*plans)
    finally:
        await player.rig.crash()
        for ref in pykka.ActorRegistry.get_all():
            pykka.ActorRegistry.unregister(ref)
    assert not broken, f"seed {seed}, {'replay' if seed % 2 == 0 else 'live'}, faults {plans}:\n" + "\n".join(broken)
    return player


async def steps_of(seed: int, **settings: Any) -> int:
    """Count the durable steps of a stream in which nothing goes wrong."""
    return len((await play(seed, [{}], **settings)).rig.faults.steps)


def some_plans(rng: random.Random, faults: tuple[str, ...], at_once: int) -> list[Plan]:
    """Draw faults for a first life and for those that follow, in which they come while the cell still recovers."""
    return [
        {rng.randrange(1, 90 if life == 0 else 14): rng.choice(faults) for _ in range(rng.randrange(1, at_once + 1))}
        for life in range(rng.randrange(1, 5))
    ]


def many(kind: str, count: int) -> Iterator[tuple[int, random.Random]]:
    """Yield seeds of one kind, each with its chance."""
    for seed in range(1, count * SEEDS + 1):
        yield seed, random.Random(f"{kind}/{seed}")


@pytest.mark.parametrize("mode", DEADLY)
@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
@pytest.mark.asyncio
async def test_a_kill_at_any_step_loses_nothing(seed: int, mode: str) -> None:
    for step in range(1, await steps_of(seed) + 1):
        await play(seed, [{step: mode}])


@pytest.mark.asyncio
async def test_kills_while_it_recovers_lose_nothing() -> None:
    for seed, rng in many("kill", 25):
        await play(seed, some_plans(rng, DEADLY, 1))


@pytest.mark.parametrize("mode", ["away", "lost"])
@pytest.mark.parametrize("seed", range(11, SEEDS + 10))
@pytest.mark.asyncio
async def test_a_store_that_is_away_at_any_step_loses_nothing(seed: int, mode: str) -> None:
    for step in range(1, await steps_of(seed, is_instant=False) + 1):
        await play(seed, [{step: mode}], is_instant=False)


@pytest.mark.asyncio
async def test_stores_that_come_and_go_while_it_is_killed_lose_nothing() -> None:
    for seed, rng in many("faults", 25):
        await play(seed, some_plans(rng, (*DEADLY, "away", "lost", "away", "lost"), 4), is_instant=False)


@pytest.mark.asyncio
async def test_a_line_that_loses_repeats_and_reorders_costs_time_and_nothing_else() -> None:
    for seed, _ in many("line", 25):
        await play(seed, [{}], BadLineRig, reconcile_every_ns=HALF_A_MINUTE_NS)


@pytest.mark.asyncio
async def test_kills_behind_a_bad_line_lose_nothing() -> None:
    for seed, rng in many("both", 25):
        await play(seed, some_plans(rng, DEADLY, 1), BadLineRig, reconcile_every_ns=HALF_A_MINUTE_NS)
