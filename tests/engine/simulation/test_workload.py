"""The people of a run: they ask again until they are answered, and report what they are told."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.domain.errors import BadInput, NotReady
from engine.domain.identifiers import OrderId
from engine.domain.kinds import Scope, TradingState
from engine.messages.orders import CancelAnswer, CancelOrder, CancelOrders, Denial, OrderAnswer, PlaceOrder
from engine.messages.risk import Halt, HaltAnswer, Resume
from engine.messages.signals import StopAgent
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.future import AsyncioFuture
from engine.simulation.auditor import Auditor
from engine.simulation.ports import Ground
from engine.simulation.workload import People
from engine.simulation.workload_setting import ANNA_SPOT, FIRST_NS
from storage.memory_tables import MemoryTables

SECOND = 1_000_000_000


class Desk:
    """A gate and a coordinator that say what a test wants."""

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self.asked: list[Any] = []
        self._answer = answer

    def ask(self, message: Any) -> AsyncioFuture[Any]:
        self.asked.append(message)
        reply: AsyncioFuture[Any] = AsyncioFuture()
        answer = self._answer(message)
        if isinstance(answer, Exception):
            reply.fail(answer)
        elif answer is not None:
            reply.set(answer)
        return reply

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.asked if isinstance(message, kind)]


class Town:
    """People, their desk, and a clock that goes on when everybody waits."""

    def __init__(self, answer: Callable[[Any], Any], *, seed: int = 1) -> None:
        self.auditor = Auditor()
        self.people = People(self.auditor.promises)
        self.clock = VirtualClock(FIRST_NS)
        self.desk = Desk(answer)
        tables = MemoryTables(is_strict=False)
        setting = self.people.setting(seeded_rng(seed), FIRST_NS)
        tables.write(setting.rows)
        prices = {each.symbol: Decimal(1_000) for each in setting.instruments}
        truth = SimpleNamespace(prices=prices, accounts={}, trades_of={})
        venues = {each.venue: SimpleNamespace(truth=truth) for each in setting.instruments}
        refs = SimpleNamespace(gate=self.desk, coordinator=self.desk)
        ground = SimpleNamespace(
            clock=self.clock,
            rng=seeded_rng(seed),
            ids=Ids(self.clock, seeded_rng(seed)),
            tables=tables,
            venues=venues,
            doors=SimpleNamespace(cell=lambda _: refs),
            instruments=setting.instruments,
        )
        self.ground = cast("Ground", ground)

    async def until(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Let time pass until this has ended."""
        task = asyncio.create_task(coroutine)
        for _ in range(100_000):
            for _ in range(4):
                await asyncio.sleep(0)
            if task.done():
                return task.result()
            due_ns = self.clock.next_timer_ns()
            assert due_ns is not None, "nobody waits for anything"
            self.clock.advance_to(max(due_ns, self.clock.now_ns()))
        raise AssertionError("it did not end")


def usual(message: Any) -> Any:
    """Answer as an engine that has nothing against anything."""
    if isinstance(message, PlaceOrder):
        return OrderAnswer(order_id=message.intent.order_id, denial=Denial(code="x", limit="", value=""))
    if isinstance(message, Halt):
        return HaltAnswer(state=TradingState.HALTED, durable=False)
    if isinstance(message, Resume):
        return HaltAnswer(state=TradingState.ACTIVE, durable=False)
    return CancelAnswer(order_ids=())


@pytest.mark.asyncio
async def test_a_storm_asks_for_everything_and_leaves_nothing_unanswered() -> None:
    town = Town(usual)
    await town.until(town.people.storm(town.ground, 120 * SECOND))
    counts = town.people.counts()
    assert counts["place"] > 50
    assert len(town.desk.of(PlaceOrder)) >= counts["place"]
    assert len(town.desk.of(Halt)) == len(town.desk.of(Resume)) == counts["halted"]
    assert town.auditor.promises.open_keys() == []


@pytest.mark.asyncio
@pytest.mark.parametrize("silence", [None, NotReady("database", why="away")], ids=["silence", "not ready"])
async def test_who_is_not_answered_asks_again_under_the_same_key(silence: Any) -> None:
    town = Town(lambda message: usual(message) if len(town.desk.asked) > 2 else silence)
    wish = town.people._wish(town.ground, ANNA_SPOT, "mine")
    await town.until(town.people._place(town.ground, wish))
    placed = town.desk.of(PlaceOrder)
    assert len(placed) == 3
    assert {message.intent.intent_key for message in placed} == {"mine"}
    assert len({message.intent.order_id for message in placed}) == 3
    assert town.auditor.promises.open_keys() == []
    assert town.clock.now_ns() > FIRST_NS + 2 * SECOND


@pytest.mark.asyncio
async def test_a_refusal_is_final() -> None:
    town = Town(lambda _: BadInput("symbol", expected="another", was="this"))
    await town.until(town.people._place(town.ground, town.people._wish(town.ground, ANNA_SPOT, "mine")))
    assert town.people.counts() == {"refused": 1}
    assert town.auditor.promises.open_keys() == []


@pytest.mark.asyncio
async def test_only_orders_that_were_accepted_are_cancelled() -> None:
    town = Town(usual)
    await town.until(town.people._cancel(town.ground, ANNA_SPOT))
    assert town.desk.asked == []
    town.people._known[ANNA_SPOT] = [OrderId(town.ground.ids.uuid())]
    await town.until(town.people._cancel(town.ground, ANNA_SPOT))
    assert [message.order_id for message in town.desk.of(CancelOrder)] == town.people._known[ANNA_SPOT]


@pytest.mark.asyncio
async def test_a_halt_is_reported_and_lifted_again() -> None:
    town = Town(usual)
    await town.until(town.people._halt(town.ground, ANNA_SPOT))
    (halt,), (resume,) = town.desk.of(Halt), town.desk.of(Resume)
    assert (halt.scope, halt.scope_id) == (resume.scope, resume.scope_id)
    assert halt.scope in (Scope.USER, Scope.ACCOUNT)
    assert town.auditor.promises.halted(halt.user_id, ANNA_SPOT, None) is None


@pytest.mark.asyncio
async def test_going_home_stops_agents_cancels_all_and_looks_for_room() -> None:
    town = Town(usual)
    await town.until(town.people.calm(town.ground))
    await town.until(town.people.calm(town.ground))
    assert len(town.desk.of(StopAgent)) == 2
    assert len(town.desk.of(CancelOrders)) == 4
    assert town.people.counts()["room checked"] == 3
    assert town.auditor.violations == []


@pytest.mark.asyncio
async def test_room_that_is_denied_without_a_reason_is_a_violation() -> None:
    def answer(message: Any) -> Any:
        if isinstance(message, PlaceOrder):
            denial = Denial(code="position_size", limit="6", value="7")
            return OrderAnswer(order_id=message.intent.order_id, denial=denial)
        return usual(message)

    town = Town(answer)
    await town.until(town.people.calm(town.ground))
    assert [each.invariant for each in town.auditor.violations] == ["I9"] * 3
