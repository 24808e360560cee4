from hypothesis import given
from hypothesis import strategies as st

from engine.simulation.venue.faults import MINUTE_NS, RARE_MAX, Faults, Scripted, Strike, drawn_faults, rare_rates
from engine.simulation.venue.kinds import BREAKING, RARE, TIMED, FaultKind

LATE = FaultKind.LATE_ANSWER


def struck(faults: Faults, kind: FaultKind, times: int) -> list[int]:
    return [at for at in range(times) if faults.strike(kind, at) is not None]


def test_without_rates_and_scripts_nothing_strikes() -> None:
    faults = Faults(1)

    assert not any(struck(faults, kind, 50) for kind in FaultKind)
    assert faults.due(10**18) == []
    assert faults.next_due_ns() is None


def test_a_rate_of_a_million_strikes_always() -> None:
    assert struck(Faults(1, {LATE: 1_000_000}), LATE, 5) == [0, 1, 2, 3, 4]


@given(st.integers(), st.sampled_from(sorted(frozenset(FaultKind) - TIMED)))
def test_the_same_seed_strikes_the_same(seed: int, kind: FaultKind) -> None:
    rates = {kind: 300_000}

    assert struck(Faults(seed, rates), kind, 40) == struck(Faults(seed, rates), kind, 40)


def test_a_forbidden_occurrence_is_left_out_and_the_others_stay() -> None:
    every = struck(Faults(5, {LATE: 200_000}), LATE, 100)
    fewer = struck(Faults(5, {LATE: 200_000}, forbidden=[f"late_answer/{every[1]}"]), LATE, 100)

    assert fewer == every[:1] + every[2:]


def test_taking_a_kind_away_leaves_the_others_as_they_were() -> None:
    both = Faults(5, {LATE: 200_000, FaultKind.GARBAGE: 500_000})
    one = Faults(5, {LATE: 200_000})
    found = []
    for at in range(100):
        both.strike(FaultKind.GARBAGE, at)
        found.append((both.strike(LATE, at), one.strike(LATE, at)))

    assert all(first == second for first, second in found)


def test_a_script_strikes_after_so_many_and_so_often() -> None:
    faults = Faults()
    faults.script(Scripted(kind=LATE, after=2, times=2))

    assert struck(faults, LATE, 10) == [2, 3]


def test_a_script_strikes_only_what_it_is_about() -> None:
    faults = Faults()
    faults.script(Scripted(kind=LATE, about="VenueSubmit cv-1"))

    assert faults.strike(LATE, 0, "VenueCancel cv-1") is None
    assert faults.strike(LATE, 0, "VenueSubmit cv-1") is not None


def test_a_script_ends_at_its_time_or_when_it_is_taken_back() -> None:
    faults = Faults()
    faults.script(Scripted(kind=LATE, times=-1, until_ns=3))
    assert struck(faults, LATE, 10) == [0, 1, 2]

    faults.script(Scripted(kind=LATE, times=-1))
    faults.end(LATE)
    assert struck(faults, LATE, 10) == []


def test_a_timed_lie_comes_as_often_as_its_rate_says() -> None:
    faults = Faults(3, {FaultKind.LINK_RESET: 1_000})
    faults.due(0)
    found = faults.due(1_000 * MINUTE_NS)

    assert 900 < len(found) < 1_100
    assert [strike.at_ns for strike in found] == sorted(strike.at_ns for strike in found)


def test_a_lie_that_lasts_is_over_in_time() -> None:
    faults = Faults()
    faults.begin(FaultKind.MAINTENANCE, 10)

    assert faults.is_on(FaultKind.MAINTENANCE, 9)
    assert not faults.is_on(FaultKind.MAINTENANCE, 10)


def test_in_calm_nothing_strikes() -> None:
    faults = drawn_faults(9)
    faults.begin(FaultKind.MAINTENANCE, 10)
    faults.calm()

    assert not any(struck(faults, kind, 50) for kind in FaultKind)
    assert not faults.is_on(FaultKind.MAINTENANCE, 1)
    assert faults.next_due_ns() is None


@given(st.integers())
def test_a_drawn_seed_keeps_within_the_limits(seed: int) -> None:
    rates = drawn_faults(seed).rates

    assert not rates.keys() & BREAKING
    assert drawn_faults(seed).rates == rates


def test_each_kind_exists_in_about_half_of_the_seeds() -> None:
    seeds = [drawn_faults(seed).rates for seed in range(200)]

    assert all(60 < sum(kind in rates for rates in seeds) < 140 for kind in frozenset(FaultKind) - BREAKING)


def test_what_is_beyond_the_limits_is_drawn_seldom_and_by_itself() -> None:
    seeds = [rare_rates(seed) for seed in range(600)]
    assert all(50 < sum(kind in rates for rates in seeds) < 150 for kind in RARE)
    assert all(0 < rate <= RARE_MAX[kind] * 1.1 for rates in seeds for kind, rate in rates.items())
    assert rare_rates(5) == rare_rates(5)


def test_a_strength_is_a_share() -> None:
    assert Strike("a", LATE, 0, 0, "").share_of(100) == 1
    assert Strike("a", LATE, 0, 999_999, "").share_of(100) == 100


def test_occurrences_are_counted_by_kind() -> None:
    faults = Faults(1, {LATE: 1_000_000})
    struck(faults, LATE, 3)

    assert faults.counts() == {LATE: 3}
