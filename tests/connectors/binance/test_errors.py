"""What Binance's refusals prove."""

import json
from pathlib import Path

import pytest

from connectors.binance.errors import RULES, error_of, venue_error
from connectors.bridge.answers import Seen, judged
from connectors.bridge.errors import (
    AuthRefused,
    BridgeError,
    ClockOff,
    Duplicate,
    Limited,
    Maintenance,
    Refused,
    Unknown,
)
from tests.connectors.binance.recorded import quoted

S = 1_000_000_000


def error_of_answer(status: int, body: bytes, headers: dict[str, str] | None = None) -> BridgeError:
    return judged(venue_error(status, body), Seen(status, headers or {}, body), RULES)


def an_error(status: int, code: int, message: str = "") -> BridgeError:
    return error_of_answer(status, json.dumps({"code": code, "msg": message}).encode())


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "word"),
    [
        (400, -2010, "Account has insufficient balance for requested action.", Refused, "insufficient_funds"),
        (400, -2010, "Order would immediately match and take.", Refused, "post_only_would_take"),
        (400, -2010, "Stop price would trigger immediately.", Refused, "stop_would_trigger"),
        (400, -2010, "This action is disabled on this account.", Refused, "-2010"),
        (400, -2010, "Duplicate order sent.", Duplicate, "duplicate"),
        (400, -4116, "ClientOrderId is duplicated.", Duplicate, "-4116"),
        (400, -2011, "Unknown order sent.", Refused, "unknown_order"),
        (400, -2013, "Order does not exist.", Refused, "unknown_order"),
        (400, -2019, "Margin is insufficient.", Refused, "insufficient_funds"),
        (400, -2021, "Order would immediately trigger.", Refused, "stop_would_trigger"),
        (400, -2022, "ReduceOnly Order is rejected.", Refused, "reduce_only_would_not_reduce"),
        (400, -5022, "Due to the order could not be executed as maker", Refused, "post_only_would_take"),
        (400, -1121, "Invalid symbol.", Refused, "unknown_symbol"),
        (400, -1013, "Filter failure: MARKET_LOT_SIZE", Refused, "bad_quantity"),
        (400, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE", Refused, "bad_price"),
        (400, -1013, "Filter failure: NOTIONAL", Refused, "min_notional"),
        (400, -1013, "Market is closed.", Refused, "market_closed"),
        (400, -1013, "Filter failure: OF_TOMORROW", Refused, "-1013 OF_TOMORROW"),
        (400, -9999, "Something new.", Refused, "-9999"),
        (400, -1021, "Timestamp for this request is outside of the recvWindow.", ClockOff, "-1021"),
        (401, -2015, "Invalid API-key, IP, or permissions for action.", AuthRefused, "key_ip_or_permission"),
        (401, -2014, "API-key format invalid.", AuthRefused, "bad_key"),
        (400, -1022, "Signature for this request is not valid.", AuthRefused, "bad_signature"),
        (400, -1003, "Too many requests.", Limited, "rate_limited"),
        (429, -1015, "Too many new orders.", Refused, "too_many_orders"),
        (408, -1007, "Timeout waiting for response from backend server.", Unknown, "-1007"),
        (400, -1006, "An unexpected response was received.", Unknown, "-1006"),
        (503, -1000, "Unknown error, please check your request or try again later.", Unknown, "http_503"),
        (503, 0, "Service Unavailable.", Maintenance, "maintenance"),
        (504, -2010, "Account has insufficient balance for requested action.", Unknown, "http_504"),
        (403, -4444, "Not yours.", AuthRefused, "no_permission"),
    ],
)
def test_a_code_says_whether_anything_was_done(
    status: int, code: int, message: str, kind: type[BridgeError], word: str
) -> None:
    error = an_error(status, code, message)
    assert (type(error), error.code) == (kind, word)
    assert error.is_definite is (kind not in (Unknown, Duplicate))


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b""), (502, b"<html>"), (504, b'{"code":-1007,"msg":""}'), (403, b"<html>WAF</html>"), (404, b"nothing")],
)
def test_an_answer_without_a_code_proves_nothing(status: int, body: bytes) -> None:
    assert isinstance(error_of_answer(status, body), Unknown)


@pytest.mark.parametrize(
    ("status", "headers", "wait_s", "is_ban"),
    [(429, {"Retry-After": "7"}, 7, False), (418, {"retry-after": "300"}, 300, True)],
)
def test_a_rate_limit_says_how_long(status: int, headers: dict[str, str], wait_s: int, *, is_ban: bool) -> None:
    error = error_of_answer(status, b'{"code":-1003,"msg":"Way too many requests"}', headers)
    assert isinstance(error, Limited)
    assert (error.retry_after_ns, error.is_ban) == (wait_s * S, is_ban)


def test_a_success_is_none_unless_it_holds_a_failure() -> None:
    assert venue_error(200, b'{"code":200,"msg":"done"}') is None
    assert venue_error(200, b'{"orderId":1}') is None
    assert venue_error(200, b"[]") is None
    assert isinstance(error_of_answer(200, b'{"code":-2011,"msg":"Unknown order sent."}'), Refused)


def test_a_reported_refusal_keeps_its_meaning(fixtures_dir: Path) -> None:
    (_, raw), *_ = quoted(fixtures_dir, "binance_spot/reported_errors_dev.jsonl")
    error = error_of_answer(400, raw)
    assert isinstance(error, Refused)
    assert (error.code, error.venue_code) == ("bad_quantity", "-1013 LOT_SIZE")


def test_no_access_is_one_line() -> None:
    error = an_error(401, -2015, "Invalid API-key, IP, or permissions for action.")
    assert isinstance(error, AuthRefused)
    assert error.line == "the venue does not let this key in (-2015 Invalid API-key, IP, or permissions for action.)"


def test_the_websocket_api_means_the_same() -> None:
    assert isinstance(error_of(400, -2010, "Duplicate order sent."), Duplicate)
    assert isinstance(error_of(500, -1000, ""), Unknown)
