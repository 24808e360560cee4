"""Coinbase's times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.coinbase.times import rfc3339, time_ns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-10-04T07:13:31.158696693Z", 1_728_026_011_158_696_693),
        ("2024-10-04T07:13:31.088388Z", 1_728_026_011_088_388_000),
        ("2023-11-28T00:00:22Z", 1_701_129_622_000_000_000),
        ("2015-03-26T23:44:08-07:00", 1_427_438_648_000_000_000),
        ("2015-03-26T23:44:08.5+01:30", 1_427_408_048_500_000_000),
        ("0001-01-01T00:00:00Z", 0),
    ],
)
def test_times_are_read_to_the_nanosecond(text: str, expected: int) -> None:
    assert time_ns(text) == expected


@pytest.mark.parametrize(
    "text", ["", "2024", "2024-10-04T07:13:31", "2024-10-04T07:13:31.Z", "2024-10-04T07:13:31.1234567890Z", "yesterday"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each part of a time has its own sentence
        time_ns(text)


@given(st.integers(min_value=0, max_value=4_000_000_000_000_000_000))
def test_a_written_time_is_read_back_exactly(at_ns: int) -> None:
    assert time_ns(rfc3339(at_ns)) == at_ns
