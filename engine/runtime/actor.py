"""The actor of this engine: `pykka.Actor` on the event loop.

A subclass stores its collaborators in `__init__`, acquires in `on_start`, releases in `on_stop`, and names one handler
per message type with `@handles`. Synchronous handlers decide; `async def` handlers wait at the rim, one at a time.
"""

import asyncio
import contextvars
import inspect
from collections.abc import Callable, Coroutine
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from pykka import messages
from pykka._actor import Actor
from pykka._envelope import Envelope

from engine.domain.errors import InvariantBroken
from engine.runtime.clock import Clock, Timer
from engine.runtime.errors import UnhandledMessage
from engine.runtime.future import AsyncioFuture
from engine.runtime.handlers import Table, handles, tables_of
from engine.runtime.log import Logger, bind, get_logger
from engine.runtime.mailbox import Lane, Mailbox, MailboxSpec
from engine.runtime.parts import ActorTimer, Failure, Start, StopFlag, births, dead_error, fail_dead
from engine.runtime.ref import Ref
from engine.runtime.tasks import error_of, guard

if TYPE_CHECKING:
    from engine.runtime.system import ActorSystem

__all__ = ["AsyncioActor", "Lane", "MailboxSpec", "handles"]

_log = get_logger(__name__)

_PROXY_MESSAGES = (messages.ProxyCall, messages.ProxyGetAttr, messages.ProxySetAttr)


class AsyncioActor(Actor):
    """Base of all actors. Call `super().__init__()` first; start it with `await system.start(TheActor, ...)`."""

    mailbox: ClassVar[MailboxSpec] = MailboxSpec()
    """Limits of the mailbox; override in the subclass."""

    _actor_direct: ClassVar[Table] = {}
    _actor_coroutines: ClassVar[Table] = {}

    actor_inbox: Mailbox
    actor_stopped: StopFlag  # type: ignore[assignment]  # What pykka uses of an Event, without its lock.
    _actor_ref: Ref[Any]
    # These start in the class, so that an idle actor does not pay for them.
    _actor_system: "ActorSystem | None" = None
    _actor_tasks: "dict[asyncio.Task[Any], None] | None" = None
    _actor_deferred: "dict[AsyncioFuture[Any], None] | None" = None
    _actor_context: contextvars.Context | None = None
    _actor_logger: Logger | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        taken = [name for name in vars(cls) if name.startswith("_actor_")]
        assert not taken, f"{cls.__name__}: expected names that do not begin with _actor_, was {taken}"
        cls._actor_direct, cls._actor_coroutines = tables_of(cls)

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        """Take the place that `ActorSystem` has prepared. Made without one, the actor can be called but not sent to."""
        birth, births[:] = (births[-1], births[:-1]) if births else (None, [])
        self.actor_inbox = self._create_actor_inbox()
        self.actor_inbox.actor = self
        self.actor_inbox.handlers = self._actor_direct
        self.actor_stopped = StopFlag()
        self._actor_timers: dict[ActorTimer, None] = {}
        if birth is None:
            self.actor_urn = "urn:cival:not-started"
        else:
            self._actor_system = birth.system
            self.actor_urn = birth.urn
            self.actor_inbox.scheduler = birth.system.scheduler
        self._actor_ref = Ref(self)
        self._actor_ref._name = birth.name if birth is not None else None  # noqa: SLF001

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> Ref[Self]:
        """Start under a name of its own in the running loop's system, as pykka does: `on_start` runs in its first turn.

        Raises:
            RuntimeError: no loop runs. Nothing was registered.
        """
        from engine.runtime.system import ActorSystem  # noqa: PLC0415 - the system knows actors, not the reverse.

        return ActorSystem.of_running_loop().launch(cls, args, kwargs)

    @property
    def actor_ref(self) -> Ref[Self]:
        """What others send to."""
        return self._actor_ref

    @property
    def system(self) -> "ActorSystem":
        """The system that this actor was started in."""
        assert self._actor_system is not None, f"{self}: expected to be started by an ActorSystem, was made by hand"
        return self._actor_system

    @property
    def log(self) -> Logger:
        """A logger that names this actor in every line."""
        if self._actor_logger is None:
            self._actor_logger = get_logger(type(self).__module__).bind(actor=self._actor_ref.name)
        return self._actor_logger

    def __str__(self) -> str:
        return str(self._actor_ref)

    @property
    def is_at_rest(self) -> bool:
        """Whether no message waits here and no handler of this actor runs."""
        return not self.actor_inbox.scheduled

    # --- For handlers -----------------------------------------------------------------------------------------------

    def new_future(self) -> AsyncioFuture[Any]:
        """Return a future; a handler that returns it answers its ask when the future is set."""
        return AsyncioFuture()

    def after(self, delay_ns: int, message: Any, clock: Clock | None = None) -> Timer:
        """Tell myself `message` in `delay_ns` nanoseconds of `clock` (default: the system's), full mailbox or not.

        Returns:
            The timer; a stopped actor's timers are cancelled.
        """
        timer = ActorTimer(self, message)
        timer.handle = (clock or self.system.clock).call_after(delay_ns, timer.fire)
        self._actor_timers[timer] = None
        return timer

    def spawn(self, coroutine: Coroutine[Any, Any, Any], *, name: str) -> "asyncio.Task[Any]":
        """Run `coroutine` beside the handlers. If it fails the actor fails; when the actor stops it is cancelled."""
        task = self._actor_task(coroutine, name)
        if self._actor_tasks is None:
            self._actor_tasks = {}
        self._actor_tasks[task] = None
        task.add_done_callback(partial(self._actor_task_done, coroutine))
        return task

    def on_receive(self, message: Any) -> Any:
        """Take a message that no `@handles` method names; may be a coroutine.

        Raises:
            UnhandledMessage: always, unless overridden. To tell an actor what it does not understand is a defect.
        """
        raise UnhandledMessage(str(self), message)

    # --- pykka's three methods for a runtime ------------------------------------------------------------------------

    @classmethod
    def _create_actor_inbox(cls) -> Mailbox:
        return Mailbox(cls.mailbox)

    @staticmethod
    def _create_future() -> AsyncioFuture[Any]:
        return AsyncioFuture()

    def _start_actor_loop(self) -> None:
        """Enter the ready queue with `on_start` in front of everything that was sent already."""
        self._actor_begin(None)

    def _actor_begin(self, started: AsyncioFuture[Any] | None) -> None:
        box = self.actor_inbox
        box.scheduled = False
        box.put_first(Start() if started is None else Envelope(Start(), reply_to=started))

    # --- One message ------------------------------------------------------------------------------------------------

    def _actor_receive(self, item: Any) -> None:
        """Handle what the scheduler could not call directly: an ask, a coroutine handler, a message of the runtime."""
        message = self.actor_inbox.take(item)
        reply: AsyncioFuture[Any] | None = None
        if type(message) is Envelope:
            reply, message = cast("AsyncioFuture[Any] | None", message.reply_to), message.message
        try:
            result = self._actor_call(message)
        except BaseException as error:  # noqa: BLE001 - as in the scheduler: an error ends its actor only.
            self._actor_fail(error, reply, starting=type(message) is Start)
        else:
            if asyncio.iscoroutine(result):
                done = partial(self._actor_handled, reply, result, message)
                self._actor_serve(result, type(message).__name__, done)
            elif reply is not None:
                self._actor_answer(reply, result, deferrable=type(message) is not messages.ProxyGetAttr)

    def _actor_call(self, message: Any) -> Any:
        kind = type(message)
        handler = self._actor_direct.get(kind) or self._actor_coroutines.get(kind)
        if handler is not None:
            return handler(self, message)
        if kind is Start:
            return self.on_start()
        if kind is Failure:
            raise message.error
        if kind in _PROXY_MESSAGES:
            return self._handle_receive(message)
        return self.on_receive(message)

    def _actor_answer(self, reply: AsyncioFuture[Any], result: Any, *, deferrable: bool = True) -> None:
        if deferrable and isinstance(result, AsyncioFuture):
            if self._actor_deferred is None:
                self._actor_deferred = {}
            self._actor_deferred[reply] = None
            result.when_done(partial(self._actor_forward, reply))
        elif not reply.done():
            reply.set(result)

    def _actor_forward(self, reply: AsyncioFuture[Any], source: AsyncioFuture[Any]) -> None:
        if self._actor_deferred is not None:
            self._actor_deferred.pop(reply, None)
        if not reply.done():
            source.copy_to(reply)

    def _actor_serve(
        self, coroutine: Coroutine[Any, Any, Any], name: str, done: "Callable[[asyncio.Task[Any]], None]"
    ) -> None:
        """Run a coroutine in the place of a handler: no message is handled until it is over."""
        task = self._actor_task(coroutine, name)
        self.system.scheduler.begin(self.actor_inbox, task)
        task.add_done_callback(done)

    def _actor_handled(
        self,
        reply: AsyncioFuture[Any] | None,
        coroutine: Coroutine[Any, Any, Any],
        message: Any,
        task: "asyncio.Task[Any]",
    ) -> None:
        if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:  # Cancelled before its first step.
            coroutine.close()
            self.system.scheduler.dead_letter(self.actor_inbox, message)
        self.system.scheduler.end(task)
        error = error_of(task)
        if task.cancelled() and self.actor_inbox.stops is not None:  # Halted: the end comes next, and is no failure.
            fail_dead(reply, self._actor_ref)
        elif error is not None:
            self._actor_fail(error, reply, starting=type(message) is Start)
        elif reply is not None:
            self._actor_answer(reply, task.result())

    # --- Failure and end --------------------------------------------------------------------------------------------

    def _actor_fail(
        self, error: BaseException, reply: AsyncioFuture[Any] | None = None, *, starting: bool = False
    ) -> None:
        """Give the error to the asker; without one, or where it tells of broken books, end the actor."""
        ends = starting or isinstance(error, InvariantBroken) or not isinstance(error, Exception)
        if reply is not None and not reply.done():
            reply.fail(error if isinstance(error, Exception) else dead_error(self._actor_ref, error))
            if not ends:
                _log.debug("ask_failed", actor=self._actor_ref.name, error=repr(error))
                return
        if self.actor_stopped.is_set():
            return
        self._handle_failure(type(error), error, error.__traceback__)
        hook = None if starting else partial(self.on_failure, type(error), error, error.__traceback__)
        self._actor_close(hook, error)
        if isinstance(error, KeyboardInterrupt):
            raise error  # The operator's, not the actor's: the loop has to hear of it.

    def _actor_fail_soon(self, error: BaseException) -> None:
        self.actor_inbox.put_first(Failure(error))

    def _actor_halt(self) -> None:
        """Make the end the next thing that happens."""
        scheduler = self.system.scheduler
        self._actor_settle_left(self.actor_inbox.empty_lanes())
        task = scheduler.task_of(self.actor_inbox)
        if task is not None and not self.actor_stopped.is_set():
            task.cancel()

    def _actor_end(self) -> None:
        """Stop: everything that came before is handled."""
        self._actor_unregister()
        self._actor_close(self.on_stop, None)

    def _stop(self) -> None:
        """Stop at once (pykka's name)."""
        self._actor_halt()
        self.stop()

    def _handle_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _log.error(
            "actor_failed",
            actor=self._actor_ref.name,
            exc_info=(exception_type, exception_value, traceback),
        )
        self._actor_unregister()

    def _actor_unregister(self) -> None:
        if not self.actor_stopped.is_set():
            self.actor_inbox.close()
            self.actor_stopped.set()
            self.system.forget(self._actor_ref)

    def _actor_close(self, hook: Callable[[], Any] | None, error: BaseException | None) -> None:
        """Run the last hook, end what `spawn` began, and only then answer whoever waits for the end."""
        result: Any = None
        try:
            result = hook() if hook is not None else None
        except BaseException as failure:  # noqa: BLE001 - the end goes on.
            self._handle_failure(type(failure), failure, failure.__traceback__)
        if asyncio.iscoroutine(result) or self._actor_tasks:
            coroutine = self._actor_close_slowly(result)
            self._actor_serve(coroutine, "stop", partial(self._actor_closed, error, coroutine))
        else:
            self._actor_finish(error)

    async def _actor_close_slowly(self, hook: Coroutine[Any, Any, Any] | None) -> None:
        if hook is not None:
            try:
                await hook
            except Exception as failure:  # noqa: BLE001 - as in _close.
                self._handle_failure(type(failure), failure, failure.__traceback__)
        tasks = list(self._actor_tasks or ())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _actor_closed(
        self, error: BaseException | None, coroutine: Coroutine[Any, Any, Any], task: "asyncio.Task[Any]"
    ) -> None:
        coroutine.close()
        failure = error_of(task)
        if failure is not None:
            self._handle_failure(type(failure), failure, failure.__traceback__)
        self._actor_finish(error)
        self.system.scheduler.end(task)

    def _actor_finish(self, error: BaseException | None) -> None:
        """Settle every reply that this actor still owes, and let go of it."""
        box = self.actor_inbox
        self._actor_settle_left(box.empty_lanes())
        for timer in list(self._actor_timers):
            timer.cancel()
        for reply in list(self._actor_deferred or ()):
            fail_dead(reply, self._actor_ref)
        self._actor_deferred = None
        stops, box.stops = box.stops, None
        box.actor = None
        for stop in stops or ():
            stop.set(None)
        self.system.ended(self._actor_ref, error)

    def _actor_settle_left(self, left: list[Any]) -> None:
        dead_letter = self.system.scheduler.dead_letter
        for item in left:
            if type(item) is Envelope:
                fail_dead(cast("AsyncioFuture[Any] | None", item.reply_to), self._actor_ref)
                dead_letter(self.actor_inbox, item.message)
            elif type(item) is Failure:  # A second reason to end.
                _log.debug("failed_again", actor=self._actor_ref.name, error=repr(item.error))
            else:
                dead_letter(self.actor_inbox, item)

    # --- Tasks ------------------------------------------------------------------------------------------------------

    def _actor_task(self, coroutine: Coroutine[Any, Any, Any], name: str) -> "asyncio.Task[Any]":
        scheduler = self.system.scheduler
        if self._actor_context is None:
            self._actor_context = scheduler.new_context()
            self._actor_context.run(bind, actor=self._actor_ref.name)
        return scheduler.loop.create_task(
            guard(coroutine), name=f"{self._actor_ref.name}/{name}", context=self._actor_context.copy()
        )

    def _actor_task_done(self, coroutine: Coroutine[Any, Any, Any], task: "asyncio.Task[Any]") -> None:
        coroutine.close()
        if self._actor_tasks is not None:
            self._actor_tasks.pop(task, None)
        if task.cancelled():
            return
        error = error_of(task)
        if error is None:
            return
        if self.actor_stopped.is_set():
            _log.debug("task_failed_after_stop", task=task.get_name(), error=repr(error))
        else:
            self._actor_fail_soon(error)
