"""Small parts of an actor, and the messages that the runtime itself sends to it."""

from typing import TYPE_CHECKING, Any

from pykka import ActorDeadError

if TYPE_CHECKING:
    from engine.runtime.actor import AsyncioActor
    from engine.runtime.clock import Timer
    from engine.runtime.future import AsyncioFuture
    from engine.runtime.system import ActorSystem


class StopFlag:
    """pykka's `actor_stopped`, for one thread: nobody can wait on it, and it costs a tenth of an Event."""

    __slots__ = ("_stopped",)

    def __init__(self) -> None:
        self._stopped = False

    def is_set(self) -> bool:
        """Whether the actor has stopped."""
        return self._stopped

    def set(self) -> None:
        """Say that it has."""
        self._stopped = True


class Start:
    """First message of every actor: run `on_start`."""

    __lane__ = "control"
    __slots__ = ()


class Failure:
    """Message of the runtime to an actor: fail with this error."""

    __lane__ = "control"
    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        """Carry the error of a task, or of a sender that could not reach the actor."""
        self.error = error


class ActorTimer:
    """A message that its actor gets later."""

    __slots__ = ("actor", "handle", "message")

    def __init__(self, actor: "AsyncioActor", message: Any) -> None:
        """Hold the message; whoever makes the timer sets `handle`."""
        self.actor = actor
        self.message = message
        self.handle: Timer | None = None

    def fire(self) -> None:
        """Send it now."""
        self.actor._actor_timers.pop(self, None)  # noqa: SLF001 - a part of its actor.
        self.actor.actor_inbox.put_past_limit(self.message)

    def cancel(self) -> None:
        """Send nothing; harmless when it was sent."""
        self.actor._actor_timers.pop(self, None)  # noqa: SLF001
        if self.handle is not None:
            self.handle.cancel()


class Birth:
    """What a system hands to the actor it is making."""

    __slots__ = ("name", "system", "urn")

    def __init__(self, system: "ActorSystem", name: str, urn: str) -> None:
        """Say where the actor lives and what it is called."""
        self.system = system
        self.name = name
        self.urn = urn


births: list[Birth] = []
"""Actors being made, innermost last: pykka's constructor has no room for it, and subclasses pass nothing on."""


def dead_error(ref: object, cause: BaseException | None = None) -> ActorDeadError:
    """Return what an asker gets whose message was not handled.

    Args:
        ref: the actor's.
        cause: what ended the actor. An asker may not be handed a SystemExit or a cancellation that was not meant for
            it, so they travel as the cause of this error.
    """
    error = ActorDeadError(f"{ref} stopped before handling the message")
    error.__cause__ = cause
    return error


def fail_dead(reply: "AsyncioFuture[Any] | None", ref: object) -> None:
    """Settle a reply that will not come; None and a settled one are left alone."""
    if reply is not None and not reply.done():
        reply.fail(dead_error(ref))
