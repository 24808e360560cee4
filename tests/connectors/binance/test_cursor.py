"""Places in an account's history, one per symbol."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.binance.cursor import advance, read_cursor, write_cursor
from engine.domain.errors import BadInput

NAMES = st.text("ABCXYZ019", min_size=1, max_size=12)


@given(st.dictionaries(NAMES, st.integers(0, 2**63)))
def test_a_cursor_reads_as_it_was_written(places: dict[str, int]) -> None:
    assert read_cursor(write_cursor(places)) == places


def test_nothing_has_no_cursor() -> None:
    assert write_cursor({}) is None
    assert read_cursor(None) == {}


@pytest.mark.parametrize("text", ["12", "BTCUSDT", ":1", "BTCUSDT:-1", "BTCUSDT:1;ETHUSDT:2", "BTCUSDT:\u0661"])
def test_a_foreign_text_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        read_cursor(text)


def test_places_only_move_on() -> None:
    places = {"A": 5}
    advance(places, ["A:3", "B:0", "A:9", "A:8"])
    assert places == {"A": 9, "B": 0}
