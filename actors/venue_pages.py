"""Reads pages that a venue gives, and does not believe that they are what they should be.

A page may repeat what an earlier one held, come in another order, or name a place to go on from that is not further on.
None of that may lose a fill, move the watermark back, or let a comparison go on for ever. What is wrong is counted.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from itertools import islice, pairwise
from typing import Final

from engine.messages.portfolio import FillListing
from engine.messages.venues import VenueFill, VenueFills, VenueOrder, VenueOrders

PAGES_MAX: Final = 2_000
"""Pages of one run; the next run goes on from the watermark."""
OVERLAP: Final = 100
"""Places before the watermark from which fills are fetched again, where the venue's cursors count: a venue may show a
fill later than one that happened after it."""
OVERLAP_DEEP: Final = 1_000
LISTED_MAX: Final = 5_000
"""Fills of a run that are remembered, the newest."""
US: Final = 1_000
"""Nanoseconds; times are stored in whole microseconds."""

STUCK: Final = "cursor_stands_still"
BACK: Final = "cursor_goes_back"
UNORDERED: Final = "unordered"
REPEATED: Final = "repeated"
TOO_MANY: Final = "too_many_pages"

_FillKey = tuple[str, str, str]


class FillPages:
    """The pages of fills of one run.

    `ask` is the cursor of the next question; `watermark` is how far the fills that were taken reach, never before
    where it was.
    """

    def __init__(self, watermark: str | None, overlap: int = 0) -> None:
        """Start behind the watermark, less an overlap where its cursors count.

        Args:
            watermark: Cursor up to which fills are in the books; None for all that the venue keeps.
            overlap: Places to go back.
        """
        self.watermark = watermark
        self.ask = _back(watermark, overlap)
        self.is_over = False
        self.is_whole = True
        """False where the venue had more and could not be followed."""
        self.pages = 0
        self.wrong: Counter[str] = Counter()
        self._asked: set[str | None] = {self.ask}
        self._before: dict[_FillKey, VenueFill] = {}
        """Fills of the page before: a lying venue repeats them."""

    def take(self, page: VenueFills) -> tuple[VenueFill, ...]:
        """Return what a page holds, oldest first and each once, and see where the next one begins."""
        self.pages += 1
        fills = self._sorted(page.fills)
        count = len(fills)
        fills = _each_once(fills, self._before)
        if len(fills) < count:
            self.wrong[REPEATED] += count - len(fills)
        self._before = {_fill_key(fill): fill for fill in fills}
        cursor = page.cursor if page.cursor is not None else fills[-1].cursor if fills else None
        self._go_on(cursor, has_more=page.has_more)
        return tuple(fills)

    def _sorted(self, fills: tuple[VenueFill, ...]) -> list[VenueFill]:
        numbers = [int(fill.cursor) for fill in fills if is_number(fill.cursor)]
        if len(numbers) < len(fills) or all(a <= b for a, b in pairwise(numbers)):
            return list(fills)
        self.wrong[UNORDERED] += 1
        return sorted(fills, key=lambda fill: int(fill.cursor))

    def _go_on(self, cursor: str | None, *, has_more: bool) -> None:
        asked = self.ask
        if _is_before(cursor, asked):
            # Believe neither the cursor nor that there is more behind it.
            self.wrong[BACK] += 1
            self._stop(is_whole=not has_more)
            return
        if cursor is not None and not _is_before(cursor, self.watermark):
            self.watermark = cursor
        if not has_more:
            self.is_over = True
        elif cursor is None or cursor in self._asked:
            self.wrong[STUCK] += 1
            self._stop(is_whole=False)
        elif self.pages >= PAGES_MAX:
            self.wrong[TOO_MANY] += 1
            self._stop(is_whole=False)
        else:
            self._asked.add(cursor)
            self.ask = cursor

    def _stop(self, *, is_whole: bool) -> None:
        self.is_over, self.is_whole = True, is_whole


class Listing:
    """What the pages of one run have held, so that it can be said what they should have held."""

    def __init__(self, ask: str | None) -> None:
        """Begin; `ask`: cursor of the first question, None for all that the venue keeps."""
        self._fills: deque[VenueFill] = deque(maxlen=LISTED_MAX)
        self._is_from_start = ask is None

    def add(self, fills: tuple[VenueFill, ...]) -> None:
        """Take a page."""
        self._is_from_start = self._is_from_start and len(self._fills) + len(fills) <= LISTED_MAX
        self._fills.extend(fills)

    def told(self) -> FillListing | None:
        """Return what was listed, and between which moments nothing should be left out; None if that is no time.

        Places and times may disagree a little: where the list did not begin with the first fill, those at its begin
        only tell how far back it surely reaches.
        """
        fills = self._fills
        edge = 1 if self._is_from_start else OVERLAP
        if len(fills) <= edge:
            return None
        return FillListing(
            trades=frozenset((fill.symbol, fill.external_trade_id, fill.side) for fill in fills),
            from_ns=max(fill.executed_at_ns for fill in islice(fills, edge)),
            until_ns=fills[-1].executed_at_ns // US * US,
        )


class OrderPages:
    """The pages of open orders of one run; `ask` is where the next one begins."""

    def __init__(self, key_of: Callable[[VenueOrder], str]) -> None:
        """Start at the first page; `key_of`: names an order as the router does."""
        self.ask: str | None = None
        self.is_over = False
        self.is_whole = True
        self.pages = 0
        self.wrong: Counter[str] = Counter()
        self.listed: set[str] = set()
        self._key_of = key_of
        self._asked: set[str] = set()

    def take(self, page: VenueOrders) -> tuple[VenueOrder, ...]:
        """Return the orders of a page that no earlier one held, and see where the next one begins."""
        self.pages += 1
        orders = {self._key_of(order): order for order in page.orders}
        new = {key: order for key, order in orders.items() if key not in self.listed}
        if len(new) < len(page.orders):
            self.wrong[REPEATED] += len(page.orders) - len(new)
        self.listed.update(new)
        self._go_on(page.next_after)
        return tuple(new.values())

    def _go_on(self, after: str | None) -> None:
        if after is None:
            self.is_over = True
        elif after in self._asked or self.pages >= PAGES_MAX:
            self.wrong[STUCK if after in self._asked else TOO_MANY] += 1
            self.is_over, self.is_whole = True, False
        else:
            self._asked.add(after)
            self.ask = after


def is_number(cursor: str | None) -> bool:
    """Whether a cursor counts: only then can one be before another."""
    return cursor is not None and cursor.isascii() and cursor.isdigit()


def _is_before(one: str | None, other: str | None) -> bool:
    if one is None or other is None or not (is_number(one) and is_number(other)):
        return False
    return int(one) < int(other)


def _back(watermark: str | None, overlap: int) -> str | None:
    if watermark is None or not overlap or not is_number(watermark):
        return watermark
    start = int(watermark) - overlap
    return str(start) if start > 0 else None


def _fill_key(fill: VenueFill) -> _FillKey:
    return fill.symbol, fill.external_trade_id, fill.side


def _each_once(fills: Iterable[VenueFill], before: dict[_FillKey, VenueFill]) -> list[VenueFill]:
    """Leave out what was said just before in the same words; the router sees to what was said in others."""
    known = dict(before)
    kept: list[VenueFill] = []
    for fill in fills:
        key = _fill_key(fill)
        if known.get(key) != fill:
            known[key] = fill
            kept.append(fill)
    return kept
