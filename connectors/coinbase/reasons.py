"""What Coinbase's refusals mean. Pure.

An order that is refused comes as 200 with `success: false`; everything else by its HTTP status and, mostly, a body with
`error`. Where Coinbase itself says that it does not know (`UNKNOWN_FAILURE_REASON`), neither do we.
Source: Coinbase Advanced Trade, POST /brokerage/orders (`NewOrderFailureReason`, `PreviewFailureReason`),
/orders/batch_cancel (`CancelOrderFailureReason`), /orders/edit (`EditOrderFailureReason`).
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from connectors.bridge.answers import Rule, VenueError, Verdict
from connectors.bridge.errors import (
    ALREADY_DONE,
    BAD_PRICE,
    BAD_QUANTITY,
    INSUFFICIENT_FUNDS,
    MARKET_CLOSED,
    MIN_NOTIONAL,
    NO_LIQUIDITY,
    NOTHING_TO_CHANGE,
    TOO_MANY_ORDERS,
    UNKNOWN_ORDER,
    UNKNOWN_SYMBOL,
    WOULD_TAKE,
    WOULD_TRIGGER,
    BridgeError,
    Duplicate,
    Refused,
    Unknown,
)

WORDS: Final[Mapping[str, str]] = {
    "INSUFFICIENT_FUND": INSUFFICIENT_FUNDS,
    "INSUFFICIENT_FUNDS": INSUFFICIENT_FUNDS,
    "INSUFFICIENT_FUNDS_FOR_ORDER": INSUFFICIENT_FUNDS,
    "INSUFFICIENT_LEDGER_BALANCE": INSUFFICIENT_FUNDS,
    "INVALID_LEDGER_BALANCE": INSUFFICIENT_FUNDS,
    "INVALID_PRODUCT_ID": UNKNOWN_SYMBOL,
    "INVALID_SIZE_PRECISION": BAD_QUANTITY,
    "INVALID_BASE_SIZE": BAD_QUANTITY,
    "INVALID_BASE_SIZE_TOO_SMALL": BAD_QUANTITY,
    "INVALID_BASE_SIZE_TOO_LARGE": BAD_QUANTITY,
    "INVALID_ORDER_SIZE": BAD_QUANTITY,
    "INVALID_EDITED_SIZE": BAD_QUANTITY,
    "CANNOT_EDIT_TO_BELOW_FILLED_SIZE": BAD_QUANTITY,
    "INVALID_QUOTE_SIZE_TOO_SMALL": MIN_NOTIONAL,
    "INVALID_PRICE_PRECISION": BAD_PRICE,
    "INVALID_LIMIT_PRICE": BAD_PRICE,
    "INVALID_STOP_PRICE": BAD_PRICE,
    "INVALID_EDITED_PRICE": BAD_PRICE,
    "LIMIT_PRICE_TOO_FAR_FROM_MARKET": BAD_PRICE,
    "STOP_PRICE_ABOVE_LIMIT_PRICE": BAD_PRICE,
    "STOP_PRICE_BELOW_LIMIT_PRICE": BAD_PRICE,
    "INVALID_LIMIT_PRICE_POST_ONLY": WOULD_TAKE,
    "INVALID_NO_LIQUIDITY": NO_LIQUIDITY,
    "STOP_PRICE_ABOVE_LAST_TRADE_PRICE": WOULD_TRIGGER,
    "STOP_PRICE_BELOW_LAST_TRADE_PRICE": WOULD_TRIGGER,
    "ORDER_ENTRY_DISABLED": MARKET_CLOSED,
    "INELIGIBLE_PAIR": MARKET_CLOSED,
    "UNTRADABLE_PRODUCT": MARKET_CLOSED,
    "MAX_OPEN_ORDERS_EXCEEDED": TOO_MANY_ORDERS,
    "UNKNOWN_CANCEL_ORDER": UNKNOWN_ORDER,
    "ORDER_NOT_FOUND": UNKNOWN_ORDER,
    "NOT_FOUND": UNKNOWN_ORDER,
    "ORDER_IS_FULLY_FILLED": ALREADY_DONE,
    "ONLY_OPEN_ORDERS_CAN_BE_EDITED": ALREADY_DONE,
    "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST": NOTHING_TO_CHANGE,
}
"""Coinbase's word, less a leading `PREVIEW_` -> ours."""

DUPLICATE: Final = "DUPLICATE_CLIENT_ORDER_ID"

_SAYS_NOTHING: Final = frozenset(
    {
        "",
        "UNKNOWN",
        "INTERNAL",
        "UNKNOWN_FAILURE_REASON",
        "UNKNOWN_PREVIEW_FAILURE_REASON",
        "UNKNOWN_CANCEL_FAILURE_REASON",
        "UNKNOWN_EDIT_ORDER_FAILURE_REASON",
    }
)

RULES: Final[Mapping[str, Rule]] = {
    **{code: Rule(Verdict.REFUSED, word) for code, word in WORDS.items()},
    **{code: Rule(Verdict.UNKNOWN, code.lower()) for code in _SAYS_NOTHING if code},
    DUPLICATE: Rule(Verdict.DUPLICATE, DUPLICATE.lower()),
    "UNAUTHORIZED": Rule(Verdict.AUTH, "bad_key"),
    "UNAUTHENTICATED": Rule(Verdict.AUTH, "bad_key"),
    "PERMISSION_DENIED": Rule(Verdict.AUTH, "no_permission"),
    "IP_NOT_ALLOWED": Rule(Verdict.AUTH, "ip_not_allowed"),
    "RATE_LIMIT_EXCEEDED": Rule(Verdict.LIMITED),
    "RESOURCE_EXHAUSTED": Rule(Verdict.LIMITED),
    "UNAVAILABLE": Rule(Verdict.MAINTENANCE),
    "MAINTENANCE": Rule(Verdict.MAINTENANCE),
}
"""Code in the body of an HTTP error -> what it proves."""


class ErrorBody(msgspec.Struct, gc=False):
    """What most errors by status carry."""

    error: str
    message: str = ""
    error_details: str = ""


_decode = msgspec.json.Decoder(ErrorBody).decode


def venue_error(status: int, body: bytes) -> VenueError | None:
    """Read the code and the sentence of an HTTP error; None for a good answer, and for a body that is not Coinbase's.

    A 401 is plain text: the gate in front of the interface refuses the token. A 403 without a body of Coinbase's is
    somebody else's (a proxy, a country block) and proves nothing about the key.
    """
    if status < 300:
        return None
    try:
        said = _decode(body)
    except (msgspec.DecodeError, ValueError):
        text = body[:80].decode(errors="replace").strip()
        if status != 401 or text.startswith("<"):
            return None
        return VenueError("IP_NOT_ALLOWED" if _is_about_addresses(text) else "UNAUTHORIZED", text)
    code, message = said.error.upper(), said.error_details or said.message
    if status in (401, 403) and _is_about_addresses(message):
        code = "IP_NOT_ALLOWED"
    return VenueError(code, message or said.error)


def _is_about_addresses(text: str) -> bool:
    words = text.lower().replace("-", " ").replace(".", " ").split()
    return "ip" in words or "allowlist" in words or "whitelist" in words


def refusal(reasons: Iterable[str], message: str = "") -> BridgeError:
    """Return what a `success: false` means.

    Args:
        reasons: The reasons that the answer names, the most telling first.
        message: Its sentence.

    Returns:
        `Refused` by the first reason that says something, one that we have a word for before others; `Unknown` where
        none does.
    """
    said = [reason for reason in reasons if reason not in _SAYS_NOTHING]
    if not said:
        return Unknown("unknown_failure", message)
    if DUPLICATE in said:
        return Duplicate(DUPLICATE.lower(), message)
    told = next((reason for reason in said if _bare(reason) in WORDS), said[0])
    return Refused(WORDS.get(_bare(told), _bare(told).lower()), message, venue_code=told)


def _bare(reason: str) -> str:
    return reason.removeprefix("PREVIEW_")
