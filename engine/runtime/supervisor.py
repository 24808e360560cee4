"""Actors that are started again when they fail: with backoff, not too often, and not against better advice.

A supervisor is an actor that owns a group. The error says what to do (`engine.domain.errors.Advice`): most failures are
answered with a restart; broken invariants, lost leases and refused credentials are passed on at once, and so is a group
that fails too often. Passing on means one call of `escalate`, typically "halt this cell"; the daemon goes on. The
supervisor then restarts nothing more until it is told `Resume`. A child that stops in an orderly way stays stopped.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, ClassVar

import msgspec

from engine.domain.errors import Advice, CivalError
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.clock import NS_PER_S, Clock
from engine.runtime.entropy import Rng
from engine.runtime.errors import Timeout
from engine.runtime.ref import Ref

Factory = Callable[[], Awaitable[Ref[Any]]]
"""Starts one incarnation of a child and returns its ref when it is ready."""


class Strategy(StrEnum):
    """Who is started again when one child fails."""

    ONE_FOR_ONE = "one_for_one"
    """Only that child."""
    ONE_FOR_ALL = "one_for_all"
    """All: the others are stopped in reverse order first, because their memory depends on each other."""


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How long to wait before a restart, and when to give up."""

    backoff_min_ns: int = NS_PER_S // 5
    """Wait before the first restart."""
    backoff_max_ns: int = 30 * NS_PER_S
    factor: float = 2.0
    """How much longer each further wait is, while the failures are within the window."""
    jitter: float = 0.2
    """Share of the wait that chance adds at most: many children of one lost dependency must not return as one."""
    restarts_max: int = 5
    """Restarts of the group within the window; one more failure is passed on."""
    window_ns: int = 60 * NS_PER_S
    stop_timeout_s: float = 5.0
    """Time for a sibling to stop before it is halted."""

    def backoff_ns(self, earlier: int, rng: Rng) -> int:
        """Return the wait after a failure with `earlier` restarts of the same child in the window."""
        wait_ns = min(self.backoff_min_ns * self.factor**earlier, self.backoff_max_ns)
        return int(wait_ns * (1 + self.jitter * rng.random()))


@dataclass(frozen=True, slots=True)
class Escalation:
    """What a supervisor passes on."""

    group: str
    """The supervisor's name, `cell/<user>`."""
    child: str
    error: BaseException
    restarts: int
    """Restarts of the group within the window before it gave up; 0 if the error allows none."""


@dataclass(slots=True)
class _Child:
    name: str
    factory: Factory
    ref: Ref[Any] | None = None
    restarted_ns: deque[int] = field(default_factory=deque)


class Resume(msgspec.Struct, frozen=True):
    """To a supervisor that has passed a failure on: forget the past and start what is not running, now."""

    __lane__: ClassVar[str] = "control"


class _Ended(msgspec.Struct, frozen=True):
    __lane__: ClassVar[str] = "control"

    child: str
    ref: Any
    error: Any


class _Restart(msgspec.Struct, frozen=True):
    __lane__: ClassVar[str] = "control"

    children: tuple[str, ...]


class Supervisor(AsyncioActor):
    """Owns a group of actors: starts them in order, restarts them, and stops them in reverse order with itself."""

    def __init__(
        self,
        *,
        children: Sequence[tuple[str, Factory]],
        escalate: Callable[[Escalation], None],
        clock: Clock,
        rng: Rng,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        policy: RestartPolicy = RestartPolicy(),
    ) -> None:
        """Take the group.

        Args:
            children: (name, factory) pairs in order of start; a child may rely on those before it.
            escalate: told of what this supervisor cannot heal; may not raise.
            clock: of backoff and window.
            rng: of the jitter.
            strategy: who restarts with whom.
            policy: waits and limits.
        """
        super().__init__()
        self._children = {name: _Child(name, factory) for name, factory in children}
        assert len(self._children) == len(children), "children: expected names that differ, was a repeated one"
        self._escalate = escalate
        self._clock = clock
        self._rng = rng
        self._strategy = strategy
        self._policy = policy
        self._given_up = False
        self._stopping = False

    def ref_of(self, child: str) -> Ref[Any] | None:
        """Return the running incarnation of a child; None while there is none. Does not go through the mailbox."""
        return self._children[child].ref

    async def on_start(self) -> None:  # type: ignore[override]  # pykka's hook waits for nothing.
        """Start the group in order; the first child that cannot start stops those before it and fails the group."""
        try:
            for child in self._children.values():
                await self._begin(child)
        except BaseException:
            await self._stop_children(list(self._children.values()))
            raise

    async def on_stop(self) -> None:  # type: ignore[override]  # As on_start.
        """Stop the group in reverse order."""
        self._stopping = True
        await self._stop_children(list(self._children.values()))

    def on_failure(
        self,
        exception_type: type[BaseException] | None,  # noqa: ARG002 - pykka's signature.
        exception_value: BaseException | None,
        traceback: TracebackType | None,  # noqa: ARG002
    ) -> None:
        """End the process: a supervisor that fails is a defect of the runtime, and nobody watches its group now."""
        assert exception_value is not None, "pykka calls this with the exception"
        self.system.scheduler.fatal(exception_value)

    @handles(_Ended)
    async def on_ended(self, message: _Ended) -> None:
        """Decide what the end of a child means."""
        child = self._children[message.child]
        if child.ref is not message.ref:
            return  # An earlier incarnation, or one that was stopped together with its siblings.
        child.ref = None
        if message.error is not None:
            await self._on_failed(child, message.error)

    @handles(_Restart)
    async def on_restart(self, message: _Restart) -> None:
        """Start what was waiting for its backoff."""
        if self._given_up:
            return
        for name in message.children:
            child = self._children[name]
            if child.ref is None and not await self._try_begin(child):
                return

    @handles(Resume)
    async def on_resume(self, _: Resume) -> None:
        """Forget the failures and start, in order, every child that is not running."""
        self._given_up = False
        for child in self._children.values():
            child.restarted_ns.clear()
        for child in self._children.values():
            if child.ref is None and not await self._try_begin(child):
                return

    async def _on_failed(self, child: _Child, error: BaseException) -> None:
        group = list(self._children.values())
        if self._strategy is Strategy.ONE_FOR_ALL:
            await self._stop_children(group)
        now_ns = self._clock.now_ns()
        for one in group:
            while one.restarted_ns and one.restarted_ns[0] <= now_ns - self._policy.window_ns:
                one.restarted_ns.popleft()
        restarts = sum(len(one.restarted_ns) for one in group)
        if self._given_up:
            return
        if not _allows_restart(error):
            self._give_up(Escalation(self.actor_ref.name, child.name, error, 0))
        elif restarts >= self._policy.restarts_max:
            self._give_up(Escalation(self.actor_ref.name, child.name, error, restarts))
        else:
            delay_ns = self._policy.backoff_ns(len(child.restarted_ns), self._rng)
            child.restarted_ns.append(now_ns)
            names = tuple(self._children) if self._strategy is Strategy.ONE_FOR_ALL else (child.name,)
            self.log.warning("child_failed", child=child.name, error=repr(error), restart_ms=delay_ns // 1_000_000)
            if self.system.metrics is not None:
                self.system.metrics.restarts.labels(child.name).inc()
            self.after(delay_ns, _Restart(names), self._clock)

    def _give_up(self, escalation: Escalation) -> None:
        self._given_up = True
        self.log.error("escalated", child=escalation.child, error=repr(escalation.error), restarts=escalation.restarts)
        if self.system.metrics is not None:
            self.system.metrics.escalations.labels(escalation.group).inc()
        self._escalate(escalation)

    async def _try_begin(self, child: _Child) -> bool:
        """Start a child; a failure counts like one of the running child."""
        try:
            await self._begin(child)
        except Exception as error:  # noqa: BLE001 - whatever keeps a child from starting is judged as its failure.
            await self._on_failed(child, error)
            return False
        return True

    async def _begin(self, child: _Child) -> None:
        ref = await child.factory()
        child.ref = ref
        mailbox = self.actor_ref

        def ended(_: Ref[Any], error: BaseException | None) -> None:
            if mailbox.is_alive():
                mailbox.tell(_Ended(child.name, ref, error))

        self.system.watch(ref, ended)

    async def _stop_children(self, children: Sequence[_Child]) -> None:
        for child in reversed(children):
            ref, child.ref = child.ref, None
            if ref is None:
                continue
            try:
                await ref.stop(timeout_s=self._policy.stop_timeout_s)
            except Timeout:
                self.log.warning("child_halted", child=child.name, after_s=self._policy.stop_timeout_s)
                await ref.halt()


def _allows_restart(error: BaseException) -> bool:
    advice = error.advice if isinstance(error, CivalError) else Advice.RETRY
    return advice not in {Advice.HALT_CELL, Advice.RELOAD_CELL, Advice.STOP, Advice.EXIT}
