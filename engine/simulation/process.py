"""Simulated processes on one loop: killed without a `finally`, frozen, with a wall clock that goes wrong.

What runs in a process carries it in its context, and so does every callback, timer and task that it makes. A kill drops
them all for ever; pending tasks stay referenced, so that not even the garbage collector runs their `finally` blocks
before the run is over.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

from engine.runtime.clock import Clock, WallClock
from engine.runtime.entropy import Rng
from engine.runtime.scheduler import Scheduler
from engine.simulation.loop import OWNER, SimLoop, SimTask


class Killed(BaseException):
    """Unwinds the callback in which a process has died; nothing that it does on its way out has an effect."""


class Process:
    """One simulated process."""

    def __init__(self, name: str, loop: SimLoop, epoch_ns: int) -> None:
        """Be alive.

        Args:
            name: For people.
            loop: Where it runs.
            epoch_ns: UTC of virtual time 0.
        """
        self.name = name
        self.is_dead = False
        self.is_frozen = False
        self.held: list[asyncio.Handle] = []
        self.skew_ns = 0
        """How far its wall clock is ahead."""
        self.at_death: list[Callable[[], None]] = []
        """What the kernel does for a dead process: close its sockets, give its locks back."""
        self._loop = loop
        self._epoch_ns = epoch_ns
        self._context = Context()
        self._context.run(OWNER.set, self)
        self.clock: Clock = WallClock(self._now_ns, lambda: loop.now_ns)
        """Its wall clock, with timers of the loop."""

    def __repr__(self) -> str:
        return f"<Process {self.name}>"

    def _now_ns(self) -> int:
        return self._epoch_ns + self._loop.now_ns + self.skew_ns

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str) -> SimTask:
        """Start a task in this process."""
        return self._loop.spawn(coroutine, f"{self.name}/{name}", self._context.copy())

    def call(self, callback: Callable[..., object], *arguments: Any) -> None:
        """Call something in this process at the next turn."""
        self._loop.call_soon(callback, *arguments, context=self._context)

    def kill(self) -> None:
        """Die now. Called from within, the caller has to raise `Killed`."""
        if self.is_dead:
            return
        self.is_dead = True
        self.held.clear()
        for task in asyncio.all_tasks(self._loop):
            if isinstance(task, SimTask) and task.owner is self:
                self._loop.bury(task)
        for act in self.at_death:
            act()

    def freeze(self) -> None:
        """Stop, as by SIGSTOP: time goes on, this process does not notice."""
        self.is_frozen = True

    def thaw(self) -> None:
        """Go on with everything that has become due meanwhile."""
        self.is_frozen = False
        held, self.held = self.held, []
        if not self.is_dead:
            self._loop.resume(held)


def running_process() -> Process | None:
    """Return the process that runs now; None outside of every one."""
    owner = OWNER.get()
    assert owner is None or isinstance(owner, Process), "only processes own callbacks"
    return owner


class SeededScheduler(Scheduler):
    """The ready queue of one process: the seed says which mailbox is next, and a dead process handles nothing more.

    A mailbox keeps the order of its own messages; that of the mailboxes among each other is nobody's promise.
    """

    def __init__(self, process: Process, *, rng: Rng, budget: int, shuffles: bool) -> None:
        """Run the actors of `process`.

        Args:
            process: Whose actors.
            rng: Chooses the next mailbox.
            budget: Messages of one turn.
            shuffles: Draw the next mailbox, instead of taking the first.
        """
        super().__init__(process.clock, fatal=self._fail)
        self._process = process
        self._rng = rng
        self._budget = budget
        self._shuffles = shuffles

    def _fail(self, error: BaseException) -> None:
        if not self._process.is_dead:
            raise error

    def _work_off(self, budget: int) -> None:
        ready, process = self._ready, self._process
        budget = min(budget, self._budget)
        self._running = True
        try:
            while ready and budget > 0 and not process.is_dead:
                if self._shuffles and len(ready) > 1:
                    ready.rotate(-self._rng.randrange(len(ready)))
                budget -= self._burst(ready.popleft())
        finally:
            self._running = False
        if self._quiet and not ready and not self._busy:
            self._tell_quiet()
