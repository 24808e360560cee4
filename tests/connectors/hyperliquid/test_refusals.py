"""Hyperliquid's sentences of refusal, and what each proves."""

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.bridge.answers import Seen, judged
from connectors.bridge.errors import AuthRefused, BridgeError, ClockOff, Duplicate, Refused, Unknown
from connectors.hyperliquid.refusals import RULES, code_of, refusal_in

MARGIN = "Insufficient margin to place order. asset=15"


def order_error(sentence: str) -> bytes:
    data = {"statuses": [{"error": sentence}]}
    return json.dumps({"status": "ok", "response": {"type": "order", "data": data}}).encode()


def refusal(sentence: str) -> bytes:
    return json.dumps({"status": "err", "response": sentence}).encode()


def error_of(body: bytes, status: int = 200) -> BridgeError:
    said = refusal_in(status, body)
    assert said is not None
    return judged(said, Seen(status, {}, body), RULES)


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("Price must be divisible by tick size. asset=3", "bad_price"),
        ("Order must have minimum value of $10. asset=1", "min_notional"),
        ("Order must have minimum value of 10 USDC.", "min_notional"),
        (MARGIN, "insufficient_funds"),
        ("Insufficient spot balance asset=10107", "insufficient_funds"),
        ("Reduce only order would increase position. asset=1", "reduce_only_would_not_reduce"),
        ("Post only order would have immediately matched, bbo was 1@2. asset=1", "post_only_would_take"),
        ("Order could not immediately match against any resting orders. asset=1", "no_liquidity"),
        ("No liquidity available for market order.", "no_liquidity"),
        ("Invalid TP/SL price. asset=1", "stop_would_trigger"),
        ("Order has zero size.", "bad_quantity"),
        ("Order price cannot be more than 80% away from the reference price", "bad_price"),
        ("Order would increase open interest while open interest is capped", "open_interest_cap"),
        ("Order was never placed, already canceled, or filled. asset=1", "unknown_order"),
        ("Cannot modify canceled or filled order", "already_done"),
        ("Too many cumulative requests sent (37986 > 10436) for cumulative volume traded $437.92.", "requests_used_up"),
        ("Cannot set scheduled cancel time until enough volume traded.", "dead_man_unavailable"),
    ],
)
def test_a_known_sentence_is_a_definite_refusal(sentence: str, code: str) -> None:
    for body in (order_error(sentence), refusal(sentence)):
        error = error_of(body)
        assert isinstance(error, Refused)
        assert (error.code, error.is_definite) == (code, True)


def test_an_unknown_sentence_proves_nothing() -> None:
    for body in (order_error("The moon is full."), refusal("The moon is full.")):
        error = error_of(body)
        assert isinstance(error, Unknown)
        assert not error.is_definite


def test_a_key_that_the_venue_does_not_know_is_not_named() -> None:
    address = "0xb8a6f8b26223de27c31938d56e470a5b832703a5"
    error = error_of(refusal(f"L1 error: User or API Wallet {address} does not exist."))
    assert isinstance(error, AuthRefused)
    assert address not in str(error)
    assert "does not know this key" in error.line


def test_numbers_of_requests_say_whether_the_first_may_have_worked() -> None:
    assert isinstance(error_of(refusal("Invalid nonce: duplicate nonce 1741107452532.")), Duplicate)
    assert isinstance(error_of(refusal("Invalid nonce: 1 is too low")), ClockOff)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"status":"ok","response":{"type":"order","data":{"statuses":[{"resting":{"oid":1}}]}}}'),
        (200, b'{"status":"ok","response":{"type":"cancel","data":{"statuses":["success"]}}}'),
        (200, b'{"status":"ok","response":{"type":"default"}}'),
        (200, b'{"status":"order","order":{"order":{"cloid":"\\"err"}}}'),
        (200, b'[{"error":"no answer to an action"}]'),
        (502, b"<html>"), (403, b"<html>forbidden</html>"), (500, b'{"status":5}'), (200, b'{"error"'), (200, b""),
    ],
)  # fmt: skip
def test_what_is_no_refusal_of_the_venue_is_none(status: int, body: bytes) -> None:
    assert refusal_in(status, body) is None


def test_a_request_in_a_wrong_shape_is_refused_in_plain_text() -> None:
    error = error_of(b"Failed to deserialize the JSON body into the target type: invalid value", 422)
    assert isinstance(error, Refused)
    assert error.code == "malformed"


def test_every_rule_is_of_a_word_that_a_sentence_can_give() -> None:
    assert code_of("anything") in RULES
    assert {code_of(word) for word in ("API Wallet x does not exist", "vault not registered")} == {
        "bad_key", "no_permission",
    }  # fmt: skip


def test_the_captured_refusal_is_read(fixtures_dir: Path) -> None:
    lines = (fixtures_dir / "captured/binance_spot/reported_errors_dev.jsonl").read_text().splitlines()
    records: list[dict[str, Any]] = [json.loads(line) for line in lines]
    (record,) = [each for each in records if each["exchange"] == "hyperliquid"]
    error = error_of(json.dumps(record["payload"]).encode(), record["http"])
    assert (error.code, error.message) == ("insufficient_funds", MARGIN)
