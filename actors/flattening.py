"""How a halt closes positions: one order per position that can only reduce, and another for what it has left.

Its key is the halt's id and the symbol, so that a crash between the decision and the order makes no second one.
"""

from decimal import Decimal
from typing import Final
from uuid import UUID

from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import AccountId, AgentId, CorrelationId, OrderId, Symbol, UserId
from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderOrigin, OrderType, Side, TimeInForce
from engine.domain.values import HUNDRED, ZERO, divide, multiply, subtract
from engine.messages.orders import OrderIntent

BAND_PERCENT: Final = Decimal(5)
"""How far from the mark a price may be where a venue takes no order without one."""


def flatten_key(halt_id: UUID, symbol: Symbol, attempt: int) -> str:
    """Return the intent key of one attempt at a position; attempts count from 1."""
    return f"halt:{halt_id}:{symbol}" + (f":{attempt}" if attempt > 1 else "")


def why_not(size: Decimal, instrument: Instrument, price: Decimal | None, capabilities: Capabilities | None) -> str:
    """Return why a position cannot be closed now; empty if it can.

    Args:
        size: Signed; not zero.
        instrument: Of the position.
        price: Mark.
        capabilities: Of the venue, where it says them.
    """
    if price is None:
        return "nobody knows a price"
    if instrument.round_quantity(size.copy_abs()) < instrument.min_quantity:
        return "smaller than the smallest order"
    if size < ZERO and not instrument.is_perpetual:
        return "it is owed, not held"
    if instrument.is_perpetual and capabilities is not None and instrument.kind not in capabilities.reduce_only:
        return "the venue takes no order that can only reduce"
    return ""


def flatten_intent(
    *,
    order_id: OrderId,
    user_id: UserId,
    account_id: AccountId,
    agent_id: AgentId | None,
    instrument: Instrument,
    size: Decimal,
    price: Decimal,
    key: str,
    capabilities: Capabilities | None,
    now_ns: int,
) -> OrderIntent:
    """Return the order that closes a position, or as much of it as one order may; see `why_not`."""
    side = Side.SELL if size > ZERO else Side.BUY
    needs_price = capabilities is not None and capabilities.market_needs_price
    reduces = capabilities is None or instrument.kind in capabilities.reduce_only
    distance = divide(multiply(price, BAND_PERCENT), HUNDRED)
    worst = subtract(price, distance) if side is Side.SELL else price + distance
    return OrderIntent(
        order_id=order_id,
        user_id=user_id,
        account_id=account_id,
        venue=instrument.venue,
        symbol=instrument.symbol,
        side=side,
        type=OrderType.LIMIT if needs_price else OrderType.MARKET,
        quantity=instrument.round_quantity(min(size.copy_abs(), instrument.max_quantity)),
        price=instrument.round_price(worst, side.opposite) if needs_price else None,
        time_in_force=TimeInForce.IOC if needs_price else TimeInForce.GTC,
        reduce_only=reduces,
        client_order_id=str(order_id),
        intent_key=key,
        origin=OrderOrigin.SYSTEM,
        agent_id=agent_id,
        correlation_id=CorrelationId(order_id),
        decided_at_ns=now_ns,
    )
