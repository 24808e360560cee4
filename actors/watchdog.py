"""Watches the loop: measures how late it is, and tells the service manager that the engine lives.

A sign of life goes out only from a loop that turns, so an engine that hangs is restarted by its manager. What a late
loop does to trading is not decided here: the risk gate looks at the age of its prices.
"""

from collections.abc import Callable

from engine.domain.ports import Clock
from engine.messages.system import TimerFired
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.log import get_logger

PROBE_INTERVAL_NS = 250_000_000
LATE_NS = 100_000_000
"""A loop that is this late is logged, once per episode."""

_log = get_logger(__name__)


class Watchdog(AsyncioActor):
    """One per engine."""

    def __init__(
        self,
        *,
        clock: Clock,
        alive: Callable[[], None],
        alive_interval_ns: int | None,
        observe_lag: Callable[[float], None],
    ) -> None:
        """Take how to give a sign of life, how often (None: never), and where lag is counted (seconds)."""
        super().__init__()
        self._clock = clock
        self._alive = alive
        self._alive_interval_ns = alive_interval_ns
        self._observe_lag = observe_lag
        self._due_ns = 0
        self._last_alive_ns = 0
        self._late = False
        self.lag_ns = 0
        """How late the last probe came."""

    def on_start(self) -> None:
        """Arm the first probe."""
        self._last_alive_ns = self._clock.monotonic_ns()
        self._arm()

    @handles(TimerFired)
    def on_probe(self, message: TimerFired) -> None:
        """Measure, tell, arm again."""
        del message
        now_ns = self._clock.monotonic_ns()
        self.lag_ns = max(0, now_ns - self._due_ns)
        self._observe_lag(self.lag_ns / 1e9)
        self._note_lateness()
        if self._alive_interval_ns is not None and now_ns - self._last_alive_ns >= self._alive_interval_ns:
            self._last_alive_ns = now_ns
            self._alive()
        self._arm()

    def _arm(self) -> None:
        self._due_ns = self._clock.monotonic_ns() + PROBE_INTERVAL_NS
        self.after(PROBE_INTERVAL_NS, TimerFired(name="probe"))

    def _note_lateness(self) -> None:
        late = self.lag_ns >= LATE_NS
        if late and not self._late:
            _log.warning("loop_late", lag_ms=self.lag_ns // 1_000_000)
        self._late = late
