"""Operators see how long comparisons take, how old the last good one is, and what differs."""

from actors.reconciler_metrics import ReconcilerMetrics
from engine.runtime.metrics import Metrics
from tests.support.cell_builders import ACCOUNT


def test_everything_is_shown_per_account() -> None:
    metrics = Metrics()
    mine = ReconcilerMetrics(metrics, ACCOUNT)
    mine.ran(depth="light", outcome="failed", duration_ns=5, finished_ns=1_000_000_000)
    mine.ran(depth="deep", outcome="done", duration_ns=20_000_000, finished_ns=7_500_000_000)
    mine.found_wrong({"repeated": 3})
    mine.differ(2)
    mine.went_silent()
    text = metrics.render().decode()
    assert f'cival_reconciliation_good_timestamp_seconds{{account="{ACCOUNT}"}} 7.5' in text
    assert 'cival_reconciliation_seconds_count{depth="deep",outcome="done"} 1.0' in text
    assert f'cival_venue_pages_wrong_total{{account="{ACCOUNT}",what="repeated"}} 3.0' in text
    assert f'cival_discrepancies_open{{account="{ACCOUNT}"}} 2.0' in text
    assert f'cival_private_stream_silences_total{{account="{ACCOUNT}"}} 1.0' in text


def test_without_metrics_nothing_is_counted() -> None:
    mine = ReconcilerMetrics(None, ACCOUNT)
    mine.ran(depth="light", outcome="done", duration_ns=1, finished_ns=1)
    mine.found_wrong({"repeated": 1})
    mine.differ(1)
    mine.went_silent()
