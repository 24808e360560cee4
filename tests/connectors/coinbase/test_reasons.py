"""What Coinbase's refusals mean."""

from pathlib import Path

import msgspec
import pytest

from connectors.bridge.answers import Seen, judged
from connectors.bridge.errors import (
    REASONS,
    AuthRefused,
    BridgeError,
    Duplicate,
    Limited,
    Maintenance,
    Refused,
    Unknown,
)
from connectors.coinbase import private_wire as wire
from connectors.coinbase.reasons import RULES, WORDS, refusal, venue_error


def of(status: int, body: bytes, headers: dict[str, str] | None = None) -> BridgeError:
    return judged(venue_error(status, body), Seen(status, headers or {}, body), RULES)


def test_every_word_is_one_that_all_venues_share() -> None:
    assert set(WORDS.values()) <= REASONS


@pytest.mark.parametrize(
    ("reasons", "code"),
    [
        (["INSUFFICIENT_FUND"], "insufficient_funds"),
        (["UNKNOWN_FAILURE_REASON", "PREVIEW_INSUFFICIENT_FUND"], "insufficient_funds"),
        (["INVALID_LIMIT_PRICE_POST_ONLY"], "post_only_would_take"),
        (["", "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE"], "stop_would_trigger"),
        (["INVALID_SIZE_PRECISION"], "bad_quantity"),
        (["INVALID_PRICE_PRECISION"], "bad_price"),
        (["INVALID_PRODUCT_ID"], "unknown_symbol"),
        (["COMMANDER_REJECTED_NEW_ORDER"], "commander_rejected_new_order"),
        (["COMMANDER_REJECTED_NEW_ORDER", "PREVIEW_INSUFFICIENT_FUND"], "insufficient_funds"),
        (["UNKNOWN_CANCEL_ORDER"], "unknown_order"),
        (["ORDER_IS_FULLY_FILLED"], "already_done"),
    ],
)
def test_a_reason_that_says_something_is_a_refusal(reasons: list[str], code: str) -> None:
    error = refusal(reasons, "a sentence")
    assert isinstance(error, Refused)
    assert error.code == code
    assert error.venue_code in reasons


@pytest.mark.parametrize("reasons", [[], [""], ["UNKNOWN_FAILURE_REASON", "UNKNOWN_PREVIEW_FAILURE_REASON"]])
def test_a_reason_that_says_nothing_leaves_the_outcome_open(reasons: list[str]) -> None:
    assert isinstance(refusal(reasons), Unknown)


def test_a_repeated_client_id_may_mean_that_the_order_exists() -> None:
    assert isinstance(refusal(["DUPLICATE_CLIENT_ORDER_ID"]), Duplicate)


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (401, b"Unauthorized\n", AuthRefused, "bad_key"),
        (401, b'{"error":"unauthenticated","message":"no such key"}', AuthRefused, "bad_key"),
        (403, b'{"error":"PERMISSION_DENIED","error_details":"Missing required scopes"}', AuthRefused, "no_permission"),
        (403, b'{"error":"PERMISSION_DENIED","message":"IP not in allowlist"}', AuthRefused, "ip_not_allowed"),
        (401, b"IP address is not allowed", AuthRefused, "ip_not_allowed"),
        (403, b"<html>blocked</html>", Unknown, "http_403"),
        (401, b"<html>proxy</html>", Unknown, "http_401"),
        (400, b'{"error":"INVALID_ARGUMENT","error_details":"bad cursor"}', Refused, "INVALID_ARGUMENT"),
        (404, b'{"error":"NOT_FOUND","message":"order with this orderID was not found"}', Refused, "unknown_order"),
        (400, b'{"error":"unknown","message":"?"}', Unknown, "unknown"),
        (404, b"404 page not found", Unknown, "http_404"),
        (429, b"Too Many Requests", Limited, "rate_limited"),
        (429, b'{"error":"RESOURCE_EXHAUSTED"}', Limited, "rate_limited"),
        (500, b'{"error":"INTERNAL","message":"oops"}', Unknown, "internal"),
        (502, b"<html>Bad Gateway</html>", Unknown, "http_502"),
        (503, b'{"error":"UNAVAILABLE","message":"maintenance"}', Maintenance, "maintenance"),
        (504, b"", Unknown, "http_504"),
    ],
)
def test_errors_by_status(status: int, body: bytes, kind: type[BridgeError], code: str) -> None:
    error = of(status, body)
    assert type(error) is kind
    assert error.code == code


def test_a_good_answer_is_no_error() -> None:
    assert venue_error(200, b'{"success":false,"error_response":{"error":"X"}}') is None


def test_a_limit_says_how_long() -> None:
    error = of(429, b"Too Many Requests", {"Retry-After": "7"})
    assert isinstance(error, Limited)
    assert error.retry_after_ns == 7_000_000_000


@pytest.mark.parametrize("name", ["create_order_failure_no_funds_response", "default_failure_response"])
def test_recorded_refusals(fixtures_dir: Path, name: str) -> None:
    raw = (fixtures_dir / f"kmiq/coinbase_advanced/{name}.json").read_bytes()
    failure = msgspec.json.decode(raw, type=wire.NewOrder).error_response
    assert failure is not None
    error = refusal([failure.error, failure.preview_failure_reason], failure.message)
    assert isinstance(error, Refused)
    assert (error.code, error.message) == ("insufficient_funds", "Insufficient balance in source account")
