"""Lets the faults of the schedule happen, and ends them."""

from collections.abc import Callable
from typing import Final

from engine.simulation import faults as kinds
from engine.simulation.daemon import Daemon
from engine.simulation.network import SimLink
from engine.simulation.ports import Fault
from engine.simulation.store import FAILED, LOST
from engine.simulation.world import World

NODES: Final = "abcd"


class Nemesis:
    """The schedule of one run at work."""

    def __init__(self, world: World, schedule: list[tuple[str, Fault]]) -> None:
        """Arrange every fault; the storm begins now."""
        self._world = world
        self._rng = world.rng("nemesis")
        self._is_calm = False
        self._acts: dict[str, Callable[[Fault], bool]] = {
            kinds.CRASH: self._crash,
            kinds.CRASH_AT_POINT: self._arm,
            kinds.FREEZE: self._freeze,
            kinds.TAKE_OVER: self._take_over,
            kinds.DOUBLE_START: self._double_start,
            kinds.CLOCK_SKEW: self._skew,
            kinds.DB_AWAY: self._database_away,
            kinds.DB_SLOW: self._database_slow,
            FAILED: self._commit,
            LOST: self._commit,
            kinds.LINK_BREAK: self._link,
            kinds.LINK_SILENT_OUT: self._link,
            kinds.LINK_SILENT_IN: self._link,
            kinds.NET_SLOW: self._net_slow,
            kinds.NO_DIAL: self._no_dial,
            kinds.FEED_SILENT: self._feed_silent,
        }
        for _, fault in schedule:
            world.later(fault.at_ns, lambda fault=fault: self._begin(fault))

    def _begin(self, fault: Fault) -> None:
        # A fault point counts when it is reached, not when it is armed.
        if not self._is_calm and self._acts[fault.kind](fault) and fault.kind != kinds.CRASH_AT_POINT:
            self._world.begin_fault(fault)

    def calm(self) -> None:
        """End everything that lasts. What is broken for good stays broken: links are for the engine to mend."""
        self._is_calm = True
        world = self._world
        world.armed.clear()
        world.database.next_commits.clear()
        world.database.is_away = False
        world.database.slowness = world.network.slowness = 1
        world.network.refused.clear()
        world.silent.clear()
        for daemon in world.daemons:
            daemon.process.skew_ns = 0
            if daemon.process.is_frozen:
                daemon.process.thaw()

    def _after(self, fault: Fault, act: Callable[[], object]) -> bool:
        def end() -> None:
            if not self._is_calm:
                act()

        self._world.later(fault.duration_ns, end)
        return True

    # --- Processes ----------------------------------------------------------------------------------------------------

    def _running(self) -> Daemon | None:
        """Return the newest engine that is not frozen."""
        running = [daemon for daemon in self._world.daemons if not daemon.process.is_frozen]
        return running[-1] if running else None

    def _crash(self, fault: Fault) -> bool:
        daemon = self._world.newest()
        if daemon is None:
            return False
        self._world.crash(daemon, fault.duration_ns)
        return True

    def _arm(self, fault: Fault) -> bool:
        self._world.armed.append((fault.target, fault.value, fault))
        return True

    def _freeze(self, fault: Fault) -> bool:
        daemon = self._running()
        if daemon is None:
            return False
        daemon.process.freeze()
        return self._after(fault, daemon.process.thaw)

    def _take_over(self, fault: Fault) -> bool:
        return self._freeze(fault) and self._start_another()

    def _double_start(self, fault: Fault) -> bool:
        if not self._start_another():
            return False

        def end() -> None:
            if len(self._world.daemons) > 1:
                self._world.crash(self._rng.choice(self._world.daemons), 0)

        return self._after(fault, end)

    def _start_another(self) -> bool:
        taken = {daemon.process.name[0] for daemon in self._world.daemons}
        free = [node for node in NODES if node not in taken]
        if free:
            self._world.boot(free[0])
        return bool(free)

    def _skew(self, fault: Fault) -> bool:
        daemon = self._running()
        if daemon is None:
            return False
        process = daemon.process
        process.skew_ns = fault.value

        def end() -> None:
            process.skew_ns = 0

        return self._after(fault, end)

    # --- Database and network -----------------------------------------------------------------------------------------

    def _database_away(self, fault: Fault) -> bool:
        self._world.database.is_away = True

        def end() -> None:
            self._world.database.is_away = False

        return self._after(fault, end)

    def _database_slow(self, fault: Fault) -> bool:
        self._world.database.slowness = fault.value

        def end() -> None:
            self._world.database.slowness = 1

        return self._after(fault, end)

    def _commit(self, fault: Fault) -> bool:
        self._world.database.next_commits.append(fault.kind)
        return True

    def _link(self, fault: Fault) -> bool:
        links: list[SimLink] = self._world.network.links()
        if not links:
            return False
        link = self._rng.choice(links)
        if fault.kind == kinds.LINK_BREAK:
            link.drop()
        elif fault.kind == kinds.LINK_SILENT_OUT:
            link.is_silent_out = True
        else:
            link.is_silent_in = True
        return True

    def _net_slow(self, fault: Fault) -> bool:
        self._world.network.slowness = fault.value // 4

        def end() -> None:
            self._world.network.slowness = 1

        return self._after(fault, end)

    def _no_dial(self, fault: Fault) -> bool:
        refused = self._world.network.refused
        refused.update(self._world.side.truths)
        return self._after(fault, refused.clear)

    def _feed_silent(self, fault: Fault) -> bool:
        silent = self._world.silent
        silent.add(fault.target)
        return self._after(fault, lambda: silent.discard(fault.target))
