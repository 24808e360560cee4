"""Passwords are hashed with argon2id, and nobody learns from the time whether a user exists."""

from actors.api.auth_passwords import hash_password, verify_password


def test_the_right_password_fits_its_hash_only() -> None:
    stored = hash_password("correct horse")
    assert stored.startswith("$argon2id$")
    assert verify_password(stored, "correct horse")
    assert not verify_password(stored, "correct horse ")


def test_nobody_has_no_password() -> None:
    assert not verify_password(None, "nobody has this password")


def test_a_hash_that_is_none_fits_nothing() -> None:
    assert not verify_password("secret", "secret")
