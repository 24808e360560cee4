"""Subscribing to streams."""

import json
from pathlib import Path

import pytest

from connectors.hyperliquid.subscriptions import Subscription, acknowledged, refused, subscribe
from engine.domain.errors import BadInput
from tests.support.hyperliquid import captured


def error(text: str) -> bytes:
    return json.dumps({"channel": "error", "data": text}).encode()


def test_a_subscription_is_written_as_the_venue_reads_it() -> None:
    assert json.loads(subscribe({"type": "bbo", "coin": "BTC"})) == {
        "method": "subscribe", "subscription": {"type": "bbo", "coin": "BTC"},
    }  # fmt: skip


def test_captured_acknowledgements_are_read(fixtures_dir: Path) -> None:
    payloads = [
        each
        for kind in ("ws subscriptionResponse", "ws userFills subscription")
        for each in captured(fixtures_dir, "hl_testnet_2026-07-28.jsonl", kind)
    ]
    assert [acknowledged(json.dumps(each).encode()) for each in payloads] == [
        Subscription(type="bbo", coin="BTC"), Subscription(type="userFills"),
    ]  # fmt: skip


def test_an_error_names_the_subscription_that_it_is_about(fixtures_dir: Path) -> None:
    (payload,) = captured(fixtures_dir, "hl_testnet_2026-07-28.jsonl", "ws error")
    assert refused(json.dumps(payload).encode())[0] == Subscription(type="noSuchType", coin="BTC")
    assert refused(error('Invalid subscription {"type":"l2Book","coin":"X"}'))[0] == Subscription("l2Book", "X")
    assert refused(error("Cannot track more than 10 total users.")) == (None, "Cannot track more than 10 total users.")
    assert refused(error("odd {"))[0] is None


@pytest.mark.parametrize("raw", [b"[]", b'{"channel":"error"}', b'{"data":{"subscription":5}}'])
def test_what_cannot_be_read_is_refused(raw: bytes) -> None:
    with pytest.raises(BadInput):
        acknowledged(raw)
    with pytest.raises(BadInput):
        refused(raw)
