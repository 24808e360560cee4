"""The reference trading path: five independent engines agreed on these balances to 1e-8 USDT."""

import random
from collections.abc import Iterator
from decimal import Decimal

import pytest

from connectors.paper.batch import Batch
from connectors.paper.matching import FillModel
from engine.messages.venues import VenueFill
from tests.connectors.paper.support import Desk
from tests.support.domain import a_perpetual

D = Decimal


def quotes(count: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (bid, ask) in tenths of a USDT and their sizes in thousandths of a BTC."""
    bits = random.Random(42).getrandbits
    price = 600_000
    for _ in range(count):
        price += bits(6) - bits(6)
        ask = price + 1 + (bits(2) == 0)
        bid_size = 20 + bits(11)
        yield price, ask, bid_size, 20 + bits(11)


class Crossing:
    """Two exponential averages of the mid price; says what to send."""

    def __init__(self, fast: int, slow: int) -> None:
        self.slow = slow
        self.factors = (2 / (fast + 1), 2 / (slow + 1))
        self.averages = (0.0, 0.0)
        self.count = 0
        self.position = 0

    def order(self, bid: int, ask: int) -> str | None:
        mid = (bid / 10 + ask / 10) / 2
        self.count += 1
        if self.count == 1:
            self.averages = (mid, mid)
        else:
            (fast, slow), (f, s) = self.averages, self.factors
            self.averages = (fast + f * (mid - fast), slow + s * (mid - slow))
        wanted = (self.averages[0] > self.averages[1]) - (self.averages[0] < self.averages[1])
        if self.count < self.slow or not wanted or wanted == self.position:
            return None
        quantity = "0.010" if self.position == 0 else "0.020"
        self.position = wanted
        return f"{'buy' if wanted > 0 else 'sell'} {quantity}"


@pytest.mark.parametrize("fill_model", list(FillModel))
@pytest.mark.parametrize(
    ("count", "orders", "balance"), [(20_000, 851, "999821.43127706"), (50_000, 2_251, "999513.41020958")]
)
def test_the_reference_path_ends_with_the_agreed_balance(
    fill_model: FillModel, count: int, orders: int, balance: str
) -> None:
    desk = Desk(a_perpetual(), {"USDT": "1000000"}, fill_model=fill_model)
    crossing = Crossing(10, 20)
    sent = fills = 0
    for bid, ask, bid_size, ask_size in quotes(count):
        desk.quote(str(D(bid) / 10), str(D(ask) / 10), f"{D(bid_size) / 1000} {D(ask_size) / 1000}")
        order = crossing.order(bid, ask)
        if order is not None:
            desk.send(order)
            sent += 1
            fills += len(desk.said(VenueFill))
            desk.exchange.batch = Batch()
    assert fills == sent == orders
    assert desk.total("USDT") == D(balance)
