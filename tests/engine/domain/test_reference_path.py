"""The reference trading path in plain arithmetic gives the balance that five engines agree on.

A stream of quotes from seed 42, a cross of two averages, market orders on a perpetual with a taker fee of 0.018 %.
"""

import random
from collections.abc import Iterator
from decimal import Decimal

import pytest

from engine.domain import journal
from engine.domain.balances import balances_from
from engine.domain.indicators import Ema
from engine.domain.kinds import Liquidity, Side
from engine.domain.position import Position
from tests.support.domain import a_perpetual

START = Decimal(1_000_000)


def quotes(count: int) -> Iterator[tuple[int, int]]:
    """Yield (bid, ask) in tenths of a USDT."""
    bits = random.Random(42).getrandbits
    price = 600_000
    for _ in range(count):
        price += bits(6) - bits(6)
        ask = price + 1 + (bits(2) == 0)
        bits(11)  # The sizes of the quote, which every order fits into.
        yield price, ask
        bits(11)


@pytest.mark.parametrize(
    ("ticks", "fast_length", "slow_length", "orders", "balance"),
    [
        (20_000, 10, 20, 851, "999821.43127706"),
        (50_000, 10, 20, 2_251, "999513.41020958"),
        (200_000, 50, 200, 1_252, "999738.70086490"),
    ],
)
def test_the_final_balance_is_the_agreed_one(
    ticks: int, fast_length: int, slow_length: int, orders: int, balance: str
) -> None:
    instrument, fast, slow = a_perpetual(), Ema(fast_length), Ema(slow_length)
    position, entries = Position(instrument=instrument), [journal.opening_balance("USDT", START)]
    for number, (bid, ask) in enumerate(quotes(ticks), start=1):
        mid = (bid + ask) / 20
        fast.push(mid)
        slow.push(mid)
        if number < slow_length or fast.value == slow.value:
            continue
        side = Side.BUY if fast.value > slow.value else Side.SELL
        if position.size * side.sign > 0:
            continue
        price = Decimal(ask if side is Side.BUY else bid) / 10
        quantity = Decimal("0.020") if position.size else Decimal("0.010")
        fee = instrument.fee(instrument.notional(price, quantity), Liquidity.TAKER)
        realized = position.apply_fill(side, price, quantity)
        position.add_fee(fee)
        entries.append(
            journal.perpetual_fill(
                instrument, side=side, quantity=quantity, realized_pnl=realized, fee=fee, fee_asset="USDT"
            )
        )
    final = balances_from(entries).total("USDT")
    assert final == START + position.realized_pnl - position.fees_paid
    assert (len(entries) - 1, final) == (orders, Decimal(balance))
