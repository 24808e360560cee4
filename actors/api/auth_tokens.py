"""Secrets that prove who is asking. Only their SHA-256 is kept, so a leak of the database opens no session."""

import hashlib
import secrets
from typing import Final

TOKEN_BYTES: Final = 32
TOKEN_PREFIX: Final = "cival_"  # noqa: S105 - not a secret: it lets scanners find leaked ones.


def new_token() -> str:
    """Return a fresh token of 256 bits, letters, digits, `-` and `_`."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def new_ticket() -> str:
    """Return a fresh ticket; it stands in a subprotocol's name, whose letters are limited."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def new_password() -> str:
    """Return a password for a person to copy once, 120 bits."""
    return secrets.token_urlsafe(15)


def token_hash(token: str) -> str:
    """Return the hex SHA-256 under which a token is stored. No salt: 256 random bits cannot be guessed."""
    return hashlib.sha256(token.encode()).hexdigest()
