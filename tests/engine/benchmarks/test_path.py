"""The benchmark checks its answers before it measures; here with streams short enough for a test."""

from engine.benchmarks import path
from engine.benchmarks.path_engine import floor, quotes


def test_the_floor_gives_the_reference_results() -> None:
    stream = tuple(quotes(50_000))
    assert floor(stream[:20_000], 10, 20) == path.REFERENCE[20_000, 10, 20]
    assert floor(stream, 10, 20) == path.REFERENCE[50_000, 10, 20]


def test_the_cost_of_a_fill_is_a_number_of_microseconds() -> None:
    assert 1 < path.on_fill_us() < 100_000
