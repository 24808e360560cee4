"""What only a live venue says beside prices: marks and funding of perpetuals, what trades, how the venue is.

Published by a venue's public source: marks, funding and trading states under the key (venue, symbol), health under the
venue's name.
"""

from decimal import Decimal

import msgspec

from engine.domain.identifiers import Symbol, Venue
from engine.messages.base import Message, require_positive
from engine.messages.market import MarketMessage


class MarkPrice(MarketMessage, frozen=True, kw_only=True):
    """The price by which the venue values positions in a perpetual."""

    price: Decimal
    index_price: Decimal | None = None
    """Price of the underlying, where the venue tells it."""

    def __post_init__(self) -> None:
        """Refuse prices that are not finite and positive."""
        require_positive("price", self.price)
        require_positive("index_price", self.index_price)


class FundingRate(MarketMessage, frozen=True, kw_only=True):
    """What longs will pay to shorts at the next funding, as it stands now; below zero shorts pay."""

    rate: Decimal
    """Fraction of the notional for the whole interval."""
    next_funding_ns: int | None = None
    """When it is paid, venue time; None where the venue does not say."""

    def __post_init__(self) -> None:
        """Refuse a rate that is no number."""
        if not self.rate.is_finite():
            raise ValueError(f"rate: expected a finite number, was {self.rate}")


class InstrumentStatus(Message, frozen=True, kw_only=True):
    """The venue has closed an instrument, or opens it again. Orders in a closed one are denied."""

    venue: Venue
    symbol: Symbol
    is_trading: bool
    reason: str = ""
    """One line for a person; empty while it trades."""
    at_ns: int


class VenueHealth(Message, frozen=True, kw_only=True):
    """How a venue is, as last measured from here."""

    venue: Venue
    at_ns: int
    """Wall clock."""
    is_online: bool
    reason: str = ""
    """Why it is not; or the newest thing that went wrong."""
    heard_ns: int | None = None
    """Wall clock of the last frame; None before the first."""
    response_ns: int | None = None
    """How long the venue's answer to a question for its time took."""
    clock_offset_ns: int | None = None
    """Venue minus ours."""
    used_weight: int | None = None
    """Of the rate limit per minute, as the venue's last answer said or as we count it."""
    weight_limit: int | None = None
    reconnects: int = 0
    """Sockets dialled again since the start."""
    unread: int = 0
    """Frames that could not be read since the start."""
    resyncs: dict[Symbol, int] = msgspec.field(default_factory=dict)
    """Books that are being fetched anew -> attempts so far."""
