"""Tokens, tickets and passwords that nobody guesses."""

import hashlib
import re

from actors.api.auth_tokens import new_password, new_ticket, new_token, token_hash


def test_a_token_has_256_bits_and_a_name_that_scanners_know() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(re.fullmatch(r"cival_[A-Za-z0-9_-]{43}", token) for token in tokens)


def test_tickets_and_passwords_are_new_each_time() -> None:
    assert len({new_ticket() for _ in range(50)}) == len({new_password() for _ in range(50)}) == 50


def test_a_token_is_kept_as_its_sha_256() -> None:
    assert token_hash("cival_x") == hashlib.sha256(b"cival_x").hexdigest()
