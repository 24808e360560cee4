"""What a cell asks of its own past: orders that have left its memory, and intents that it may have seen before.

Answers come from committed rows only. An actor lets nothing leave its memory before it is committed.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from engine.domain.identifiers import AccountId, OrderId
from engine.messages.rows import OrderRequestRow, OrderRow, TradeRow
from engine.messages.rows_trades import TradeEvidenceRow


class OrderLoad(msgspec.Struct, frozen=True, kw_only=True):
    """An order with everything that its state is made of."""

    row: OrderRow
    trades: tuple[TradeRow, ...] = ()
    """All of the order, oldest first; those that count no more too."""
    requests: tuple[OrderRequestRow, ...] = ()
    """Cancels and amends that are not answered (`requested`, `unknown`)."""
    evidence: tuple[TradeEvidenceRow, ...] = ()
    """Reports about its trades that are not booked."""


class OrderArchive(Protocol):
    """Looks into the committed past of an account."""

    async def recall(self, account_id: AccountId, venue_client_ids: Sequence[str]) -> list[OrderLoad]:
        """Read orders by our venue client ids; those that do not exist are left out.

        Raises:
            DependencyAway: The database is away.
        """

    async def find_intent(self, account_id: AccountId, intent_key: str, client_order_id: str) -> OrderId | None:
        """Return the order that an intent key, or else a caller's client order id, belongs to.

        Raises:
            DependencyAway: The database is away.
        """


class ForgottenPast:
    """An archive without a past: for cells over an empty store, where memory holds everything that ever was."""

    async def recall(self, account_id: AccountId, venue_client_ids: Sequence[str]) -> list[OrderLoad]:  # noqa: ARG002
        """Know of nothing."""
        return []

    async def find_intent(self, account_id: AccountId, intent_key: str, client_order_id: str) -> OrderId | None:  # noqa: ARG002
        """Know of nothing."""
        return None
