import asyncpg
import pytest

from storage.failures import away, describe, is_about_data


def _error(sqlstate: str) -> asyncpg.PostgresError:
    error: asyncpg.PostgresError = asyncpg.PostgresError.new({"C": sqlstate, "M": "what happened\nmore"})
    return error


@pytest.mark.parametrize("sqlstate", ["22003", "22P02", "22P05", "23505", "23503", "23514", "42703", "42501", "P0001"])
def test_the_same_rows_would_be_refused_again(sqlstate: str) -> None:
    assert is_about_data(_error(sqlstate))


@pytest.mark.parametrize(
    "sqlstate", ["08006", "25006", "40001", "40P01", "53100", "53300", "55P03", "57014", "57P01", "57P03", "58030"]
)
def test_the_same_rows_may_pass_later(sqlstate: str) -> None:
    assert not is_about_data(_error(sqlstate))


@pytest.mark.parametrize("error", [OSError("x"), TimeoutError(), asyncpg.InterfaceError("connection is closed")])
def test_a_lost_connection_says_nothing_about_the_rows(error: Exception) -> None:
    assert not is_about_data(error)


def test_what_our_encoder_refuses_is_about_the_rows() -> None:
    assert is_about_data(TypeError("no json"))
    assert is_about_data(UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"))


def test_an_error_is_described_on_one_line() -> None:
    assert describe(_error("23505")) == "UniqueViolationError 23505: what happened"
    assert describe(TimeoutError()) == "TimeoutError"
    assert away(_error("57P01")).why == "AdminShutdownError 57P01: what happened"
