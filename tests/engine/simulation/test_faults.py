"""The schedule of what goes wrong: drawn from the seed, complete, and one fault at a time removable."""

from engine.simulation.faults import CRASH, LENGTHS_NS, MOST, draw_faults

STORM_NS = 60_000_000_000


def test_a_seed_draws_the_same_faults_every_time() -> None:
    assert draw_faults(7, STORM_NS) == draw_faults(7, STORM_NS)
    assert draw_faults(7, STORM_NS) != draw_faults(8, STORM_NS)


def test_every_storm_has_a_crash_and_no_storm_has_everything() -> None:
    storms = [draw_faults(seed, STORM_NS) for seed in range(200)]
    assert all(any(fault.kind == CRASH for _, fault in storm) for storm in storms)
    kinds = [{fault.kind for _, fault in storm} for storm in storms]
    assert set.union(*kinds) == set(MOST)
    assert max(map(len, kinds)) < len(MOST)


def test_faults_come_in_order_and_inside_the_storm() -> None:
    for seed in range(50):
        storm = [fault for _, fault in draw_faults(seed, STORM_NS)]
        assert storm == sorted(storm, key=lambda fault: fault.at_ns)
        assert all(0 < fault.at_ns < STORM_NS for fault in storm)
        assert all(fault.duration_ns > 0 for fault in storm if fault.kind in LENGTHS_NS)


def test_a_fault_taken_away_leaves_the_others_as_they_were() -> None:
    whole = draw_faults(3, STORM_NS)
    assert len(whole) > 3
    for name, _ in whole:
        assert draw_faults(3, STORM_NS, {name}) == [pair for pair in whole if pair[0] != name]
