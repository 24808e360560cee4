"""A cursor leads back to its place, and nothing else passes for one."""

import string
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.domain.errors import BadInput
from engine.messages.read_ports import LIMIT_MAX, PageRequest
from storage.pages import cursor_at, is_storable, page_of, place_of

TIMES_US = st.integers(0, 253_402_300_800_000_000 - 1)


@given(TIMES_US, st.uuids())
def test_a_cursor_leads_back_to_its_place(at_us: int, row_id: UUID) -> None:
    cursor = cursor_at(at_us * 1000, row_id)
    assert set(cursor) <= set(string.ascii_letters + string.digits + "-_")
    assert place_of(PageRequest(cursor=cursor)) == (at_us * 1000, row_id)


def test_the_first_page_has_no_place() -> None:
    assert place_of(PageRequest()) == (None, None)


@given(
    st.one_of(
        st.text(max_size=40),
        st.text(string.ascii_letters + string.digits + "-_+/=", min_size=30, max_size=34),
        st.text(string.ascii_letters + string.digits + "-_", min_size=32, max_size=32),
    )
)
@example("")
@example("_" * 32)
@example("+" * 32)
@example("A" * 31 + "=")
@example("A" * 32 + "\n")
def test_any_text_is_a_place_in_range_or_refused(cursor: str) -> None:
    place = place_or_refused(cursor)
    assert place == "cursor" or cursor_at(*place) == cursor


def place_or_refused(cursor: str) -> Any:
    try:
        return place_of(PageRequest(cursor=cursor))
    except BadInput as error:
        return error.field


@pytest.mark.parametrize("cursor", ["", "x", "A" * 31, "A" * 33, "_" * 32, "A" * 32 + "\n", "A" * 30 + "==", "é" * 32])
def test_what_is_no_cursor_of_ours_is_refused(cursor: str) -> None:
    with pytest.raises(BadInput, match="cursor"):
        place_of(PageRequest(cursor=cursor))


@pytest.mark.parametrize("limit", [-1, 0, LIMIT_MAX + 1])
def test_a_limit_out_of_range_is_refused(limit: int) -> None:
    with pytest.raises(BadInput, match="limit"):
        place_of(PageRequest(limit=limit))


@pytest.mark.parametrize(("count", "shown", "has_more"), [(0, 0, False), (2, 2, False), (3, 2, True)])
def test_a_page_has_a_cursor_only_if_another_follows(count: int, shown: int, has_more: bool) -> None:
    records = [{"item": f'{{"n":{n}}}', "at": n * 1000, "id": UUID(int=n)} for n in range(count)]
    page = page_of(records, 2)
    assert page.items == b"[%b]" % b",".join(b'{"n":%d}' % n for n in range(shown))
    assert page.next_cursor == (cursor_at(1000, UUID(int=1)) if has_more else None)


@pytest.mark.parametrize(("text", "is_good"), [("", True), ("Zoë 𝄞", True), ("a\0b", False), ("\ud800", False)])
def test_text_that_the_database_cannot_hold_is_known_before_it_is_sent(text: str, is_good: bool) -> None:
    assert is_storable(text) is is_good
