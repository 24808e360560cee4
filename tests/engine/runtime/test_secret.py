"""A secret shows itself only when asked."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.secret import STARS, Secret

CANARY = "hunter2-canary"


def test_no_usual_way_of_printing_shows_it() -> None:
    secret = Secret(CANARY)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r}", f"{secret!s:>20}", f"{[secret]}", str({1: secret})]
    assert all(CANARY not in text for text in shown)
    assert str(secret) == STARS


@given(st.text())
def test_only_reveal_gives_the_text_and_its_length_stays_hidden(text: str) -> None:
    secret = Secret(text)
    assert secret.reveal() == Secret(secret).reveal() == text
    assert len(str(secret)) == len(STARS)
    assert bool(secret) is bool(text)


@given(st.text(), st.text())
def test_secrets_are_equal_when_their_texts_are(first: str, second: str) -> None:
    assert (Secret(first) == Secret(second)) is (first == second)
    assert hash(Secret(first)) == hash(Secret(first))


def test_a_secret_is_not_its_text() -> None:
    assert Secret("x") != "x"


def test_it_is_not_pickled_and_a_copy_is_itself() -> None:
    secret = Secret(CANARY)
    with pytest.raises(TypeError, match="not pickled") as caught:
        pickle.dumps(secret)
    assert CANARY not in str(caught.value)
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"key": secret})["key"] is secret
