"""Which client ids an account has used, without holding all of them in memory for ever.

A client id stands for an order id, which is a UUIDv7: later ids are greater. The newest used ids are remembered; an
order id at or below the horizon may have been used before what is remembered, and only the store can tell.
"""

from typing import Final
from uuid import UUID

REMEMBERED: Final = 100_000
"""Client ids in each of the two generations that are remembered, per account."""


class ClientIds:
    """Used client ids of one account."""

    __slots__ = ("_horizon", "_limit", "_newer", "_older")

    def __init__(self, horizon: UUID, limit: int = REMEMBERED) -> None:
        """Remember nothing yet.

        Args:
            horizon: Any id made now; what the store holds already is below it.
            limit: Ids remembered in each generation, at least 1.
        """
        self._horizon = horizon.int
        self._limit = limit
        self._newer: dict[str, int] = {}
        """Order id as a number, by client id."""
        self._older: dict[str, int] = {}

    def is_known(self, client_id: str) -> bool:
        """Whether an id was certainly used; False leaves the question to `is_doubtful`."""
        return client_id in self._newer or client_id in self._older

    def is_doubtful(self, order_id: UUID) -> bool:
        """Whether only the store can tell if the client id of this order was used."""
        return order_id.int <= self._horizon

    def add(self, client_id: str, order_id: UUID) -> None:
        """Remember a used id."""
        if len(self._newer) >= self._limit:
            # What is forgotten now becomes doubtful.
            self._horizon = max(self._horizon, *self._older.values(), 0)
            self._older, self._newer = self._newer, {}
        self._newer[client_id] = order_id.int
