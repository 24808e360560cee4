"""Numbers for operators: a thin typed layer over prometheus_client with a registry of its own.

Everything is named `cival_...`. What can be read when it is asked for (depths of mailboxes, number of actors) is not
counted as it happens; the time of handlers is sampled.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

if TYPE_CHECKING:
    from engine.runtime.system import ActorSystem

K = TypeVar("K", Counter, Gauge, Histogram)

HANDLER_BUCKETS_S = (1e-6, 1e-5, 1e-4, 1e-3, 5e-3, 0.025, 0.1, 0.5, 2.0, 10.0)
LAG_BUCKETS_S = (1e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
LAG_INTERVAL_S = 0.25

SAMPLE_EVERY = 64
"""Of this many bursts of synchronous handlers one is timed; two clock reads each would double what a message costs."""


class Metrics:
    """The metrics of one engine."""

    def __init__(self) -> None:
        """Make the runtime's own metrics; others come by `counter`, `gauge` and `histogram`."""
        self.registry = CollectorRegistry()
        self._made: dict[str, Counter | Gauge | Histogram] = {}
        self.dead_letters = self.counter(
            "dead_letters", "Messages that nobody handled because their actor had stopped.", ["actor"]
        )
        self.failures = self.counter("actor_failures", "Actors that ended by an error.", ["actor"])
        self.restarts = self.counter("actor_restarts", "Actors started again by a supervisor.", ["actor"])
        self.escalations = self.counter("escalations", "Failures that a supervisor passed on.", ["group"])
        self.handler_seconds = self.histogram(
            "handler_seconds", "Time of one handler (synchronous ones are sampled).", ["actor"], HANDLER_BUCKETS_S
        )
        self.loop_lag_seconds = self.histogram(
            "loop_lag_seconds", "How much later than asked for the event loop calls back.", (), LAG_BUCKETS_S
        )

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        """Return the counter `cival_<name>_total`, made by whoever asks first."""
        return self._get(Counter, name, text, labels)

    def gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        """Return the gauge `cival_<name>`, made by whoever asks first."""
        return self._get(Gauge, name, text, labels)

    def histogram(
        self, name: str, text: str, labels: Sequence[str] = (), buckets: Sequence[float] = Histogram.DEFAULT_BUCKETS
    ) -> Histogram:
        """Return the histogram `cival_<name>`, made by whoever asks first; `buckets`: upper bounds, ascending."""
        return self._get(Histogram, name, text, labels, buckets=tuple(buckets))

    def render(self) -> bytes:
        """Return everything in the text format that Prometheus reads."""
        return generate_latest(self.registry)

    def watch_system(self, system: "ActorSystem") -> None:
        """Show the actors and mailboxes of `system` (called by it)."""
        self.registry.register(_SystemCollector(system))

    def watch_loop(self, interval_s: float = LAG_INTERVAL_S) -> "LoopLag":
        """Measure the lag of the running loop until the answer is cancelled."""
        return LoopLag(self.loop_lag_seconds, interval_s)

    def _get(self, kind: type[K], name: str, text: str, labels: Sequence[str], **more: Any) -> K:
        made = self._made.get(name)
        if made is None:
            made = kind(name, text, tuple(labels), namespace="cival", registry=self.registry, **more)
            self._made[name] = made
        assert isinstance(made, kind), f"metric {name}: expected a {kind.__name__}, was a {type(made).__name__}"
        return made


class LoopLag:
    """Asks the loop for a call every interval and records how late it comes."""

    def __init__(self, histogram: Histogram, interval_s: float) -> None:
        """Begin on the running loop."""
        self._observe = histogram.observe
        self._interval_s = interval_s
        self._loop = asyncio.get_running_loop()
        self.last_s = 0.0
        """The newest measurement, in seconds."""
        self._arm()

    def cancel(self) -> None:
        """Measure no more."""
        self._handle.cancel()

    def _arm(self) -> None:
        self._due_s = self._loop.time() + self._interval_s
        self._handle = self._loop.call_at(self._due_s, self._called)

    def _called(self) -> None:
        self.last_s = max(self._loop.time() - self._due_s, 0.0)
        self._observe(self.last_s)
        self._arm()


class HandlerSampler:
    """Times handlers for the scheduler."""

    def __init__(self, histogram: Histogram) -> None:
        """Record into `histogram`, labelled with the actor's class."""
        self._histogram = histogram
        self._until_next = SAMPLE_EVERY
        self.now_s = time.perf_counter

    def due(self) -> bool:
        """Whether this burst is one to time."""
        self._until_next -= 1
        if self._until_next:
            return False
        self._until_next = SAMPLE_EVERY
        return True

    def record(self, actor_class: type, seconds: float) -> None:
        """Record the time of one message."""
        self._histogram.labels(actor_class.__name__).observe(seconds)


class _SystemCollector:
    """Reads the directory when Prometheus asks."""

    def __init__(self, system: "ActorSystem") -> None:
        self._system = system

    def collect(self) -> Iterable[Metric]:
        """Return actors, queued messages (sum and longest mailbox) and dropped market messages, by actor class."""
        actors = GaugeMetricFamily("cival_actors", "Actors that run.", labels=["actor"])
        queued = GaugeMetricFamily("cival_mailbox_depth", "Messages that wait, all mailboxes.", labels=["actor"])
        longest = GaugeMetricFamily("cival_mailbox_depth_max", "Messages in the longest mailbox.", labels=["actor"])
        dropped = GaugeMetricFamily(
            "cival_mailbox_dropped", "Market messages replaced by newer ones, running actors.", labels=["actor"]
        )
        boxes: dict[str, list[Any]] = {}
        for ref in self._system.directory.get_all():
            boxes.setdefault(ref.actor_class.__name__, []).append(ref.actor_inbox)
        for name, of_class in sorted(boxes.items()):
            depths = [len(box) for box in of_class]
            actors.add_metric([name], len(of_class))
            queued.add_metric([name], sum(depths))
            longest.add_metric([name], max(depths))
            dropped.add_metric([name], sum(box.dropped for box in of_class))
        return [actors, queued, longest, dropped]
