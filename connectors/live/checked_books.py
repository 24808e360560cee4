"""Books of a venue that numbers nothing and sends a checksum of the best levels instead.

The levels are kept here, frames are numbered by us. A diff that does not lead to the venue's checksum follows nothing,
so whoever keeps the book sees it stale within that message. The venue cuts a book to the subscribed depth without
saying which levels leave; the diffs that are made here say it.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from heapq import nlargest, nsmallest
from typing import Any, Final

from engine.domain.book import SequenceRule
from engine.domain.identifiers import Symbol, Venue
from engine.domain.values import ZERO
from engine.messages.market import BookDelta, BookSnapshot, Level

LOST: Final = -1
"""Previous number of a diff that follows nothing."""

CHECKED: Final = SequenceRule(
    "checked",
    precedes=lambda last, snapshot: last <= snapshot,
    follows=lambda first, _last, snapshot: first == snapshot + 1,
    continues=lambda _first, previous, ours: previous == ours,
)
"""Number: of the symbol's frame, counted here; previous: that of the one before, or `LOST`."""

Prices = dict[Decimal, Decimal]
"""Price -> quantity."""


class CheckedBooks:
    """The books of one connection."""

    def __init__(self, venue: Venue, *, depth: int, top: int) -> None:
        """Keep `depth` levels a side; the checksum is made of the best `top`."""
        self._venue = venue
        self._depth = depth
        self._top = top
        self._sides: dict[Symbol, tuple[Prices, Prices]] = {}
        """(bids, asks) of the books that are whole."""
        self._last: dict[Symbol, int] = {}

    def forget(self) -> None:
        """Begin anew: a new connection brings new books."""
        self._sides.clear()

    def take(
        self,
        symbol: Symbol,
        bids: Sequence[Level],
        asks: Sequence[Level],
        *,
        is_snapshot: bool,
        is_right: Callable[[Sequence[Level], Sequence[Level]], bool],
        at_ns: int,
        received_ns: int,
    ) -> tuple[BookSnapshot | BookDelta, bool]:
        """Take a frame.

        Args:
            symbol: Whose book.
            bids: Levels; quantity 0 removes one.
            asks: The same.
            is_snapshot: Whether these are all levels.
            is_right: (best bids, best asks), best first -> whether they have the venue's checksum.
            at_ns: The venue's time.
            received_ns: When it came.

        Returns:
            The message for the bus, and whether the book is right. If not, ask for a new one.
        """
        if is_snapshot:
            self._sides[symbol] = ({}, {})
        sides = self._sides.get(symbol, ({}, {}))
        changed = (
            _change(sides[0], bids, lambda prices, count: nsmallest(count, prices), self._depth),
            _change(sides[1], asks, lambda prices, count: nlargest(count, prices), self._depth),
        )
        top_bids = [(price, sides[0][price]) for price in nlargest(self._top, sides[0])]
        top_asks = [(price, sides[1][price]) for price in nsmallest(self._top, sides[1])]
        is_whole = symbol in self._sides and is_right(top_bids, top_asks)
        last = self._last.get(symbol, 0)
        # A wrong one leaves a number out, so that it does not follow a snapshot either.
        number = self._last[symbol] = last + 1 if is_whole else last + 2
        shared: dict[str, Any] = {
            "venue": self._venue,
            "symbol": symbol,
            "ts_event_ns": at_ns,
            "ts_init_ns": received_ns,
            "bids": tuple(changed[0].items()),
            "asks": tuple(changed[1].items()),
            "last_update_id": number,
        }
        if is_whole and is_snapshot:
            return BookSnapshot(**shared), True
        if not is_whole:
            self._sides.pop(symbol, None)
        return BookDelta(first_update_id=number, prev_update_id=last if is_whole else LOST, **shared), is_whole


def _change(
    side: Prices, levels: Sequence[Level], worst: Callable[[Prices, int], Sequence[Decimal]], depth: int
) -> Prices:
    """Change a side and cut it to the depth; return all that has changed."""
    changed = dict(levels)
    for price, quantity in levels:
        if quantity:
            side[price] = quantity
        else:
            side.pop(price, None)
    for price in worst(side, len(side) - depth):
        del side[price]
        changed[price] = ZERO
    return changed
