"""What operators see of the writer."""

from typing import Final

from engine.runtime.metrics import Metrics
from storage.backlog import Backlog

SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0)
UNITS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class WriterMetrics:
    """Numbers of one writer."""

    def __init__(self, metrics: Metrics, backlog: Backlog) -> None:
        """Make them, and show `backlog` whenever it is asked for."""
        self.seconds = metrics.histogram("commit_seconds", "Time of one commit of facts.", (), SECONDS)
        self.units = metrics.histogram("commit_units", "Units of one commit of facts.", (), UNITS)
        self.outages = metrics.counter("database_outages", "Times that the database went away.")
        waiting = metrics.gauge("units_outstanding", "Units that are not durable yet.")
        waiting.set_function(lambda: backlog.outstanding)
