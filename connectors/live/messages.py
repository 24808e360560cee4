"""What the actor of a live account tells itself; nothing here leaves it."""

from typing import Any

import msgspec

from connectors.bridge.errors import BridgeError
from connectors.live.adapter import AccountModes
from connectors.live.departures import CommandDeparture
from engine.messages.venues import VenueCancel


class Opened(msgspec.Struct, frozen=True):
    """The venue has let us in."""

    modes: AccountModes


class NotOpened(msgspec.Struct, frozen=True):
    """The venue has not let us in; tried again after `retry_ns`."""

    line: str
    """For a person."""
    is_serious: bool
    """A person should act: key, permission, mode, clock."""
    retry_ns: int


class OpenAgain(msgspec.Struct, frozen=True, gc=False):
    """The wait is over: try to open the account."""


class ProofDue(msgspec.Struct, frozen=True, gc=False):
    """See whether the account is still as it should be."""


class StreamState(msgspec.Struct, frozen=True, gc=False):
    """A stream has become ready, or a connection of it is over."""

    name: str
    is_ready: bool
    why: str


class StreamRefused(msgspec.Struct, frozen=True):
    """The venue refuses the session of a stream."""

    error: BridgeError


class FrameUnread(msgspec.Struct, frozen=True, gc=False):
    """A private frame could not be read: it may have been a fill."""

    kind: str


class CompareDue(msgspec.Struct, frozen=True, gc=False):
    """After a while: compare again if more frames could not be read."""


class TendDue(msgspec.Struct, frozen=True, gc=False):
    """Do what must be done from time to time."""


class Pushed(msgspec.Struct, frozen=True):
    """The venue has told something by a stream."""

    event: Any


class Answered(msgspec.Struct, frozen=True):
    """What a command came to: an answer for the bus, and what the venue told beside it."""

    departure: CommandDeparture
    answer: Any
    """None where the end comes by the stream."""
    events: tuple[Any, ...] = ()
    is_fact: bool = True
    """Whether the answer still counts after the command was given up."""
    refused: BridgeError | None = None
    """`AuthRefused`: the account is shut."""


class CommandDue(msgspec.Struct, frozen=True):
    """By now the venue should have answered a command."""

    departure: CommandDeparture


class DoneDue(msgspec.Struct, frozen=True, gc=False):
    """By now the stream should have told the end of a cancelled order."""

    venue_client_id: str
    number: int


class EndLookedUp(msgspec.Struct, frozen=True):
    """What the venue says of a cancelled order whose end the stream did not tell."""

    cancel: VenueCancel
    answer: Any
