"""What the simulated venue lists: pairs with the rules and the habits of well-known ones."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind

VENUE: Final[Venue] = "simulated"


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One pair and how it is traded."""

    instrument: Instrument
    price: Decimal
    """Where it begins when no earlier price is known."""
    beta: float
    """How strongly it moves with the whole market."""
    volatility: float
    """Of its own moves, beside the market's: standard deviation of the logarithm over one second."""
    spread_bps: float
    """Usual distance of bid and ask, hundredths of a percent of the price."""
    level_size: float
    """Median quantity of a level near the top, base units."""
    trade_size: float
    """Median quantity of a trade, base units."""
    seconds_between: float
    """Mean time between two changes of its book."""
    follows: Symbol | None = None
    """The pair whose own moves it shares: a perpetual follows its spot pair."""


def listings(venue: Venue = VENUE) -> tuple[Listing, ...]:
    """Return the pairs of a simulated venue of this name."""
    btc = _spot(venue, "BTC", tick="0.01", step="0.00001", largest="9000")
    eth = _spot(venue, "ETH", tick="0.01", step="0.0001", largest="9000")
    sol = _spot(venue, "SOL", tick="0.01", step="0.001", largest="90000")
    perpetual = Instrument(
        venue=venue,
        symbol="BTC/USDT:USDT",
        base="BTC",
        quote="USDT",
        settle="USDT",
        kind=InstrumentKind.PERPETUAL,
        tick_size=Decimal("0.1"),
        step_size=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        max_quantity=Decimal(1_000),
        min_notional=Decimal(5),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        initial_margin=Decimal("0.05"),
        maintenance_margin=Decimal("0.025"),
    )
    return (
        Listing(
            instrument=btc, price=Decimal(60_000), beta=1.0, volatility=5e-5, spread_bps=0.2, level_size=0.6,
            trade_size=0.02, seconds_between=0.32,
        ),
        Listing(
            instrument=eth, price=Decimal(2_500), beta=1.2, volatility=8e-5, spread_bps=0.3, level_size=8.0,
            trade_size=0.3, seconds_between=0.36,
        ),
        Listing(
            instrument=sol, price=Decimal(150), beta=1.5, volatility=1.4e-4, spread_bps=1.0, level_size=90.0,
            trade_size=4.0, seconds_between=0.45,
        ),
        Listing(
            instrument=perpetual, price=Decimal(60_000), beta=1.0, volatility=2e-5, spread_bps=0.2, level_size=2.0,
            trade_size=0.05, seconds_between=0.28, follows="BTC/USDT",
        ),
    )  # fmt: skip


def wanted(listed: Sequence[Listing], symbols: Sequence[Symbol]) -> tuple[Listing, ...]:
    """Return the listings of `symbols`, and of the pairs that these follow; all if `symbols` is empty."""
    if not symbols:
        return tuple(listed)
    names = set(symbols) | {each.follows for each in listed if each.instrument.symbol in symbols and each.follows}
    return tuple(each for each in listed if each.instrument.symbol in names)


def _spot(venue: Venue, base: str, *, tick: str, step: str, largest: str) -> Instrument:
    return Instrument(
        venue=venue,
        symbol=f"{base}/USDT",
        base=base,
        quote="USDT",
        settle="USDT",
        kind=InstrumentKind.SPOT,
        tick_size=Decimal(tick),
        step_size=Decimal(step),
        min_quantity=Decimal(step),
        max_quantity=Decimal(largest),
        min_notional=Decimal(5),
        maker_fee=Decimal("0.001"),
        taker_fee=Decimal("0.001"),
    )
