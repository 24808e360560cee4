"""Runs one seed: storm, quiet, reckoning."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from engine.messages.rows import OrderRow, TradeRow
from engine.runtime.fault_points import arm
from engine.runtime.log import LogSink, add_sink, remove_sink, sinks_only
from engine.simulation.faults import draw_faults
from engine.simulation.loop import Deadlock, SimLoop, run
from engine.simulation.nemesis import Nemesis
from engine.simulation.ports import Fault, Observer, Workload
from engine.simulation.process import running_process
from engine.simulation.world import Side, World

NS_PER_S: Final = 1_000_000_000
STORM_NS: Final = 60 * NS_PER_S
SETTLE_NS: Final = 150 * NS_PER_S
"""How long the engine may take to come to rest when the faults are over."""
DEFECTS: Final = frozenset({"actor_failed", "cell_start_failed", "cell_stays_down", "publish_failed"})
"""Lines of the log that nothing outside may cause: an actor or a cell that starts again hides a defect."""
LOOK_EVERY_NS: Final = 250_000_000
COLLECTED: Final = "Task was destroyed"
"""What asyncio says of a task that nobody holds any more, when the memory is collected."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part in one run."""

    workload: Workload
    observer: Observer
    side: Side


MakeCast = Callable[[int, Collection[str]], Cast]
"""Makes a cast for a seed, given the names of venue faults that must not happen."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run."""

    seed: int
    digest: str
    violations: tuple[str, ...]
    orders: int
    fills: int
    crashes: int
    boots: int
    commits: int
    faults: dict[str, int]
    counts: dict[str, int]
    """What the workload did."""
    probes: dict[str, int]
    """Rare states that were reached."""
    simulated_ns: int
    steps: int
    fault_names: tuple[str, ...] = ()
    """Everything that could be taken away."""
    events: tuple[str, ...] = ()
    """The last ones, of a run that failed."""

    @property
    def is_good(self) -> bool:
        """Whether nothing was violated."""
        return not self.violations


class _Failures(LogSink):
    """Turns what must not fail, and does, into a violation: it would start again, and nobody would notice."""

    def __init__(self, world: World) -> None:
        super().__init__("error")
        self._world = world

    def put(self, level: str, fields: Mapping[str, Any]) -> None:  # noqa: ARG002 - the sink's signature.
        process = running_process()
        if fields["event"] in DEFECTS and process is not None and not process.is_dead:
            why = str(fields.get("exception") or fields.get("reason"))[-600:]
            self._world.broken("I20", f"{fields['event']}: {fields.get('actor')}: {why}")


def run_seed(seed: int, make_cast: MakeCast, *, storm_ns: int = STORM_NS, forbidden: Collection[str] = ()) -> Result:
    """Run one seed and judge it.

    Args:
        seed: Of everything.
        make_cast: Makes those who take part.
        storm_ns: How long things go wrong.
        forbidden: Names of faults that must not happen.
    """
    loop = SimLoop(seed)
    cast = make_cast(seed, forbidden)
    workload = cast.workload
    world = World(seed, loop, workload=workload, observer=cast.observer, side=cast.side)
    schedule = draw_faults(seed, storm_ns, forbidden)
    sink = _Failures(world)
    add_sink(sink)
    arm(world.passed)
    try:
        with sinks_only("error"):
            run(loop, _play(world, workload, schedule, storm_ns))
    except Deadlock as error:
        world.broken("I20", f"deadlock: {error}")
    finally:
        arm(None)
        remove_sink(sink)
        for daemon in world.daemons:
            daemon.system.abandon()
    for context in loop.errors:
        if COLLECTED in str(context.get("message")):
            continue  # When memory is looked through is no matter of the seed.
        world.broken("I20", f"nobody caught {context.get('exception') or context.get('message')!r}")
    return _result(world, workload, schedule)


async def _play(world: World, workload: Workload, schedule: list[tuple[str, Fault]], storm_ns: int) -> None:
    world.database.facts.tables.write(world.setting.rows)
    ground = world.ground()
    world.observer.begin(ground)
    world.side.open(world)
    world.boot()
    world.feed()
    nemesis = Nemesis(world, schedule)
    storm = world.spawn(workload.storm(ground, storm_ns), "storm")
    await _until(world, storm_ns, lambda: False)
    nemesis.calm()
    world.side.calm()
    world.note("calm", "")
    await _until(world, SETTLE_NS // 3, storm.done)
    if not storm.done() and not world.observer.violations:
        world.broken("I20", "the people of the storm still wait for an answer")
    deadline_ns = world.loop.now_ns + SETTLE_NS
    while world.loop.now_ns < deadline_ns:
        calm = world.spawn(workload.calm(ground), "calm")
        await _until(world, SETTLE_NS, calm.done)
        if world.observer.violations or not world.observer.unsettled():
            break
        await _until(world, NS_PER_S, lambda: False)
    left = [] if world.observer.violations else world.observer.unsettled()
    if left:
        world.broken("I20", f"not at rest {SETTLE_NS // NS_PER_S} s after the storm: {'; '.join(left[:5])}")
    if not world.observer.violations:
        world.observer.final()
    world.is_over = True


async def _until(world: World, most_ns: int, is_done: Callable[[], bool]) -> None:
    """Let time pass; an invariant that breaks ends it."""
    until_ns = world.loop.now_ns + most_ns
    while world.loop.now_ns < until_ns and not is_done() and not world.observer.violations:
        await world.clock.sleep(min(LOOK_EVERY_NS, until_ns - world.loop.now_ns))


def _result(world: World, workload: Workload, schedule: list[tuple[str, Fault]]) -> Result:
    tables, observer = world.database.facts.tables, world.observer
    violations = tuple(str(each) for each in observer.violations[:20])
    faults = dict(world.faults)
    for kind, count in world.side.counts().items():
        faults[kind] = faults.get(kind, 0) + count
    return Result(
        seed=world.seed,
        digest=world.hexdigest(),
        violations=violations,
        orders=sum(1 for _ in tables.rows(OrderRow)),
        fills=sum(1 for _ in tables.rows(TradeRow)),
        crashes=world.crashes,
        boots=world.boots,
        commits=world.database.commits,
        faults=faults,
        counts=workload.counts(),
        probes=dict(getattr(observer, "probes", {})),
        simulated_ns=world.loop.now_ns,
        steps=world.loop.steps,
        fault_names=tuple(name for name, _ in schedule) + tuple(world.side.fault_names()),
        events=tuple(world.events) if violations else (),
    )


def digest_of(results: Collection[Result]) -> str:
    """Return one digest for many runs."""
    whole = hashlib.sha256()
    for result in results:
        whole.update(f"{result.seed} {result.digest}\n".encode())
    return whole.hexdigest()
