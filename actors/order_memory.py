"""The orders that a router keeps in memory: every one that lives, and the newest of those that are done.

A done order is kept because facts about it still come: late fills, repeated fills, answers to cancels. Beyond
`DONE_MAX` the oldest is forgotten, once its last unit is durable; a fact about a forgotten order is answered by reading
the order back from the archive.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from actors.live_order import LiveOrder
from engine.domain.identifiers import OrderId

DONE_MAX: Final = 1_000
"""Done orders of one account that are kept; about 3 kB each."""

INFERRED_MAX: Final = 100
"""Done orders with an inferred fill that are kept longer."""


class OrderMemory:
    """Orders of one account by our id and by the id that the venue knows."""

    __slots__ = ("_by_client_id", "_by_id", "_done", "_limit")

    def __init__(self, done_max: int = DONE_MAX) -> None:
        """Start empty; `done_max`: done orders kept."""
        self._by_id: dict[OrderId, LiveOrder] = {}
        self._by_client_id: dict[str, LiveOrder] = {}
        self._done: deque[OrderId] = deque()
        self._limit = done_max

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, live: LiveOrder) -> None:
        """Keep an order."""
        self._by_id[live.state.order_id] = live
        self._by_client_id[live.row.venue_client_id] = live
        if live.state.is_done:
            self._done.append(live.state.order_id)

    def get(self, order_id: OrderId) -> LiveOrder | None:
        """Find an order by our id."""
        return self._by_id.get(order_id)

    def by_client_id(self, client_id: str) -> LiveOrder | None:
        """Find an order by the id that we gave it at the venue."""
        return self._by_client_id.get(client_id)

    def living(self) -> Iterator[LiveOrder]:
        """Return every order that is not done, or should be and lives; costs a walk over the done ones as well."""
        return (live for live in tuple(self._by_id.values()) if not live.state.is_done or live.state.is_phantom)

    def all(self) -> tuple[LiveOrder, ...]:
        """Return every order in memory."""
        return tuple(self._by_id.values())

    def newest_done(self, count: int) -> list[LiveOrder]:
        """Return the newest done orders, oldest of them first."""
        newest = list(self._done)[-count:] if count else []
        return [self._by_id[order_id] for order_id in newest]

    def ended(self, live: LiveOrder) -> None:
        """Count an order that has just ended among those that may be forgotten."""
        self._done.append(live.state.order_id)

    def trim(self, committed: int) -> None:
        """Forget the oldest done orders beyond the limit; `committed`: the last unit that is known to be durable."""
        passed_over = 0
        while len(self._done) > self._limit:
            oldest = self._by_id.get(self._done[0])
            if oldest is None or not oldest.state.is_done:
                self._done.popleft()  # Forgotten already, or opened again by an amend.
                continue
            if oldest.n > committed or oldest.question or oldest.requests or oldest.state.missing_quantity:
                return  # Not durable yet, or still of interest; the next end tries again.
            if oldest.state.inferred is not None and passed_over < INFERRED_MAX:
                # Its real trades are still asked for.
                self._done.rotate(-1)
                passed_over += 1
                continue
            self._done.popleft()
            del self._by_id[oldest.state.order_id]
            del self._by_client_id[oldest.row.venue_client_id]
