"""Orders and fills are seen when they happen: each after its tick, the order before the fill."""

from engine.benchmarks.path_engine import quotes
from engine.benchmarks.path_latency import on_latency_us


def test_an_order_leaves_before_its_fill_is_booked() -> None:
    order_us, fill_us = on_latency_us(tuple(quotes(5_000)))
    assert 1 < order_us < fill_us < 100_000
