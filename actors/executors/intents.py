"""From an order that a slot wants to the intent that the gate checks."""

from actors.executors.places import intent_key
from actors.executors.plan import SlotName, Wanted
from actors.executors.running import Running
from engine.domain.identifiers import AgentId, CorrelationId, OrderId, StrategyId, UserId
from engine.domain.kinds import OrderOrigin
from engine.messages.orders import OrderIntent


def intent_of(
    running: Running, name: SlotName, generation: int, order_id: OrderId, wanted: Wanted, now_ns: int
) -> OrderIntent:
    """Build the intent of the order that takes a place: executor, slot, generation."""
    row = running.row
    return OrderIntent(
        order_id=order_id,
        user_id=UserId(row.user_id),
        account_id=running.account_id,
        venue=running.venue,
        symbol=row.symbol,
        side=wanted.side,
        type=wanted.type,
        quantity=wanted.quantity,
        price=wanted.price,
        stop_price=wanted.stop_price,
        time_in_force=wanted.time_in_force,
        post_only=wanted.post_only,
        reduce_only=wanted.reduce_only,
        client_order_id=str(order_id),
        intent_key=intent_key(row.id, name, generation),
        origin=OrderOrigin.EXECUTOR,
        agent_id=None if row.agent_id is None else AgentId(row.agent_id),
        strategy_id=None if row.strategy_id is None else StrategyId(row.strategy_id),
        executor_id=running.id,
        correlation_id=CorrelationId(row.correlation_id),
        decided_at_ns=now_ns,
    )
