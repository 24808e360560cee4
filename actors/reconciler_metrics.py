"""What operators see of comparisons with venues."""

from typing import Final

from engine.domain.identifiers import AccountId
from engine.runtime.metrics import Metrics

SECONDS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)
NS_PER_S: Final = 1_000_000_000


class ReconcilerMetrics:
    """The numbers of one account; nothing is counted where there are no metrics."""

    def __init__(self, metrics: Metrics | None, account_id: AccountId) -> None:
        """Make or find the metrics."""
        self._account = str(account_id)
        self._metrics = metrics
        if metrics is None:
            return
        self._seconds = metrics.histogram(
            "reconciliation_seconds", "Time of one comparison with a venue.", ("depth", "outcome"), SECONDS
        )
        self._good_at = metrics.gauge(
            "reconciliation_good_timestamp_seconds", "When an account was last compared as a whole.", ("account",)
        )
        self._open = metrics.gauge("discrepancies_open", "Differences to the venue without explanation.", ("account",))
        self._wrong = metrics.counter(
            "venue_pages_wrong", "What was wrong in the pages of a venue's answers.", ("account", "what")
        )
        self._silences = metrics.counter(
            "private_stream_silences", "Times that a venue did not push what it shows when asked.", ("account",)
        )

    def ran(self, *, depth: str, outcome: str, duration_ns: int, finished_ns: int) -> None:
        """Count a run."""
        if self._metrics is not None:
            self._seconds.labels(depth, outcome).observe(duration_ns / NS_PER_S)
            if outcome == "done":
                self._good_at.labels(self._account).set(finished_ns / NS_PER_S)

    def found_wrong(self, wrong: dict[str, int]) -> None:
        """Count what was wrong in pages."""
        if self._metrics is not None:
            for what, count in wrong.items():
                self._wrong.labels(self._account, what).inc(count)

    def differ(self, count: int) -> None:
        """Show how many differences are open."""
        if self._metrics is not None:
            self._open.labels(self._account).set(count)

    def went_silent(self) -> None:
        """Count a silence."""
        if self._metrics is not None:
            self._silences.labels(self._account).inc()
