"""How the commands and queries of one account leave: under its lease, in time, past the fault points."""

from collections.abc import Callable
from typing import Any, Final

from connectors.bridge.departure import Free, Priority
from connectors.bridge.errors import NotSent
from connectors.fault_paths import pass_point
from engine.messages.venues import VenueAmend, VenueCancel, VenueSubmit

EXPIRED: Final = "expired_before_send"
FENCED: Final = "fenced"
WITHDRAWN: Final = "cancelled_before_send"

Command = VenueSubmit | VenueCancel | VenueAmend


class CommandDeparture:
    """One command on its way; written once."""

    __slots__ = ("_is_fenced", "_now_ns", "command", "has_left", "is_given_up", "is_withdrawn", "priority")

    def __init__(self, command: Command, *, now_ns: Callable[[], int], is_fenced: Callable[[Command], bool]) -> None:
        """Keep what the last look needs.

        Args:
            command: What leaves.
            now_ns: Wall clock.
            is_fenced: Whether the lease of its user is lost, or about to be.
        """
        self.command = command
        self.priority = _priority(command)
        self._now_ns = now_ns
        self._is_fenced = is_fenced
        self.has_left = False
        self.is_withdrawn = False
        """A cancel came before it left."""
        self.is_given_up = False
        """Its outcome was told as unknown."""

    def leaving(self) -> None:
        """Look a last time.

        Raises:
            NotSent: `cancelled_before_send`, `expired_before_send` or `fenced`.
        """
        command = self.command
        if self.is_withdrawn:
            raise NotSent(WITHDRAWN)
        if self.is_given_up:
            # Told as not sent already: what waited too long for its turn must not leave after all.
            raise NotSent(EXPIRED)
        if not isinstance(command, VenueCancel) and self._now_ns() > command.valid_until_ns:
            raise NotSent(EXPIRED)
        if self._is_fenced(command):
            raise NotSent(FENCED)
        pass_point(command, "sending")
        self.has_left = True

    def left(self) -> None:
        """All bytes are written."""
        pass_point(self.command, "sent")


class QueryDeparture(Free):
    """A query; may leave more than once."""

    __slots__ = ("query",)

    def __init__(self, query: Any, priority: Priority = Priority.QUERY) -> None:
        """Keep what is asked."""
        super().__init__(priority)
        self.query = query

    def leaving(self) -> None:
        """Pass the fault point."""
        pass_point(self.query, "sending")

    def left(self) -> None:
        """Pass the fault point."""
        pass_point(self.query, "sent")


def _priority(command: Command) -> Priority:
    if isinstance(command, VenueCancel):
        return Priority.CANCEL
    if isinstance(command, VenueSubmit) and command.reduce_only:
        return Priority.REDUCE
    return Priority.OPEN
