"""The engine about itself."""

from typing import ClassVar

from engine.messages.base import Message
from engine.messages.writing import CommandRecord


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


class ReloadConfiguration(Message, frozen=True, kw_only=True):
    """Ask for the configuration to be read again (SIGHUP, `/control/reload`). Reply: `ReloadAnswer`."""

    record: CommandRecord | None = None


class ReloadAnswer(Message, frozen=True, kw_only=True):
    """What a reload did. Names are keys of the file, such as `risk.open_orders` or `agents.trend-1`."""

    applied: tuple[str, ...] = ()
    """In force now."""
    needs_restart: tuple[str, ...] = ()
    """Changed in the file; the engine goes on with what it has."""
    kept: tuple[str, ...] = ()
    """No longer in the file; the database still has them, and so they go on."""
    refused: tuple[str, ...] = ()
    """Why an agent was not changed, one line each."""
    error: str = ""
    """Why nothing was read; everything is as before."""
