"""One public socket of Coinbase."""

import json

import pytest

from connectors.bridge.errors import Refused
from connectors.bridge.plan import StreamBroken, StreamEnded, StreamReady
from connectors.coinbase.market_stream import MarketPlan, subscribe
from connectors.coinbase.symbols import Symbols
from engine.messages.market import BookSnapshot
from engine.messages.market_live import InstrumentStatus
from tests.connectors.coinbase.support import AT, a_frame, book_event, lines_of


def a_plan(*wanted: str, channels: tuple[str, ...] = ("level2", "market_trades")) -> MarketPlan:
    symbols = Symbols({"BTC-USDC": "BTC-USD"})
    symbols.follow(wanted)
    return MarketPlan(
        "market/0",
        url=lambda: "ws://x",
        venue="coinbase",
        symbols=symbols,
        wanted=wanted,
        channels=channels,
    )


def ack(number: int, **channels: list[str]) -> bytes:
    return a_frame("subscriptions", [{"subscriptions": channels}], number)


@pytest.mark.asyncio
async def test_heartbeats_are_subscribed_first_and_shared_products_once() -> None:
    plan = a_plan("BTC/USD", "BTC/USDC", "ETH/USD")
    assert [json.loads(text) for text in await plan.opening()] == [
        {"type": "subscribe", "channel": "heartbeats"},
        {"type": "subscribe", "channel": "level2", "product_ids": ["BTC-USD", "ETH-USD"]},
        {"type": "subscribe", "channel": "market_trades", "product_ids": ["BTC-USD", "ETH-USD"]},
    ]
    assert await plan.url() == "ws://x"


def test_a_subscription_with_a_token() -> None:
    assert json.loads(subscribe("user", token="t")) == {"type": "subscribe", "channel": "user", "jwt": "t"}


@pytest.mark.asyncio
async def test_it_is_ready_when_every_subscription_is_acknowledged() -> None:
    plan = a_plan("BTC/USD")
    await plan.opening()
    assert plan.parse(ack(0, heartbeats=["heartbeats"]), AT) == []
    assert plan.parse(ack(1, heartbeats=["heartbeats"], level2=["BTC-USD"]), AT) == []
    every = {"heartbeats": ["heartbeats"], "level2": ["BTC-USD"], "market_trades": ["BTC-USD"]}
    assert plan.parse(ack(2, **every), AT) == [StreamReady()]
    assert plan.parse(ack(3, **every), AT) == []


@pytest.mark.asyncio
async def test_a_product_that_is_missing_from_the_acknowledgement_is_told_and_the_others_go_on() -> None:
    plan = a_plan("BTC/USD", "GONE/USD")
    await plan.opening()
    plan.parse(ack(0), AT)
    plan.parse(ack(1, level2=["BTC-USD"]), AT)
    status, ready = plan.parse(ack(2, level2=["BTC-USD"], market_trades=["BTC-USD"]), AT)
    assert ready == StreamReady()
    assert isinstance(status, InstrumentStatus)
    assert (status.symbol, status.is_trading) == ("GONE/USD", False)
    assert status.reason == "Coinbase gives no level2, market_trades of GONE-USD: no such product, or delisted"
    # A later connection finds it again, and says so once.
    for again in range(2):
        await plan.opening()
        plan.parse(ack(0), AT)
        plan.parse(ack(1), AT)
        both = ["BTC-USD", "GONE-USD"]
        found = plan.parse(ack(2, level2=both, market_trades=both), AT)
        assert [item.is_trading for item in found if isinstance(item, InstrumentStatus)] == [True][again:]


@pytest.mark.asyncio
async def test_a_channel_that_is_not_known_is_one_clear_line() -> None:
    plan = a_plan("BTC/USD", channels=("level3",))
    await plan.opening()
    (broken,) = plan.parse(b'{"type":"error","message":"authentication failure"}', AT)
    assert isinstance(broken, StreamBroken)
    assert isinstance(broken.error, Refused)
    assert "Coinbase refuses a subscription to level3: authentication failure" in str(broken.error)


@pytest.mark.asyncio
async def test_a_hole_in_the_numbers_ends_the_connection_and_the_next_begins_anew() -> None:
    plan = a_plan("BTC/USD")
    await plan.opening()
    plan.parse(ack(0), AT)
    snapshot, ended = plan.parse(a_frame("l2_data", [book_event("snapshot", "BTC-USD", ("bid", "1", "1"))], 2), AT)
    assert isinstance(snapshot, BookSnapshot)
    assert ended == StreamEnded("frames are missing: expected number 1, was 2")
    await plan.opening()
    assert plan.parse(ack(0), AT) == []


@pytest.mark.asyncio
async def test_both_ways_of_decoding_give_the_same() -> None:
    one, other = a_plan("BTC/USD"), a_plan("BTC/USD")
    await one.opening()
    await other.opening()
    for at, raw in lines_of("market_frames.txt"):
        assert one.parse(raw, at) == other.parse_decoded(json.loads(raw), at)
