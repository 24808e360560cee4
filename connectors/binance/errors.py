"""Binance's refusals as bridge errors: what a status and a code prove about a request.

A 4xx with a code of Binance's in its body is a definite no, with the exceptions named here. Everything else that is not
a success proves nothing: 5xx ("the API has successfully sent the request but not got a response"), 403 of the firewall,
a body that is no JSON.
Source: Binance spot, "Error Codes" and "General API Information" (HTTP Return Codes); USD-M futures, the same pages.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from connectors.binance.private_wire import Failure
from connectors.bridge import errors
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

NS_PER_S: Final = 1_000_000_000
RETRY_AFTER_NS: Final = 60 * NS_PER_S
"""How long a rate limit lasts where the venue does not say; its windows are minutes."""
BAN_NS: Final = 120 * NS_PER_S
"""The shortest ban by the documentation."""
ORDER_RATE_NS: Final = 10 * NS_PER_S
"""The shortest window of order counts."""

PROVES_NOTHING: Final = frozenset({-1000, -1001, -1006, -1007, -1016, -1008})
"""Unknown, disconnected, unexpected response, timeout, shutting down, overloaded: sent on, execution not known."""

_AUTH: Final[Mapping[int, str]] = {
    -1002: "no_permission",
    -1022: "bad_signature",
    -2008: "bad_key",
    -2014: "bad_key",
    -2015: "key_ip_or_permission",
    -2017: "account_closed",
}
"""-2015 is "Invalid API-key, IP, or permissions for action.": the venue does not tell which."""
_LIMITS: Final[Mapping[int, int]] = {-1003: RETRY_AFTER_NS, -1034: RETRY_AFTER_NS, -1015: ORDER_RATE_NS}
"""Code of a rate limit -> how long to wait."""

_WORDS: Final[Mapping[int, str]] = {
    -1111: errors.BAD_QUANTITY,
    -1121: errors.UNKNOWN_SYMBOL,
    -2011: errors.UNKNOWN_ORDER,
    -2013: errors.UNKNOWN_ORDER,
    -2018: errors.INSUFFICIENT_FUNDS,
    -2019: errors.INSUFFICIENT_FUNDS,
    -2021: errors.WOULD_TRIGGER,
    -2022: errors.WOULD_NOT_REDUCE,
    -2025: errors.TOO_MANY_ORDERS,
    -2026: errors.UNKNOWN_ORDER,
    -2038: errors.NOTHING_TO_CHANGE,
    -4003: errors.BAD_QUANTITY,
    -4004: errors.BAD_QUANTITY,
    -4005: errors.BAD_QUANTITY,
    -4013: errors.BAD_PRICE,
    -4014: errors.BAD_PRICE,
    -4016: errors.BAD_PRICE,
    -4023: errors.BAD_QUANTITY,
    -4024: errors.BAD_PRICE,
    -4045: errors.TOO_MANY_ORDERS,
    -4111: "duplicate",
    -4116: "duplicate",
    -4118: errors.WOULD_NOT_REDUCE,
    -4131: errors.NO_LIQUIDITY,
    -4140: errors.MARKET_CLOSED,
    -4141: errors.MARKET_CLOSED,
    -4164: errors.MIN_NOTIONAL,
    -5021: errors.NO_LIQUIDITY,
    -5022: errors.WOULD_TAKE,
    -5027: errors.NOTHING_TO_CHANGE,
}

_FILTERS: Final[Mapping[str, str]] = {
    "PRICE_FILTER": errors.BAD_PRICE,
    "PERCENT_PRICE": errors.BAD_PRICE,
    "PERCENT_PRICE_BY_SIDE": errors.BAD_PRICE,
    "LOT_SIZE": errors.BAD_QUANTITY,
    "MARKET_LOT_SIZE": errors.BAD_QUANTITY,
    "NOTIONAL": errors.MIN_NOTIONAL,
    "MIN_NOTIONAL": errors.MIN_NOTIONAL,
    "MAX_NUM_ORDERS": errors.TOO_MANY_ORDERS,
    "MAX_NUM_ALGO_ORDERS": errors.TOO_MANY_ORDERS,
    "EXCHANGE_MAX_NUM_ORDERS": errors.TOO_MANY_ORDERS,
}
"""-1013 is told apart by the filter's name, the only thing in a sentence of Binance's that is a code."""

_SENTENCES: Final = (
    ("insufficient balance", errors.INSUFFICIENT_FUNDS),
    ("immediately match and take", errors.WOULD_TAKE),
    ("trigger immediately", errors.WOULD_TRIGGER),
    ("Market is closed", errors.MARKET_CLOSED),
    ("Duplicate order sent", "duplicate"),
)
"""-2010 has no sub-code; Binance documents these sentences as its values. One that fits none keeps the code."""

_decode = msgspec.json.Decoder(Failure).decode


def failure_of(body: bytes) -> Failure | None:
    """Return the code and sentence of an error body; None for whatever else it is."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, ValueError):
        return None


def error_of_answer(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> BridgeError | None:
    """Return what an HTTP answer proves; None for a success.

    A 200 with a code below zero is a failure as well. Whether a 200 holds what it should is for its reader to see.
    """
    failure = failure_of(body)
    if status < 400:
        return error_of(status, failure.code, failure.msg) if failure is not None and failure.code < 0 else None
    if status in (418, 429):
        return Limited(_retry_after_ns(headers, BAN_NS if status == 418 else RETRY_AFTER_NS), is_ban=status == 418)
    if failure is None or status >= 500 or status == 403:
        return _without_code(status, failure)
    return error_of(status, failure.code, failure.msg)


def error_of(status: int, code: int, message: str) -> BridgeError:
    """Return what a code of Binance's means."""
    if code in PROVES_NOTHING or status >= 500:
        return Unknown(str(code), message)
    if code in _AUTH:
        return AuthRefused(_AUTH[code], message)
    if code in _LIMITS:
        return Limited(_LIMITS[code], message=message)
    if code == -1021:
        return ClockOff(str(code), message)
    word = _word(code, message)
    if word == "duplicate":
        return Duplicate(str(code), message)
    return Refused(word, message, venue_code=str(code))


def _word(code: int, message: str) -> str:
    if code == -1013 and message.startswith("Filter failure"):
        return _FILTERS.get(message.rpartition(":")[2].strip(), str(code))
    if code in (-1013, -2010):
        for sentence, word in _SENTENCES:
            if sentence in message:
                return word
    return _WORDS.get(code, str(code))


def _without_code(status: int, failure: Failure | None) -> BridgeError:
    message = failure.msg if failure is not None else ""
    if status == 503 and message.startswith("Service Unavailable"):
        # The only 5xx that Binance calls a failure: "the request is not sent on; try again".
        return Maintenance(message, is_definite=True)
    if status == 503 and failure is None:
        return Maintenance("503", is_definite=False)
    return Unknown(f"http_{status}" if failure is None else str(failure.code), message)


def _retry_after_ns(headers: Mapping[str, str] | None, otherwise_ns: int) -> int:
    for name, value in (headers or {}).items():
        if name.lower() == "retry-after" and value.strip().isdigit():
            return max(1, int(value)) * NS_PER_S
    return otherwise_ns
