"""An event loop of virtual time: nothing waits, one seed decides the order of everything, real input and output raise.

The clock stands while callbacks run (but for a little per step) and jumps to the next timer when none is left; when no
timer is left either, that is a `Deadlock`: a lost wake-up becomes an error instead of a hang. The steps of tasks that
are ready together run in an order drawn from the seed; plain callbacks keep theirs, since transports rely on it.

Every callback belongs to the simulated process (`process.py`) in whose context it was made. Those of a dead process
never run, those of a frozen one wait for its thaw.
"""

import asyncio
import contextlib
import inspect
import warnings
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final, Protocol, TypeVar, TypeVarTuple, Unpack

from engine.runtime.entropy import seeded_rng

CPU_NS: Final = 20_000
"""What one step seems to cost."""
_TRACE_MASK: Final = (1 << 64) - 1

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Owner(Protocol):
    """Whom a callback belongs to."""

    is_dead: bool
    is_frozen: bool
    held: "list[asyncio.Handle]"
    """Callbacks that became due while it was frozen, in order."""


OWNER: Final[ContextVar[Owner | None]] = ContextVar("owner", default=None)
"""The process that runs now; None for the world itself."""


class Deadlock(Exception):
    """Nothing is ready, nothing will be, and the main coroutine has not returned."""


class RealIo(Exception):
    """Something reached for the real world, which would make the run unrepeatable."""


class SimTask(asyncio.Task[Any]):
    """A task whose place in a set does not depend on its address."""

    def __init__(
        self, coroutine: Coroutine[Any, Any, Any], owner: Owner | None, *, loop: "SimLoop", **options: Any
    ) -> None:
        # Before the base class, which already puts the task into a set.
        loop.tasks += 1
        self._serial = loop.tasks
        self.owner = owner
        super().__init__(coroutine, loop=loop, **options)

    def __hash__(self) -> int:
        return self._serial

    def __eq__(self, other: object) -> bool:
        return self is other


class SimLoop(asyncio.BaseEventLoop):
    """The loop. Make one per run and give it to `run`."""

    def __init__(self, seed: int | str, *, cpu_ns: int = CPU_NS) -> None:
        """Stand at time 0.

        Args:
            seed: Decides the order in which tasks step that are ready together.
            cpu_ns: What one step seems to cost.
        """
        super().__init__()
        self.now_ns = 0
        """Virtual time since the start, which no fault bends."""
        self.tasks = 0
        """Made so far."""
        self.steps = 0
        self.trace = 0
        """Digest of which step ran when."""
        self.errors: list[dict[str, Any]] = []
        """What nobody caught."""
        self._cpu_ns = cpu_ns
        self._rng = seeded_rng(f"{seed}/loop")
        self._due: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[int, int, asyncio.Handle]] = []
        self._numbers = count()
        self._is_over = False
        self._buried: list[SimTask] = []
        self.set_exception_handler(lambda _, context: self._note(context))

    # --- What asyncio asks of a loop ----------------------------------------------------------------------------------

    def time(self) -> float:
        """Return virtual seconds."""
        return self.now_ns / 1e9

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Run at the next turn."""
        handle = asyncio.Handle(callback, args, self, context)
        if not self._is_over:
            self._due.append(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As `call_soon`: there is one thread."""
        return self.call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run at a virtual second; of those with the same, the first made runs first."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if not self._is_over:
            # An arrangement for now is for the next turn at the earliest: time must pass somewhere.
            heappush(self._timers, (max(round(when * 1e9), self.now_ns + 1), next(self._numbers), handle))
        return handle

    def after(self, delay_ns: int, callback: Callable[..., object], *arguments: Any, context: Context) -> None:
        """Call in `delay_ns` in the name of a context; it cannot be taken back."""
        handle = asyncio.Handle(callback, arguments, self, context)
        if not self._is_over:
            heappush(self._timers, (self.now_ns + max(delay_ns, 1), next(self._numbers), handle))

    def create_task(
        self, coro: Any, *, name: object = None, context: Context | None = None, **_: Any
    ) -> "asyncio.Task[Any]":
        """Make a task of the running process, or of that of `context`."""
        owner = OWNER.get() if context is None else context.get(OWNER)
        task = SimTask(coro, owner, loop=self, name=name, context=context)
        if owner is not None and owner.is_dead:
            self.bury(task)
        return task

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is thrown away when its time comes."""

    def _asyncgen_finalizer_hook(self, agen: Any) -> None:
        """A generator that is collected must not wake anybody: the moment is not the seed's."""

    def _note(self, context: dict[str, Any]) -> None:
        if not self._is_over:
            self.errors.append(context)

    # --- Turns --------------------------------------------------------------------------------------------------------

    def _run_once(self) -> None:
        due, timers = self._due, self._timers
        if not due and not self._stopping:  # type: ignore[attr-defined]  # Of the base class.
            self._jump()
        while timers and timers[0][0] <= self.now_ns:
            due.append(heappop(timers)[2])
        batch = list(due)
        due.clear()
        if len(batch) > 1:
            self._permute(batch)
        for handle in batch:
            if not handle._cancelled:  # noqa: SLF001 - the loop is the handle's other half.
                self._step(handle)

    def _jump(self) -> None:
        """Move to the next timer that is still wanted."""
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heappop(timers)
        if not timers:
            raise Deadlock(f"nothing is left to do after {self.now_ns} ns")
        self.now_ns = max(self.now_ns, timers[0][0])

    def _permute(self, batch: list[asyncio.Handle]) -> None:
        places = [place for place, handle in enumerate(batch) if _is_task_step(handle)]
        if len(places) > 1:
            steps = [batch[place] for place in places]
            self._rng.shuffle(steps)
            for place, handle in zip(places, steps, strict=True):
                batch[place] = handle

    def _step(self, handle: asyncio.Handle) -> None:
        owner = handle._context.get(OWNER)  # type: ignore[attr-defined]  # noqa: SLF001 - as above.
        if owner is not None:
            if owner.is_dead:
                return
            if owner.is_frozen:
                owner.held.append(handle)
                return
        self.steps += 1
        self.now_ns += self._cpu_ns
        self.trace = (self.trace * 1_000_003 ^ self.now_ns) & _TRACE_MASK
        handle._run()  # noqa: SLF001 - as above.

    def resume(self, handles: list[asyncio.Handle]) -> None:
        """Let callbacks run that were held back."""
        self._due.extend(handles)

    def bury(self, task: SimTask) -> None:
        """Keep a task of a dead process until the end: one that is collected before says so, or runs its `finally`."""
        self._buried.append(task)

    # --- A run --------------------------------------------------------------------------------------------------------

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str, context: Context) -> SimTask:
        """Start a task in a context, such as that of a process."""
        task = self.create_task(coroutine, name=name, context=context)
        assert isinstance(task, SimTask), "this loop makes no others"
        return task

    def finish(self) -> None:
        """Close every coroutine that is left, in a world where nothing has an effect any more."""
        self._is_over = True
        self._due.clear()
        self._timers.clear()
        # What never began says so when it goes; here that is what a killed process had still wanted to do.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            for task in sorted({*asyncio.all_tasks(self), *self._buried}, key=hash):
                _close(task)
            self._buried.clear()
        self.close()


def _close(task: "asyncio.Task[Any]") -> None:
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - it is killed, not lost.
    coroutine = task.get_coro()
    if not inspect.iscoroutine(coroutine):
        return
    # One that was to be awaited by it and never began would complain later, in somebody else's run.
    inner = [value for value in inspect.getcoroutinelocals(coroutine).values() if inspect.iscoroutine(value)]
    for each in (coroutine, *inner):
        with contextlib.suppress(BaseException):  # Whatever its `finally` does has no effect.
            each.close()


def _is_task_step(handle: asyncio.Handle) -> bool:
    callback: Callable[..., object] = handle._callback  # type: ignore[attr-defined]  # noqa: SLF001 - as in SimLoop.
    return type(getattr(callback, "__self__", None)) is SimTask


def run(loop: SimLoop, main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in virtual time, as `asyncio.run` does in real time.

    Raises:
        Deadlock: It waits for something that will never happen.
        RealIo: Something reached for the real world.
    """
    try:
        result: T = loop.run_until_complete(SimTask(main, None, loop=loop))
        return result
    finally:
        loop.finish()


def _refuse(name: str) -> Callable[..., Any]:
    def method(_loop: SimLoop, *_args: Any, **_options: Any) -> Any:
        raise RealIo(name)

    method.__name__ = name
    return method


for _name in (
    "add_reader", "add_signal_handler", "add_writer", "connect_accepted_socket", "connect_read_pipe",
    "connect_write_pipe", "create_connection", "create_datagram_endpoint", "create_server", "create_unix_connection",
    "create_unix_server", "getaddrinfo", "getnameinfo", "run_in_executor", "sendfile", "sock_accept", "sock_connect",
    "sock_recv", "sock_recv_into", "sock_sendall", "sock_sendfile", "start_tls", "subprocess_exec", "subprocess_shell",
):  # fmt: skip
    setattr(SimLoop, _name, _refuse(_name))
