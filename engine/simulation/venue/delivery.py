"""What is under way to the engine: in order on each link, unless a lie says otherwise."""

import heapq
from typing import NamedTuple

ConnectionId = int
"""Chosen by whoever runs the links; never used twice in the life of a venue."""


class Delivery(NamedTuple):
    """To be written now."""

    connection: ConnectionId
    payload: bytes | None
    """Of one frame, without its length; None: break the link."""


class Outbox:
    """Frames that wait for their time."""

    def __init__(self) -> None:
        """Start empty."""
        self._heap: list[tuple[int, int, ConnectionId, bytes | None]] = []
        self._count = 0
        self._last_ns: dict[ConnectionId, int] = {}

    def put(self, connection: ConnectionId, payload: bytes | None, due_ns: int, *, in_order: bool = True) -> None:
        """Send at a true time; in order: not before what was put there in order earlier."""
        if in_order:
            due_ns = max(due_ns, self._last_ns.get(connection, 0))
            self._last_ns[connection] = due_ns
        self._count += 1
        heapq.heappush(self._heap, (due_ns, self._count, connection, payload))

    def take_due(self, now_ns: int) -> list[Delivery]:
        """Take out what is to be written until now, oldest first."""
        found = []
        while self._heap and self._heap[0][0] <= now_ns:
            _, _, connection, payload = heapq.heappop(self._heap)
            found.append(Delivery(connection, payload))
        return found

    def drop(self, connection: ConnectionId) -> None:
        """Forget what is under way on a link that is gone."""
        self._last_ns.pop(connection, None)
        self._heap = [entry for entry in self._heap if entry[2] != connection]
        heapq.heapify(self._heap)

    def next_due_ns(self) -> int | None:
        """Return the true time of the next frame; None if none waits."""
        return self._heap[0][0] if self._heap else None
