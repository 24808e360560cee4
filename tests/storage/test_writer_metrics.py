from engine.runtime.metrics import Metrics
from storage.backlog import Backlog
from storage.writer_metrics import WriterMetrics


def test_operators_see_what_the_writer_does() -> None:
    metrics, backlog = Metrics(), Backlog()
    shown = WriterMetrics(metrics, backlog)
    shown.seconds.observe(0.003)
    shown.units.observe(32)
    shown.outages.inc()
    backlog.add()
    text = metrics.render().decode()
    assert 'cival_commit_seconds_bucket{le="0.005"} 1.0' in text
    assert 'cival_commit_units_bucket{le="16.0"} 0.0' in text
    assert "cival_database_outages_total 1.0" in text
    assert "cival_units_outstanding 1.0" in text


def test_a_writer_that_starts_again_goes_on_counting() -> None:
    metrics = Metrics()
    WriterMetrics(metrics, Backlog()).outages.inc()
    WriterMetrics(metrics, Backlog()).outages.inc()
    assert "cival_database_outages_total 2.0" in metrics.render().decode()
