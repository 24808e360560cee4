"""What Hyperliquid's sentences of refusal mean. They come without codes, most of them in answers with status 200.

Each sentence is known by a fragment that has stayed the same; one that fits none proves nothing, and the order is asked
for by its cloid. Source: Hyperliquid, "Error responses", "Rate limits", "Nonces and API wallets".
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from connectors.bridge import errors
from connectors.bridge.answers import Rule, VenueError, Verdict
from engine.domain.errors import shown

BAD_KEY: Final = "bad_key"
NOT_ALLOWED: Final = "no_permission"
USED_UP: Final = "requests_used_up"
"""The address may send as many requests as it has traded USDC, and one in ten seconds beyond; cancels twice as many."""
DUPLICATE_NONCE: Final = "duplicate_nonce"
BAD_NONCE: Final = "bad_nonce"
OPEN_INTEREST: Final = "open_interest_cap"
MAX_POSITION: Final = "max_position"
EXPIRED: Final = "expired"
MALFORMED: Final = "malformed"
NO_SWITCH: Final = "dead_man_unavailable"
UNKNOWN: Final = "unknown_refusal"

_CODES: Final = (
    ("vault not registered", NOT_ALLOWED),
    ("too many cumulative requests", USED_UP),
    ("duplicate nonce", DUPLICATE_NONCE),
    ("invalid nonce", BAD_NONCE),
    ("nonce too low", BAD_NONCE),
    ("must be divisible by tick size", errors.BAD_PRICE),
    ("has invalid price", errors.BAD_PRICE),
    ("price too far from oracle", errors.BAD_PRICE),
    ("away from the reference price", errors.BAD_PRICE),
    ("must have minimum value of", errors.MIN_NOTIONAL),
    ("insufficient margin", errors.INSUFFICIENT_FUNDS),
    ("insufficient spot balance", errors.INSUFFICIENT_FUNDS),
    ("must deposit before", errors.INSUFFICIENT_FUNDS),
    ("reduce only order would increase", errors.WOULD_NOT_REDUCE),
    ("post only order would have immediately matched", errors.WOULD_TAKE),
    ("could not immediately match", errors.NO_LIQUIDITY),
    ("no liquidity available", errors.NO_LIQUIDITY),
    ("invalid tp/sl price", errors.WOULD_TRIGGER),
    ("has zero size", errors.BAD_QUANTITY),
    ("has invalid size", errors.BAD_QUANTITY),
    ("while open interest is capped", OPEN_INTEREST),
    ("while at open interest cap", OPEN_INTEREST),
    ("increase open interest too quickly", OPEN_INTEREST),
    ("margin tier limit", MAX_POSITION),
    ("cannot modify canceled or filled order", errors.ALREADY_DONE),
    ("was never placed, already canceled, or filled", errors.UNKNOWN_ORDER),
    ("trading is halted", errors.MARKET_CLOSED),
    ("too many open orders", errors.TOO_MANY_ORDERS),
    ("failed to deserialize", MALFORMED),
    ("cannot set scheduled cancel", NO_SWITCH),
    ("expired", EXPIRED),
)
"""(fragment in small letters, our word)."""

RULES: Final[Mapping[str, Rule]] = {
    **{word: Rule(Verdict.REFUSED, word) for _, word in _CODES},
    BAD_KEY: Rule(Verdict.AUTH, BAD_KEY),
    NOT_ALLOWED: Rule(Verdict.AUTH, NOT_ALLOWED),
    # A request is sent once, so somebody has used its number: perhaps we did, and the answer was lost.
    DUPLICATE_NONCE: Rule(Verdict.DUPLICATE, DUPLICATE_NONCE),
    BAD_NONCE: Rule(Verdict.CLOCK, BAD_NONCE),
    UNKNOWN: Rule(Verdict.UNKNOWN, UNKNOWN),
}


class _Answer(msgspec.Struct, gc=False):
    status: str = ""
    response: msgspec.Raw = msgspec.Raw()


class _Status(msgspec.Struct, gc=False):
    error: str | None = None


class _Statuses(msgspec.Struct, gc=False):
    statuses: tuple[_Status | str, ...] = ()


class _Response(msgspec.Struct, gc=False):
    data: _Statuses | None = None


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_response = msgspec.json.Decoder(_Response).decode
_decode_text = msgspec.json.Decoder(str).decode


def code_of(sentence: str) -> str:
    """Return our word for a sentence, `UNKNOWN` where it fits nothing that is known."""
    text = sentence.lower()
    if "api wallet" in text and "does not exist" in text:
        # The address is recovered from the signature: a wrong key and a wrong signature look the same.
        return BAD_KEY
    return next((code for fragment, code in _CODES if fragment in text), UNKNOWN)


def refusal_in(status: int, body: bytes) -> VenueError | None:
    """Return what an answer refuses, None if it refuses nothing that can be read.

    Args:
        status: HTTP status.
        body: `{"status":"err","response":TEXT}`, or `{"status":"ok",...}` whose first order failed, or plain text.
    """
    if status == 200 and b'"err' not in body:
        return None
    sentence = _sentence(body) if body[:1] == b"{" else body.decode(errors="replace") if 400 <= status < 500 else None
    if sentence is None:
        return None
    code = code_of(sentence)
    if status != 200 and code == UNKNOWN:
        return None  # A proxy's page: the status alone decides.
    return VenueError(code, shown(_without_addresses(sentence))[1:-1])


def _sentence(body: bytes) -> str | None:
    try:
        answer = _decode_answer(body)
        if answer.status == "err":
            return _decode_text(answer.response)
        if answer.status != "ok":
            return None
        data = _decode_response(answer.response).data
    except (msgspec.DecodeError, ValueError):
        return None
    statuses = () if data is None else data.statuses
    return next((each.error for each in statuses if isinstance(each, _Status) and each.error is not None), None)


def _without_addresses(sentence: str) -> str:
    """Leave out what names a key."""
    return " ".join("0x..." if word.startswith("0x") else word for word in sentence.split())
