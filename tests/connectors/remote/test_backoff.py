"""Waits between two dials."""

from connectors.remote.backoff import FIRST_NS, MAX_NS, Backoff
from engine.runtime.entropy import seeded_rng


def test_waits_double_up_to_half_a_minute_with_jitter_and_begin_anew() -> None:
    backoff = Backoff(seeded_rng(1))
    waits = [backoff.next_ns() for _ in range(40)]
    for failures, wait_ns in enumerate(waits):
        longest_ns = min(FIRST_NS << failures, MAX_NS)
        assert longest_ns // 2 <= wait_ns <= longest_ns
    assert len(set(waits[10:])) > 20, "jitter"
    backoff.reset()
    assert backoff.next_ns() <= FIRST_NS
