"""Builders of domain objects: name only the fields that matter to the test."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from engine.domain.identifiers import OrderId
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind, Liquidity, Side
from engine.domain.order import OrderState
from engine.domain.order_facts import FillFact
from engine.domain.reservations import Reservation

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


def a_fill(trade_id: str = "t1", quantity: str = "0.1", price: str = "60000", **changes: Any) -> FillFact:
    """Return a taker fill with a fee of 0.5 USDT."""
    fields: dict[str, Any] = {"fee": "0.5", "fee_asset": "USDT", "liquidity": Liquidity.TAKER, "executed_at_ns": 1_000}
    fields |= changes
    fields["fee"] = Decimal(fields["fee"])
    return FillFact(trade_id=trade_id, quantity=Decimal(quantity), price=Decimal(price), **fields)


def an_order(quantity: str = "1", **changes: Any) -> OrderState:
    """Return a buy of BTC/USDT that was just created."""
    fields: dict[str, Any] = {"order_id": OrderId(UUID(int=1)), "symbol": "BTC/USDT", "side": Side.BUY} | changes
    return OrderState(quantity=Decimal(quantity), **fields)


def a_reservation(number: int = 1, side: Side = Side.BUY, **changes: Any) -> Reservation:
    """Return the reservation of a limit order for 0.1 at 60000 on the spot pair."""
    fields: dict[str, Any] = {"instrument": a_spot(), "quantity": "0.1", "price": "60000"} | changes
    fields["quantity"], fields["price"] = Decimal(fields["quantity"]), Decimal(fields["price"])
    fields.setdefault("resting_price", fields["price"])
    return Reservation(order_id=OrderId(UUID(int=number)), side=side, **fields)
