"""Pages that are not what they should be lose no fill, move no watermark back, and end."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.router_core import key_of
from actors.venue_pages import (
    BACK,
    OVERLAP,
    REPEATED,
    STUCK,
    TOO_MANY,
    UNORDERED,
    FillPages,
    Listing,
    OrderPages,
    is_number,
)
from engine.messages.venues import VenueFill, VenueFills, VenueOrders
from tests.support.cell_builders import an_intent
from tests.support.scripted_venue import a_fill, somebody_elses_order

INTENT = an_intent()


def fill(number: int, **changes: Any) -> VenueFill:
    return a_fill(INTENT, number, **changes)


def page(*numbers: int, cursor: str | None = None, has_more: bool = False) -> VenueFills:
    fills = tuple(map(fill, numbers))
    return VenueFills(fills=fills, cursor=cursor or (str(numbers[-1]) if numbers else None), has_more=has_more)


def numbers(fills: tuple[VenueFill, ...]) -> list[int]:
    return [int(each.cursor) for each in fills]


def test_pages_follow_each_other_until_there_is_no_more() -> None:
    pages = FillPages("10")
    assert numbers(pages.take(page(11, 12, has_more=True))) == [11, 12]
    assert (pages.ask, pages.watermark, pages.is_over) == ("12", "12", False)
    pages.take(page(13))
    assert (pages.watermark, pages.is_over, pages.is_whole, pages.pages) == ("13", True, True, 2)
    assert not pages.wrong


@pytest.mark.parametrize(
    ("watermark", "overlap", "start"),
    [(None, 5, None), ("10", 0, "10"), ("10", 4, "6"), ("3", 4, None), ("abc", 4, "abc"), ("-3", 4, "-3")],
)
def test_a_run_starts_a_little_before_the_watermark_where_cursors_count(
    watermark: str | None, overlap: int, start: str | None
) -> None:
    assert FillPages(watermark, overlap).ask == start


def test_the_overlap_moves_no_watermark_back() -> None:
    pages = FillPages("100", overlap=50)
    assert numbers(pages.take(page(60, 70))) == [60, 70]
    assert (pages.watermark, pages.is_over, pages.is_whole) == ("100", True, True)


def test_an_empty_page_without_a_cursor_changes_nothing() -> None:
    pages = FillPages("7")
    assert pages.take(VenueFills(fills=(), cursor=None)) == ()
    assert (pages.watermark, pages.is_over) == ("7", True)


def test_a_page_without_a_cursor_reaches_as_far_as_its_last_fill() -> None:
    pages = FillPages(None)
    pages.take(VenueFills(fills=(fill(3),), cursor=None))
    assert pages.watermark == "3"


def test_what_comes_twice_is_taken_once() -> None:
    pages = FillPages("0")
    first = pages.take(VenueFills(fills=(fill(1), fill(1), fill(2)), cursor="2", has_more=True))
    assert numbers(first) == [1, 2]
    assert numbers(pages.take(page(1, 2, 3))) == [3]
    assert pages.wrong == {REPEATED: 3}


def test_one_trade_with_two_contents_is_not_swallowed() -> None:
    pages = FillPages("0")
    fills = (fill(1), fill(1, price="61000"))
    assert pages.take(VenueFills(fills=fills, cursor="1")) == fills


def test_a_page_out_of_order_is_put_in_order() -> None:
    pages = FillPages("0")
    fills = pages.take(VenueFills(fills=(fill(3), fill(1), fill(2)), cursor="3"))
    assert numbers(fills) == [1, 2, 3]
    assert pages.wrong == {UNORDERED: 1}


@pytest.mark.parametrize("cursor", ["12", None])
def test_a_cursor_that_stands_still_ends_the_run_without_losing_its_fills(cursor: str | None) -> None:
    pages = FillPages("12")
    assert numbers(pages.take(VenueFills(fills=(), cursor=cursor, has_more=True))) == []
    assert (pages.is_over, pages.is_whole, pages.watermark, pages.wrong) == (True, False, "12", {STUCK: 1})


def test_a_cursor_that_goes_back_is_not_believed() -> None:
    pages = FillPages("12")
    taken = pages.take(VenueFills(fills=(fill(13),), cursor="5", has_more=True))
    assert numbers(taken) == [13]
    assert (pages.is_over, pages.is_whole, pages.watermark, pages.wrong) == (True, False, "12", {BACK: 1})


def test_cursors_in_a_circle_end() -> None:
    pages = FillPages("a")
    for cursor in ("b", "c", "b"):
        pages.take(VenueFills(fills=(), cursor=cursor, has_more=True))
    assert (pages.is_over, pages.is_whole, pages.wrong) == (True, False, {STUCK: 1})


def test_pages_without_end_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.venue_pages.PAGES_MAX", 3)
    pages = FillPages("0")
    for number in (1, 2, 3):
        pages.take(page(number, has_more=True))
    assert (pages.is_over, pages.is_whole, pages.watermark, pages.wrong) == (True, False, "3", {TOO_MANY: 1})


@given(st.lists(st.tuples(st.lists(st.integers(1, 9)), st.one_of(st.none(), st.integers(0, 9)), st.booleans())))
def test_whatever_a_venue_says_no_fill_is_lost_and_the_watermark_only_grows(
    said: list[tuple[list[int], int | None, bool]],
) -> None:
    pages = FillPages("4", overlap=2)
    before = 4
    for held, cursor, has_more in said:
        if pages.is_over:
            break
        shown = VenueFills(
            fills=tuple(map(fill, held)), cursor=None if cursor is None else str(cursor), has_more=has_more
        )
        recent = set(pages._before.values())
        taken = pages.take(shown)
        assert set(taken) | recent >= set(shown.fills)
        assert len(set(taken)) == len(taken)
        assert int(pages.watermark or 0) >= before
        before = int(pages.watermark or 0)


def test_orders_come_page_by_page() -> None:
    pages = OrderPages(key_of)
    one, two = somebody_elses_order(), somebody_elses_order(venue_client_id="web-2")
    assert pages.take(VenueOrders(orders=(one,), next_after="1")) == (one,)
    assert (pages.ask, pages.is_over) == ("1", False)
    assert pages.take(VenueOrders(orders=(one, two))) == (two,)
    assert (pages.is_over, pages.is_whole, pages.listed) == (True, True, {"web-1", "web-2"})
    assert pages.wrong == {REPEATED: 1}


def test_a_page_of_orders_that_leads_back_to_itself_makes_no_whole_list() -> None:
    pages = OrderPages(key_of)
    for _ in range(2):
        pages.take(VenueOrders(orders=(somebody_elses_order(),), next_after="1"))
    assert (pages.is_over, pages.is_whole) == (True, False)
    assert pages.wrong[STUCK] == 1


@pytest.mark.parametrize(("cursor", "counts"), [("12", True), ("", False), (None, False), ("x1", False), ("٣", False)])
def test_a_cursor_counts_if_it_is_a_number(cursor: str | None, counts: bool) -> None:
    assert is_number(cursor) is counts


# --- What was listed --------------------------------------------------------------------------------------------------


def test_between_its_first_and_its_last_fill_a_listing_from_the_start_should_hold_everything() -> None:
    listing = Listing(None)
    assert listing.told() is None
    listing.add(page(1).fills)
    assert listing.told() is None
    listing.add(page(2, 3).fills)
    told = listing.told()
    assert told is not None
    first, last = fill(1), fill(3)
    assert (told.from_ns, told.until_ns) == (first.executed_at_ns, last.executed_at_ns // 1_000 * 1_000)
    assert told.trades == {(each.symbol, each.external_trade_id, each.side) for each in map(fill, (1, 2, 3))}


def test_a_listing_that_began_in_between_surely_reaches_back_to_the_end_of_its_begin() -> None:
    listing = Listing("7")
    listing.add(page(*range(8, 8 + OVERLAP)).fills)
    assert listing.told() is None
    listing.add(page(8 + OVERLAP, 9 + OVERLAP).fills)
    told = listing.told()
    assert told is not None
    assert told.from_ns == max(fill(number).executed_at_ns for number in range(8, 8 + OVERLAP))


def test_of_a_listing_that_is_too_long_the_newest_part_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.venue_pages.LISTED_MAX", 150)
    listing = Listing(None)
    for number in range(1, 301):
        listing.add(page(number).fills)
    told = listing.told()
    assert told is not None
    assert len(told.trades) == 150
    assert told.from_ns == fill(250).executed_at_ns
