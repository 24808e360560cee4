"""What must not be in a log is not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.redact import DEPTH_MAX, is_secret_name, redacted, redacted_fields
from engine.runtime.secret import STARS, Secret

CANARY = "hunter2-canary"


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWORD", "db_password", "secret", "api_secret", "token", "access_token", "api_key", "apikey",
        "api-key", "private_key", "master_key", "Authorization", "cookie", "set-cookie", "passphrase", "jwt", "ticket",
        "credentials", "api_secret_encrypted", "mnemonic", "x.token",
    ],
)  # fmt: skip
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["token_address", "api_key_id", "tokens", "key", "primary_key", "symbol", "secretary", "authorized", "token_count"],
)
def test_names_that_only_resemble_secrets_are_shown(name: str) -> None:
    assert not is_secret_name(name)


def test_a_password_inside_a_url_is_hidden_and_the_rest_stays() -> None:
    assert (
        redacted(f"postgresql://ada:{CANARY}@db.example/cival?x=1") == f"postgresql://ada:{STARS}@db.example/cival?x=1"
    )
    assert redacted("https://db.example:5432/a@b") == "https://db.example:5432/a@b"


def nested(depth: int) -> Any:
    value: Any = Secret(CANARY)
    for level in range(depth):
        value = {"inner": value} if level % 2 else [value, (value,)]
    return value


@given(st.integers(0, DEPTH_MAX * 2))
def test_a_secret_is_found_at_any_depth(depth: int) -> None:
    assert CANARY not in repr(redacted_fields({"value": nested(depth), "password": CANARY}))


@given(st.dictionaries(st.text(), st.one_of(st.integers(), st.booleans(), st.none(), st.lists(st.integers()))))
def test_what_is_no_secret_is_unchanged(fields: dict[str, Any]) -> None:
    clean = redacted_fields(fields)
    assert {name: clean[name] for name in fields if not is_secret_name(name)} == {
        name: value for name, value in fields.items() if not is_secret_name(name)
    }


def test_the_input_is_not_changed() -> None:
    fields = {"password": CANARY, "inner": {"token": CANARY}}
    redacted_fields(fields)
    assert fields == {"password": CANARY, "inner": {"token": CANARY}}


def test_sets_are_looked_into_too() -> None:
    assert redacted({Secret(CANARY)}) == [STARS]
    assert redacted({1: "kept"}) == {1: "kept"}
