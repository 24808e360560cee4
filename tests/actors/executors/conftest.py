"""Instruments that executors trade in tests: coarse steps, so that numbers stay readable."""

from typing import Final

import pytest

from engine.domain.instrument import Instrument
from tests.support.domain import a_perpetual, a_spot

RULES: Final = {
    "tick_size": "0.1",
    "step_size": "0.01",
    "min_quantity": "0.01",
    "max_quantity": "1000",
    "min_notional": "1",
}


@pytest.fixture
def spot() -> Instrument:
    return a_spot(**RULES)


@pytest.fixture
def perpetual() -> Instrument:
    return a_perpetual(**RULES)
