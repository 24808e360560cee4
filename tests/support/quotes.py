"""The reference quote stream: deterministic synthetic BTC/USDT quotes, one per millisecond.

Prices move by the difference of two six-bit numbers in tenths of a USDT; the spread is one or two ticks; sizes are at
least 0.020 BTC. Seed 42 is the stream that the reference results belong to.
"""

import random
from collections.abc import Iterator
from decimal import Decimal

from engine.messages.market import QuoteTick

START_NS = 1_704_067_200_000_000_000
STEP_NS = 1_000_000
TENTH = Decimal("0.1")
THOUSANDTH = Decimal("0.001")


def reference_quotes(
    count: int, *, seed: int = 42, venue: str = "binance", symbol: str = "BTC/USDT:USDT", numbered: bool = False
) -> Iterator[QuoteTick]:
    """Yield `count` quotes; `numbered`: as frames of a replay, from 1."""
    bits = random.Random(seed).getrandbits
    price = 600_000
    for i in range(count):
        price += bits(6) - bits(6)
        ask = price + 1 + (bits(2) == 0)
        bid_size = 20 + bits(11)
        ask_size = 20 + bits(11)
        at_ns = START_NS + i * STEP_NS
        yield QuoteTick(
            venue=venue,
            symbol=symbol,
            ts_event_ns=at_ns,
            ts_init_ns=at_ns,
            frame=i + 1 if numbered else 0,
            bid=price * TENTH,
            ask=ask * TENTH,
            bid_size=bid_size * THOUSANDTH,
            ask_size=ask_size * THOUSANDTH,
        )
