"""What a fill costs, and how much an open order must set aside for its fees.

Fees are in the quote asset, rounded half to even to the decimals of the instrument (`Instrument.fee`), in both kinds of
market.
"""

import decimal
from decimal import Decimal
from functools import cache
from typing import Final

from engine.domain.instrument import Instrument
from engine.domain.kinds import Liquidity
from engine.domain.values import MONEY, ZERO, multiply

_UP: Final = decimal.Context(prec=MONEY.prec, rounding=decimal.ROUND_CEILING, Emin=MONEY.Emin, Emax=MONEY.Emax)
_DOWN: Final = decimal.Context(prec=MONEY.prec, rounding=decimal.ROUND_FLOOR, Emin=MONEY.Emin, Emax=MONEY.Emax)


@cache
def _quantum(decimals: int) -> Decimal:
    return Decimal((0, (1,), -decimals))


def highest_fee(instrument: Instrument, notional: Decimal) -> Decimal:
    """Return the most that one fill of this notional (zero or more) may cost, rounded up; a rebate counts as zero."""
    rate = max(instrument.maker_fee, instrument.taker_fee, ZERO)
    return _UP.quantize(multiply(notional, rate), _quantum(instrument.fee_decimals))


def affordable_fee(instrument: Instrument, notional: Decimal, liquidity: Liquidity, funds: Decimal) -> Decimal:
    """Return the fee of a fill, but at most what is there to pay it.

    An order sets aside one fee; many partial fills, each rounded, may cost up to half a unit of the last decimal more
    each. A venue has to forgive that dust, or an account without any other money would fall below zero.

    Args:
        instrument: Whose fees.
        notional: Quote units, zero or more.
        liquidity: Maker or taker.
        funds: Quote units that may be spent on the fee; zero or more.
    """
    fee = instrument.fee(notional, liquidity)
    return fee if fee <= funds else _DOWN.quantize(funds, _quantum(instrument.fee_decimals))
