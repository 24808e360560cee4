"""A book equals its venue's book, and says so when it does not."""

import gzip
import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import book as module
from engine.domain.book import BINANCE_SPOT, BINANCE_USDM, UNCHECKED, Book, Level, SequenceRule, total_of
from engine.domain.kinds import BookState, Side

D = Decimal


def levels(*pairs: tuple[str | int, str | int]) -> list[Level]:
    return [(D(price), D(quantity)) for price, quantity in pairs]


BIDS = levels((99, 1), (98, 2), (97, 3))
ASKS = levels((101, 1), (102, 2), (103, 3))


def a_book(rule: SequenceRule = BINANCE_SPOT) -> Book:
    book = Book(rule)
    assert book.apply_snapshot(10, BIDS, ASKS)
    return book


def test_a_snapshot_gives_the_best_levels_and_the_top() -> None:
    book = a_book()
    assert (book.best_bid, book.best_ask, book.mid) == ((D(99), D(1)), (D(101), D(1)), D(100))
    assert book.top(2) == (tuple(BIDS[:2]), tuple(ASKS[:2]))
    assert (list(book.bids()), list(book.asks())) == (BIDS, ASKS)
    assert (book.quantity_at(Side.BUY, D(98)), book.quantity_at(Side.SELL, D(98))) == (D(2), None)


def test_an_empty_book_has_no_best_levels() -> None:
    book = Book()
    assert (book.state, book.best_bid, book.best_ask, book.mid) == (BookState.EMPTY, None, None, None)
    assert book.top(5) == ((), ())


def test_a_diff_sets_adds_and_removes_levels() -> None:
    book = a_book()
    changed_asks = levels((101, 0), ("101.50", 7), (555, 0))
    assert book.apply_diff(11, 12, None, levels((99, 0), ("98.5", 4), (97, 9)), changed_asks)
    assert list(book.bids()) == levels(("98.5", 4), (98, 2), (97, 9))
    assert list(book.asks()) == levels(("101.5", 7), (102, 2), (103, 3))


def test_a_price_with_trailing_zeros_is_the_same_level() -> None:
    book = a_book()
    book.apply_diff(11, 11, None, levels(("99.000", 0)), [])
    assert book.best_bid == (D(98), D(2))


def test_diffs_before_the_snapshot_wait_and_old_ones_are_left_out() -> None:
    book = Book(BINANCE_SPOT)
    assert not book.apply_diff(8, 9, None, levels((99, 555)), [])
    assert book.state is BookState.BUFFERING
    book.apply_diff(10, 11, None, levels((99, 5)), [])
    book.apply_diff(12, 12, None, levels((99, 6)), [])
    assert book.apply_snapshot(10, BIDS, ASKS)
    assert (book.best_bid, book.last_update_id, book.gaps) == ((D(99), D(6)), 12, 0)


def test_a_snapshot_older_than_the_first_diff_is_refused_without_counting_a_gap() -> None:
    book = Book(BINANCE_SPOT)
    book.apply_diff(15, 16, None, levels((99, 5)), [])
    assert not book.apply_snapshot(10, BIDS, ASKS)
    assert (book.state, book.gaps) == (BookState.BUFFERING, 0)
    assert book.apply_snapshot(14, BIDS, ASKS)
    assert book.best_bid == (D(99), D(5))


def test_a_gap_is_seen_at_the_first_wrong_number_and_a_snapshot_heals_it() -> None:
    book = a_book()
    book.apply_diff(11, 12, None, levels((99, 2)), [])
    assert not book.apply_diff(14, 15, None, levels((99, 3)), [])
    assert (book.state, book.gaps, book.best_bid) == (BookState.STALE, 1, (D(99), D(2)))
    assert "after 12" in book.reason
    book.apply_diff(16, 16, None, levels((98, 0)), [])
    assert book.apply_snapshot(13, BIDS, ASKS)
    assert (book.state, book.reason, list(book.bids())) == (BookState.SYNCED, "", levels((99, 3), (97, 3)))


def test_a_repeated_diff_changes_nothing() -> None:
    book = a_book()
    book.apply_diff(11, 12, None, levels((99, 2)), [])
    assert not book.apply_diff(11, 12, None, levels((99, 7)), [])
    assert (book.state, book.best_bid) == (BookState.SYNCED, (D(99), D(2)))


@pytest.mark.parametrize(("first", "last", "synced"), [(5, 9, True), (5, 10, True), (10, 14, True), (11, 14, False)])
def test_usdm_first_diff_must_span_the_snapshot(first: int, last: int, synced: bool) -> None:
    book = a_book(BINANCE_USDM)
    book.apply_diff(first, last, 4, levels((99, 5)), [])
    assert (book.state is BookState.SYNCED) is synced


def test_usdm_continues_by_the_previous_id() -> None:
    book = a_book(BINANCE_USDM)
    assert book.apply_diff(9, 20, 8, levels((99, 5)), [])
    assert book.apply_diff(35, 40, 20, levels((99, 6)), [])
    assert not book.apply_diff(41, 50, 39, levels((99, 7)), [])
    assert (book.state, book.gaps) == (BookState.STALE, 1)


def test_a_crossed_top_makes_the_book_stale() -> None:
    book = a_book()
    book.apply_diff(11, 11, None, levels((101, 1)), [])
    assert (book.state, book.reason, book.gaps) == (BookState.STALE, "crossed", 1)
    assert not Book().apply_snapshot(1, levels((101, 1)), levels((101, 1)))


def test_a_lost_feed_makes_the_book_stale_and_drops_what_was_waiting() -> None:
    book = a_book()
    book.mark_stale("silent for 60 s")
    assert (book.state, book.reason, book.best_bid) == (BookState.STALE, "silent for 60 s", (D(99), D(1)))
    book.apply_diff(900, 901, None, levels((99, 9)), [])
    book.mark_stale("reconnected")
    assert book.apply_snapshot(20, BIDS, ASKS)
    empty = Book()
    empty.mark_stale("silent")
    assert empty.state is BookState.EMPTY


def test_the_number_of_levels_is_bounded_and_the_worst_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEVELS_MAX", 20)
    book = Book()
    book.apply_snapshot(1, [], [])
    for number in range(1, 100):
        book.apply_diff(number, number + 1, None, levels((100 - number, 1)), levels((100 + number, 1)))
    assert 18 <= len(list(book.bids())) <= 20
    assert (book.best_bid, book.best_ask) == ((D(99), D(1)), (D(101), D(1)))


def test_what_an_order_would_take_by_hand() -> None:
    book = a_book()
    assert book.sweep(Side.BUY, D("2.5")) == levels((101, 1), (102, "1.5"))
    assert book.sweep(Side.SELL, D(1)) == levels((99, 1))
    assert book.sweep(Side.BUY, D(100), D(102)) == levels((101, 1), (102, 2))
    assert book.sweep(Side.SELL, D(100), D(98)) == levels((99, 1), (98, 2))
    assert book.sweep(Side.BUY, D(1), D(100)) == []
    assert total_of(book.sweep(Side.BUY, D("2.5"))) == (D("2.5"), D(254))


changes = st.lists(
    st.tuples(st.integers(1, 30), st.sampled_from([0, 0, 1, 2, 3])).map(lambda pair: (D(pair[0]), D(pair[1]))),
    max_size=8,
)


@given(st.lists(st.tuples(changes, changes), max_size=40))
def test_any_diffs_leave_each_side_as_a_plain_dict_would_and_sorted(
    diffs: list[tuple[list[Level], list[Level]]],
) -> None:
    book = Book()
    book.apply_snapshot(0, [], [])
    plain_bids: dict[Decimal, Decimal] = {}
    plain_asks: dict[Decimal, Decimal] = {}
    for number, (bids, raw_asks) in enumerate(diffs, start=1):
        asks = [(price + 100, quantity) for price, quantity in raw_asks]
        book.apply_diff(number, number, None, bids, asks)
        plain_bids.update(bids)
        plain_asks.update(asks)
    assert list(book.bids()) == sorted(((p, q) for p, q in plain_bids.items() if q), reverse=True)
    assert list(book.asks()) == sorted((p, q) for p, q in plain_asks.items() if q)


@given(st.permutations(range(1, 8)), st.integers(0, 7))
def test_a_book_is_synced_only_if_no_number_is_missing(order: Sequence[int], snapshot_id: int) -> None:
    """Diffs arrive in any order around a snapshot: synced means equal to the diffs applied in order, without a hole."""
    book = Book(BINANCE_SPOT)
    for number in order[:3]:
        book.apply_diff(number, number, None, [(D(number), D(number))], [])
    book.apply_snapshot(snapshot_id, [(D(number), D(number)) for number in range(1, snapshot_id + 1)], [])
    for number in order[3:]:
        book.apply_diff(number, number, None, [(D(number), D(number))], [])
        if book.state is BookState.SYNCED:
            assert [price for price, _ in book.bids()] == list(range(book.last_update_id, 0, -1))


def recorded(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (kind of frame, data) of a recording; numbers stay text."""
    with gzip.open(path, "rt") as lines:
        for line in lines:
            frame = json.loads(line.split(" ", 1)[1])
            stream = frame.get("stream", "snapshot")
            yield stream.split("@")[-1] if "depth" not in stream else "depth", frame.get("data", frame)


def decimals(pairs: list[list[str]]) -> list[Level]:
    return [(D(price), D(quantity)) for price, quantity in pairs]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("binance_spot/btcusdt_20240808.gz", BINANCE_SPOT),
        ("binance_usdm/btcusdt_20240808.gz", BINANCE_USDM),
    ],
)
def test_a_recorded_session_has_no_gap_never_crosses_and_its_top_is_the_tickers(
    fixtures_dir: Path, name: str, rule: SequenceRule
) -> None:
    book = Book(rule)
    checks = equal = applied = 0
    waiting: dict[int, tuple[Level, Level]] = {}
    for kind, data in recorded(fixtures_dir / "hftbacktest" / name):
        if kind == "snapshot":
            assert book.apply_snapshot(data["lastUpdateId"], decimals(data["bids"]), decimals(data["asks"]))
        elif kind == "depth":
            applied += book.apply_diff(data["U"], data["u"], data.get("pu"), decimals(data["b"]), decimals(data["a"]))
            # A ticker and a diff of the same number describe the same book.
            if ticker := waiting.pop(data["u"], None):
                checks += 1
                equal += (book.best_bid, book.best_ask) == ticker
            waiting.clear()
        elif kind == "bookTicker":
            waiting[data["u"]] = (D(data["b"]), D(data["B"])), (D(data["a"]), D(data["A"]))
    assert (book.state, book.gaps) == (BookState.SYNCED, 0)
    assert applied > 3_000
    assert checks > 100
    assert equal >= 0.995 * checks


def test_a_feed_without_numbers_is_never_a_gap() -> None:
    book = Book(UNCHECKED)
    book.apply_snapshot(0, BIDS, ASKS)
    assert book.apply_diff(500, 501, None, levels((99, 4)), [])
    assert book.best_bid == (D(99), D(4))
