"""Passwords as argon2id hashes. Both calls take about 50 ms of CPU: off the loop with `asyncio.to_thread`."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

_hasher = PasswordHasher()  # argon2id with the parameters of RFC 9106, low memory.


def hash_password(password: str) -> str:
    """Return the hash of a password, with its salt and parameters in it."""
    return _hasher.hash(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Say whether the password fits. Without a hash (no such user) it takes as long and says no."""
    try:
        _hasher.verify(password_hash or _nobody(), password)
    except (Argon2Error, InvalidHashError):
        return False
    return password_hash is not None


@cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")
