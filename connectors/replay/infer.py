"""Instruments from what their market showed, for sessions that hold no exchangeInfo.

The finest price and size that appeared give tick and step. Fees and margins are Binance's entry tier, as in
`connectors.binance.instruments`; a recording cannot tell them.
"""

from decimal import Decimal
from typing import Final

from connectors.binance.instruments import ENTRY_FEES
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind
from engine.domain.values import ONE, ZERO, scale_of

DECIMALS_MAX: Final = 8
"""Volumes summed by somebody's floats show more decimals than any venue trades."""
MAX_QUANTITY: Final = Decimal(10) ** 9
MIN_NOTIONAL: Final = Decimal(5)
DOLLARS: Final = frozenset({"USD", "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI"})
INITIAL_MARGIN: Final = Decimal("0.05")
MAINTENANCE_MARGIN: Final = Decimal("0.025")


class Scales:
    """The most decimals seen of one symbol's prices and sizes."""

    __slots__ = ("price", "quantity")

    def __init__(self) -> None:
        """Start with whole numbers."""
        self.price = 0
        self.quantity = 0

    def see(self, price: Decimal, quantity: Decimal) -> None:
        """Look at one more pair of numbers."""
        self.price = max(self.price, scale_of(price))
        self.quantity = max(self.quantity, scale_of(quantity))


def infer_instrument(venue: Venue, symbol: Symbol, scales: Scales) -> Instrument:
    """Build the instrument of `BASE/QUOTE` or `BASE/QUOTE:SETTLE`.

    Raises:
        BadInput: The symbol is neither.
    """
    pair, _, settle = symbol.partition(":")
    base, _, quote = pair.partition("/")
    fees = ENTRY_FEES["usdm" if settle else "spot"]
    step = _unit(scales.quantity)
    return Instrument(
        venue=venue,
        symbol=symbol,
        base=base,
        quote=quote,
        settle=settle or quote,
        kind=InstrumentKind.PERPETUAL if settle else InstrumentKind.SPOT,
        tick_size=_unit(scales.price),
        step_size=step,
        min_quantity=step,
        max_quantity=MAX_QUANTITY,
        min_notional=MIN_NOTIONAL if quote in DOLLARS else ZERO,
        maker_fee=fees.maker,
        taker_fee=fees.taker,
        initial_margin=INITIAL_MARGIN if settle else ONE,
        maintenance_margin=MAINTENANCE_MARGIN if settle else ZERO,
    )


def _unit(decimals: int) -> Decimal:
    return Decimal((0, (1,), -min(decimals, DECIMALS_MAX)))
