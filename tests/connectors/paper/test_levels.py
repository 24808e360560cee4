"""Own orders come out by price and then by number."""

from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from connectors.paper.accounts import PaperAccount
from connectors.paper.client_ids import ClientIds
from connectors.paper.levels import PriceLevels
from connectors.paper.order import OPEN, PaperOrder
from tests.connectors.paper.support import ACCOUNT, NOW_NS, USER, a_submit

OWNER = PaperAccount(ACCOUNT, USER, "spot", ClientIds(UUID(int=0)))


def an_order(price: int, number: int) -> PaperOrder:
    return PaperOrder(OWNER, a_submit(f"buy 1 @ {price}", number=number), number, OPEN, NOW_NS)


@given(
    prices=st.lists(st.integers(1, 9), max_size=30),
    order_of_coming=st.permutations(range(30)),
    gone=st.sets(st.integers(0, 29)),
    at=st.integers(0, 10),
)
def test_what_is_left_comes_out_by_price_and_then_by_number(
    prices: list[int], order_of_coming: list[int], gone: set[int], at: int
) -> None:
    levels = PriceLevels()
    orders = [an_order(price, number) for number, price in enumerate(prices)]
    for number in order_of_coming:
        if number < len(orders):
            levels.add(Decimal(prices[number]), orders[number])
    for number in gone & set(range(len(orders))):
        assert levels.discard(Decimal(prices[number]), orders[number])
        assert not levels.discard(Decimal(prices[number]), orders[number])
    left = [(price, number) for number, price in enumerate(prices) if number not in gone]
    above = sorted((item for item in left if item[0] >= at), key=lambda item: (-item[0], item[1]))
    below = sorted(item for item in left if item[0] <= at)
    assert [(int(price), order.number) for price, level in levels.at_or_above(Decimal(at)) for order in level] == above
    assert [(int(price), order.number) for price, level in levels.at_or_below(Decimal(at)) for order in level] == below
    assert bool(levels) is bool(left)
