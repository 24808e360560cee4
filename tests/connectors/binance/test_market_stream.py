"""The public sockets of Binance: what is subscribed where, and what is said there."""

import json

import pytest

from connectors.binance.market_stream import STREAMS_MAX, MarketPlan, plans
from connectors.binance.symbols import Market, Symbols
from connectors.bridge.plan import StreamBroken, StreamEnded, StreamReady
from connectors.live.adapter import Channel
from engine.domain.errors import BadInput
from engine.messages.market import QuoteTick
from engine.messages.market_live import MarkPrice

ALL = frozenset(Channel)


def some_plans(market: Market, symbols: list[str], channels: frozenset[Channel] = ALL) -> tuple[MarketPlan, ...]:
    return plans(base=lambda: "wss://b", venue="binance", symbols=Symbols(market), wanted=symbols, channels=channels)


@pytest.mark.asyncio
async def test_spot_has_one_path() -> None:
    (plan,) = some_plans("spot", ["BTC/USDT"], frozenset({Channel.QUOTES, Channel.TRADES, Channel.BOOK}))
    assert await plan.url() == "wss://b/stream"
    (wish,) = await plan.opening()
    assert json.loads(wish) == {
        "method": "SUBSCRIBE",
        "params": ["btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@trade"],
        "id": 1,
    }


@pytest.mark.asyncio
async def test_usdm_divides_its_streams_among_two_paths() -> None:
    first, second = some_plans("usdm", ["BTC/USDT:USDT"])
    assert (await first.url(), await second.url()) == ("wss://b/public/stream", "wss://b/market/stream")
    assert set(first.streams) == {"btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@trade"}
    assert set(second.streams) == {"btcusdt@kline_1m", "btcusdt@markPrice@1s", "btcusdt@ticker"}


def test_no_socket_has_too_many_streams_and_no_stream_is_left_out() -> None:
    symbols = [f"A{number}/USDT" for number in range(150)]
    found = some_plans("spot", symbols, frozenset({Channel.QUOTES, Channel.TRADES, Channel.BOOK}))
    assert max(len(plan.streams) for plan in found) <= STREAMS_MAX
    assert len({stream for plan in found for stream in plan.streams}) == 450
    assert len({plan.name for plan in found}) == len(found)


def test_frames_become_messages_and_answers_signals() -> None:
    plan, _ = some_plans("usdm", ["BTC/USDT:USDT"])
    quote = b'{"stream":"btcusdt@bookTicker","data":{"b":"1","B":"1","a":"2","A":"1","T":5}}'
    mark = b'{"stream":"btcusdt@markPrice@1s","data":{"E":1,"p":"5","r":"0.1","T":9}}'
    (tick,) = plan.parse(quote, 7)
    assert isinstance(tick, QuoteTick)
    assert plan.parse_decoded(json.loads(quote), 7) == (tick,)
    assert isinstance(plan.parse(mark, 7)[0], MarkPrice)
    assert plan.parse_decoded(json.loads(mark), 7) == plan.parse(mark, 7)
    assert plan.parse(b'{"result":null,"id":1}', 7) == (StreamReady(),)
    (broken,) = plan.parse(b'{"error":{"code":2,"msg":"Invalid request"},"id":1}', 7)
    assert isinstance(broken, StreamBroken)
    (ended,) = plan.parse(b'{"e":"serverShutdown","E":1}', 7)
    assert isinstance(ended, StreamEnded)
    assert plan.parse_decoded({"result": None, "id": 1}, 7) == (StreamReady(),)


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"{}", b'{"stream":"btcusdt@unheard","data":{}}', b'{"e":"new"}'])
def test_frames_of_unknown_kind_are_refused(raw: bytes) -> None:
    (plan,) = some_plans("spot", ["BTC/USDT"], frozenset({Channel.QUOTES}))
    with pytest.raises(BadInput):
        plan.parse(raw, 7)
