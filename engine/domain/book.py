"""A price-level book from a snapshot and numbered diffs, which knows when it can no longer be trusted.

A book is `EMPTY`, then `BUFFERING` (diffs wait for the snapshot), `SYNCED`, or `STALE` (a gap in the numbers, a crossed
top, a lost feed). Only a new snapshot leads back to `SYNCED`; until then diffs are buffered. A stale book keeps its
levels for display; nobody may trade on them.

Each side is a dict from price to quantity and a sorted list of prices with the best at the end, where inserting is
cheapest: most changes are near the top. The asks' list holds negated prices for that reason.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Final, NamedTuple

from engine.domain.kinds import BookState, Side
from engine.domain.values import add, multiply, subtract

Level = tuple[Decimal, Decimal]
"""(price in quote per base unit, quantity in base units)."""

BUFFER_MAX: Final = 10_000
"""Diffs that wait for a snapshot; the oldest leave first, which the check against the snapshot then reports."""
LEVELS_MAX: Final = 10_000
"""Levels kept per side; the worst leave first, a tenth at a time."""

_HALF: Final = Decimal("0.5")

Diff = tuple[int, int, int | None, Sequence[Level], Sequence[Level]]
"""(first update id, last update id, previous update id or None, changed bids, changed asks)."""


class SequenceRule(NamedTuple):
    """How a venue numbers its diffs. Ids grow; a diff covers the ids from `first` to `last`."""

    name: str
    precedes: Callable[[int, int], bool]
    """(last, snapshot id) -> whether the snapshot already contains the whole diff."""
    follows: Callable[[int, int, int], bool]
    """(first, last, snapshot id) -> whether the first diff after a snapshot leaves no hole."""
    continues: Callable[[int, int | None, int], bool]
    """(first, previous or None, our last id) -> whether a later diff leaves no hole."""


BINANCE_SPOT: Final = SequenceRule(
    "binance_spot",
    precedes=lambda last, snapshot: last <= snapshot,
    follows=lambda first, last, snapshot: first <= snapshot + 1 <= last,
    continues=lambda first, _previous, ours: first == ours + 1,
)
"""Source: Binance spot, "How to manage a local order book correctly"."""
BINANCE_USDM: Final = SequenceRule(
    "binance_usdm",
    precedes=lambda last, snapshot: last < snapshot,
    follows=lambda first, last, snapshot: first <= snapshot <= last,
    continues=lambda _first, previous, ours: previous == ours,
)
"""Source: Binance USD-M futures, "How to manage a local order book correctly" (`pu` is the previous event's `u`)."""
UNCHECKED: Final = SequenceRule(
    "unchecked",
    precedes=lambda last, snapshot: last <= snapshot,
    follows=lambda _first, _last, _snapshot: True,
    continues=lambda _first, _previous, _ours: True,
)
"""For feeds without numbers, such as a simulated market in this process."""


class Book:
    """The book of one symbol."""

    __slots__ = (
        "_ask_keys",
        "_asks",
        "_bid_keys",
        "_bids",
        "_buffer",
        "_is_first",
        "_rule",
        "gaps",
        "last_update_id",
        "reason",
        "state",
    )

    def __init__(self, rule: SequenceRule = UNCHECKED) -> None:
        """Start empty.

        Args:
            rule: How the venue numbers its diffs.
        """
        self._rule = rule
        self._bids: dict[Decimal, Decimal] = {}
        self._asks: dict[Decimal, Decimal] = {}
        self._bid_keys: list[Decimal] = []
        self._ask_keys: list[Decimal] = []
        self._buffer: deque[Diff] = deque(maxlen=BUFFER_MAX)
        self._is_first = True
        self.state = BookState.EMPTY
        self.last_update_id = 0
        self.gaps = 0
        """Holes in the numbers and crossed tops since the start."""
        self.reason = ""
        """Why the book is stale."""

    def apply_snapshot(self, last_update_id: int, bids: Sequence[Level], asks: Sequence[Level]) -> bool:
        """Replace the book and apply the buffered diffs that follow.

        Args:
            last_update_id: Number of the newest change that the snapshot contains.
            bids: In any order; quantity above zero.
            asks: In any order; quantity above zero.

        Returns:
            Whether the book is now synced. False: the snapshot is older than the buffered diffs (ask for a newer one),
            or it or a buffered diff crosses the book.
        """
        self._bids = dict(bids)
        self._asks = dict(asks)
        self._bid_keys = sorted(self._bids)
        self._ask_keys = sorted(price.copy_negate() for price in self._asks)
        self.last_update_id = last_update_id
        self._is_first = True
        self.state = BookState.SYNCED
        self.reason = ""
        if self.is_crossed:
            self._lose("crossed")
            return False
        waiting, self._buffer = self._buffer, deque(maxlen=BUFFER_MAX)
        for diff in waiting:
            self.apply_diff(*diff)
        return self.state is BookState.SYNCED

    def apply_diff(
        self, first_id: int, last_id: int, previous_id: int | None, bids: Sequence[Level], asks: Sequence[Level]
    ) -> bool:
        """Apply changed levels, or keep them for the snapshot.

        Args:
            first_id: Number of the first change in this diff.
            last_id: Number of its last change.
            previous_id: `last_id` of the diff before, where the venue tells it.
            bids: New quantities of levels, 0 removes the level.
            asks: The same.

        Returns:
            Whether the levels changed. False: buffered, older than the book, or the first after a gap (the state says).
        """
        if self.state is not BookState.SYNCED:
            if self.state is BookState.EMPTY:
                self.state = BookState.BUFFERING
            self._buffer.append((first_id, last_id, previous_id, bids, asks))
            return False
        ours = self.last_update_id
        if self._rule.precedes(last_id, ours) if self._is_first else last_id <= ours:
            return False
        if not self._fits(first_id, last_id, previous_id):
            self._buffer.append((first_id, last_id, previous_id, bids, asks))
            return False
        self._is_first = False
        self.last_update_id = last_id
        self._change_bids(bids)
        self._change_asks(asks)
        if self.is_crossed:
            self._lose("crossed")
        return True

    def _fits(self, first_id: int, last_id: int, previous_id: int | None) -> bool:
        """Tell whether a new diff leaves no hole; if it does, the book is lost."""
        ours = self.last_update_id
        if self._is_first:
            if self._rule.follows(first_id, last_id, ours):
                return True
            # Nothing was lost on the feed: the snapshot was taken before our first diff.
            self.state = BookState.BUFFERING
            self.reason = f"snapshot {ours} is older than the first diff {first_id}"
            return False
        if self._rule.continues(first_id, previous_id, ours):
            return True
        self._lose(f"gap: expected an update after {ours}, was {first_id} to {last_id}")
        return False

    def _change_bids(self, changes: Sequence[Level]) -> None:
        levels, keys = self._bids, self._bid_keys
        for price, quantity in changes:
            if quantity:
                if price not in levels:
                    insort(keys, price)
                levels[price] = quantity
            elif levels.pop(price, None) is not None:
                del keys[bisect_left(keys, price)]
        if len(keys) > LEVELS_MAX:
            for price in keys[: LEVELS_MAX // 10]:
                del levels[price]
            del keys[: LEVELS_MAX // 10]

    def _change_asks(self, changes: Sequence[Level]) -> None:
        levels, keys = self._asks, self._ask_keys
        for price, quantity in changes:
            if quantity:
                if price not in levels:
                    insort(keys, price.copy_negate())
                levels[price] = quantity
            elif levels.pop(price, None) is not None:
                del keys[bisect_left(keys, price.copy_negate())]
        if len(keys) > LEVELS_MAX:
            for key in keys[: LEVELS_MAX // 10]:
                del levels[key.copy_negate()]
            del keys[: LEVELS_MAX // 10]

    def mark_stale(self, reason: str) -> None:
        """Stop trusting the book: silence, or a new connection whose diffs will not continue the old ones."""
        self._buffer.clear()
        if self.state is not BookState.EMPTY:
            self.state = BookState.STALE
            self.reason = reason

    def _lose(self, reason: str) -> None:
        self.gaps += 1
        self.state = BookState.STALE
        self.reason = reason

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid reaches the best ask, which no venue allows."""
        return bool(self._bid_keys and self._ask_keys) and self._bid_keys[-1] >= self._ask_keys[-1].copy_negate()

    @property
    def best_bid(self) -> Level | None:
        """The highest bid, or None."""
        if not self._bid_keys:
            return None
        price = self._bid_keys[-1]
        return price, self._bids[price]

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask, or None."""
        if not self._ask_keys:
            return None
        price = self._ask_keys[-1].copy_negate()
        return price, self._asks[price]

    @property
    def mid(self) -> Decimal | None:
        """Mean of best bid and best ask; None if a side is empty."""
        if not (self._bid_keys and self._ask_keys):
            return None
        return multiply(subtract(self._bid_keys[-1], self._ask_keys[-1]), _HALF)

    def bids(self) -> Iterator[Level]:
        """Yield the bids, best first. Do not change the book meanwhile."""
        levels = self._bids
        for price in reversed(self._bid_keys):
            yield price, levels[price]

    def asks(self) -> Iterator[Level]:
        """Yield the asks, best first. Do not change the book meanwhile."""
        levels = self._asks
        for key in reversed(self._ask_keys):
            price = key.copy_negate()
            yield price, levels[price]

    def top(self, count: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return (bids, asks), best first, at most `count` levels each."""
        return tuple(islice(self.bids(), count)), tuple(islice(self.asks(), count))

    def quantity_at(self, side: Side, price: Decimal) -> Decimal | None:
        """Return the resting quantity of buyers (`BUY`) or sellers (`SELL`) at a price, None if there is no level."""
        return (self._bids if side is Side.BUY else self._asks).get(price)

    def sweep(self, side: Side, quantity: Decimal, limit: Decimal | None = None) -> list[Level]:
        """Tell what an order would take from the book, without taking it.

        Args:
            side: Of the order: a buy takes asks.
            quantity: Base units, above zero.
            limit: Worst price that the order accepts; None takes any.

        Returns:
            (price, quantity) pairs, best first; their sum is `quantity`, or less if book or limit end before.
        """
        taken: list[Level] = []
        is_buy = side is Side.BUY
        left = quantity
        for price, offered in self.asks() if is_buy else self.bids():
            if limit is not None and (price > limit if is_buy else price < limit):
                break
            part = min(offered, left)
            taken.append((price, part))
            left = subtract(left, part)
            if not left:
                break
        return taken


def total_of(levels: Sequence[Level]) -> tuple[Decimal, Decimal]:
    """Return (quantity, value in quote units) of levels."""
    quantity = value = Decimal(0)
    for price, part in levels:
        quantity = add(quantity, part)
        value = add(value, multiply(price, part))
    return quantity, value
