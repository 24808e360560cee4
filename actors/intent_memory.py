"""The intents that a gate has seen: one decision makes one order, however often it is told.

The newest `KEPT_MAX` are in memory; before a key of a caller's own choice is taken for new, the archive is asked.
"""

from typing import Final

from engine.domain.identifiers import AccountId, OrderId
from engine.domain.kinds import OrderStatus
from engine.domain.values import ZERO
from engine.messages.orders import OrderChanged, OrderIntent
from engine.messages.rows import OrderRow

KEPT_MAX: Final = 10_000


class IntentMemory:
    """Keys of one user's intents, oldest first."""

    __slots__ = ("_orders",)

    def __init__(self) -> None:
        """Start empty."""
        self._orders: dict[tuple[AccountId, str, str], OrderId] = {}

    def find(self, intent: OrderIntent) -> OrderId | None:
        """Return the order that an intent's key, or its caller's order id, belongs to."""
        account_id = intent.account_id
        found = self._orders.get((account_id, "key", intent.intent_key))
        return found or self._orders.get((account_id, "client", intent.client_order_id))

    def order_of(self, account_id: AccountId, intent_key: str) -> OrderId | None:
        """Return the order of a key, None if it is not remembered."""
        return self._orders.get((account_id, "key", intent_key))

    def keep(self, account_id: AccountId, order_id: OrderId, intent_key: str, client_order_id: str) -> None:
        """Remember the order of an intent."""
        orders = self._orders
        orders[account_id, "key", intent_key] = order_id
        if client_order_id != str(order_id):
            orders[account_id, "client", client_order_id] = order_id
        while len(orders) > KEPT_MAX:
            del orders[next(iter(orders))]

    def keep_row(self, row: OrderRow) -> None:
        """Remember the intent of a stored order."""
        self.keep(AccountId(row.account_id), OrderId(row.id), row.intent_key, row.client_order_id)


def is_own_key(intent: OrderIntent) -> bool:
    """Whether the caller chose a key that somebody may have used before; ours never repeat."""
    own = str(intent.order_id)
    return intent.intent_key != own or intent.client_order_id != own


def nothing_of(intent: OrderIntent) -> OrderChanged:
    """Say of an intent that was told twice that no order of its own comes of it: whoever counts on it can stop."""
    return OrderChanged(
        order_id=intent.order_id,
        user_id=intent.user_id,
        account_id=intent.account_id,
        venue=intent.venue,
        symbol=intent.symbol,
        side=intent.side,
        type=intent.type,
        price=intent.price,
        quantity=intent.quantity,
        filled_quantity=ZERO,
        expected_quantity=ZERO,
        status=OrderStatus.REJECTED,
        is_done=True,
        origin=intent.origin,
        agent_id=intent.agent_id,
    )
