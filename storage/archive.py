"""A cell's look into its own committed past: port `OrderArchive`, on PostgreSQL."""

from collections.abc import Sequence
from uuid import UUID

from engine.domain.errors import DependencyAway
from engine.domain.identifiers import AccountId, OrderId
from engine.messages import rows
from engine.messages.archive import OrderLoad
from storage.load import load_statements, order_loads
from storage.pool import OUTCOME_UNKNOWN, Pool
from storage.row_decode import decode


class PostgresArchive:
    """Orders of all accounts, as committed."""

    def __init__(self, pool: Pool) -> None:
        """Read through a pool of the daemon's role."""
        self._pool = pool

    async def recall(self, account_id: AccountId, venue_client_ids: Sequence[str]) -> list[OrderLoad]:
        """Read orders by our venue client ids; those that do not exist are left out.

        Raises:
            DependencyAway: The database is away.
        """
        sql = load_statements()["orders_by_client_id"]
        try:
            async with self._pool.acquire() as connection:
                records = await connection.fetch(sql, account_id, list(venue_client_ids))
                return await order_loads(connection, [decode(rows.OrderRow, record) for record in records])
        except OUTCOME_UNKNOWN as error:
            raise DependencyAway("database", why=type(error).__name__) from error

    async def find_intent(self, account_id: AccountId, intent_key: str, client_order_id: str) -> OrderId | None:
        """Return the order that an intent key, or else a caller's client order id, belongs to.

        Raises:
            DependencyAway: The database is away.
        """
        sql = load_statements()["order_of_intent"]
        try:
            found = await self._pool.fetchval(sql, account_id, intent_key, client_order_id)
        except OUTCOME_UNKNOWN as error:
            raise DependencyAway("database", why=type(error).__name__) from error
        return None if found is None else OrderId(UUID(int=found.int))
