"""A system of actors: what starts them, runs them, and stops them in the right order."""

import asyncio
import os
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar
from weakref import WeakKeyDictionary
from weakref import ref as weakref

from pykka import ActorRegistry

from engine.runtime.actor import AsyncioActor
from engine.runtime.clock import Clock, VirtualClock, WallClock
from engine.runtime.directory import Directory
from engine.runtime.entropy import Ids, Rng, system_rng
from engine.runtime.future import AsyncioFuture
from engine.runtime.log import get_logger
from engine.runtime.mailbox import Mailbox
from engine.runtime.metrics import HandlerSampler, Metrics
from engine.runtime.parts import Birth, births
from engine.runtime.ref import Ref
from engine.runtime.scheduler import Scheduler

A = TypeVar("A", bound=AsyncioActor)

EndCallback = Callable[[Ref[Any], BaseException | None], None]

EXIT_RUNTIME_BROKEN = 70
"""Exit code when the runtime itself is broken (EX_SOFTWARE of sysexits.h)."""

_log = get_logger(__name__)


def end_process(error: BaseException) -> None:
    """End the process at once: an error in the runtime leaves no state that an orderly stop could trust."""
    _log.critical("runtime_broken", exc_info=error)
    os._exit(EXIT_RUNTIME_BROKEN)


class ActorSystem:
    """Actors that share a loop, a ready queue, a directory and their inputs.

    Collaborators that are not given are made: the wall clock, ids and randomness of the operating system.
    """

    # A system knows its loop, so holding it here would keep both for ever.
    _of_loop: ClassVar["WeakKeyDictionary[asyncio.AbstractEventLoop, weakref[ActorSystem]]"] = WeakKeyDictionary()

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        rng: Rng | None = None,
        metrics: Metrics | None = None,
        fatal: Callable[[BaseException], None] = end_process,
        scheduler: Scheduler | None = None,
    ) -> None:
        """Make a system without actors. It binds to the loop that runs at its first start.

        Args:
            clock: default of `after`, and the measure of deadlines.
            ids: makes the URNs.
            rng: chance of whoever has none of its own.
            metrics: counts what happens, None for nobody.
            fatal: told of an error in the runtime itself; the default ends the process.
            scheduler: the ready queue, where it is not the usual one.
        """
        self.clock: Clock = WallClock() if clock is None else clock
        self.rng = system_rng() if rng is None else rng
        self.ids = Ids(self.clock, self.rng) if ids is None else ids
        self.metrics = metrics
        self.directory = Directory()
        self.scheduler = Scheduler(self.clock, fatal=fatal) if scheduler is None else scheduler
        self.scheduler.on_dead_letter = self._on_dead_letter
        self.dead_letters = 0
        """Messages that nobody handled, since the start."""
        if metrics is not None:
            metrics.watch_system(self)
            self.scheduler.sampler = HandlerSampler(metrics.handler_seconds)
        self._numbers: dict[str, int] = {}
        self._watchers: dict[Ref[Any], list[EndCallback]] = {}

    @classmethod
    def of_running_loop(cls) -> "ActorSystem":
        """Return the system that began first on the running loop, or a new one.

        Raises:
            RuntimeError: no loop runs.
        """
        known = cls._of_loop.get(asyncio.get_running_loop())
        system = known() if known is not None else None
        if system is None:
            system = cls()
            system.bind()
        return system

    def bind(self) -> None:
        """Take the running loop, as the first start does; `AnActor.start()` then starts here.

        Raises:
            RuntimeError: no loop runs, or this system began on another.
        """
        loop = self.scheduler.bind()
        known = self._of_loop.get(loop)
        if known is None or known() is None:
            self._of_loop[loop] = weakref(self)

    async def start(self, actor_class: type[A], *args: Any, name: str | None = None, **kwargs: Any) -> Ref[A]:
        """Make an actor, register it, and return when its `on_start` is over.

        Args:
            actor_class: called with the remaining arguments.
            name: unique among the running, `ledger/<account>`; None: the class and a number.

        Raises:
            StartFailed: the name is taken.
            Exception: what the constructor or `on_start` raised. The actor is not running.
        """
        started: AsyncioFuture[Any] = AsyncioFuture()
        ref = self.launch(actor_class, args, kwargs, name=name, started=started)
        try:
            await started
        except asyncio.CancelledError:
            ref.halt()  # Nobody gets the ref, so nobody else could stop it.
            raise
        return ref

    def launch(
        self,
        actor_class: type[A],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        *,
        name: str | None = None,
        started: AsyncioFuture[Any] | None = None,
    ) -> Ref[A]:
        """Make an actor and register it; `on_start` runs in its first turn and then settles `started`.

        Raises:
            RuntimeError: no loop runs. Nothing was registered.
            StartFailed: the name is taken.
        """
        self.bind()
        if name is None:
            number = self._numbers[actor_class.__name__] = self._numbers.get(actor_class.__name__, 0) + 1
            name = f"{actor_class.__name__}-{number}"
        self.directory.require_free(name)
        births.append(Birth(self, name, f"urn:uuid:{self.ids.text()}"))
        depth = len(births)
        try:
            actor = actor_class(*args, **kwargs or {})
            assert len(births) < depth, f"{actor_class.__name__}.__init__: expected a call of super().__init__()"
        finally:
            del births[depth - 1 :]
        ref = actor.actor_ref
        self.directory.add(ref)
        ActorRegistry.register(ref)
        actor._actor_begin(started)  # noqa: SLF001 - the runtime's two halves.
        return ref

    def drain(self, limit: int | None = None) -> bool:
        """Handle everything queued at once, without the loop; see `Scheduler.drain`. True if all is quiet."""
        return self.scheduler.drain(limit)

    async def idle(self) -> None:
        """Return when no message is queued and no handler runs; see `Scheduler.idle`."""
        await self.scheduler.idle()

    async def advance(self, clock: VirtualClock, when_ns: int) -> None:
        """Move a virtual clock to `when_ns`; before each timer's time and at the end, everybody comes to rest."""
        await self.idle()
        while (due_ns := clock.next_timer_ns()) is not None and due_ns <= when_ns:
            clock.advance_to(max(due_ns, clock.now_ns()))
            await self.idle()
        clock.advance_to(when_ns)
        await self.idle()

    async def stop_all(self, *, timeout_s: float | None = None) -> list[bool]:
        """Stop every actor, one after another, last started first.

        Args:
            timeout_s: seconds for each actor to stop.

        Returns:
            For each actor, whether it had not stopped before.

        Raises:
            Timeout: an actor took too long; those started before it still run.
        """
        return [await ref.stop(timeout_s=timeout_s) for ref in reversed(self.directory.get_all())]

    def watch(self, ref: Ref[Any], callback: EndCallback) -> None:
        """Call `callback(ref, error)` when the actor has ended: error None after a stop. At once if it has ended."""
        if ref.actor_inbox.actor is None:
            callback(ref, None)
        else:
            self._watchers.setdefault(ref, []).append(callback)

    def abandon(self) -> None:
        """Forget every actor as a killed process would: no hook runs, nobody is told. For simulations."""
        for ref in self.directory.get_all():
            self.forget(ref)
        self._watchers.clear()

    def forget(self, ref: Ref[Any]) -> None:
        """Take an actor out of the look-ups (called by the actor when it ends)."""
        self.directory.remove(ref)
        _unregister(ref)

    def ended(self, ref: Ref[Any], error: BaseException | None) -> None:
        """Tell the watchers (called by the actor when it has ended)."""
        if error is not None and self.metrics is not None:
            self.metrics.failures.labels(ref.actor_class.__name__).inc()
        for callback in self._watchers.pop(ref, ()):
            callback(ref, error)

    def _on_dead_letter(self, box: Mailbox, message: Any) -> None:
        self.dead_letters += 1
        actor_class = type(box.actor).__name__
        if self.metrics is not None:
            self.metrics.dead_letters.labels(actor_class).inc()
        _log.debug("dead_letter", actor=str(box.actor), message_type=type(message).__name__)


def _unregister(ref: Ref[Any]) -> None:
    """Take a ref out of pykka's registry: at once if it was started last, as in `stop_all`; else by a scan."""
    with ActorRegistry._actor_refs_lock:  # noqa: SLF001 - 10,000 stops would cost 0.5 s of scanning.
        refs = ActorRegistry._actor_refs  # noqa: SLF001
        if refs and refs[-1] is ref:
            refs.pop()
            return
    ActorRegistry.unregister(ref)
