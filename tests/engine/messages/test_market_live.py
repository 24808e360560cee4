"""What only a live venue says."""

from decimal import Decimal
from typing import Any

import pytest

from engine.messages.market_live import FundingRate, MarkPrice

WHERE: dict[str, Any] = {"venue": "binance", "symbol": "BTC/USDT:USDT", "ts_event_ns": 1, "ts_init_ns": 2}


@pytest.mark.parametrize("field", ["price", "index_price"])
@pytest.mark.parametrize("value", ["0", "-1", "NaN", "Infinity"])
def test_a_mark_that_is_no_price_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=field):
        MarkPrice(**WHERE | {"price": Decimal(1), field: Decimal(value)})
    assert MarkPrice(**WHERE, price=Decimal(1)).index_price is None


@pytest.mark.parametrize("rate", ["0.0001", "-0.0001", "0"])
def test_funding_goes_both_ways(rate: str) -> None:
    assert FundingRate(**WHERE, rate=Decimal(rate)).rate == Decimal(rate)


@pytest.mark.parametrize("rate", ["NaN", "Infinity"])
def test_a_rate_that_is_no_number_is_refused(rate: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        FundingRate(**WHERE, rate=Decimal(rate))
