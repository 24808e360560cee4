"""The links of the venue: who listens for which accounts, and which of them are dead without knowing it."""

import msgspec

from engine.domain.identifiers import AccountId
from engine.simulation.venue.delivery import ConnectionId


class Link(msgspec.Struct, kw_only=True):
    """One connection of an engine."""

    id: ConnectionId
    is_greeted: bool = False
    takes: bool = True
    """Whether requests still arrive."""
    gives: bool = True
    """Whether anything still comes out of it."""
    accounts: dict[AccountId, None]
    """Opened on it; it is told about these."""


class Links:
    """All connections, oldest first."""

    def __init__(self) -> None:
        """Start without any."""
        self.by_id: dict[ConnectionId, Link] = {}

    def add(self, connection: ConnectionId) -> None:
        """Let a connection begin."""
        self.by_id[connection] = Link(id=connection, accounts={})

    def remove(self, connection: ConnectionId) -> None:
        """Let a connection end."""
        self.by_id.pop(connection, None)

    def chosen(self, strength: int) -> Link | None:
        """Choose one that works; None if none does."""
        working = [link for link in self.by_id.values() if link.gives]
        return working[strength % len(working)] if working else None

    def of(self, account_id: AccountId) -> list[Link]:
        """Return those that are told about an account."""
        return [link for link in self.by_id.values() if account_id in link.accounts]
