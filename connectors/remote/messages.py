"""What the actor of a remote venue tells itself; nothing here leaves it.

`session` numbers the attempts to connect: what belongs to an earlier one is dropped.
"""

import msgspec

from connectors.remote.link import Link
from engine.domain.identifiers import AccountId
from engine.messages.base import Message


class DialAgain(msgspec.Struct, frozen=True, gc=False):
    """The wait is over: try to connect."""


class Connected(msgspec.Struct, frozen=True):
    """Somebody listens."""

    session: int
    link: Link


class Received(msgspec.Struct, frozen=True, gc=False):
    """The payload of a frame."""

    session: int
    payload: bytes


class Lost(msgspec.Struct, frozen=True, gc=False):
    """The connection is over, or was never made."""

    session: int
    why: str
    is_bad: bool = False
    """Because of what came: no frame of the protocol."""


class GreetingDue(msgspec.Struct, frozen=True, gc=False):
    """By now the venue should have welcomed us."""

    session: int


class Tick(msgspec.Struct, frozen=True, gc=False):
    """Look for signs of life."""

    session: int


class Drained(msgspec.Struct, frozen=True, gc=False):
    """The peer has taken what was written."""

    session: int
    bytes: int


class RequestDue(msgspec.Struct, frozen=True, gc=False):
    """By now the request should have been answered."""

    number: int


class Written(msgspec.Struct, frozen=True):
    """A request has left; only told while a fault point is armed."""

    request: Message


class Reopen(msgspec.Struct, frozen=True, gc=False):
    """Introduce an account again that the venue did not open."""

    session: int
    account_id: AccountId


class HoldOver(msgspec.Struct, frozen=True, gc=False):
    """The venue's rate limit may be over: send what was held."""
