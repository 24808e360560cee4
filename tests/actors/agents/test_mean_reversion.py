"""Scores equal the definition, cost does not grow, and a restart goes on to the very same numbers."""

import math
import random
import statistics
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.agents.mean_reversion import MeanReversion, MeanReversionParameters, Window
from engine.domain.errors import BadInput
from engine.messages.signals import Signal
from tests.actors.agents.support import make_agent, quote_at

D = Decimal


def reverter(**parameters: Any) -> MeanReversion:
    fields: dict[str, Any] = {"source": "quotes", "length": 5, "entry": 1.5, "exit": 0.5, "quantity": D("0.010")}
    return make_agent(MeanReversion, MeanReversionParameters(**fields | parameters))


def told(agent: MeanReversion, *prices: float, step_s: float = 0) -> list[Decimal]:
    found: list[Signal | None] = [
        agent.on_quote(quote_at(price, number * step_s)) for number, price in enumerate(prices)
    ]
    return [signal.target for signal in found if signal is not None]


@given(
    prices=st.lists(st.floats(90, 110), min_size=5, max_size=60),
    length=st.integers(3, 10),
    level=st.sampled_from([0.0, 60_000.0, 5_000_000.0]),
)
def test_the_score_is_the_distance_from_the_mean_in_deviations(prices: list[float], length: int, level: float) -> None:
    window = Window(length)
    for price in prices:
        window.push(price + level)
    score = window.score()
    seen = [price + level for price in prices[-length:]]
    deviation = statistics.pstdev(seen) if len(seen) == length else 0.0
    if score is None:
        assert deviation <= level * 1e-8 + 1e-6
    else:
        assert math.isclose(score, (seen[-1] - statistics.fmean(seen)) / deviation, rel_tol=1e-3, abs_tol=1e-3)


def test_there_is_no_score_before_the_window_is_full_or_while_nothing_moves() -> None:
    window = Window(3)
    scores = []
    for price in (100.0, 101.0, 100.0, 100.0, 100.0):
        window.push(price)
        scores.append(window.score() is None)
    assert scores == [True, True, False, False, True]


def test_too_dear_is_sold_and_bought_back_at_the_mean() -> None:
    agent = reverter()
    assert told(agent, 100, 101, 100, 101, 108) == [D("-0.010")]
    assert told(agent, 108, 104, 106, 105) == [D(0)]


def test_too_cheap_is_bought() -> None:
    assert told(reverter(), 100, 101, 100, 101, 92) == [D("0.010")]


def test_from_one_end_to_the_other_it_turns_around() -> None:
    agent = reverter()
    assert told(agent, 100, 101, 100, 101, 108) == [D("-0.010")]
    assert told(agent, 60) == [D("0.010")]


def test_without_shorts_too_dear_is_left_alone() -> None:
    assert told(reverter(allow_short=False), 100, 101, 100, 101, 108) == []


def test_after_leaving_it_does_not_enter_for_the_cooldown() -> None:
    agent = reverter(cooldown_s=3_600)
    assert told(agent, 100, 101, 100, 101, 108, 108, 104, 106, 105) == [D("-0.010"), D(0)]
    assert told(agent, 200) == []


@pytest.mark.parametrize("kill_after", [1, 4, 5, 237])
def test_a_restart_goes_on_to_the_same_numbers(kill_after: int) -> None:
    rng = random.Random(5)
    prices = [60_000 + rng.gauss(0, 30) for _ in range(600)]
    whole, first, second = reverter(), reverter(), reverter()
    wanted = told(whole, *prices)
    found = told(first, *prices[:kill_after])
    second.load(msgspec.json.decode(msgspec.json.encode(first.dump())))
    found += told(second, *prices[kill_after:])
    assert found == wanted
    assert second.dump() == whole.dump()
    assert wanted


@pytest.mark.parametrize(
    ("parameters", "field"), [({"exit": 2.0, "entry": 1.0}, "exit"), ({"quantity": D(-1)}, "quantity")]
)
def test_parameters_that_contradict_themselves_are_refused(parameters: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput, match=field):
        reverter(**parameters)
