"""The engine about itself."""

from typing import ClassVar

from engine.messages.base import Message


class Flush(Message, frozen=True, kw_only=True):
    """To myself, behind everything that is queued: write what has gathered."""


class TimerFired(Message, frozen=True, kw_only=True):
    """To myself, from a timer."""

    name: str


class ReadinessChanged(Message, frozen=True, kw_only=True):
    """On the bus: one part of readiness went away or came back."""

    __lane__: ClassVar[str] = "control"

    part: str
    """`database`, `schema`, `lease:<user>`, `feed:<venue>`, `account:<id>`."""
    ready: bool
    reason: str = ""


class Heartbeat(Message, frozen=True, kw_only=True):
    """An actor is alive."""

    actor: str
    at_ns: int
