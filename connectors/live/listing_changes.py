"""What has changed since a venue was last asked for its listing. Pure; for a thread, since it compares thousands."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import msgspec

from connectors.live.adapter import Listing
from engine.domain.identifiers import Symbol
from engine.domain.instrument import Instrument

CLOSED: str = "the venue has closed it"
GONE: str = "the venue lists it no more"


class ListingChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What a new listing says that was not known."""

    fresh: tuple[Instrument, ...] = ()
    """New instruments, and those whose rules are others now."""
    closed: Mapping[Symbol, str] = {}
    """Instruments that traded -> why they do not any more."""
    opened: tuple[Symbol, ...] = ()
    """Instruments that were closed and trade again."""


def changes(before: Mapping[Symbol, Instrument], closed: AbstractSet[Symbol], listing: Listing) -> ListingChanges:
    """Compare what is known with a new listing.

    Args:
        before: Every instrument that is known.
        closed: Those of them that do not trade.
        listing: What the venue says now.
    """
    now = {each.symbol: each for each in listing.instruments}
    shut = frozenset(listing.closed)
    return ListingChanges(
        fresh=tuple(each for symbol, each in now.items() if before.get(symbol) != each),
        closed={
            symbol: CLOSED if symbol in shut else GONE
            for symbol in before
            if symbol not in now and symbol not in closed
        },
        opened=tuple(symbol for symbol in closed if symbol in now),
    )
