"""Builders of domain objects: name only the fields that matter to the test."""

from decimal import Decimal
from typing import Any

from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind

DECIMAL_FIELDS = (
    "tick_size", "step_size", "min_quantity", "max_quantity", "min_notional", "contract_size", "maker_fee", "taker_fee",
    "initial_margin", "maintenance_margin",
)  # fmt: skip


def a_spot(**changes: Any) -> Instrument:
    """Return BTC/USDT at `binance` with Binance's rules; numbers may be given as text."""
    return _an_instrument(
        {
            "venue": "binance", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "settle": "USDT",
            "kind": InstrumentKind.SPOT, "tick_size": "0.01", "step_size": "0.00001", "min_quantity": "0.00001",
            "max_quantity": "9000", "min_notional": "5", "maker_fee": "0.001", "taker_fee": "0.001",
        }
        | changes
    )  # fmt: skip


def a_perpetual(**changes: Any) -> Instrument:
    """Return the perpetual of the reference trading path: tick 0.1, step 0.001, 5 % margin, taker fee 0.018 %."""
    return _an_instrument(
        {
            "venue": "binance", "symbol": "BTC/USDT:USDT", "base": "BTC", "quote": "USDT", "settle": "USDT",
            "kind": InstrumentKind.PERPETUAL, "tick_size": "0.1", "step_size": "0.001", "min_quantity": "0.001",
            "max_quantity": "1000", "min_notional": "10", "maker_fee": "0.0002", "taker_fee": "0.00018",
            "initial_margin": "0.05", "maintenance_margin": "0.025",
        }
        | changes
    )  # fmt: skip


def _an_instrument(fields: dict[str, Any]) -> Instrument:
    for name in DECIMAL_FIELDS:
        if isinstance(fields.get(name), str):
            fields[name] = Decimal(fields[name])
    return Instrument(**fields)
