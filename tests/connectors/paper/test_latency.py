"""Latency is a time that passes, never one that comes back."""

import pytest

from connectors.paper.latency import PaperLatency
from engine.domain.errors import BadInput


@pytest.mark.parametrize("field", ["submit_ns", "cancel_ns", "jitter_ns"])
@pytest.mark.parametrize("value", [-1, 0.5])
def test_a_latency_is_a_whole_number_of_nanoseconds_from_zero_on(field: str, value: int) -> None:
    with pytest.raises(BadInput) as caught:
        PaperLatency(**{field: value})
    assert caught.value.field == field


def test_by_default_nothing_takes_time() -> None:
    assert PaperLatency() == PaperLatency(submit_ns=0, cancel_ns=0, jitter_ns=0)
