"""What Hyperliquid's words about an order mean: its status, type and time in force.

Source: Hyperliquid, "Info endpoint", order statuses. The list grows; every word that ends in `Rejected` or `Canceled`
is of its kind, whatever comes before.
"""

from decimal import Decimal
from typing import Final

from connectors.hyperliquid.private_wire import Order, OrderUpdate
from connectors.hyperliquid.symbols import side_of
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol
from engine.domain.kinds import PRICED_TYPES, DoneReason, OrderType, TimeInForce
from engine.domain.values import ZERO, subtract
from engine.messages.venues import VenueOrder

NS_PER_MS: Final = 1_000_000
OPEN_WORDS: Final = frozenset({"open", "accepted", "triggered"})
_TYPES: Final = {
    "Limit": OrderType.LIMIT,
    "Market": OrderType.MARKET,
    "Stop Market": OrderType.STOP,
    "Stop Limit": OrderType.STOP_LIMIT,
    "Take Profit Market": OrderType.TAKE_PROFIT,
    "Take Profit Limit": OrderType.TAKE_PROFIT_LIMIT,
}
_IMMEDIATE: Final = frozenset({"ioc", "frontendmarket", "liquidationmarket"})


def done_reason(status: str, left: Decimal) -> DoneReason | None:
    """Return why an order of this status has ended, None while it rests.

    Args:
        status: The venue's word.
        left: What was not filled, above zero or zero.

    Raises:
        BadInput: A word of no known kind.
    """
    if status in OPEN_WORDS:
        return None
    if status == "filled":
        # The remainder of an immediate order that found too little is gone: that is no whole fill.
        return DoneReason.CANCELLED if left else DoneReason.FILLED
    if status == "rejected" or status.endswith("Rejected"):
        return DoneReason.REJECTED
    if status in ("canceled", "scheduledCancel") or status.endswith("Canceled"):
        return DoneReason.CANCELLED
    raise BadInput("status", expected="open, filled, or a word for cancelled or rejected", was=status)


def venue_order(update: OrderUpdate, symbol: Symbol, *, client_id: str, filled_before: Decimal = ZERO) -> VenueOrder:
    """Return an order as the protocol has it.

    Args:
        update: As the venue tells it.
        symbol: Our name of its market.
        client_id: Its cloid, empty where it has none.
        filled_before: What had been filled when it was last modified; the venue begins to count anew then.
    """
    order = update.order
    reason = done_reason(update.status, order.sz)
    filled = subtract(order.size, order.sz)
    tif, type_ = (order.tif or "").lower(), type_of(order)
    is_immediate = type_ is OrderType.MARKET or tif in _IMMEDIATE
    return VenueOrder(
        venue_client_id=client_id,
        external_order_id=str(order.oid),
        symbol=symbol,
        side=side_of(order.side),
        type=type_,
        quantity=order.size + filled_before,
        price=order.limitPx if type_ in PRICED_TYPES else None,
        stop_price=order.triggerPx or None if order.isTrigger else None,
        time_in_force=TimeInForce.IOC if is_immediate else TimeInForce.GTC,
        filled_quantity=filled + filled_before,
        is_open=reason is None,
        done_reason=reason,
        venue_time_ns=update.statusTimestamp * NS_PER_MS,
        post_only=tif == "alo",
        reduce_only=order.reduceOnly,
    )


def type_of(order: Order) -> OrderType:
    """Return the type of an order; streams do not tell it, and leave it a limit order."""
    return _TYPES.get(order.orderType, OrderType.LIMIT)
