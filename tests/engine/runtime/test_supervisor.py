"""Supervision on a clock that is turned by hand: who restarts, when, and who is told instead."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.errors import AuthRejected, BadInput, Fenced, InvariantBroken, NotReady
from engine.runtime.actor import AsyncioActor
from engine.runtime.clock import NS_PER_S, VirtualClock
from engine.runtime.entropy import seeded_rng
from engine.runtime.ref import Ref
from engine.runtime.supervisor import Escalation, RestartPolicy, Resume, Strategy, Supervisor
from engine.runtime.system import ActorSystem

MS = 1_000_000
EXACT = RestartPolicy(backoff_min_ns=100 * MS, backoff_max_ns=NS_PER_S, jitter=0.0, restarts_max=3)


class Worker(AsyncioActor):
    """Fails when told to."""

    def __init__(self, log: list[str], label: str) -> None:
        super().__init__()
        self.trace = log
        self.label = label

    def on_start(self) -> None:
        self.trace.append(f"start {self.label}")

    def on_stop(self) -> None:
        self.trace.append(f"stop {self.label}")

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        return message


class World:
    """A supervisor with three children, and what happened to them."""

    def __init__(self, system: ActorSystem, clock: VirtualClock) -> None:
        self.system = system
        self.clock = clock
        self.log: list[str] = []
        self.escalated: list[Escalation] = []
        self.start_errors: list[Exception] = []
        self.ref: Any = None

    def factory(self, label: str) -> Callable[[], Awaitable[Ref[Any]]]:
        async def start() -> Ref[Any]:
            if self.start_errors:
                raise self.start_errors.pop(0)
            return await self.system.start(Worker, self.log, label, name=label)

        return start

    async def begin(self, strategy: Strategy, policy: RestartPolicy = EXACT) -> None:
        self.ref = await self.system.start(
            Supervisor,
            name="cell/ada",
            children=[(label, self.factory(label)) for label in "abc"],
            escalate=self.escalated.append,
            clock=self.clock,
            rng=seeded_rng(1),
            strategy=strategy,
            policy=policy,
        )

    def child(self, label: str) -> Any:
        return self.ref.actor_inbox.actor.ref_of(label)

    async def fail(self, label: str, error: BaseException | None = None) -> None:
        self.child(label).tell(error or ValueError("broken"))
        await self.system.idle()
        self.log.append("--")

    async def forward(self, ms: int) -> None:
        await self.system.advance(self.clock, self.clock.now_ns() + ms * MS)


@pytest.fixture
def world(system: ActorSystem, clock: VirtualClock) -> World:
    return World(system, clock)


@pytest.mark.asyncio
async def test_children_start_in_order_and_stop_in_reverse_with_their_supervisor(world: World) -> None:
    await world.begin(Strategy.ONE_FOR_ONE)
    await world.ref.stop()
    assert world.log == ["start a", "start b", "start c", "stop c", "stop b", "stop a"]
    assert world.escalated == []


@pytest.mark.asyncio
async def test_one_for_one_restarts_only_the_child_that_failed_after_its_backoff(world: World) -> None:
    await world.begin(Strategy.ONE_FOR_ONE)
    before = world.child("b")
    await world.fail("b")
    assert world.child("b") is None
    await world.forward(99)
    assert world.child("b") is None
    await world.forward(1)
    assert world.child("b") not in {None, before}
    assert world.log == ["start a", "start b", "start c", "--", "start b"]
    assert await world.child("b").ask("alive") == "alive"


@pytest.mark.asyncio
async def test_one_for_all_stops_the_others_in_reverse_and_starts_all_in_order(world: World) -> None:
    await world.begin(Strategy.ONE_FOR_ALL)
    await world.fail("b")
    assert world.log[3:] == ["stop c", "stop a", "--"]
    await world.forward(100)
    assert world.log[6:] == ["start a", "start b", "start c"]
    await world.forward(10_000)
    assert len(world.log) == 9


@pytest.mark.asyncio
async def test_each_further_failure_in_the_window_waits_twice_as_long(world: World) -> None:
    await world.begin(Strategy.ONE_FOR_ONE)
    for wait_ms in (100, 200, 400):
        await world.fail("a")
        await world.forward(wait_ms - 1)
        assert world.child("a") is None
        await world.forward(1)
        assert world.child("a") is not None


@pytest.mark.asyncio
async def test_too_many_failures_in_the_window_are_passed_on_once_and_nothing_restarts(world: World) -> None:
    await world.begin(Strategy.ONE_FOR_ONE)
    for _ in range(3):
        await world.fail("a")
        await world.forward(1_000)
    error = ValueError("once too often")
    await world.fail("a", error)
    await world.forward(100_000)
    assert world.escalated == [Escalation("cell/ada", "a", error, 3)]
    assert world.child("a") is None
    assert await world.child("b").ask("alive") == "alive"
    await world.fail("b")
    await world.forward(100_000)
    assert len(world.escalated) == 1


@pytest.mark.asyncio
async def test_failures_outside_the_window_are_forgotten(world: World) -> None:
    await world.begin(Strategy.ONE_FOR_ONE)
    for _ in range(8):
        await world.fail("a")
        await world.forward(100)
        assert world.child("a") is not None
        await world.forward(61_000)
    assert world.escalated == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "error",
    [
        InvariantBroken("sum of lines", expected=0, was=1),
        Fenced("ada", fence=3),
        AuthRejected("binance", code="-2015"),
    ],
)
async def test_an_error_that_a_restart_cannot_heal_is_passed_on_at_once(world: World, error: Exception) -> None:
    await world.begin(Strategy.ONE_FOR_ONE)
    await world.fail("b", error)
    await world.forward(100_000)
    assert world.escalated == [Escalation("cell/ada", "b", error, 0)]
    assert world.child("b") is None


@pytest.mark.asyncio
@pytest.mark.parametrize("error", [NotReady("venue"), BadInput("field", expected="x", was="y"), OSError("net")])
async def test_other_errors_are_answered_with_a_restart(world: World, error: Exception) -> None:
    await world.begin(Strategy.ONE_FOR_ONE)
    await world.fail("b", error)
    await world.forward(100)
    assert world.escalated == []
    assert world.child("b") is not None


@pytest.mark.asyncio
async def test_a_child_that_stops_by_itself_stays_stopped(world: World) -> None:
    await world.begin(Strategy.ONE_FOR_ALL)
    await world.child("b").stop()
    await world.forward(100_000)
    assert world.child("b") is None
    assert world.log == ["start a", "start b", "start c", "stop b"]


@pytest.mark.asyncio
async def test_a_restart_that_fails_is_tried_again_with_a_longer_wait(world: World) -> None:
    await world.begin(Strategy.ONE_FOR_ONE)
    await world.fail("a")
    world.start_errors = [NotReady("venue")]
    await world.forward(100)
    assert world.child("a") is None
    await world.forward(199)
    assert world.child("a") is None
    await world.forward(1)
    assert world.child("a") is not None


@pytest.mark.asyncio
async def test_a_group_that_cannot_start_stops_what_it_started_and_fails(world: World, system: ActorSystem) -> None:
    original = world.factory

    def factory(label: str) -> Callable[[], Awaitable[Ref[Any]]]:
        async def fails() -> Ref[Any]:
            raise NotReady("database")

        return fails if label == "c" else original(label)

    world.factory = factory  # type: ignore[method-assign]
    with pytest.raises(NotReady):
        await world.begin(Strategy.ONE_FOR_ONE)
    assert world.log == ["start a", "start b", "stop b", "stop a"]
    assert system.directory.get_all() == []


@pytest.mark.asyncio
async def test_two_failures_of_one_for_all_at_once_are_one_restart(world: World) -> None:
    await world.begin(Strategy.ONE_FOR_ALL)
    world.child("a").tell(ValueError("one"))
    world.child("c").tell(ValueError("two"))
    await world.system.idle()
    await world.forward(100_000)
    assert world.log == ["start a", "start b", "start c", "stop b", "start a", "start b", "start c"]


@pytest.mark.asyncio
async def test_resume_after_escalation_starts_what_is_missing_and_forgets_the_past(world: World) -> None:
    await world.begin(Strategy.ONE_FOR_ALL)
    await world.fail("b", InvariantBroken("books", expected=0, was=1))
    await world.forward(100_000)
    world.log.clear()
    world.ref.tell(Resume())
    await world.system.idle()
    assert world.log == ["start a", "start b", "start c"]
    await world.fail("a")
    await world.forward(100)
    assert world.child("a") is not None
    assert len(world.escalated) == 1


@pytest.mark.asyncio
async def test_a_sibling_that_does_not_stop_in_time_is_halted(world: World) -> None:
    gate = asyncio.Event()
    ends: list[str] = []

    class Stuck(AsyncioActor):
        async def on_receive(self, message: Any) -> Any:
            try:
                await gate.wait()
            finally:
                ends.append("cancelled")

    await world.begin(Strategy.ONE_FOR_ALL)
    stuck = await world.system.start(Stuck)
    world.ref.actor_inbox.actor._children["c"].ref = stuck
    stuck.tell("wait")
    world.child("a").tell(ValueError("broken"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert ends == []
    world.clock.advance(5_001 * MS)
    await world.system.idle()
    assert ends == ["cancelled"]
    assert not stuck.is_alive()


@pytest.mark.asyncio
async def test_a_pending_restart_dies_with_the_supervisor(world: World) -> None:
    await world.begin(Strategy.ONE_FOR_ONE)
    await world.fail("a")
    await world.ref.stop()
    await world.forward(100_000)
    assert world.system.directory.get_all() == []


@pytest.mark.asyncio
async def test_the_failure_of_one_actor_never_ends_another_group(world: World, clock: VirtualClock) -> None:
    await world.begin(Strategy.ONE_FOR_ONE)
    other = World(world.system, clock)
    other.factory = lambda label: world.factory(f"other-{label}")  # type: ignore[method-assign]
    other.ref = await world.system.start(
        Supervisor,
        name="cell/bob",
        children=[("x", other.factory("x"))],
        escalate=other.escalated.append,
        clock=clock,
        rng=seeded_rng(1),
    )
    await world.fail("a", InvariantBroken("books", expected=0, was=1))
    assert await other.child("x").ask("alive") == "alive"
    assert other.escalated == []


@pytest.mark.asyncio
async def test_a_defect_of_the_supervisor_itself_is_fatal(clock: VirtualClock) -> None:
    broken: list[BaseException] = []
    system = ActorSystem(clock=clock, fatal=broken.append)
    world = World(system, clock)
    await world.begin(Strategy.ONE_FOR_ONE)
    world.ref.tell("what a supervisor does not understand")
    await system.idle()
    assert len(broken) == 1
    await system.stop_all()


@pytest.mark.asyncio
async def test_restarts_and_escalations_are_counted(world: World) -> None:
    await world.begin(Strategy.ONE_FOR_ONE)
    await world.fail("a")
    await world.forward(100)
    await world.fail("a", Fenced("ada", fence=1))
    metrics = world.system.metrics
    assert metrics is not None
    text = metrics.render().decode()
    assert 'cival_actor_restarts_total{actor="a"} 1.0' in text
    assert 'cival_escalations_total{group="cell/ada"} 1.0' in text
    assert 'cival_actor_failures_total{actor="Worker"} 2.0' in text


def test_two_children_of_one_name_are_refused() -> None:
    with pytest.raises(AssertionError, match="names that differ"):
        Supervisor(
            children=[("a", World.begin), ("a", World.begin)],  # type: ignore[list-item]
            escalate=lambda _: None,
            clock=VirtualClock(),
            rng=seeded_rng(1),
        )


@given(st.integers(0, 200), st.integers(0, 2**32), st.floats(0, 1))
def test_the_backoff_grows_to_its_limit_and_jitter_only_adds(earlier: int, seed: int, jitter: float) -> None:
    policy = RestartPolicy(jitter=jitter)
    wait_ns = policy.backoff_ns(earlier, seeded_rng(seed))
    exact_ns = RestartPolicy(jitter=0.0).backoff_ns(earlier, seeded_rng(seed))
    assert policy.backoff_min_ns <= exact_ns <= policy.backoff_max_ns
    assert exact_ns <= wait_ns <= exact_ns * (1 + jitter) + 1
