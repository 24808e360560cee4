"""Ids that only grow, and chance that repeats."""

from uuid import RFC_4122, UUID

import hypothesis
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import NS_PER_MS, Ids, seeded_rng, system_rng


class _Now:
    """Time that may also go back."""

    def __init__(self) -> None:
        self.ns = 0

    def now_ns(self) -> int:
        return self.ns


@given(st.integers(0, 2**32), st.lists(st.integers(0, 5_000_000_000), min_size=1, max_size=60))
def test_every_id_is_a_uuid7_greater_than_the_one_before(seed: int, times_ns: list[int]) -> None:
    now = _Now()
    ids = Ids(now, seeded_rng(seed))
    made = []
    for now.ns in times_ns:
        made += [ids.uuid(), UUID(ids.text())]
    assert made == sorted(set(made))
    assert [str(one) for one in made] == sorted(str(one) for one in made)
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}


def test_an_id_begins_with_the_milliseconds_of_its_clock() -> None:
    clock = VirtualClock(1_700_000_000_123 * NS_PER_MS + 999_999)
    assert Ids(clock, seeded_rng(1)).uuid().int >> 80 == 1_700_000_000_123


def test_one_seed_gives_the_same_ids() -> None:
    first, second, other = (Ids(VirtualClock(5), seeded_rng(seed)) for seed in (1, 1, 2))
    made = [first.uuid() for _ in range(5)]
    assert made == [second.uuid() for _ in range(5)]
    assert made[0] != other.uuid()


def test_the_text_is_the_usual_form() -> None:
    one, two = (Ids(VirtualClock(5), seeded_rng(1)) for _ in range(2))
    assert one.text() == str(two.uuid())


def test_when_the_bits_of_a_millisecond_run_out_the_next_one_begins() -> None:
    class Ones:
        def getrandbits(self, count: int) -> int:
            return (1 << count) - 1

    ids = Ids(VirtualClock(0), Ones())  # type: ignore[arg-type]
    ids.uuid()
    ids._low = (1 << 74) - 1
    before = ids.uuid()
    assert before.int >> 80 == 1
    assert ids.uuid() > before


def test_a_seed_may_be_a_text() -> None:
    assert seeded_rng("node-1").random() == seeded_rng("node-1").random()
    assert seeded_rng("node-1").random() != seeded_rng("node-2").random()


def test_the_systems_chance_does_not_repeat() -> None:
    assert system_rng().getrandbits(128) != system_rng().getrandbits(128)


def test_a_generator_registered_with_hypothesis_is_ruled_by_its_seed() -> None:
    rng = seeded_rng(1)
    hypothesis.register_random(rng)
    drawn = []

    @hypothesis.settings(database=None, max_examples=1, phases=[hypothesis.Phase.generate])
    @hypothesis.given(st.none())
    def example(_: None) -> None:
        drawn.append(rng.random())

    example()
    example()
    assert drawn[0] == drawn[1]
