"""Start in order, stop in reverse, and never hang on the way out.

The composition root describes the engine as stages (database, writer, venues, cells, API). A stage that cannot start
stops those before it. When stopping, each stage has its own deadline: one that misses it is cancelled and left behind,
so that those below it still get their turn and the process ends in the sum of the deadlines at the latest.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.runtime.clock import NS_PER_S, Clock
from engine.runtime.errors import Timeout
from engine.runtime.log import get_logger

NS_PER_MS = 1_000_000

_log = get_logger(__name__)


async def _nothing() -> None:
    """Take the place of a step that a stage does not have."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the way up and down."""

    name: str
    start: Callable[[], Awaitable[object]] = _nothing
    stop: Callable[[], Awaitable[object]] = _nothing
    start_timeout_s: float | None = None
    """None: as long as it takes."""
    stop_timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Stopped:
    """How the stop of one stage went."""

    name: str
    took_ms: int
    error: BaseException | None = None
    """`Timeout` if it missed its deadline, else what it raised."""


class Lifecycle:
    """Carries stages up and down."""

    def __init__(self, clock: Clock) -> None:
        """Measure deadlines on `clock`."""
        self._clock = clock
        self._started: list[Stage] = []
        self._left_behind: list[asyncio.Task[Any]] = []

    @property
    def started(self) -> list[str]:
        """Names of the stages that are up, first started first."""
        return [stage.name for stage in self._started]

    async def start(self, stages: Sequence[Stage]) -> None:
        """Start one stage after another.

        Raises:
            Exception: what the first failing stage raised, or `Timeout`. Those before it have been stopped.
        """
        for stage in stages:
            before_ns = self._clock.monotonic_ns()
            try:
                await self._within(stage.start, stage.start_timeout_s, f"start of {stage.name}")
            except BaseException:
                _log.warning("stage_failed", stage=stage.name)
                await self.stop()
                raise
            self._started.append(stage)
            _log.debug("stage_started", stage=stage.name, took_ms=self._since_ms(before_ns))

    async def stop(self) -> list[Stopped]:
        """Stop what was started, last first. Errors are logged and returned, and stop nothing else.

        A second call while the first is under way stops only what the first has not come to.
        """
        reports = []
        while self._started:
            stage = self._started.pop()
            before_ns = self._clock.monotonic_ns()
            error: BaseException | None = None
            try:
                await self._within(stage.stop, stage.stop_timeout_s, f"stop of {stage.name}")
            except Exception as failure:  # noqa: BLE001 - the stages below must be stopped whatever happens here.
                error = failure
                _log.error("stage_stop_failed", stage=stage.name, error=repr(failure))
            reports.append(Stopped(stage.name, self._since_ms(before_ns), error))
        return reports

    def _since_ms(self, before_ns: int) -> int:
        return (self._clock.monotonic_ns() - before_ns) // NS_PER_MS

    async def _within(self, step: Callable[[], Awaitable[object]], timeout_s: float | None, what: str) -> None:
        async def run() -> None:
            await step()

        task = asyncio.get_running_loop().create_task(run(), name=what)
        over = asyncio.get_running_loop().create_future()
        task.add_done_callback(partial(_set, over))
        timer = None
        if timeout_s is not None:
            timer = self._clock.call_after(int(timeout_s * NS_PER_S), partial(_set, over, None))
        try:
            await over
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if not task.done():
            # It may ignore its cancellation, so nobody waits for it; kept, because the loop keeps tasks weakly.
            task.cancel()
            task.add_done_callback(self._ended_late)
            self._left_behind.append(task)
            raise Timeout(f"{what}: expected within {timeout_s} seconds")
        task.result()

    def _ended_late(self, task: "asyncio.Task[Any]") -> None:
        self._left_behind.remove(task)
        error = None if task.cancelled() else task.exception()
        _log.warning("stage_ended_late", task=task.get_name(), error=repr(error) if error is not None else None)


def _set(future: "asyncio.Future[None]", _: object) -> None:
    if not future.done():
        future.set_result(None)
