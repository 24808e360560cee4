"""The one ready queue of an actor system, and the turns in which it is worked off.

A mailbox enters the queue when its first message comes and leaves when it is empty. The first entry asks the loop for
one turn (`call_soon`); a turn handles at most `budget` messages and then lets the loop do its I/O. So a burst costs one
wake-up, an idle actor costs nothing, and the order of everything is the order of entry.
"""

# ruff: noqa: SLF001 - the scheduler is the loop of all actors and calls what their proxies must not show.

import asyncio
import contextvars
from _thread import get_ident
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.runtime.errors import BlockingCall
from engine.runtime.mailbox import Mailbox

if TYPE_CHECKING:
    from engine.runtime.clock import Clock
    from engine.runtime.metrics import HandlerSampler

UNLIMITED = 1 << 62

BURST = 128
"""Messages of one actor before the next actor gets its turn."""
_BURST = tuple(range(1, BURST + 1))

BUDGET = 128
"""Messages handled before the loop gets a chance: 64 and 256 cost the same per message; I/O waits 0.1 ms at most."""


class Scheduler:
    """Runs the mailboxes of one system on one loop and one thread."""

    def __init__(self, clock: "Clock", *, fatal: Callable[[BaseException], None]) -> None:
        """Take the clock of deadlines and timers.

        Args:
            clock: where deadlines of asks count.
            fatal: what to do about an error of the runtime itself, which leaves no state to trust.
        """
        self.clock = clock
        self.fatal = fatal
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._context = contextvars.Context()
        """Context of the system's start, in which all handlers run: none inherits that of whoever woke it."""
        self._ready: deque[Mailbox] = deque()
        self._awake = False
        """A turn is arranged or running, so that a wake-up need not arrange one."""
        self._called = False
        """The loop has been asked for a turn that has not begun."""
        self._running = False
        self._busy: dict[asyncio.Task[Any], Mailbox] = {}
        self.sampler: HandlerSampler | None = None
        """Times some of the handlers, if set."""
        self._quiet: list[asyncio.Future[None]] = []
        self.on_dead_letter: Callable[[Mailbox, Any], None] | None = None
        """Told of each message that nobody will handle; asks are answered besides."""

    def bind(self) -> asyncio.AbstractEventLoop:
        """Return the running loop, and stay with it from now on.

        Raises:
            RuntimeError: no loop runs, or another one than before.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                raise RuntimeError("expected the event loop that this actor system began on, was another")
            self._loop = loop
            self._thread = get_ident()
            self._context = contextvars.copy_context()
        return loop

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that this system runs on."""
        return self._loop if self._loop is not None else self.bind()

    def is_foreign_thread(self) -> bool:
        """Whether the caller runs beside the loop, not on it."""
        return self._loop is not None and get_ident() != self._thread

    def call_soon_threadsafe(self, function: Callable[..., object], *args: object) -> None:
        """Run on the loop's thread."""
        self.loop.call_soon_threadsafe(function, *args)

    def wake(self, box: Mailbox) -> None:
        """Put a mailbox into the ready queue. Any thread may."""
        box.scheduled = True
        self._ready.append(box)
        if not self._awake:
            self._awake = True
            self._call()

    def dead_letter(self, box: Mailbox, message: Any) -> None:
        """Report a message that nobody will handle."""
        if self.on_dead_letter is not None:
            self.on_dead_letter(box, message)

    def drain(self, limit: int | None = None) -> bool:
        """Handle what is queued, here and now, also what the handlers send.

        Args:
            limit: messages to handle at most; None: until the queue is empty, which two actors that keep each other
                busy never let happen.

        Returns:
            Whether all is quiet: no message waits and no coroutine of an actor runs.

        Raises:
            BlockingCall: called from a handler, which would run other handlers inside it.
        """
        if self._running:
            raise BlockingCall("system.drain() in a handler", instead="let the handler return")
        if self._ready:
            self._awake = True
            try:
                self._context.run(self._work_off, UNLIMITED if limit is None else limit)
            finally:
                # A turn that the loop was asked for still comes, and finds what there is then.
                self._awake = self._called
                if self._ready and not self._called:
                    self._awake = True
                    self._call()
        return not self._ready and not self._busy

    async def idle(self) -> None:
        """Return when no message waits and no handler runs.

        Timers that are not due and tasks made by `spawn` do not count: they may go on for ever.

        Raises:
            BlockingCall: called from a coroutine handler, which would wait for itself.
        """
        if self._busy and asyncio.current_task() in self._busy:
            raise BlockingCall("system.idle() in a handler", instead="let the handler return")
        while not self.drain(BUDGET * 16):
            if self._ready:
                await asyncio.sleep(0)
            else:
                waiter = self.loop.create_future()
                self._quiet.append(waiter)
                await waiter

    def begin(self, box: Mailbox, task: "asyncio.Task[Any]") -> None:
        """Hold the mailbox back while `task`, a coroutine of its actor, runs."""
        box.busy = True
        self._busy[task] = box

    def end(self, task: "asyncio.Task[Any]") -> None:
        """Let the next message of the mailbox through."""
        box = self._busy.pop(task)
        box.busy = False
        if box.actor is not None:
            self.wake(box)
        elif not self._ready and not self._busy:
            self._tell_quiet()

    def task_of(self, box: Mailbox) -> "asyncio.Task[Any] | None":
        """Return the running coroutine of a busy mailbox."""
        return next((task for task, held in self._busy.items() if held is box), None)

    def new_context(self) -> contextvars.Context:
        """Return a context for a coroutine of an actor."""
        return self._context.copy()

    def _call(self) -> None:
        self._called = True
        if get_ident() == self._thread:
            self.loop.call_soon(self._on_loop, context=self._context)
        else:
            self.loop.call_soon_threadsafe(self._on_loop, context=self._context)

    def _on_loop(self) -> None:
        self._called = False
        try:
            self._work_off(BUDGET)
        finally:
            self._awake = False
            # Looked at after _awake is cleared: another thread may have entered a mailbox meanwhile.
            if self._ready and not self._called:
                self._awake = True
                self._call()

    def _work_off(self, budget: int) -> None:
        """Handle about `budget` messages, at most one burst more, in order of the ready queue."""
        ready = self._ready
        self._running = True
        try:
            while ready and budget > 0:
                sampler = self.sampler
                if sampler is None or not sampler.due():
                    budget -= self._burst(ready.popleft())
                else:
                    budget -= self._timed_burst(sampler, ready.popleft())
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - handlers' errors never come here; this is a defect of ours.
            self.fatal(error)
        finally:
            self._running = False
        if self._quiet and not ready and not self._busy:
            self._tell_quiet()

    def _burst(self, box: Mailbox) -> int:  # noqa: C901, PLR0912 - one loop, kept in one piece for its speed.
        """Handle what a mailbox holds, at most a burst, and return how many messages that was."""
        actor = box.actor
        if actor is None or box.busy:
            return 0
        handlers = box.handlers
        # The hottest loop of the engine: 70 ns a message with its handler. Taking the lanes apart here instead of by
        # box.get() is worth 60 ns of that, and counting by a finished tuple 10 ns against a subtraction.
        for handled in _BURST:
            if box.control:
                message = box.control.popleft()
            elif box.orders:
                message = box.orders.popleft()
            elif box.market:
                message = box.market.popleft()
            else:
                if box.stops is not None:  # Only now, behind all lanes.
                    actor._actor_end()
                else:
                    box.scheduled = False
                    if box.control or box.orders or box.market:  # Another thread has put one since.
                        self.wake(box)
                return handled - 1
            try:
                handler = handlers[type(message)]
            except KeyError:
                handler = None
            if handler is None:
                actor._actor_receive(message)
                if box.busy or box.actor is None:  # type: ignore[redundant-expr]  # _receive has set them.
                    return handled
            else:
                try:
                    handler(actor, message)
                except BaseException as error:  # noqa: BLE001 - the one catch-all: an error ends its actor only.
                    actor._actor_fail(error)
                    return handled
        self._ready.append(box)
        return BURST

    def _timed_burst(self, sampler: "HandlerSampler", box: Mailbox) -> int:
        actor_class = type(box.actor)
        before_s = sampler.now_s()
        handled = self._burst(box)
        if handled:
            sampler.record(actor_class, (sampler.now_s() - before_s) / handled)
        return handled

    def _tell_quiet(self) -> None:
        waiters, self._quiet = self._quiet, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
