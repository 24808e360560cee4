"""Whole runs: a seed is one run, whatever happened before it; storms have everything they must have."""

from engine.simulation.run import digest_of, run_seed
from tests.support.simulation import TWO_OWNERS, a_cast, a_hostile_cast, a_short_run


def test_a_seed_is_one_run() -> None:
    first, other, again = a_short_run(5), a_short_run(6), a_short_run(5)
    assert first == again
    assert first.digest != other.digest
    assert digest_of([first, other]) == digest_of([again, other])


def test_an_honest_venue_survives_crashes_and_a_bad_database() -> None:
    results = [run_seed(seed, a_cast, forbidden=TWO_OWNERS) for seed in range(1, 6)]
    assert [result.violations for result in results] == [()] * 5
    assert all(result.crashes >= 1 and result.orders >= 20 for result in results)
    assert all(result.simulated_ns >= 60_000_000_000 for result in results)


def test_a_fault_that_is_forbidden_does_not_happen() -> None:
    usual = run_seed(3, a_hostile_cast)
    name = next(name for name in usual.fault_names if name.startswith("hostile:"))
    without = run_seed(3, a_hostile_cast, forbidden=[name])
    assert name not in without.fault_names
