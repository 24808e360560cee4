"""Channel names, and frames as RFC 6455 has them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.stream_frames import (
    LOSSLESS,
    Frame,
    answer_frame,
    close_frame,
    event_frame,
    parse_channel,
    snapshot_frame,
    update_frame,
    websocket_frame,
)
from engine.domain.errors import BadInput
from engine.messages.writing import CommittedEvent
from tests.support.cell_builders import START_NS
from tests.support.stream import USER, unframe


@pytest.mark.parametrize("name", sorted(LOSSLESS))
def test_a_journal_channel_is_lossless(name: str) -> None:
    assert parse_channel(name).is_lossless


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("tickers:binance:BTC/USDT", ("tickers", "binance", "BTC/USDT", "")),
        ("books:binance:BTC/USDT:USDT", ("books", "binance", "BTC/USDT:USDT", "")),
        ("bars:binance:BTC/USDT:1m", ("bars", "binance", "BTC/USDT", "1m")),
        ("bars:binance:BTC/USDT:USDT:1h", ("bars", "binance", "BTC/USDT:USDT", "1h")),
        ("pnl", ("pnl", "", "", "")),
    ],
)
def test_a_market_channel_names_venue_symbol_and_timeframe(name: str, parts: tuple[str, str, str, str]) -> None:
    channel = parse_channel(name)
    assert (channel.kind, channel.venue, channel.symbol, channel.timeframe) == parts
    assert not channel.is_lossless


@pytest.mark.parametrize(
    "name",
    ["", "order", "orders:x", "tickers", "tickers:binance", "tickers:binance:BTC", "bars:binance:BTC/USDT",
     "bars:binance:BTC/USDT:2m", "tickers:x:A/B\x00", "tickers::A/B", "pnl:x", "tickers:x:" + "A" * 21 + "/B"],
)  # fmt: skip
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(BadInput, match="channels"):
        parse_channel(name)


@given(st.one_of(st.integers(0, 300), st.sampled_from([65_535, 65_536, 70_000])))
def test_a_frame_holds_its_payload_whatever_its_length(length: int) -> None:
    payload, rest, first = unframe(websocket_frame(0x81, b"x" * length) + b"next")
    assert (len(payload), rest, first) == (length, b"next", 0x81)


def test_a_frame_says_the_same_in_message_pack() -> None:
    frame = Frame(b'{"a":[1,"2"],"b":null}')
    payload, _, first = unframe(frame.binary)
    assert (msgspec.msgpack.decode(payload), first) == ({"a": [1, "2"], "b": None}, 0x82)
    assert frame.binary is frame.binary


def test_an_event_is_shown_with_its_numbers_and_time() -> None:
    event = CommittedEvent(
        seq=7, prev=5, user_id=USER, channel="orders", type="OrderFilled", at_ns=START_NS, account_id=None,
        correlation_id=None, data=b'{"id":"1"}',
    )  # fmt: skip
    assert msgspec.json.decode(unframe(event_frame(event).text)[0]) == {
        "op": "event", "channel": "orders", "seq": 7, "prev": 5, "type": "OrderFilled",
        "at": "2024-01-01T00:00:00.000000Z", "data": {"id": "1"},
    }  # fmt: skip


def test_snapshots_updates_and_answers_are_objects() -> None:
    assert msgspec.json.decode(unframe(snapshot_frame("orders", 3, b"[]").text)[0])["seq"] == 3
    assert msgspec.json.decode(unframe(update_frame("pnl", START_NS, b"{}").text)[0])["op"] == "update"
    assert msgspec.json.decode(unframe(answer_frame("pong", id=None).text)[0]) == {"op": "pong", "id": None}


def test_a_close_has_its_code_and_a_reason_that_fits() -> None:
    payload, _, first = unframe(close_frame(4408, "x" * 500))
    assert (first, int.from_bytes(payload[:2], "big"), len(payload)) == (0x88, 4408, 125)
