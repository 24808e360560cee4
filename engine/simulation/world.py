"""One run: a storm in which everything goes wrong that may, then quiet, then the reckoning.

The world is the only thing outside of all processes. It boots engines, kills them, feeds them prices, and holds what
survives: the database and the venues.
"""

import hashlib
from collections import Counter, deque
from collections.abc import Coroutine, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

from actors.api.cells import CellRefs
from connectors.remote.frames import decode_frame
from engine.domain.errors import CivalError
from engine.domain.identifiers import UserId, Venue
from engine.messages.market import QuoteTick
from engine.messages.ports import UnitResult
from engine.runtime.clock import Clock, WallClock
from engine.runtime.entropy import Ids, Rng, seeded_rng
from engine.simulation.daemon import Connect, Daemon, Tuning
from engine.simulation.loop import SimLoop, SimTask
from engine.simulation.network import NO_OWNER, Network
from engine.simulation.ports import Fault, Ground, Observer, Setting, Violation, Workload
from engine.simulation.process import Killed, Process, running_process
from engine.simulation.store import Database

EPOCH_NS: Final = 1_767_225_600_000_000_000
"""UTC of virtual time 0: 2026-01-01."""
FEED_EVERY_NS: Final = 1_000_000_000
EVENTS_KEPT: Final = 60
"""Of the newest events, for the report of a failure."""


class Side(Protocol):
    """The venues of a run, outside of every engine."""

    truths: dict[Venue, Any]
    """For observers."""

    def open(self, world: "World") -> None:
        """Start to trade."""

    def connect(self, world: "World") -> Connect:
        """Return what starts the connectors of an engine."""

    def quotes(self, now_ns: int) -> list[QuoteTick]:
        """Return the prices of now, one for each instrument."""

    def calm(self) -> None:
        """Lie no more."""

    def counts(self) -> dict[str, int]:
        """Count what was done wrong, by kind."""

    def fault_names(self) -> list[str]:
        """Name everything that was done wrong and could be taken away."""

    def digest(self) -> bytes:
        """Return a digest of everything that has happened there."""


class World:
    """The machine of one run."""

    def __init__(self, seed: int, loop: SimLoop, *, workload: Workload, observer: Observer, side: Side) -> None:
        """Set up an empty world.

        Args:
            seed: Decides everything.
            loop: Time.
            workload: Brings accounts, agents and people.
            observer: Judges.
            side: The venues.
        """
        self.seed = seed
        self.loop = loop
        self.clock: Clock = WallClock(lambda: EPOCH_NS + loop.now_ns, lambda: loop.now_ns)
        self.observer = observer
        self.side = side
        self.database = Database(loop, self.rng("database"), self._on_commit)
        self.network = Network(loop, self.rng("network"), self)
        self.setting: Setting = workload.setting(self.rng("setting"), EPOCH_NS)
        self.tuning = self._draw_tuning()
        self.daemons: list[Daemon] = []
        """Those that live, the oldest first."""
        self.boots = 0
        self.crashes = 0
        self.faults: Counter[str] = Counter()
        self.events: deque[str] = deque(maxlen=EVENTS_KEPT)
        self.armed: list[tuple[str, int, Fault]] = []
        self.silent: set[str] = set()
        """Base assets of which no price is shown now."""
        self.is_over = False
        self._digest = hashlib.sha256()
        self._workload = workload

    def rng(self, name: str) -> Rng:
        """Return a stream of chance of its own."""
        return seeded_rng(f"{self.seed}/{name}")

    def _draw_tuning(self) -> Tuning:
        rng = self.rng("tuning")
        return Tuning(budget=rng.choice((1, 4, 128)), shuffles=rng.random() < 0.5, done_max=rng.choice((1, 5, 1_000)))

    # --- Doors --------------------------------------------------------------------------------------------------------

    @property
    def process(self) -> str:
        """See `Doors.process`."""
        return self.daemons[-1].process.name if self.daemons else ""

    def cell(self, user_id: UserId) -> CellRefs | None:
        """See `Doors.cell`."""
        for daemon in reversed(self.daemons):
            refs = daemon.cells.of(user_id)
            if refs is not None and refs.gate.is_alive() and refs.coordinator.is_alive():
                return refs
        return None

    def ground(self) -> Ground:
        """Return what observers and workloads stand on."""
        return Ground(
            clock=self.clock,
            rng=self.rng("workload"),
            ids=Ids(self.clock, self.rng("ids")),
            tables=self.database.facts.tables,
            venues=self.side.truths,
            doors=self,
            instruments=self.setting.instruments,
        )

    # --- Processes ----------------------------------------------------------------------------------------------------

    def boot(self, node: str = "a") -> Daemon:
        """Start an engine on a node; the same node takes its own leases over at once."""
        self.boots += 1
        process = Process(f"{node}{self.boots}", self.loop, EPOCH_NS)
        process.at_death.append(lambda: self.network.drop_process(process))
        daemon = Daemon(
            process,
            database=self.database,
            setting=self.setting,
            rng=self.rng(f"daemon/{self.boots}"),
            node_id=UUID(bytes=hashlib.sha256(node.encode()).digest()[:16], version=4),
            tuning=self.tuning,
        )
        self.daemons.append(daemon)
        self.note("boot", process.name)
        self.observer.on_boot(process.name)
        process.spawn(self._life(daemon), "main")
        return daemon

    async def _life(self, daemon: Daemon) -> None:
        """Run an engine; what keeps it from starting ends its process, and its supervisor starts the next."""
        try:
            await daemon.start(self.side.connect(self))
        except (CivalError, OSError) as error:
            self.note("start_failed", f"{daemon.process.name}: {error}")
            self.crash(daemon, down_ns=500_000_000)

    def crash(self, daemon: Daemon, down_ns: int) -> None:
        """Kill an engine now, and start the next in a while unless another runs."""
        process = daemon.process
        if process.is_dead:
            return
        self.crashes += 1
        process.kill()
        daemon.system.abandon()
        self.daemons.remove(daemon)
        self.note("crash", process.name)
        self.observer.on_crash(process.name)
        self.later(down_ns, lambda: self.daemons or self.boot())

    def newest(self) -> Daemon | None:
        """Return the engine that was started last and lives."""
        return self.daemons[-1] if self.daemons else None

    # --- Time ---------------------------------------------------------------------------------------------------------

    def later(self, delay_ns: int, act: Any) -> None:
        """Do something in a while, outside of every process."""
        self.loop.after(delay_ns, act, context=NO_OWNER)

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str) -> SimTask:
        """Start a task outside of every process."""
        return self.loop.spawn(coroutine, name, NO_OWNER.copy())

    def feed(self) -> None:
        """Show everybody the prices of now, and arrange to do so again."""
        if self.is_over:
            return
        for quote in self.side.quotes(self.clock.now_ns()):
            if quote.symbol.partition("/")[0] in self.silent:
                continue
            for daemon in self.daemons:
                if daemon.is_up:
                    daemon.process.call(daemon.see, quote)
        self.later(FEED_EVERY_NS, self.feed)

    # --- What is seen -------------------------------------------------------------------------------------------------

    def note(self, what: str, about: str) -> None:
        """Keep an event for the report, and in the digest of the run."""
        self._digest.update(f"{self.loop.now_ns} {what} {about}\n".encode())
        self.events.append(f"{self.loop.now_ns / 1e9:10.3f} s  {what:14} {about}")

    def begin_fault(self, fault: Fault) -> None:
        """Count a fault that begins."""
        self.faults[fault.kind] += 1
        self.note("fault", f"{fault.kind} {fault.target} {fault.value} for {fault.duration_ns / 1e9:.3f} s")
        self.observer.on_fault(fault)

    def _on_commit(self, process: str, results: Sequence[UnitResult]) -> None:
        update = self._digest.update
        for result in results:
            update(result.unit.id.bytes)
            for event in result.events:
                update(event.data)
                self.events.append(f"{self.loop.now_ns / 1e9:10.3f} s  {event.type:14} {event.data[:160].decode()}")
        self.observer.on_commit(process, results)

    def sent(self, process: Process, host: str, payload: bytes) -> None:
        """A frame leaves an engine."""
        self._digest.update(payload)
        body = decode_frame(payload).body
        self.observer.on_send(process.name, host, body)

    def delivered(self, process: Process, host: str, payload: bytes) -> None:
        """A frame has reached an engine; it may be garbage."""
        self._digest.update(payload)
        try:
            body = decode_frame(payload).body
        except CivalError:
            return
        self.observer.on_receive(process.name, host, body)

    def passed(self, point: str) -> None:
        """A process passes a fault point, and dies there if that is what the seed wants."""
        if not self.armed or (process := running_process()) is None or process.is_dead:
            return
        for place, (name, left, fault) in enumerate(self.armed):
            if name != point:
                continue
            if left > 1:
                self.armed[place] = (name, left - 1, fault)
                return
            del self.armed[place]
            self.begin_fault(fault)
            daemon = next(each for each in self.daemons if each.process is process)
            self.crash(daemon, fault.duration_ns)
            raise Killed

    def broken(self, invariant: str, detail: str) -> None:
        """Say that something is wrong that no observer sees."""
        self.observer.violations.append(Violation(invariant, detail, self.clock.now_ns()))

    def hexdigest(self) -> str:
        """Return the digest of everything that was committed, sent and delivered."""
        digest = self._digest.copy()
        digest.update(self.side.digest())
        digest.update(f"{self.loop.steps} {self.loop.trace}".encode())
        return digest.hexdigest()
