"""A reply that has not come yet: pykka's `Future` on the event loop.

`await` takes the place of `get()`. A call that would have to block the loop raises instead of dead-locking it.
"""

# ruff: noqa: SLF001 - an actor, its ref and its replies are one thing in several files.

import asyncio
import queue
import sys
from collections.abc import Callable, Generator, Iterable
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pykka import Future, Timeout

from engine.runtime.errors import BlockingCall

if TYPE_CHECKING:
    from pykka._types import OptExcInfo

    from engine.runtime.clock import Clock

T = TypeVar("T")
J = TypeVar("J")
M = TypeVar("M")
R = TypeVar("R")

NS_PER_S = 1_000_000_000


class AsyncioFuture(Future[T]):
    """A value that is here now or later, or the error that came instead. It is settled once.

    Instances come from `ask`, from a proxy, and from `AsyncioActor.new_future`. Differences from pykka's threads:
    `map`, `filter`, `join` and `reduce` compute when their sources are settled, not when they are read; and a reply
    that is awaited by nobody is dropped without a word, also when it is an error.
    """

    # The state of a fresh future is in the class: an ask makes one per message.
    _done = False
    _value: Any = None
    _error: BaseException | None = None
    _callbacks: list[Callable[["AsyncioFuture[Any]"], None]] | None = None
    _clock: "Clock | None" = None
    _deadline_ns: int = 0
    _timeout_s: float = 0.0
    _get_hook: Callable[[float | None], Any] | None = None

    def __init__(self) -> None:
        """Make an unsettled future; everything it starts with stands in the class."""

    def __repr__(self) -> str:
        state = "pending" if not self._done else "failed" if self._error is not None else "set"
        return f"<{type(self).__name__} {state}>"

    def done(self) -> bool:
        """Whether a value or an error is here."""
        return self._done

    def expire_at(self, clock: "Clock", timeout_s: float) -> None:
        """Let whoever awaits get `Timeout` when `timeout_s` seconds, counted from now on `clock`, have passed."""
        self._clock = clock
        self._timeout_s = timeout_s
        self._deadline_ns = clock.monotonic_ns() + int(timeout_s * NS_PER_S)

    def get(self, *, timeout: float | None = None) -> Any:
        """Return the value if it is here.

        Raises:
            BlockingCall: it is not here yet; await the future instead.
            Exception: the error that was set.
        """
        if self._get_hook is not None:
            return super().get(timeout=timeout)
        if not self._done:
            raise BlockingCall("future.get()", instead="await future")
        if self._error is not None:
            raise self._error.with_traceback(self._error.__traceback__)
        return self._value

    def set(self, value: T | None = None) -> None:
        """Settle with a value.

        Raises:
            queue.Full: it is settled already, or has a hook.
        """
        self._settle(value, None)

    def set_exception(self, exc_info: "OptExcInfo | None" = None) -> None:
        """Settle with the error of `exc_info`, or with the one being handled now.

        Raises:
            queue.Full: it is settled already, or has a hook.
        """
        kind, error, traceback = sys.exc_info() if exc_info is None else exc_info
        if error is None:
            assert kind is not None, "expected an exception to set, was none being handled"
            error = kind()
        self._settle(None, error.with_traceback(traceback))

    def fail(self, error: BaseException) -> None:
        """Settle with an error (as `set_exception`, without pykka's tuple)."""
        self._settle(None, error)

    def copy_to(self, other: "AsyncioFuture[Any]") -> None:
        """Settle `other` as this one is settled."""
        if self._get_hook is None:
            other._settle(self._value, self._error)
        else:
            try:
                other.set(self.get())
            except Exception as error:  # noqa: BLE001 - the hook's error is the value, as in pykka.
                other.fail(error)

    def set_get_hook(self, func: Callable[[float | None], T]) -> None:
        """Compute the value by `func(timeout)` when it is first read; `func` may not block.

        Raises:
            queue.Full: it is settled already.
        """
        if self._done:
            raise queue.Full
        self._get_hook_result = _UNSET
        self._get_hook = func

    def when_done(self, callback: Callable[["AsyncioFuture[Any]"], None]) -> None:
        """Call once when this is settled, in the turn that settles it; at once if it is. `callback` may not raise."""
        if self._done:
            callback(self)
        elif self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)

    def map(self, func: Callable[[T], M]) -> "AsyncioFuture[M]":
        """Return a future of `func(value)`."""
        return cast("AsyncioFuture[M]", self._derive((self,), lambda values: func(values[0])))

    def filter(self: "Future[Iterable[J]]", func: Callable[[J], bool]) -> "AsyncioFuture[Iterable[J]]":
        """Return a future of the list of those items of an iterable value that pass."""
        source = cast("AsyncioFuture[Any]", self)
        return source._derive((source,), lambda values: list(filter(func, values[0])))

    def join(self: "Future[Any]", *futures: "Future[Any]") -> "AsyncioFuture[Iterable[Any]]":
        """Return a future of the list of all values, ours first. The first error, in that order, is the error."""
        source = cast("AsyncioFuture[Any]", self)
        sources = (source, *(cast("AsyncioFuture[Any]", future) for future in futures))
        return source._derive(sources, list)

    def reduce(self: "Future[Iterable[J]]", func: Callable[[R, J], R], *args: R) -> "AsyncioFuture[R]":
        """Return a future of the items folded from left to right; `args`: the start value, if there is one."""
        source = cast("AsyncioFuture[Any]", self)
        fold: Callable[..., Any] = reduce
        return source._derive((source,), lambda values: fold(func, values[0], *args))

    def __await__(self) -> Generator[Any, None, T]:
        """Wait on the running loop for the value.

        Raises:
            Timeout: the deadline of the ask has passed. A reply that comes later can still be awaited.
            Exception: the error that was set.
        """
        if not self._done and self._get_hook is None:
            rest_ns = self._deadline_ns - self._clock.monotonic_ns() if self._clock is not None else 1
            if rest_ns <= 0:
                raise Timeout(f"{self._timeout_s} seconds")
            waiter = asyncio.get_running_loop().create_future()
            wake = partial(_wake, waiter)
            self.when_done(wake)
            timer = None if self._clock is None else self._clock.call_after(rest_ns, partial(wake, self))
            try:
                yield from waiter
            finally:
                if timer is not None:
                    timer.cancel()
                if self._callbacks is not None:  # Nobody has settled it: a deadline or a cancellation ended the wait.
                    self._callbacks.remove(wake)
            if not self._done:
                raise Timeout(f"{self._timeout_s} seconds")
        return cast("T", self.get())

    __iter__ = __await__

    def _settle(self, value: Any, error: BaseException | None) -> None:
        if self._done or self._get_hook is not None:
            raise queue.Full
        self._done = True
        self._value = value
        self._error = error
        callbacks = self._callbacks
        if callbacks is not None:
            self._callbacks = None
            for callback in callbacks:
                callback(self)

    def _derive(
        self, sources: "tuple[AsyncioFuture[Any], ...]", compute: Callable[[list[Any]], Any]
    ) -> "AsyncioFuture[Any]":
        derived: AsyncioFuture[Any] = type(self)()
        derived._clock, derived._deadline_ns, derived._timeout_s = self._clock, self._deadline_ns, self._timeout_s
        left = len(sources)

        def one_done(_: AsyncioFuture[Any]) -> None:
            nonlocal left
            left -= 1
            if left:
                return
            try:
                derived.set(compute([source.get() for source in sources]))
            except Exception as error:  # noqa: BLE001 - whatever `compute` raises is the value, as in pykka.
                derived.fail(error)

        for source in sources:
            source.when_done(one_done)
        return derived


# Pykka tells by the class of this that a hook has not run yet.
_UNSET = type(Future()._get_hook_result)()


def _wake(waiter: "asyncio.Future[None]", _: AsyncioFuture[Any]) -> None:
    if not waiter.done():
        waiter.set_result(None)
