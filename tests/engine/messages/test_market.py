"""Market messages."""

from decimal import Decimal
from typing import Any

import pytest

from engine.domain.kinds import Side
from engine.messages.market import QuoteTick, TradePrint


def a_quote(**changes: Any) -> QuoteTick:
    fields: dict[str, Any] = {
        "venue": "simulated",
        "symbol": "BTC/USDT",
        "ts_event_ns": 1,
        "ts_init_ns": 1,
        "bid": Decimal(99),
        "ask": Decimal(101),
        "bid_size": Decimal(1),
        "ask_size": Decimal(1),
    }
    return QuoteTick(**(fields | changes))


def test_the_mid_price_is_between_bid_and_ask() -> None:
    assert a_quote().mid == Decimal(100)


@pytest.mark.parametrize("field", ["bid", "ask"])
@pytest.mark.parametrize("value", ["NaN", "0", "-1", "Infinity"])
def test_a_quote_without_a_price_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=field):
        a_quote(**{field: Decimal(value)})


@pytest.mark.parametrize(("field", "value"), [("price", "0"), ("quantity", "NaN")])
def test_a_trade_without_size_or_price_is_refused(field: str, value: str) -> None:
    fields: dict[str, Any] = {
        "venue": "simulated",
        "symbol": "BTC/USDT",
        "ts_event_ns": 1,
        "ts_init_ns": 1,
        "trade_id": "1",
        "price": Decimal(1),
        "quantity": Decimal(1),
        "aggressor": Side.BUY,
    }
    with pytest.raises(ValueError, match=field):
        TradePrint(**(fields | {field: Decimal(value)}))
