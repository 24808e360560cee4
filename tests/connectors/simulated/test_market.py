"""A whole simulated market."""

import math
from collections import Counter
from decimal import Decimal
from itertools import pairwise

import pytest

from connectors.simulated.listing import listings, wanted
from connectors.simulated.market import SimulatedMarket
from engine.messages.market import MarketMessage, QuoteTick
from engine.runtime.entropy import seeded_rng

START = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


def a_market(seed: int = 42, **settings: object) -> SimulatedMarket:
    return SimulatedMarket(seeded_rng(seed), start_ns=START, **settings)  # type: ignore[arg-type]


def play(market: SimulatedMarket, seconds: int) -> list[MarketMessage]:
    events = market.open(START)
    while market.next_ns() < START + seconds * SECOND:
        at_ns = market.next_ns()
        messages = market.next()
        assert all(message.ts_init_ns == at_ns for message in messages)
        events += messages
    return events


def mids(events: list[MarketMessage], symbol: str, step_s: int = 30) -> list[float]:
    """Return the middle at the end of each step of time."""
    found: dict[int, float] = {}
    for event in events:
        if isinstance(event, QuoteTick) and event.symbol == symbol:
            found[(event.ts_event_ns - START) // (step_s * SECOND)] = float(event.mid)
    return [found[key] for key in sorted(found)]


def correlation(left: list[float], right: list[float]) -> float:
    moves = [[math.log(after / before) for before, after in pairwise(path)] for path in (left, right)]
    means = [sum(path) / len(path) for path in moves]
    pairs = list(zip(*moves, strict=False))
    covariance = sum((a - means[0]) * (b - means[1]) for a, b in pairs)
    variances = [sum((a - means[0]) ** 2 for a, _ in pairs), sum((b - means[1]) ** 2 for _, b in pairs)]
    return float(covariance / math.sqrt(variances[0] * variances[1]))


def test_one_seed_gives_one_market_to_the_last_digit() -> None:
    assert play(a_market(), 60) == play(a_market(), 60)
    assert play(a_market(), 60) != play(a_market(43), 60)


@pytest.mark.parametrize("seed", [1, 42])
def test_it_tells_twenty_to_fifty_things_a_second(seed: int) -> None:
    events = play(a_market(seed), 600)
    assert 20 <= len(events) / 600 <= 50
    kinds = Counter((event.symbol, type(event).__name__) for event in events)
    for symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT", "BTC/USDT:USDT"):
        for kind in ("QuoteTick", "TradePrint", "BookDelta"):
            assert kinds[symbol, kind] > 300


def test_time_never_steps_back() -> None:
    times = [event.ts_init_ns for event in play(a_market(), 120)]
    assert times == sorted(times)


def test_pairs_move_together() -> None:
    events = play(a_market(), 3_600)
    bitcoin = mids(events, "BTC/USDT")
    assert correlation(bitcoin, mids(events, "ETH/USDT")) > 0.4
    assert correlation(bitcoin, mids(events, "SOL/USDT")) > 0.3
    assert correlation(bitcoin, mids(events, "BTC/USDT:USDT")) > 0.9


def test_a_restart_goes_on_near_the_last_prices() -> None:
    market = a_market(starting_prices={"BTC/USDT": Decimal(71_234), "ETH/USDT": Decimal("3100.5")})
    opening = {event.symbol: event for event in market.open(START) if isinstance(event, QuoteTick)}
    assert abs(opening["BTC/USDT"].mid - 71_234) < 10
    assert abs(opening["ETH/USDT"].mid - Decimal("3100.5")) < 1
    # A perpetual without a price of its own begins at its spot pair's.
    assert abs(opening["BTC/USDT:USDT"].mid - 71_234) < 20
    assert abs(opening["SOL/USDT"].mid - 150) < 1


def test_only_chosen_pairs_trade() -> None:
    market = a_market(listed=wanted(listings(), ["SOL/USDT"]))
    assert [each.symbol for each in market.instruments] == ["SOL/USDT"]
    assert {event.symbol for event in play(market, 20)} == {"SOL/USDT"}


def test_skipped_time_is_not_made_up_for() -> None:
    market = a_market()
    market.open(START)
    later = START + 3_600 * SECOND
    market.skip_to(later)
    assert market.next_ns() == later
    steps = 0
    while market.next_ns() < later + 10 * SECOND:
        market.next()
        steps += 1
    assert steps < 400


def test_it_says_how_it_behaves() -> None:
    market = a_market()
    seen = {market.spell}
    while market.next_ns() < START + 900 * SECOND:
        market.next()
        seen.add(market.spell)
    assert "ranging" in seen
    assert 1 < len(seen) <= 4
