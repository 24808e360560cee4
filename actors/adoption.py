"""Orders that somebody else placed on our account: counted by risk, never touched by agents."""

import msgspec

from actors.live_order import LiveOrder, new_order
from engine.domain.identifiers import AccountId, CorrelationId, OrderId, UserId
from engine.domain.kinds import OrderOrigin, OrderType, TimeInForce
from engine.messages.orders import OrderIntent
from engine.messages.venues import VenueFill, VenueOrder


def adopted_order(intent: OrderIntent, client_id: str, *, fence: int, now_ns: int) -> LiveOrder:
    """Make the row of an order found at the venue that is not ours: counted by risk, never touched by agents."""
    live = new_order(intent, fence=fence, send_by_ns=None, now_ns=now_ns)
    live.row = msgspec.structs.replace(live.row, venue_client_id=client_id)
    return live


def intent_behind(
    found: VenueOrder | VenueFill, *, order_id: OrderId, row_owner: tuple[UserId, AccountId], venue: str, now_ns: int
) -> OrderIntent:
    """Guess the intent behind an order, or a fill of one, that somebody else placed on our account."""
    user_id, account_id = row_owner
    order = found if isinstance(found, VenueOrder) else None
    return OrderIntent(
        order_id=order_id,
        user_id=user_id,
        account_id=account_id,
        venue=venue,
        symbol=found.symbol,
        side=found.side,
        type=OrderType.MARKET if order is None else order.type,
        quantity=found.quantity,
        price=None if order is None else order.price,
        stop_price=None if order is None else order.stop_price,
        time_in_force=TimeInForce.GTC if order is None else order.time_in_force,
        post_only=order is not None and order.post_only,
        reduce_only=order is not None and order.reduce_only,
        client_order_id=str(order_id),
        intent_key=f"external:{found.symbol}:{found.external_order_id}",
        origin=OrderOrigin.EXTERNAL,
        correlation_id=CorrelationId(order_id),
        decided_at_ns=now_ns,
    )
