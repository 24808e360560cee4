"""What a venue is like: what it lists, what it declares to be able to do, how its market moves."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from engine.domain.capabilities import (
    AmendKind,
    Capabilities,
    ClientIdRule,
    DuplicateRule,
    PrivateStream,
    ValidityKind,
)
from engine.domain.identifiers import Asset, Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.kinds import TAKE_PROFIT_TYPES, InstrumentKind, OrderType, TimeInForce

MS: Final = 1_000_000
SECOND: Final = 1_000_000_000


class FeeIn(StrEnum):
    """The asset of a fee."""

    QUOTE = "quote"
    RECEIVED = "received"
    """Base for a spot buy, else quote."""
    THIRD = "third"
    """The venue's own asset while the account has enough of it, else quote."""


class VenueRules(msgspec.Struct, frozen=True, kw_only=True):
    """The habits of one venue; the same for its whole life."""

    venue: Venue
    instruments: tuple[Instrument, ...]
    prices: dict[Symbol, Decimal]
    """Where the market of each symbol begins; a symbol without one has no market until it is told."""
    duplicates: DuplicateRule = DuplicateRule.REFUSES
    amend: AmendKind = AmendKind.IN_PLACE
    has_dead_man: bool = True
    read_lag_ns: int = 0
    """Declared; answers lag only while a fault makes them."""
    validity_max_ns: int = MS
    page_sizes: tuple[int, ...] = (50,)
    """One is drawn for each page."""
    fees: tuple[FeeIn, ...] = (FeeIn.QUOTE,)
    """One is drawn for each trade."""
    third_asset: Asset = "BNB"
    third_price: Decimal = Decimal(600)
    """Quote units."""
    parts_max: int = 1
    """In so many trades an order may be filled at once."""
    rests_partly: bool = False
    """Whether a taker may find less than it wants, and a resting order trade a part at a time."""
    walk_every_ns: int = 0
    """How often a market moves by itself; 0: only when told."""
    walk_ticks: int = 20
    """At most so many ticks a time."""
    latency_ns: tuple[int, int] = (0, 0)
    """Least and most time from an effect to the report of it leaving."""
    money: dict[Asset, Decimal] = {}
    """What an account begins with if its opening names nothing."""

    def capabilities(self) -> Capabilities:
        """Return what the venue declares. It keeps to it unless a fault of `BREAKING` strikes."""
        kinds = frozenset(each.kind for each in self.instruments) or frozenset({InstrumentKind.SPOT})
        return Capabilities(
            venue=self.venue,
            kinds=kinds,
            order_types=frozenset(OrderType) - TAKE_PROFIT_TYPES,
            times_in_force=frozenset(TimeInForce),
            client_id=ClientIdRule(pattern=r"[!-~]{1,64}", duplicates=self.duplicates, is_queryable=True),
            post_only=True,
            reduce_only=kinds,
            amend=self.amend,
            dead_man_switch=self.has_dead_man,
            private_streams=frozenset({PrivateStream.ORDERS, PrivateStream.FILLS}),
            validity=ValidityKind.VALID_UNTIL,
            validity_max_ns=self.validity_max_ns,
            read_lag_ns=self.read_lag_ns,
        )


def honest_rules(venue: Venue, instruments: tuple[Instrument, ...], prices: dict[Symbol, Decimal]) -> VenueRules:
    """Return the rules of a venue that answers at once, fills whole and has one page for everything."""
    return VenueRules(venue=venue, instruments=instruments, prices=prices, page_sizes=(1_000,))


def rough_rules(venue: Venue, instruments: tuple[Instrument, ...], prices: dict[Symbol, Decimal]) -> VenueRules:
    """Return the rules of a venue as they are out there: it lags, fills in parts, walks, and pages by the handful."""
    return VenueRules(
        venue=venue,
        instruments=instruments,
        prices=prices,
        read_lag_ns=3 * SECOND,
        page_sizes=(2, 5, 50),
        fees=tuple(FeeIn),
        parts_max=3,
        rests_partly=True,
        walk_every_ns=250 * MS,
        latency_ns=(1 * MS, 20 * MS),
    )
