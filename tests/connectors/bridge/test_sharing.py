"""Engines behind one address keep equal parts of what a venue allows there."""

import asyncio
from collections import Counter

import pytest

from connectors.bridge.budget import Budgets, Limit
from connectors.bridge.departure import Priority
from connectors.bridge.errors import NotSent
from connectors.bridge.sharing import RENEW_NS, RateSharer
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import Venue
from engine.runtime.clock import NS_PER_S, VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem

pytestmark = pytest.mark.asyncio

LIMIT = Limit(name="weight", units=100, period_ns=60 * NS_PER_S)


class Street:
    """Who lives behind one address, as one database tells several engines."""

    def __init__(self) -> None:
        self.nodes: Counter[str] = Counter()
        self.is_away = False

    def of(self, node: str) -> "House":
        return House(self, node)


class House:
    def __init__(self, street: Street, node: str) -> None:
        self._street = street
        self._node = node

    async def renew(self, venue: Venue, group: str) -> int:
        assert (venue, group) == ("binance", "home")
        if self._street.is_away:
            raise DependencyAway("database")
        self._street.nodes[self._node] = 1
        return len(self._street.nodes)

    async def leave(self, venue: Venue, group: str) -> None:
        assert (venue, group) == ("binance", "home")
        if self._street.is_away:
            raise DependencyAway("database")
        del self._street.nodes[self._node]


class Engines:
    def __init__(self) -> None:
        self.clock = VirtualClock(1_000 * NS_PER_S)
        rng = seeded_rng(1)
        self.system = ActorSystem(clock=self.clock, ids=Ids(self.clock, rng), rng=rng)
        self.street = Street()

    async def join(self, node: str) -> tuple[Budgets, Ref[RateSharer]]:
        budgets = Budgets((LIMIT,), self.clock)
        ref = await self.system.start(
            RateSharer, name=f"sharer/{node}", venue="binance", group="home", budgets=budgets,
            shares=self.street.of(node), wall=self.clock,
        )  # fmt: skip
        return budgets, ref

    async def may_take(self, budgets: Budgets, units: int) -> bool:
        """Whether so many more units may leave now; they are used if so."""
        asked = asyncio.ensure_future(budgets.of().take({"weight": units}, Priority.CANCEL, wait_max_ns=1))
        await asyncio.sleep(0)
        self.clock.advance_to(self.clock.now_ns() + 1)
        try:
            await asked
        except NotSent:
            return False
        return True

    async def renew(self) -> None:
        self.clock.advance_to(self.clock.now_ns() + RENEW_NS)
        await self.system.idle()


async def test_one_alone_has_all_and_two_have_half_each() -> None:
    engines = Engines()
    first, _ = await engines.join("a")
    assert await engines.may_take(first, 40)
    second, _ = await engines.join("b")
    await engines.renew()
    assert not await engines.may_take(first, 20), "40 of 50 are used"
    assert await engines.may_take(first, 10)
    assert await engines.may_take(second, 50)
    assert not await engines.may_take(second, 1)
    await engines.system.stop_all()


async def test_the_part_of_one_that_stops_is_given_back() -> None:
    engines = Engines()
    first, _ = await engines.join("a")
    second, ref = await engines.join("b")
    await engines.renew()
    assert await engines.may_take(second, 50)
    await ref.stop()
    await engines.renew()
    assert await engines.may_take(first, 100)
    await engines.system.stop_all()


async def test_while_nobody_can_tell_the_last_number_holds() -> None:
    engines = Engines()
    first, _ = await engines.join("a")
    _, ref = await engines.join("b")
    await engines.renew()
    engines.street.is_away = True
    await ref.stop()
    await engines.renew()
    assert await engines.may_take(first, 50)
    assert not await engines.may_take(first, 1)
    engines.street.is_away = False
    del engines.street.nodes["b"]
    await engines.renew()
    assert await engines.may_take(first, 50)
    await engines.system.stop_all()
