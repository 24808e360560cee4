"""Binance's refusals: which code proves what (`RULES`), and how it is read from a body.

A 4xx with a code of Binance's in its body is a definite no, with the exceptions named here. A 5xx proves nothing
whatever its body says ("the API has successfully sent the request but not got a response"), with one exception; nor
does the firewall's 403.

Two codes mean many things; what tells them apart is the name of a filter, or one of the sentences that Binance
documents as values of -2010. Here such a code has its word behind it: `-1013 LOT_SIZE`.
Source: Binance spot, "Error Codes" and "General API Information" (HTTP Return Codes); USD-M futures, the same pages.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from connectors.binance.private_wire import Failure
from connectors.bridge import errors
from connectors.bridge.answers import Rule, Seen, VenueError, Verdict, judged
from connectors.bridge.errors import BridgeError

_decode = msgspec.json.Decoder(Failure).decode

CLOSED: Final = "service_unavailable"

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
_SENTENCES: Final[Mapping[str, str]] = {
    "insufficient balance": errors.INSUFFICIENT_FUNDS,
    "immediately match and take": errors.WOULD_TAKE,
    "trigger immediately": errors.WOULD_TRIGGER,
    "Market is closed": errors.MARKET_CLOSED,
    "Duplicate order sent": "duplicate",
}
_REFUSALS: Final[Mapping[int, str]] = {
    # Of one account and of new orders alone, with status 429 all the same: its cancels and everybody else may go on.
    -1015: errors.TOO_MANY_ORDERS,
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
    -4118: errors.WOULD_NOT_REDUCE,
    -4131: errors.NO_LIQUIDITY,
    -4140: errors.MARKET_CLOSED,
    -4141: errors.MARKET_CLOSED,
    -4164: errors.MIN_NOTIONAL,
    -5021: errors.NO_LIQUIDITY,
    -5022: errors.WOULD_TAKE,
    -5027: errors.NOTHING_TO_CHANGE,
}
# -2015 is "Invalid API-key, IP, or permissions for action.": the venue does not tell which.
_AUTH: Final[Mapping[int, str]] = {
    -1002: "no_permission",
    -1022: "bad_signature",
    -2008: "bad_key",
    -2014: "bad_key",
    -2015: "key_ip_or_permission",
    -2017: "account_closed",
}
# Unknown, disconnected, unexpected response, timeout, overloaded, shutting down: sent on, execution not known.
_PROVE_NOTHING: Final = (-1000, -1001, -1006, -1007, -1008, -1016)
_LIMITS: Final = (-1003, -1034)


def _refused(word: str) -> Rule:
    return Rule(Verdict.DUPLICATE if word == "duplicate" else Verdict.REFUSED, word)


RULES: Final[Mapping[str, Rule]] = {
    **{f"-1013 {name}": _refused(word) for name, word in _FILTERS.items()},
    **{f"{code} {sentence}": _refused(word) for code in (-1013, -2010) for sentence, word in _SENTENCES.items()},
    **{str(code): _refused(word) for code, word in _REFUSALS.items()},
    **{str(code): Rule(Verdict.AUTH, word) for code, word in _AUTH.items()},
    **{str(code): Rule(Verdict.UNKNOWN) for code in _PROVE_NOTHING},
    **{str(code): Rule(Verdict.LIMITED) for code in _LIMITS},
    "-1021": Rule(Verdict.CLOCK),
    "-4111": Rule(Verdict.DUPLICATE),
    "-4116": Rule(Verdict.DUPLICATE),
    CLOSED: Rule(Verdict.CLOSED),
}
"""Code, as `venue_error` gives it -> its meaning."""

SPOT_RULES: Final[Mapping[str, Rule]] = {
    # A replacement that was done by half: the old order is gone, the new one was refused.
    "-2021": Rule(Verdict.UNKNOWN),
    # One of which nothing was done: the order is over, or has filled in part meanwhile.
    "-2022": Rule(Verdict.REFUSED, errors.ALREADY_DONE),
}
"""Codes that mean something else on spot."""


def venue_error(status: int, body: bytes) -> VenueError | None:
    """Read the code and sentence of an error body; None where the answer is none of Binance's errors.

    A 200 with a code below zero is an error as well; `{"code":200,"msg":"..."}` is a success.
    """
    if b'"code"' not in body[:200]:
        return None
    try:
        failure = _decode(body)
    except (msgspec.DecodeError, ValueError):
        return None
    if status < 300 and failure.code >= 0:
        return None
    return named(status, failure.code, failure.msg)


def named(status: int, code: int, message: str) -> VenueError:
    """Return an error with the word behind its code that makes it one thing."""
    if status >= 500:
        # The one 5xx that Binance calls a failure: it was not sent on.
        is_closed = status == 503 and message.startswith("Service Unavailable")
        return VenueError(CLOSED if is_closed else f"http_{status} {code}", message)
    name = str(code)
    if code == -1013 and message.startswith("Filter failure"):
        name = f"{code} {message.rpartition(':')[2].strip()}"
    elif code in (-1013, -2010):
        name = next((f"{code} {sentence}" for sentence in _SENTENCES if sentence in message), name)
    return VenueError(name, message)


def error_of(status: int, code: int, message: str) -> BridgeError:
    """Return what an error of the WebSocket API comes to."""
    return judged(named(status, code, message), Seen(status, {}, b""), RULES)
