"""Newest values: who listens to what, and under which names they are shown."""

from decimal import Decimal
from typing import Any

import msgspec

from actors.stream_frames import parse_channel
from actors.stream_values import Topics, frame_of, key_of
from engine.messages.market import Bar, BookTop, Ticker
from engine.messages.venues import VenueConnection
from engine.runtime.bus import Bus
from tests.support.cell_builders import START_NS
from tests.support.stream import Wire, a_client, unframe

MARKET: dict[str, Any] = {"venue": "simulated", "symbol": "BTC/USDT", "ts_event_ns": START_NS, "ts_init_ns": START_NS}


def a_bar(timeframe: str = "1m") -> Bar:
    names = ("open", "high", "low", "close", "volume", "quote_volume")
    prices: dict[str, Any] = {name: Decimal("1E+2") for name in names}
    return Bar(**MARKET, **prices, timeframe=timeframe, open_time_ns=START_NS, close_time_ns=START_NS, trades_count=3)


def data_of(value: Any) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.json.decode(unframe(frame_of("x", value).text)[0])["data"]
    return data


def test_values_stand_under_column_names_without_exponents() -> None:
    bar = data_of(a_bar())
    assert (bar["exchange"], bar["open_price"], bar["open_time"]) == (
        "simulated", "100", "2024-01-01T00:00:00.000000Z")  # fmt: skip
    book = data_of(BookTop(**MARKET, bids=((Decimal(1), Decimal("0.50")),), asks=()))
    assert (book["bids"], book["asks"]) == ([["1", "0.50"]], [])
    ticker = data_of(Ticker(**MARKET, price=Decimal(7), bid=Decimal(6)))
    assert (ticker["price"], ticker["bid_price"], ticker["ask_price"]) == ("7", "6", None)


def test_a_bar_goes_to_the_topic_of_its_timeframe() -> None:
    bus = Bus()
    topics = Topics(bus, lambda _: None)
    client = a_client(Wire())
    minute = topics.join(client, parse_channel("bars:simulated:BTC/USDT:1m"))
    hour = topics.join(client, parse_channel("bars:simulated:BTC/USDT:1h"))
    assert topics.accept(a_bar("1h"))
    assert (len(minute.latest), len(hour.latest)) == (0, 1)
    assert topics.take_waiting() == [hour]
    assert topics.take_waiting() == []


def test_a_topic_ends_with_its_last_client() -> None:
    bus = Bus()
    topics = Topics(bus, lambda _: None)
    first, second, channel = a_client(Wire()), a_client(Wire()), parse_channel("tickers:simulated:BTC/USDT")
    topics.join(first, channel)
    topics.join(second, channel)
    topics.leave(first, channel)
    assert bus.subscribers(Ticker, ("simulated", "BTC/USDT")) == 1
    topics.leave(second, channel)
    topics.leave(second, channel)
    assert bus.subscribers(Ticker, ("simulated", "BTC/USDT")) == 0


def test_venues_are_kept_apart() -> None:
    messages = [VenueConnection(venue=venue, connected=True, at_ns=START_NS) for venue in ("a", "b")]
    assert len({key_of(message) for message in messages}) == 2
