"""Fees are rounded to the instrument's decimals, and never more than an account can pay."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.paper.fees import affordable_fee, highest_fee
from engine.domain.kinds import Liquidity
from tests.support.domain import a_spot

D = Decimal


@pytest.mark.parametrize(
    ("notional", "fee"), [("1000", "1.5"), ("0.00001", "0.00000002"), ("0", "0"), ("33.333333", "0.05000000")]
)
def test_the_highest_fee_takes_the_higher_rate_and_rounds_up(notional: str, fee: str) -> None:
    assert highest_fee(a_spot(maker_fee="0.001", taker_fee="0.0015"), D(notional)) == D(fee)


def test_a_rebate_needs_no_money_set_aside() -> None:
    assert highest_fee(a_spot(maker_fee="-0.001", taker_fee="-0.002"), D(1000)) == 0


def test_dust_that_an_account_does_not_have_is_forgiven() -> None:
    spot = a_spot(taker_fee="0.001")
    assert affordable_fee(spot, D(1000), Liquidity.TAKER, D(2)) == D(1)
    assert affordable_fee(spot, D(1000), Liquidity.TAKER, D("0.999999999")) == D("0.99999999")


@given(notional=st.decimals(0, 10**9, places=7), rate=st.decimals("-0.01", "0.01", places=5))
def test_one_fee_is_never_above_what_was_set_aside(notional: Decimal, rate: Decimal) -> None:
    spot = a_spot(maker_fee=rate, taker_fee=rate)
    assert spot.fee(notional, Liquidity.MAKER) <= highest_fee(spot, notional)
