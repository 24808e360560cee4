"""The newest known prices of all venues: kept by `MarketData`, read by gate, coordinator, ledger and agents.

Readers and writers run on one loop, so a read sees whole events only. Age is told on the market clock, so that a replay
of yesterday is not stale.
"""

from decimal import Decimal
from typing import Final

from engine.domain.identifiers import Symbol, Venue
from engine.domain.ports import Clock
from engine.domain.values import add, multiply

STALE_AFTER_NS: Final = 15_000_000_000
_HALF: Final = Decimal("0.5")


class Mark:
    """What is known of one symbol. Only its `MarketData` writes."""

    __slots__ = ("ask", "bid", "closed", "is_lost", "last", "seen_ns", "stale_after_ns")

    def __init__(self, stale_after_ns: int) -> None:
        """Know nothing yet; `stale_after_ns`: silence after which the price is not to be trusted."""
        self.bid: Decimal | None = None
        self.ask: Decimal | None = None
        self.last: Decimal | None = None
        self.seen_ns: int | None = None
        self.stale_after_ns = stale_after_ns
        self.is_lost = False
        """The book is out of sync or the venue is away, however young the last price."""
        self.closed = ""
        """Why the venue takes no orders in it now; empty while it trades."""

    @property
    def mid(self) -> Decimal | None:
        """Mean of bid and ask; None before the first quote."""
        if self.bid is None or self.ask is None:
            return None
        return multiply(add(self.bid, self.ask), _HALF)


class MarkTable:
    """Implements the port `Marks` (`engine/domain/ports.py`) over all venues."""

    def __init__(self, clock: Clock, *, stale_after_ns: int = STALE_AFTER_NS) -> None:
        """Start empty.

        Args:
            clock: The market clock.
            stale_after_ns: Silence after which a symbol is stale, unless its market says otherwise.
        """
        self._now_ns = clock.now_ns
        self._stale_after_ns = stale_after_ns
        self._marks: dict[tuple[Venue, Symbol], Mark] = {}
        self._past: set[Venue] = set()

    def mark(self, venue: Venue, symbol: Symbol) -> Mark:
        """Return the entry of a symbol to write into, made at the first call."""
        key = (venue, symbol)
        found = self._marks.get(key)
        if found is None:
            found = self._marks[key] = Mark(self._stale_after_ns)
        return found

    def price(self, venue: Venue, symbol: Symbol) -> Decimal | None:
        """Return the mid price, or the last trade where there is no quote; None before the first event."""
        found = self._marks.get((venue, symbol))
        if found is None:
            return None
        mid = found.mid
        return found.last if mid is None else mid

    def quote(self, venue: Venue, symbol: Symbol) -> tuple[Decimal, Decimal] | None:
        """Return (bid, ask), None before the first quote."""
        found = self._marks.get((venue, symbol))
        if found is None or found.bid is None or found.ask is None:
            return None
        return found.bid, found.ask

    def last(self, venue: Venue, symbol: Symbol) -> Decimal | None:
        """Return the price of the last trade, None before the first."""
        found = self._marks.get((venue, symbol))
        return None if found is None else found.last

    def age_ns(self, venue: Venue, symbol: Symbol) -> int | None:
        """Return nanoseconds of market time since the symbol's last event, None before the first."""
        found = self._marks.get((venue, symbol))
        if found is None or found.seen_ns is None:
            return None
        return max(self._now_ns() - found.seen_ns, 0)

    def is_stale(self, venue: Venue, symbol: Symbol) -> bool:
        """Tell whether the symbol is unknown, its book is out of sync, or it was silent for too long."""
        found = self._marks.get((venue, symbol))
        if found is None or found.seen_ns is None or found.is_lost:
            return True
        return self._now_ns() - found.seen_ns > found.stale_after_ns

    def why_closed(self, venue: Venue, symbol: Symbol) -> str:
        """Return why the venue takes no orders in a symbol now; empty while it trades, as far as is known."""
        found = self._marks.get((venue, symbol))
        return "" if found is None else found.closed

    def begin_catch_up(self, venue: Venue) -> None:
        """Say that what comes from a venue next has been seen in an earlier life."""
        self._past.add(venue)

    def end_catch_up(self, venue: Venue) -> None:
        """Say that what comes from a venue next is new."""
        self._past.discard(venue)

    def is_past(self, venue: Venue) -> bool:
        """Tell whether a venue's market is not yet where an earlier life has left it."""
        return venue in self._past
