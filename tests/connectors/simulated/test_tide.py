"""The move that all pairs share."""

from collections import Counter
from itertools import pairwise

from connectors.simulated.tide import FALLING, RANGING, RISING, STORMY, Tide
from engine.runtime.entropy import seeded_rng


def walk(seed: int, seconds: int) -> list[tuple[str, float]]:
    tide = Tide(seeded_rng(seed))
    path = []
    for second in range(seconds):
        tide.advance(float(second))
        path.append((tide.spell.name, tide.level))
    return path


def test_one_seed_is_one_market_and_another_is_another() -> None:
    assert walk(1, 500) == walk(1, 500)
    assert walk(1, 500) != walk(2, 500)


def test_every_kind_of_spell_comes_and_lasts_for_minutes() -> None:
    path = walk(3, 20_000)
    seen = Counter(name for name, _ in path)
    assert set(seen) == {RANGING.name, RISING.name, FALLING.name, STORMY.name}
    changes = sum(before[0] != after[0] for before, after in pairwise(path))
    assert 20 < changes < 400


def test_trends_go_their_way_and_ranges_stay() -> None:
    rises: dict[str, list[float]] = {}
    for seed in range(12):
        path = walk(seed, 6_000)
        for (name, before), (later, after) in zip(path, path[60:], strict=False):
            if name == later:
                rises.setdefault(name, []).append(after - before)
    mean = {name: sum(moves) / len(moves) for name, moves in rises.items()}
    spread = {name: sum(abs(move) for move in moves) / len(moves) for name, moves in rises.items()}
    assert mean[RISING.name] > 4e-4
    assert mean[FALLING.name] < -4e-4
    assert abs(mean[RANGING.name]) < 1e-4
    assert spread[STORMY.name] > 2 * spread[RANGING.name]


def test_a_day_leads_to_no_absurd_price() -> None:
    assert max(abs(level) for _, level in walk(5, 86_400)) < 0.7


def test_time_does_not_step_back() -> None:
    tide = Tide(seeded_rng(1))
    tide.advance(10.0)
    level = tide.level
    tide.advance(9.0)
    assert tide.level == level
