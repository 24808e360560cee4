"""What frames of a remote venue hold besides the connector protocol: the greeting, signs of life, a refusal.

`docs/remote-venue.md` describes the whole protocol for whoever writes a venue in another language.
"""

from typing import Final

import msgspec

from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import Venue
from engine.messages.base import Message
from engine.messages.venues import (
    AccountOpened,
    AccountQuery,
    ArmDeadMan,
    CannotTell,
    DeadManArmed,
    FillsQuery,
    OpenAccount,
    OpenOrdersQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueAccepted,
    VenueAccount,
    VenueAmend,
    VenueAmended,
    VenueAmendRefused,
    VenueCancel,
    VenueCancelRefused,
    VenueFill,
    VenueFills,
    VenueOrderDone,
    VenueOrders,
    VenueOrderUpdate,
    VenueRejected,
    VenueSubmit,
    VenueTradeVoided,
)

PROTOCOL_VERSION: Final = 1
STARS: Final = "********"
NOTHING_DONE: Final = frozenset({"rate_limited", "maintenance", "not_ready"})
"""Codes of `RemoteRefused` that promise that the request had no effect, and will have none."""


class RemoteHello(Message, frozen=True, kw_only=True):
    """The engine's first request on a connection. Answer: `RemoteWelcome` or `RemoteRefused`."""

    version: int = PROTOCOL_VERSION
    engine: str
    """Name and version, for the venue's log."""
    token: str | None = None
    """Bearer token, where the venue asks for one."""

    def __repr__(self) -> str:
        token = None if self.token is None else STARS
        return f"RemoteHello(version={self.version}, engine={self.engine!r}, token={token})"


class RemoteWelcome(Message, frozen=True, kw_only=True):
    """The venue speaks this protocol and may be used."""

    version: int
    venue: Venue
    """The name by which the engine's configuration knows it."""
    capabilities: Capabilities
    venue_time_ns: int


class RemotePing(Message, frozen=True, kw_only=True):
    """A sign of life that asks for one; both sides may ask. Answer: `RemotePong`."""

    at_ns: int
    """The sender's wall clock."""


class RemotePong(Message, frozen=True, kw_only=True):
    """Answer to `RemotePing`."""

    at_ns: int
    """As in the ping."""
    venue_time_ns: int
    """Wall clock of whoever answers."""


class RemoteRefused(Message, frozen=True, kw_only=True):
    """Answer to any request that is not carried out."""

    code: str
    """`rate_limited`, `maintenance`, `not_ready`, `malformed`, `unknown_account`, `unauthorized`, or another."""
    message: str = ""
    """For people."""
    retry_after_ns: int | None = None
    """How long to hold new orders back."""


RemoteBody = (
    RemoteHello
    | RemoteWelcome
    | RemotePing
    | RemotePong
    | RemoteRefused
    | OpenAccount
    | AccountOpened
    | VenueSubmit
    | VenueAccepted
    | VenueRejected
    | VenueCancel
    | VenueOrderDone
    | VenueCancelRefused
    | VenueAmend
    | VenueAmended
    | VenueAmendRefused
    | OpenOrdersQuery
    | VenueOrders
    | OrderQuery
    | OrderFound
    | OrderAbsent
    | FillsQuery
    | VenueFills
    | AccountQuery
    | VenueAccount
    | ArmDeadMan
    | DeadManArmed
    | CannotTell
    | VenueFill
    | VenueOrderUpdate
    | VenueTradeVoided
)
"""Everything that a frame may carry."""


class RemoteFrame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One frame: a message, and what it has to do with others. A pushed event has neither number."""

    n: int | None = None
    """Number of a request of the sender, which expects an answer."""
    re: int | None = None
    """Number of the request that this answers."""
    body: RemoteBody
