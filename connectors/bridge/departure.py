"""The moment at which a request leaves: the last look before the first byte, and what is known afterwards."""

from contextvars import ContextVar
from enum import IntEnum
from typing import Protocol


class Priority(IntEnum):
    """Who goes first when the venue's rate limit leaves little; smaller is sooner."""

    CANCEL = 0
    """Cancels and the dead man's switch."""
    REDUCE = 1
    """Orders that can only shrink a position."""
    QUERY = 2
    OPEN = 3
    """Orders and amends that may add risk; also bulk reads (history, listings)."""


class Departure(Protocol):
    """Lets one request leave. Whoever writes calls `leaving` directly before the first byte and `left` after the last.

    Between the two calls nothing may be awaited but the write itself.
    """

    priority: Priority

    def leaving(self) -> None:
        """Look once more: lease, time limit.

        Raises:
            NotSent: It must not leave any more.
        """

    def left(self) -> None:
        """All bytes are with the system: from now on only an answer says what became of it."""


class Free:
    """A departure without conditions: queries and public reads."""

    __slots__ = ("priority",)

    def __init__(self, priority: Priority = Priority.QUERY) -> None:
        """`Priority.OPEN` for bulk reads that may wait."""
        self.priority = priority

    def leaving(self) -> None:
        """Let it leave."""

    def left(self) -> None:
        """Remember nothing."""


default_departure: ContextVar[Free | None] = ContextVar("default_departure", default=None)
"""Of queries that name none; the actor of an account sets it to learn when they leave."""
