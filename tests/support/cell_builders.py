"""Builders of what cells speak about: name only the fields that matter to the test."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from engine.domain.identifiers import AccountId, AgentId, CorrelationId, OrderId, UserId
from engine.domain.kinds import OrderOrigin, OrderType, Side
from engine.messages.orders import OrderIntent, PlaceOrder
from engine.messages.rows_people import AuditRow
from engine.messages.writing import CommandRecord

START_NS = 1_704_067_200_000_000_000
"""2024-01-01T00:00:00Z, where the reference stream begins."""


def an_id(number: int) -> UUID:
    """Return a UUID that reads as its number."""
    return UUID(int=number)


USER = UserId(an_id(1))
ACCOUNT = AccountId(an_id(2))
AGENT = AgentId(an_id(3))


def decimals(kind: type, fields: dict[str, Any]) -> dict[str, Any]:
    """Turn texts into the Decimals that the struct's fields want."""
    wanted = {field.name for field in msgspec.structs.fields(kind) if "Decimal" in str(field.type)}
    return {name: Decimal(value) if name in wanted and type(value) is str else value for name, value in fields.items()}


def an_intent(number: int = 100, **changes: Any) -> OrderIntent:
    """Return an API intent to buy 0.1 BTC of the perpetual at the market; `number` makes its id and keys."""
    order_id = OrderId(an_id(number))
    fields: dict[str, Any] = {
        "order_id": order_id,
        "user_id": USER,
        "account_id": ACCOUNT,
        "venue": "binance",
        "symbol": "BTC/USDT:USDT",
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "quantity": "0.1",
        "client_order_id": f"mine-{number}",
        "intent_key": f"key-{number}",
        "origin": OrderOrigin.API,
        "correlation_id": CorrelationId(an_id(number + 10_000)),
        "decided_at_ns": START_NS,
    }
    return OrderIntent(**decimals(OrderIntent, fields | changes))


def a_record(number: int = 500) -> CommandRecord:
    """Return the audit row of a command over HTTP."""
    return CommandRecord(
        audit=AuditRow(
            id=an_id(number),
            user_id=USER,
            actor_id=USER,
            action="test",
            object_type=None,
            object_id=None,
            outcome="accepted",
            detail=None,
            remote_addr=None,
            correlation_id=None,
            created_at=START_NS,
        )
    )


def a_place(number: int = 100, **changes: Any) -> PlaceOrder:
    """Return a person's order; see `an_intent`."""
    return PlaceOrder(intent=an_intent(number, **changes), record=a_record(number + 50_000))
