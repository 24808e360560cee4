"""Who may ask a simulated Coinbase what: ES256 tokens, their claims and times, permissions, rate limits."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.support.venues.core import SimAccount, SimClock
from tests.support.venues.exchange import SimExchange
from tests.support.venues.kit import Call


class CoinbaseError(Exception):
    """An answer with an error: HTTP status and body."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


UNAUTHORIZED = CoinbaseError(401, "Unauthorized\n")


def denied(details: str) -> CoinbaseError:
    return CoinbaseError(403, {"error": "PERMISSION_DENIED", "error_details": details, "message": details})


@cache
def key_pair(number: int) -> tuple[str, str]:
    """Return (private, public) PEM of one of our test keys."""
    key = ec.derive_private_key(123_456_789 + number, ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return private, public


class Access:
    """Checks tokens against accounts' public keys."""

    def __init__(self, exchange: SimExchange, clock: SimClock) -> None:
        self._exchange = exchange
        self._clock = clock
        self._nonces: dict[str, int] = {}
        """Seen lately -> when their tokens end."""
        self._prune_at = 1_000
        self.tokens: deque[dict[str, Any]] = deque(maxlen=1_000)
        """Claims of the newest tokens that were good."""

    def of_request(self, call: Call, *, needs: str = "read") -> SimAccount:
        """Return whose request it is.

        Raises:
            CoinbaseError: 401 for a token that is none, is not ours, or is not of this moment and request; 403 for what
                the key may not do.
        """
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            raise UNAUTHORIZED
        account = self.of_token(token, f"{call.method} {call.headers['host']}{call.path}")
        if account.allowed_ips is not None and call.ip not in account.allowed_ips:
            raise denied("IP address is not in the allowlist of the key")
        if needs not in account.permissions:
            raise denied("Missing required scopes")
        return account

    def of_token(self, token: str, uri: str | None) -> SimAccount:
        """Return whose token it is; `uri` is what it must be for, None for a subscription.

        Raises:
            CoinbaseError: 401.
        """
        try:
            header = jwt.get_unverified_header(token)
            account = self._exchange.account_of(str(header.get("kid")))
            if account is None or account.is_revoked:
                raise UNAUTHORIZED
            claims: dict[str, Any] = jwt.decode(
                token,
                account.secret,
                algorithms=["ES256"],
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.PyJWTError:
            raise UNAUTHORIZED from None
        now_s = self._clock.now_ns() / 1e9
        is_timely = claims["nbf"] <= now_s < claims["exp"] <= claims["nbf"] + 120
        is_whose = claims["sub"] == account.api_key and claims["iss"] == "cdp" and claims.get("uri") == uri
        if not (is_timely and is_whose) or not header.get("nonce") or header["nonce"] in self._nonces:
            raise UNAUTHORIZED
        if len(self._nonces) > self._prune_at:
            self._nonces = {nonce: ends for nonce, ends in self._nonces.items() if ends > now_s}
            self._prune_at = 2 * len(self._nonces) + 1_000
        self._nonces[header["nonce"]] = claims["exp"]
        self.tokens.append(claims)
        return account


@dataclass
class Limits:
    """Counts requests per second of the venue's clock."""

    clock: SimClock
    per_key: int = 30
    per_address: int = 10
    is_strict: bool = False
    used: dict[tuple[str, int], int] = field(default_factory=dict)

    def take(self, whose: str, limit: int) -> None:
        """Count a request.

        Raises:
            CoinbaseError: 429.
        """
        window = (whose, self.clock.now_ms() // 1000)
        if len(self.used) > 1_000:
            self.used = {}
        self.used[window] = self.used.get(window, 0) + 1
        if self.is_strict and self.used[window] > limit:
            raise CoinbaseError(429, "Too Many Requests", {"Retry-After": "1"})
