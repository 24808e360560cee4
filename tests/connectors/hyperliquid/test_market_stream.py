"""One public socket's plan; tests/connectors/hyperliquid/test_public.py runs it."""

import json
from typing import Any

import pytest

from connectors.bridge.plan import StreamReady
from connectors.hyperliquid.market_stream import MarketPlan
from connectors.hyperliquid.parse import FrameParser
from engine.domain.errors import BadInput
from engine.messages.market import TradePrint
from engine.messages.market_live import InstrumentStatus
from tests.support.hyperliquid import some_symbols

AT = 1_700_000_000_000_000_000


def a_plan(*channels: str) -> MarketPlan:
    return MarketPlan(
        "market/0",
        url=lambda: "ws://here/ws",
        venue="hyperliquid",
        parser=FrameParser(venue="hyperliquid", symbols=some_symbols()),
        coins={"BTC": "BTC/USDC:USDC", "@107": "HYPE/USDC"},
        channels=channels or ("l2Book", "trades"),
        since_ns=AT,
    )


def frame(channel: str, data: Any) -> bytes:
    return json.dumps({"channel": channel, "data": data}, separators=(",", ":")).encode()


def subscribed(kind: str, coin: str) -> bytes:
    wish = {"type": kind, "coin": coin, "nSigFigs": None}
    return frame("subscriptionResponse", {"method": "subscribe", "subscription": wish})


def a_trade(tid: int, at_ns: int) -> dict[str, Any]:
    return {"coin": "BTC", "side": "A", "px": "1.0", "sz": "2.0", "time": at_ns // 10**6, "tid": tid}


@pytest.mark.asyncio
async def test_it_is_ready_when_every_wish_is_answered() -> None:
    plan = a_plan()
    assert len(await plan.opening()) == 4
    signals = [
        list(plan.parse(subscribed(kind, coin), AT)) for kind in ("trades", "l2Book") for coin in ("BTC", "@107")
    ]
    assert signals == [[], [], [], [StreamReady()]]


@pytest.mark.asyncio
async def test_a_refused_symbol_is_closed_and_the_others_go_on() -> None:
    plan = a_plan("l2Book")
    await plan.opening()
    closed, *_ = plan.parse(frame("error", 'Invalid subscription {"type":"l2Book","coin":"@107"}'), AT)
    assert isinstance(closed, InstrumentStatus)
    assert (closed.symbol, closed.is_trading) == ("HYPE/USDC", False)
    assert list(plan.parse(subscribed("l2Book", "BTC"), AT)) == [StreamReady()]


@pytest.mark.asyncio
async def test_what_is_subscribed_already_counts_as_answered() -> None:
    plan = a_plan("activeAssetCtx")
    await plan.opening()
    assert list(plan.parse(frame("error", 'Already subscribed: {"type":"activeAssetCtx","coin":"BTC"}'), AT)) == []
    assert list(plan.parse(frame("error", "some other trouble"), AT)) == []
    assert list(plan.parse(subscribed("activeSpotAssetCtx", "@107"), AT)) == [StreamReady()]


@pytest.mark.asyncio
async def test_trades_from_before_the_feed_are_history() -> None:
    plan = a_plan()
    raw = frame("trades", [a_trade(1, AT - 10**9), a_trade(2, AT), a_trade(3, AT + 10**9)])
    told = plan.parse(raw, AT)
    assert [each.trade_id for each in told if isinstance(each, TradePrint)] == ["2", "3"]
    assert list(plan.parse(raw, AT)) == []


@pytest.mark.asyncio
async def test_decoded_frames_say_the_same() -> None:
    raw_plan, decoded_plan = a_plan("trades"), a_plan("trades")
    await raw_plan.opening()
    await decoded_plan.opening()
    for raw in (
        subscribed("trades", "BTC"), subscribed("trades", "@107"), frame("trades", [a_trade(1, AT)]),
        b'{"channel":"pong"}', frame("error", 'Invalid subscription {"type":"trades","coin":"BTC"}'),
    ):  # fmt: skip
        assert list(raw_plan.parse(raw, AT)) == list(decoded_plan.parse_decoded(json.loads(raw), AT))


@pytest.mark.parametrize(
    "raw", [b"", b"[]", frame("tomorrow", {}), frame("subscriptionResponse", 5), frame("error", 5)]
)
def test_what_cannot_be_read_is_refused(raw: bytes) -> None:
    with pytest.raises(BadInput):
        a_plan().parse(raw, AT)
    with pytest.raises(BadInput):
        a_plan().parse_decoded(json.loads(raw or b"null"), AT)


def test_the_venue_is_pinged_in_its_own_words() -> None:
    assert json.loads(a_plan().ping() or "") == {"method": "ping"}
