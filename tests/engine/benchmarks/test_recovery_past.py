"""The past that the benchmark makes adds up: both sides agree, and every entry balances."""

import re

import pytest

from engine.benchmarks.recovery_past import STEPS
from storage.sql import statements


@pytest.mark.parametrize("step", STEPS)
def test_every_step_takes_what_its_statement_names(step: str) -> None:
    marks = set(re.findall(r"\$(\d)", statements("bench")[step]))
    assert marks == {str(number) for number in range(1, len(STEPS[step]) + 1)}


@pytest.mark.parametrize("name", ["past_orders", "trades", "lines", "paper_orders", "paper_trades"])
def test_rows_are_made_by_the_database(name: str) -> None:
    assert "INSERT INTO" in statements("bench")[name]
    assert "SELECT" in statements("bench")[name]
