"""What every agent does: each input once, a state that is saved in time, and no decision that cannot be stored."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from actors.agents.base import SAVE_EVERY
from actors.agents.trend_follower import TrendFollower, TrendFollowerParameters
from engine.messages.market import Bar
from engine.messages.signals import AgentDecided, AgentFilled
from engine.messages.writing import StoreStatus
from tests.actors.agents.support import Told, make_agent, quote_at
from tests.actors.agents.test_trend_follower import a_bar
from tests.support.cell_builders import ACCOUNT, AGENT, START_NS

D = Decimal


def quoting(told: Told, **setup: Any) -> TrendFollower:
    return make_agent(TrendFollower, TrendFollowerParameters(source="quotes", fast=2, slow=3), told=told, **setup)


def charting(told: Told, **setup: Any) -> TrendFollower:
    return make_agent(TrendFollower, TrendFollowerParameters(source="bars", fast=2, slow=3), told=told, **setup)


def count(agent: TrendFollower) -> int:
    number: int = agent.dump()["averages"]["BTC/USDT:USDT"][0]
    return number


def away(*, available: bool) -> StoreStatus:
    return StoreStatus(available=available, since_ns=START_NS)


def test_frames_that_the_state_has_seen_are_ignored() -> None:
    agent = quoting(Told(), input_position=2)
    for frame in (1, 2, 3):
        agent.take_quote(quote_at(100, frame=frame))
    assert count(agent) == 1


def test_quotes_without_a_frame_are_never_ignored() -> None:
    agent = quoting(Told(), input_position=2)
    agent.take_quote(quote_at(100))
    assert count(agent) == 1


def test_a_bar_is_decided_on_once() -> None:
    told = Told()
    agent = charting(told)
    bar = a_bar(1, 100)
    for _ in range(3):
        agent.take_bar(bar)
    agent.take_bar(a_bar(0, 100))  # Older.
    assert count(agent) == 1
    assert [message.input_key for message in told.messages] == ["bar:BTC/USDT:USDT:1m:120"]


def test_bars_of_another_timeframe_are_not_ours() -> None:
    agent = charting(Told())
    agent.take_bar(msgspec.structs.replace(a_bar(1, 100), timeframe="5m"))
    assert count(agent) == 0


def test_a_restarted_agent_knows_the_bars_that_it_has_decided_on() -> None:
    told = Told()
    charting(told).take_bar(a_bar(1, 100))
    state = msgspec.json.decode(msgspec.json.encode(told.messages[0].state))
    again = charting(Told(), state=state)
    again._last_bar_ns |= state["last_bar_ns"]
    again.load(state)
    again.take_bar(a_bar(1, 100))
    again.take_bar(a_bar(2, 100))
    assert count(again) == 2


def test_the_state_is_saved_now_and_then_without_a_signal() -> None:
    told = Told()
    agent = quoting(told)
    for number in range(SAVE_EVERY + 1):
        agent.take_quote(quote_at(100, frame=number + 1))
    (saved,) = told.messages
    assert isinstance(saved, AgentDecided)
    assert (saved.signals, saved.input_position) == ((), SAVE_EVERY)


def test_in_a_slow_market_the_state_is_saved_once_a_minute() -> None:
    told = Told()
    agent = quoting(told)
    for second in range(0, 125, 5):
        agent.take_quote(quote_at(100, second))
    assert [message.input_key for message in told.messages] == ["quote:BTC/USDT:USDT:13", "quote:BTC/USDT:USDT:25"]


def test_a_decision_holds_signal_state_and_position() -> None:
    told = Told()
    agent = quoting(told)
    for frame, price in enumerate((100, 100, 110), start=1):
        agent.take_quote(quote_at(price, frame=frame))
    (decision,) = told.messages
    assert (decision.agent_id, decision.input_position, decision.input_key) == (AGENT, 3, "quote:BTC/USDT:USDT:3")
    assert [signal.target for signal in decision.signals] == [D("0.01")]
    assert decision.state["averages"]["BTC/USDT:USDT"][0] == 3


def test_bars_wait_in_order_while_the_database_is_away() -> None:
    told = Told()
    agent = charting(told)
    agent.on_store(away(available=False))
    for number in (1, 2, 3):
        agent.take_bar(a_bar(number, 100))
    assert told.messages == []
    agent.on_store(away(available=True))
    assert count(agent) == 3
    assert [message.input_key[-3:] for message in told.messages] == ["120", "180", "240"]


def test_of_quotes_only_the_newest_waits() -> None:
    agent = quoting(Told())
    agent.on_store(away(available=False))
    for price in (1, 2, 100):
        agent.take_quote(quote_at(price))
    agent.on_store(away(available=True))
    assert agent.dump()["averages"]["BTC/USDT:USDT"][:2] == [1, 100.0]


def test_an_agent_learns_what_it_holds() -> None:
    agent = quoting(Told())
    filled = AgentFilled(
        agent_id=AGENT, account_id=ACCOUNT, symbol="BTC/USDT:USDT", position=D("0.1"), average_price=D(5)
    )
    agent.take_fill(filled)
    assert agent.positions["BTC/USDT:USDT"].position == D("0.1")


@pytest.mark.parametrize("kind", [Bar])
def test_an_agent_reads_what_it_names(kind: type) -> None:
    assert charting(Told()).inputs() == (kind,)
