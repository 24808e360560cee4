"""Mutants are found, the product is not: a quick part of the check that CI makes in full."""

import pytest

from engine.simulation.mutants import MUTANTS
from engine.simulation.mutants_check import FEW_SEEDS, QUICK, Hunt, check, control, table


@pytest.mark.parametrize("name", QUICK)
def test_a_quick_mutant_is_found_within_a_few_seeds(name: str) -> None:
    (found,) = check([name], seeds_max=20)
    assert found.is_found, f"{name} was not found in {found.seeds} seeds"
    assert found.name == name
    assert found.name in MUTANTS


def test_those_of_each_change_are_mutants_each_once() -> None:
    assert set(FEW_SEEDS) <= set(MUTANTS)
    assert len(FEW_SEEDS) == len(set(FEW_SEEDS))


def test_without_a_mutant_nothing_is_found() -> None:
    assert control(seeds=2) == []


def test_the_table_leaves_out_what_differs_from_run_to_run() -> None:
    hunts = [
        Hunt(name="a", what="Breaks a.", seeds=3, symptom="I2: order 019b76da-b74a-749f-a575-4c2dcfbe1feb was | sent"),
        Hunt(name="b", what="Breaks b.", seeds=200),
    ]
    assert table(hunts).splitlines()[2:] == [
        "| a | Breaks a. | 3 | I2: order was / sent |",
        "| b | Breaks b. | not in 200 |  |",
    ]
