"""Over a real server: an order waits for one commit, its booked fill for two."""

import pytest

from engine.benchmarks.path_durable import on_durable_latency
from engine.benchmarks.path_engine import quotes


@pytest.mark.slow
def test_an_order_takes_at_least_a_part_of_a_commit() -> None:
    found = on_durable_latency(tuple(quotes(500)))
    assert found.commit_us > 0
    assert found.commit_us / 2 < found.order_us < found.fill_us
