"""The names of things: identifiers that every part of the engine passes around.

Ids that the engine makes are UUIDv7 (time-ordered, so that indexes stay dense); ids that a venue makes are its own
text.
"""

from typing import NewType
from uuid import UUID

UserId = NewType("UserId", UUID)
AccountId = NewType("AccountId", UUID)
"""One trading account of one user at one venue (table `trading_accounts`)."""
AgentId = NewType("AgentId", UUID)
StrategyId = NewType("StrategyId", UUID)
ExecutorId = NewType("ExecutorId", UUID)
OrderId = NewType("OrderId", UUID)
FillId = NewType("FillId", UUID)
"""Our own id of one execution (table `trades`); the venue's is `external_trade_id`."""
SignalId = NewType("SignalId", UUID)
UnitId = NewType("UnitId", UUID)
CorrelationId = NewType("CorrelationId", UUID)
"""Which request, signal or timer this message follows from; the same in rows, logs and stream."""
CausationId = NewType("CausationId", UUID)
"""Which message directly caused this one."""

Venue = str
"""Name of a venue as in the configuration: `binance`, `simulated`."""
Symbol = str
"""Unified pair name `BASE/QUOTE`; a perpetual is `BASE/QUOTE:SETTLE`."""
Asset = str
"""Currency code in capitals: `BTC`."""

NO_USER = UserId(UUID(int=0))
"""Owner of facts that belong to no user, such as public market data."""


def venue_client_id(order_id: OrderId, venue: Venue) -> str:
    """Derive the client id that a venue sees from our order id.

    Source: Binance newClientOrderId (36 characters of `[a-zA-Z0-9-_]`), Coinbase client_order_id (any UUID),
    Hyperliquid cloid (`0x` and 32 hex digits).
    """
    if venue == "coinbase":
        return str(order_id)
    if venue == "hyperliquid":
        return f"0x{order_id.hex}"
    return f"cv-{order_id.hex}"
