"""Books that are proven by a checksum: stale within the message that does not lead to it."""

from collections.abc import Sequence
from decimal import Decimal

from connectors.live.checked_books import CHECKED, CheckedBooks
from engine.domain.book import Book
from engine.domain.kinds import BookState
from engine.messages.market import BookDelta, BookSnapshot, Level


def levels(*pairs: tuple[int, int]) -> list[Level]:
    return [(Decimal(price), Decimal(quantity)) for price, quantity in pairs]


class Feed:
    """A venue's frames, taken by the books and then by a book as `MarketData` keeps it."""

    def __init__(self) -> None:
        self.books = CheckedBooks("somewhere", depth=3, top=2)
        self.book = Book(CHECKED)
        self.best: list[Sequence[Level]] = []

    @property
    def is_synced(self) -> bool:
        return self.book.state is BookState.SYNCED

    def take(
        self, bids: list[Level], asks: list[Level], *, is_snapshot: bool = False, is_right: bool = True
    ) -> BookSnapshot | BookDelta:
        def check(*best: Sequence[Level]) -> bool:
            self.best = list(best)
            return is_right

        message, found = self.books.take(
            "BTC/USD", bids, asks, is_snapshot=is_snapshot, is_right=check, at_ns=5, received_ns=6
        )
        assert found is is_right
        if isinstance(message, BookSnapshot):
            self.book.apply_snapshot(message.last_update_id, message.bids, message.asks)
        else:
            self.book.apply_diff(
                message.first_update_id, message.last_update_id, message.prev_update_id, message.bids, message.asks
            )
        return message


def test_diffs_follow_the_snapshot_and_the_best_levels_are_checked() -> None:
    feed = Feed()
    first = feed.take(levels((9, 1), (8, 1), (7, 1)), levels((10, 1), (11, 1)), is_snapshot=True)
    assert isinstance(first, BookSnapshot)
    feed.take(levels((9, 0)), levels((10, 2)))
    assert feed.is_synced
    assert feed.best == [levels((8, 1), (7, 1)), levels((10, 2), (11, 1))]


def test_levels_that_leave_the_depth_are_said() -> None:
    feed = Feed()
    feed.take(levels((9, 1), (8, 1), (7, 1)), levels((11, 1), (12, 1), (13, 1)), is_snapshot=True)
    message = feed.take(levels((6, 1)), levels((10, 5)))
    assert message.bids == tuple(levels((6, 0)))
    assert message.asks == tuple(levels((10, 5), (13, 0)))


def test_a_wrong_checksum_makes_the_book_stale_at_once_and_a_snapshot_heals_it() -> None:
    feed = Feed()
    feed.take(levels((9, 1)), levels((10, 1)), is_snapshot=True)
    wrong = feed.take(levels((9, 2)), [], is_right=False)
    assert isinstance(wrong, BookDelta)
    assert not feed.is_synced
    feed.take(levels((9, 1)), levels((10, 1)), is_snapshot=True)
    feed.take(levels((9, 3)), [])
    assert feed.is_synced


def test_after_a_new_connection_diffs_follow_nothing_before_the_snapshot() -> None:
    feed = Feed()
    feed.take(levels((9, 1)), levels((10, 1)), is_snapshot=True)
    feed.books.forget()
    message, is_right = feed.books.take(
        "BTC/USD", levels((9, 2)), [], is_snapshot=False, is_right=lambda *_: True, at_ns=5, received_ns=6
    )
    assert not is_right
    assert isinstance(message, BookDelta)
    assert message.prev_update_id == -1
