"""The tokens with which Coinbase knows us: an ES256 JWT per request and per subscription, each made freshly.

A token names its request and expires: that is the time limit after which Coinbase must not act on the request. It lives
at most two minutes, by whole seconds of the venue's clock.
Source: Coinbase Developer Platform, "Coinbase App authentication", "Generating a JWT".
"""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from connectors.bridge.errors import AuthRefused
from engine.runtime.clock import NS_PER_S
from engine.runtime.secret import Secret

LIFETIME_MAX_S: Final = 120
EARLIER_S: Final = 2
"""A token begins to be good a little earlier: our measure of the venue's clock is not exact, and Coinbase calls a token
of the future a wrong key."""
_ISSUER: Final = "cdp"


class TokenMaker:
    """Signs with one key. The key is parsed once and shown to nobody."""

    def __init__(self, name: Secret, secret: Secret, *, now_ns: Callable[[], int], nonce: Callable[[], str]) -> None:
        """Keep what tokens are made of.

        Args:
            name: The key's name, `organizations/.../apiKeys/...`.
            secret: Its EC private key, PEM; on one line with escaped line ends, as in a JSON file, it is read too.
            now_ns: The venue's time.
            nonce: Gives a text that is never the same.
        """
        self._name = name
        self._secret = secret
        self._now_ns = now_ns
        self._nonce = nonce
        self._key: EllipticCurvePrivateKey | None = None

    def of_request(self, method: str, url: str, until_ns: int | None = None) -> str:
        """Return the token of one REST request.

        Args:
            method: `GET`, `POST`.
            url: Of the request; its query is no part of what is signed.
            until_ns: Venue time after which Coinbase must not act on it; None for the longest time.

        Raises:
            AuthRefused: The secret is no key.
        """
        parts = urlsplit(url)
        return self._sign({"uri": f"{method} {parts.netloc}{parts.path}"}, until_ns)

    def of_subscription(self) -> str:
        """Return the token of one subscription.

        Raises:
            AuthRefused: The secret is no key.
        """
        return self._sign({}, None)

    def check(self) -> None:
        """See that the secret is a key and the name one of Coinbase's.

        Raises:
            AuthRefused: With one line that says what is wrong, and nothing of what was given.
        """
        self._load()
        if "/apiKeys/" not in self._name.reveal():
            raise AuthRefused("bad_key", "the key's name must look like organizations/.../apiKeys/...")

    def _sign(self, claims: dict[str, Any], until_ns: int | None) -> str:
        now_s = self._now_ns() // NS_PER_S
        begins_s = now_s - EARLIER_S
        ends_s = begins_s + LIFETIME_MAX_S
        if until_ns is not None:
            # Rounded down, so that it never outlives the limit, but alive for at least the second that has begun.
            ends_s = min(ends_s, max(until_ns // NS_PER_S, now_s + 1))
        name = self._name.reveal()
        return jwt.encode(
            {"sub": name, "iss": _ISSUER, "nbf": begins_s, "exp": ends_s, **claims},
            self._load(),
            algorithm="ES256",
            headers={"kid": name, "nonce": self._nonce()},
        )

    def _load(self) -> EllipticCurvePrivateKey:
        if self._key is None:
            try:
                key = load_pem_private_key(self._secret.reveal().replace("\\n", "\n").encode(), password=None)
            except (ValueError, TypeError, UnsupportedAlgorithm):
                # The library's sentence may quote the text.
                key = None
            if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
                raise AuthRefused("bad_signature", "the secret is no EC private key (P-256) in PEM form") from None
            self._key = key
        return self._key
