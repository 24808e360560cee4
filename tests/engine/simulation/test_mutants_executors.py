"""Mutants of executors, and of venues that break their word: each finds what it breaks, and leaves no trace."""

import pytest

from engine.simulation import mutants_executors
from tests.support.mutants import assert_swaps_and_undoes, names_of

NAMES = names_of(mutants_executors)


@pytest.mark.parametrize("name", NAMES)
def test_a_mutant_finds_what_it_breaks_and_leaves_no_trace(name: str) -> None:
    assert_swaps_and_undoes(name)
