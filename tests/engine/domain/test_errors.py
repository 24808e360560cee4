"""Errors carry fields, a short message and an instruction."""

import pickle

import pytest

from engine.domain import errors
from engine.domain.errors import Advice

EVERY_ERROR = [
    errors.BadInput("price", expected="a number above zero", was="-1"),
    errors.ConfigError("risk.max", expected="a number", was="x", file="cival.toml", line=7),
    errors.LimitExceeded("order_notional", limit=1000, was=1200),
    errors.VenueRejected("binance", code="-2010", reason="insufficient balance"),
    errors.NotReady("book", why="buffering", retry_after_s=1.5),
    errors.DependencyAway("postgresql", why="connection refused"),
    errors.AuthRejected("binance", code="-2015"),
    errors.OutcomeUnknown("submit", why="timeout after 5 s"),
    errors.Fenced("user-1", fence=3),
    errors.InvariantBroken("entry sums to zero", expected=0, was=1),
]


def test_every_class_of_the_tree_is_drawn_in_the_docstring() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Exception)]
    assert {c.__name__ for c in classes} <= set((errors.__doc__ or "").replace("|", " ").split())


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda e: type(e).__name__)
def test_an_error_survives_pickling_with_message_and_fields(error: errors.CivalError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda e: type(e).__name__)
def test_a_message_is_one_line_that_says_what_was_expected(error: errors.CivalError) -> None:
    assert "expected" in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("error", "advice", "exit_code"),
    [
        (EVERY_ERROR[0], Advice.REFUSE, 1),
        (EVERY_ERROR[1], Advice.EXIT, 2),
        (EVERY_ERROR[4], Advice.RETRY, 1),
        (EVERY_ERROR[5], Advice.RETRY, 75),
        (EVERY_ERROR[6], Advice.STOP, 1),
        (EVERY_ERROR[7], Advice.RECONCILE, 1),
        (EVERY_ERROR[8], Advice.RELOAD_CELL, 1),
        (EVERY_ERROR[9], Advice.HALT_CELL, 1),
    ],
)
def test_the_class_tells_the_supervisor_what_to_do(error: errors.CivalError, advice: Advice, exit_code: int) -> None:
    assert (error.advice, error.exit_code) == (advice, exit_code)


def test_a_configuration_error_names_file_line_key_and_expectation() -> None:
    assert str(EVERY_ERROR[1]) == "cival.toml:7: risk.max: expected a number, was 'x'"


def test_a_missing_key_is_called_missing() -> None:
    error = errors.ConfigError.missing("secrets.master_key", expected="a reference", file="cival.toml")
    assert str(error) == "cival.toml: secrets.master_key: expected a reference, was missing"


@pytest.mark.parametrize(
    "value",
    ["9" * 10_000, 10**10_000, b"x" * 10_000, ["y"] * 10_000, "a\nb"],
    ids=["text", "int", "bytes", "list", "newline"],
)
def test_a_hostile_value_is_shown_short_and_on_one_line(value: object) -> None:
    text = errors.shown(value)
    assert len(text) <= errors.SHOWN_MAX
    assert "\n" not in text
