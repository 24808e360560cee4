"""Lying venues behind the network: engines reach them by the remote connector, their prices are the market's."""

import asyncio

from engine.domain.identifiers import AccountId
from engine.messages.venues import OpenAccount
from engine.runtime.log import set_level
from engine.simulation.loop import SimLoop, run
from engine.simulation.street import PRICES, Street
from engine.simulation.world import World
from tests.support.simulation import ACCOUNT, USER, Counting, OnePerson


def test_an_engine_opens_its_account_over_a_link_and_hears_prices() -> None:
    set_level("critical")
    observer = Counting()
    world = World(4, SimLoop(4), workload=OnePerson(venue="hostile"), observer=observer, side=Street())
    world.database.facts.tables.write(world.setting.rows)
    observer.begin(world.ground())

    async def main() -> None:
        world.side.open(world)
        world.side.calm()
        daemon = world.boot()
        world.feed()
        await asyncio.sleep(10)
        assert daemon.is_ready((USER,))
        price = daemon.marks.price("hostile", "BTC/USDT:USDT")
        assert price is not None
        assert abs(price / PRICES["BTC"] - 1) < 1
        assert len(world.network.links("hostile")) == 1

    run(world.loop, main())
    world.daemons[0].system.abandon()
    set_level("info")
    truth = world.side.truths["hostile"].truth
    assert list(truth.accounts) == [AccountId(ACCOUNT)]
    assert observer.seen[f"sent {OpenAccount.__name__}"] >= 1
    assert observer.seen["venue"] > 0
    assert world.side.digest() != Street().digest()
