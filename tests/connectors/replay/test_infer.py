"""Instruments from what their market showed."""

from decimal import Decimal

import pytest

from connectors.replay.infer import Scales, infer_instrument
from engine.domain.errors import BadInput
from engine.domain.kinds import InstrumentKind
from tests.support.market import decimals


def scales(*pairs: tuple[str, str]) -> Scales:
    made = Scales()
    for price, quantity in pairs:
        made.see(Decimal(price), Decimal(quantity))
    return made


def test_the_finest_numbers_give_tick_and_step() -> None:
    found = infer_instrument("binance", "BTC/USDT", scales(("61837.60000000", "3.1"), ("61837.63000000", "0.00010")))
    assert (found.tick_size, found.step_size, found.min_quantity) == decimals("0.01", "0.0001", "0.0001")
    assert (found.kind, found.min_notional, found.initial_margin) == (InstrumentKind.SPOT, Decimal(5), Decimal(1))


def test_a_settle_asset_makes_it_a_perpetual_with_margin() -> None:
    found = infer_instrument("binance", "BTC/USDT:USDT", scales(("61837.60", "0.001")))
    assert (found.kind, found.tick_size) == (InstrumentKind.PERPETUAL, Decimal("0.1"))
    assert found.maintenance_margin < found.initial_margin < 1
    assert found.taker_fee == Decimal("0.0005")


def test_decimals_that_no_venue_trades_are_the_noise_of_floats() -> None:
    found = infer_instrument("binance", "ETH/BTC", scales(("0.071234", "12.1234567890123")))
    assert (found.step_size, found.min_notional) == decimals("0.00000001", 0)


def test_what_is_no_pair_is_refused() -> None:
    with pytest.raises(BadInput):
        infer_instrument("binance", "BTCUSDT", Scales())
