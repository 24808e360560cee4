"""The rules of the reference path, bar by bar and quote by quote, and a state that survives a restart exactly."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from actors.agents.trend_follower import TrendFollower, TrendFollowerParameters
from engine.domain.errors import BadInput
from engine.domain.kinds import SignalAction
from engine.messages.market import Bar, QuoteTick
from engine.messages.signals import Signal
from tests.actors.agents.support import make_agent, quote_at
from tests.support.quotes import reference_quotes

D = Decimal


def follower(**parameters: Any) -> TrendFollower:
    fields: dict[str, Any] = {"source": "quotes", "fast": 2, "slow": 3, "quantity": D("0.010")}
    return make_agent(TrendFollower, TrendFollowerParameters(**fields | parameters))


def signals(agent: TrendFollower, *prices: float) -> list[Signal | None]:
    return [agent.on_quote(quote_at(price)) for price in prices]


def test_nothing_is_sent_before_the_slow_length() -> None:
    assert signals(follower(slow=4), 100, 110, 120) == [None, None, None]


def test_above_is_long_and_below_is_short() -> None:
    *_, up = signals(agent := follower(), 100, 100, 110)
    assert up is not None
    assert (up.action, up.target) == (SignalAction.BUY, D("0.010"))
    *_, down = signals(agent, 90, 80)
    assert down is None or down.target == D("-0.010")
    assert [each.target for each in signals(follower(), 100, 100, 90) if each] == [D("-0.010")]


def test_a_side_is_told_once() -> None:
    told = [each for each in signals(follower(), 100, 100, 110, 120, 130, 140) if each is not None]
    assert len(told) == 1


def test_averages_begin_at_the_first_price_and_move_by_two_over_n_plus_one() -> None:
    agent = follower()
    signals(agent, 100, 104)
    count, fast, slow, *_ = agent.dump()["averages"]["BTC/USDT:USDT"]
    assert (count, fast, slow) == (2, 100 + 4 * 2 / 3, 100 + 4 * 2 / 4)


def test_without_shorts_below_is_flat() -> None:
    told = [each.target for each in signals(follower(allow_short=False), 100, 100, 110, 80, 70) if each is not None]
    assert told == [D("0.010"), D(0)]


def test_after_a_signal_it_is_quiet_for_the_cooldown() -> None:
    agent = follower(cooldown_s=10)
    steps = [(100, 0), (100, 1), (110, 2), (80, 5), (80, 12), (80, 13)]
    told = [(second, signal.target) for price, second in steps if (signal := agent.on_quote(quote_at(price, second)))]
    assert told == [(2, D("0.010")), (12, D("-0.010"))]


def test_a_paused_agent_averages_on_and_forgets_nothing() -> None:
    agent = follower()
    agent.is_paused = True
    assert signals(agent, 100, 100, 110) == [None, None, None]
    agent.is_paused = False
    (signal,) = signals(agent, 120)
    assert signal is not None
    assert agent.dump()["averages"]["BTC/USDT:USDT"][0] == 4


def test_equal_averages_say_nothing() -> None:
    assert signals(follower(), 100, 100, 100, 100) == [None] * 4


def test_bars_are_averaged_by_their_closes() -> None:
    agent = follower(source="bars")
    assert agent.inputs() == (Bar,)
    bars = [a_bar(number, price) for number, price in enumerate([100, 100, 110])]
    told = [agent.on_bar(bar) for bar in bars]
    assert [signal.target for signal in told if signal is not None] == [D("0.010")]


def a_bar(number: int, close: float) -> Bar:
    price = D(str(close))
    return Bar(
        venue="binance", symbol="BTC/USDT:USDT", ts_event_ns=number, ts_init_ns=number, timeframe="1m",
        open_time_ns=number * 60, close_time_ns=(number + 1) * 60, open=price, high=price, low=price, close=price,
        volume=D(1), quote_volume=price, trades_count=1,
    )  # fmt: skip


@pytest.mark.parametrize("kill_after", [1, 19, 20, 500])
def test_a_restart_goes_on_to_the_same_signals(kill_after: int) -> None:
    parameters = {"fast": 10, "slow": 20}
    quotes = list(reference_quotes(1_000))
    whole = follower(**parameters)
    wanted = [each.target for quote in quotes if (each := whole.on_quote(quote)) is not None]
    first, second = follower(**parameters), follower(**parameters)
    told = [each.target for quote in quotes[:kill_after] if (each := first.on_quote(quote)) is not None]
    second.load(msgspec.json.decode(msgspec.json.encode(first.dump())))
    told += [each.target for quote in quotes[kill_after:] if (each := second.on_quote(quote)) is not None]
    assert told == wanted
    assert second.dump() == whole.dump()


def test_quotes_have_names_that_go_on_after_a_restart() -> None:
    agent, again = follower(), follower()
    signals(agent, 100, 101)
    again.load(agent.dump())
    signals(again, 102)
    assert again.quote_key(quote_at(102)) == "quote:BTC/USDT:USDT:3"
    assert QuoteTick in agent.inputs()


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"fast": 3, "slow": 3}, "fast"),
        ({"quantity": D(0)}, "quantity"),
        ({"quantity": D("NaN")}, "quantity"),
        ({"timeframe": "7m"}, "timeframe"),
    ],
)
def test_parameters_that_contradict_themselves_are_refused(parameters: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput, match=field):
        follower(**parameters)
